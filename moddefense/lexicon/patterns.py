"""Terms made ready for matching, and what a character can be to them."""

from __future__ import annotations

import functools
import re
import unicodedata
from dataclasses import dataclass, field

from moddefense.lexicon.terms import Term

__all__ = [
    "LEET", "LEET_SYMBOLS", "LEVELS", "MASKS", "REGIONAL", "SEVERE", "SPELLING", "STICKY", "TAG",
    "Pattern", "closes", "is_word", "loose", "opens",
]  # fmt: skip

LEET = {
    "@": "a", "4": "a", "8": "b", "(": "c", "\u00a2": "c", "3": "e", "\u20ac": "e", "6": "g",
    "9": "gq", "1": "il", "!": "il", "|": "il", "\u00a3": "l", "0": "o", "5": "s", "$": "s",
    "\u00a7": "s", "7": "t", "+": "t", "2": "z", "\u00a5": "y",
}  # fmt: skip
"""What a digit or symbol can stand for."""

LEET_SYMBOLS = frozenset(glyph for glyph in LEET if not glyph.isdigit())
LEVELS = ("leet", "repetition", "separators", "masking", "spelling")
SPELLING = LEVELS.index("spelling")
MASKS = frozenset("*#%&^~?=+_.-@$!")
"""What can hide a letter; only ``*`` can hide any letter, the others a single vowel inside."""

STICKY = frozenset("@$\u20ac\u00a3\u00a5")  # between word characters these are letters, not stops

REGIONAL = {0x1F1E6 + letter: chr(ord("a") + letter) for letter in range(26)}
"""Regional indicators, of which flags are made, and the letters that they show."""

SEVERE = 2  # severity of terms that are looked for in more ways, at least

TAG = re.compile(r"</?[a-z]{1,10}/?>")
_UNSPACED = re.compile(
    "[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\ua980-\uaaff\uf900-\ufaff\U00020000-\U0003ffff]"
)

_SPELT = re.compile("[a-z]{7,23}")  # terms that words one slip away are read as
_BLOCK = Term("-", "-", severity=1)  # what the words of phrases are of
_ALLOW = Term("-", "-", "allow")


def is_word(char: str) -> bool:
    """Whether ``char`` is part of a word: a letter, a digit or a mark on one."""
    return char.isalnum() or (not char.isascii() and unicodedata.category(char)[0] == "M")


def loose(char: str) -> bool:
    """Whether ``char`` is of a script written without space between words."""
    return _UNSPACED.match(char) is not None


@dataclass(frozen=True, slots=True)
class Pattern:
    """One term made ready: its folded text, white space as single spaces, and its steps.

    ``base`` are the steps, as bits of LEVELS, that it takes to write the term so: those of an
    alias.
    """

    index: int
    term: Term
    text: str
    steps: frozenset[str]
    base: int = 0
    letters: int = field(init=False)
    left: bool = field(init=False)  # a word must begin at the start
    right: bool = field(init=False)  # a word must end at the end
    repetition: bool = field(init=False)
    leet: bool = field(init=False)
    separators: bool = field(init=False)
    masking: bool = field(init=False)
    spelling: bool = field(init=False)
    words: tuple[Pattern, ...] = field(init=False)  # of a phrase, which is read word by word

    def __post_init__(self) -> None:
        put = object.__setattr__
        text, match = self.text, self.term.match
        put(self, "letters", sum(map(str.isalnum, text) if text.isascii() else map(is_word, text)))
        put(self, "left", match in ("word", "prefix") and _has_edge(text[0]))
        put(self, "right", match in ("word", "suffix") and _has_edge(text[-1]))
        block = self.term.kind == "block" and match != "text"
        for step in LEVELS:
            put(self, step, block and step in self.steps)
        if self.spelling:
            spelt = match == "word" and not self.base and (self.term.severity or 0) >= SEVERE
            put(self, "spelling", spelt and _SPELT.fullmatch(text) is not None)
        words: list[Pattern] = []
        if " " in text:
            texts = text.split(" ")
            last = len(texts) - 1
            for place, word in enumerate(texts):
                left, right = self.left or place > 0, self.right or place < last
                words.append(_word(word, block, self.steps, left, right))
        put(self, "words", tuple(words))

    @property
    def runs(self) -> tuple[int, ...]:
        """How often the letter goes on from each place."""
        return _runs(self.text)

    @property
    def weighty(self) -> tuple[int, ...]:
        """Places of the words of a phrase by which an evasion of it is known: the longer ones."""
        long = tuple(place for place, word in enumerate(self.words) if word.letters >= 3)
        return long or tuple(range(len(self.words)))


@functools.lru_cache(1 << 14)
def _runs(text: str) -> tuple[int, ...]:
    runs = [1] * len(text)
    for place in range(len(text) - 2, -1, -1):
        if text[place] == text[place + 1]:
            runs[place] = runs[place + 1] + 1
    return tuple(runs)


@functools.lru_cache(1 << 14)
def _word(text: str, block: bool, steps: frozenset[str], left: bool, right: bool) -> Pattern:
    """Return a word of phrases; the same word is the same object in all of them."""
    word = Pattern(-1, _BLOCK if block else _ALLOW, text, steps)
    object.__setattr__(word, "left", left and _has_edge(text[0]))
    object.__setattr__(word, "right", right and _has_edge(text[-1]))
    return word


def _has_edge(char: str) -> bool:
    return not loose(char) and (is_word(char) or char in LEET or char.isascii())


def opens(text: str, start: int) -> bool:
    """Whether a word can begin at ``start``."""
    if start == 0:
        return True
    before = text[start - 1]
    if is_word(before):
        return loose(before)
    return not (before in STICKY and start > 1 and is_word(text[start - 2]))


def closes(text: str, end: int) -> bool:
    """Whether a word can end at ``end``."""
    if end == len(text):
        return True
    after = text[end]
    if is_word(after):
        return loose(after) and unicodedata.category(after)[0] != "M"
    return not (after in STICKY and end + 1 < len(text) and is_word(text[end + 1]))

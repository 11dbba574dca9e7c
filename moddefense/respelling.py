"""Misspelt and disguised words as the models know them: "a stpuid 1diot" is "a stupid idiot".

Models learnt words as they are written, and who wants through writes them otherwise. A word that
neither the vocabulary nor the language knows is read as the most frequent known word one slip
away: one letter more, less or other, or two neighbours swapped. Digits and signs within a word are
read as the letters that they look like, where that makes a known word. What is known stays as it
is, and so do numbers, ordinals, addresses and short words.
"""

from __future__ import annotations

import functools
import itertools
import math
import re
from collections.abc import Collection, Iterable

__all__ = ["LONGEST", "SHORTEST", "Respeller"]

LONGEST = 24  # letters of a word that is respelt, and of one that it becomes
SHORTEST = 4  # letters of a misspelt word
NEAREST = 3  # letters of a word that others are slips of
STRANGE = (
    3  # people seldom err in the first letter: a word with another one counts as so much rarer
)
CLEAR = 6  # letters of a disguised word that may be misspelt as well
WAYS = 64  # readings of one token that are tried

READINGS = {
    "@": "a", "4": "a", "8": "b", "3": "e", "6": "g", "9": "gq", "1": "il", "!": "il", "|": "il",
    "0": "o", "5": "s", "$": "s", "7": "t", "+": "t", "2": "z",
    "\u00a2": "c", "\u20ac": "e", "\u00a3": "l", "\u00a7": "s", "\u00a5": "y",
}  # fmt: skip
"""What a digit or sign can stand for."""

TOKEN = re.compile(r"[a-z0-9@$!|+_\x80-\U0010ffff]+")
_SIGNED = re.compile(f"[a-z{re.escape(''.join(READINGS))}]{{3,{LONGEST}}}")
STOPS = "!|+"  # signs that end sentences as well
_LETTERS = re.compile("[a-z]+")
TECHNICAL = frozenset("/=#&%\\:~")  # beside a token, they say that it is code or an address


class Respeller:
    """Respells folded texts into ``words``, given in order of frequency.

    ``usual`` are words that are right as they are. Lengths of texts may change: ``edits`` says
    where. Respelling twice gives what respelling once gives.

    >>> Respeller(["you", "stupid", "idiot"], {"stupefy"})("you stpuid 1d1ot, stupefy")
    'you stupid idiot, stupefy'
    """

    def __init__(self, words: Iterable[str], usual: Collection[str]) -> None:
        self.words = [word for word in words if re.fullmatch(f"[a-z]{{1,{LONGEST}}}", word)]
        self.usual = usual
        self._rank: dict[str, int] = {}
        for rank, word in enumerate(self.words):
            self._rank.setdefault(word, rank)
        self._nearest = functools.lru_cache(1 << 14)(self._find_nearest)

    def __call__(self, folded: str) -> str:
        """Return a folded text respelt."""
        pieces, last = list[str](), 0
        for start, end, instead in self.edits(folded):
            pieces += (folded[last:start], instead)
            last = end
        return "".join((*pieces, folded[last:]))

    def edits(self, folded: str) -> list[tuple[int, int, str]]:
        """Where in a folded text, half-open, something else is read, and what; in order."""
        found = []
        for token in TOKEN.finditer(folded):
            start, end = token.span()
            core = token[0].rstrip(STOPS)
            if _LETTERS.fullmatch(core):
                instead = self._nearest(core) if SHORTEST <= len(core) <= LONGEST else None
                if instead:
                    found.append((start, start + len(core), instead))
                continue
            if not re.search("[a-z]", token[0]):
                continue
            around = folded[start - 1 : start] + folded[end : end + 1]
            for shown in (core, token[0]):
                instead = self._decoded(shown) if TECHNICAL.isdisjoint(around) else None
                if instead:
                    found.append((start, start + len(shown), instead))
                    break
        return found

    def _decoded(self, token: str) -> str | None:
        """Return the most frequent word that the signs of a token spell."""
        if not _SIGNED.fullmatch(token) or not _may_decode(token):
            return None
        ways = [READINGS.get(char, char) for char in token]
        if math.prod(map(len, ways)) <= WAYS:
            known = [way for way in map("".join, itertools.product(*ways)) if way in self._rank]
            if known:
                return min(known, key=self._rank.__getitem__)
        first = "".join(way[0] for way in ways)
        return self._nearest(first) if len(first) >= CLEAR else None

    def _find_nearest(self, word: str) -> str | None:
        """Return the likeliest word that a word nobody knows is a slip of."""
        if word in self._rank or word in self.usual:
            return None
        near = set[int]()
        for rest in _shorter(word):
            near.update(self.slips.get(rest, ()))
        near = {rank for rank in near if _is_near(word, self.words[rank])}
        if not near:
            return None
        return self.words[min(near, key=lambda rank: (self._cost(rank, word), rank))]

    def _cost(self, rank: int, word: str) -> int:
        return (rank + 1) * (1 if self.words[rank][0] == word[0] else STRANGE)

    @functools.cached_property
    def slips(self) -> dict[str, list[int]]:
        """What is left of words without one letter, and the words, to the ranks of these words."""
        slips: dict[str, list[int]] = {}
        for rank, word in enumerate(self.words):
            if len(word) >= NEAREST:
                for rest in _shorter(word):
                    slips.setdefault(rest, []).append(rank)
        return slips


def _shorter(word: str) -> set[str]:
    return {word, *(word[:place] + word[place + 1 :] for place in range(len(word)))}


def _is_near(one: str, two: str) -> bool:
    """Whether one letter more, less or other, or two neighbours swapped, make one the other."""
    if abs(len(one) - len(two)) > 1:
        return False
    at = 0
    while at < min(len(one), len(two)) and one[at] == two[at]:
        at += 1
    if len(one) != len(two):
        longer, shorter = (one, two) if len(one) > len(two) else (two, one)
        return longer[at + 1 :] == shorter[at:]
    if one[at + 1 :] == two[at + 1 :]:
        return True
    return one[at : at + 2] == two[at : at + 2][::-1] and one[at + 2 :] == two[at + 2 :]


def _may_decode(token: str) -> bool:
    """Whether signs may stand for letters: not in numbers, ordinals and names of models."""
    letters = sum(map(str.isalpha, token))
    digits = sum(map(str.isdigit, token))
    if len(token) < 3 or not letters:
        return False
    if letters + digits < len(token):
        return True
    head = len(token) - len(token.lstrip("0123456789"))
    tail = len(token) - len(token.rstrip("0123456789"))
    return tail != digits and not (head == digits and letters < 3)

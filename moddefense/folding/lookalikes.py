"""Letters of other scripts that pose as Latin ones, and the words that they are healed in."""

from __future__ import annotations

import functools
import importlib.resources
import json
import re
import unicodedata
from collections.abc import Iterator

from moddefense.folding.characters import ACCENTS, named_letter

__all__ = ["FOREIGN_RUN", "heal", "twin"]

_LOOKALIKES = dict(zip("пгцьийшщяэηπωλ", "nrubuuwwrennwl", strict=True))
"""Letters that UTS #39 does not pair, but that are used for their looks among Latin letters."""

FOREIGN_RUN = re.compile(r"([^\x00-\x7f]+)")
_WORD = re.compile(r"[^\W_]+")
_LETTER = re.compile(r"[^\W_]")
_LATIN = re.compile(r"[a-z]")


@functools.lru_cache(1)
def confusables() -> dict[str, list[str]]:
    """UTS #39 confusables as the package ships them: character → what it can be taken for."""
    source = importlib.resources.files("confusable_homoglyphs") / "confusables.json"
    raw = json.loads(source.read_text(encoding="utf-8"))
    return {char: [item["c"] for item in items] for char, items in raw.items() if len(char) == 1}


def _letter_of(text: str) -> str:
    return named_letter(text) if len(text) == 1 else text


@functools.lru_cache(8192)
def twin(char: str, loose: bool) -> str:
    """Return the Latin letter that ``char``, of another script, can be taken for, or "".

    Strictly, the character itself looks like that letter; loosely, its capital may do so too (as in
    "ВАD"), which is enough only within a word that has real Latin letters.
    """
    others = confusables().get(char, ())
    if loose:
        # The capital before the names: м is nearer to M than to the turned w that it is like.
        others = [*others, *confusables().get(char.upper(), ()), *map(_letter_of, others)]
    for other in others:
        plain = ACCENTS.sub("", unicodedata.normalize("NFD", other))
        if plain.isascii() and len(plain) == 1 and plain.isalpha():
            return plain.lower()
    return _LOOKALIKES.get(char, "") if loose else ""


def heal(folded: str) -> str:
    """Replace letters of other scripts that pose as Latin ones; the length stays the same.

    A word that mixes Latin letters with lookalikes is healed when all foreign letters in it are.
    A word of lookalikes alone is healed when the text has Latin letters and no word that could
    only be of the other script: otherwise it may well be what it says it is.
    """
    if not any(twin(char, True) for char in set(folded) if char > "\x7f"):
        return folded
    posing: list[tuple[int, int, str]] = []
    pieces: list[tuple[int, int, str]] = []
    genuine = False
    for since, until, word in _foreign_words(folded):
        has_latin = _LATIN.search(word) is not None
        whole = _swap(word, has_latin)
        if has_latin:
            if whole:
                pieces.append((since, until, whole))
        elif whole:
            posing.append((since, until, whole))
        elif any(twin(char, False) or twin(char, True) for char in word):
            genuine = True
    latin = _LATIN.search(folded) is not None
    if latin and not genuine:
        pieces += posing
    if not pieces:
        return folded
    out: list[str] = []
    last = 0
    for start, end, word in sorted(pieces):
        out += (folded[last:start], word)
        last = end
    return "".join((*out, folded[last:]))


def _foreign_words(folded: str) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and text of each word that is not ASCII."""
    until = 0
    for run in FOREIGN_RUN.finditer(folded):
        since = max(run.start(), until)
        while since > until and _LETTER.match(folded, since - 1):
            since -= 1
        while since < run.end() and (found := _WORD.search(folded, since, run.end())):
            found = _WORD.match(folded, found.start())
            assert found is not None
            since = until = found.end()
            if not found[0].isascii():
                yield found.start(), until, found[0]


def _swap(word: str, loose: bool) -> str:
    """Return ``word`` with every foreign letter replaced by its twin, or "" when one has none."""
    out = []
    for char in word:
        if not char.isascii():
            char = twin(char, loose)
            if not char:
                return ""
        out.append(char)
    return "".join(out)

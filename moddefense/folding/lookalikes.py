"""Letters of other scripts that pose as Latin ones, and the words that they are healed in."""

from __future__ import annotations

import functools
import importlib.resources
import itertools
import json
import re
import unicodedata
from collections.abc import Container, Iterator
from typing import NamedTuple

from moddefense.folding.characters import ACCENTS, named_letter

__all__ = ["ASCII_RUN", "DISTINCT", "SHOWN", "heal", "twin"]

_PAIRS = """
    гr йu ъb ьb цu шw щw ыb эe юo яr дd лl чy фf ўy ђh џu ґr ғf қk ҝk ҡk ҟk ңn ӊh ҥh ҷy ҹy ӌy ҵu
    ҩo ԏt ӆl єe ԑe әe пn зe ӏl δd ηn θo λl ξe μu πn φo ψy ωw իh լl ւl րn նu մu վu եt դd ճx կl
    אx חn טv ןl סo עy שw ⲓi ⲁa ⲗl ⲇd ⲱw
"""
_LOOKALIKES = {pair[0]: pair[1] for pair in _PAIRS.split()}
"""Letters that UTS #39 does not pair, or not with the letter whose place they take in words."""

_MORE = "иu вv нn рr рp хh уu зz дa чu яa лn μm νn ιl ӏi λa σs υy ωo ηh шm бg"
_OTHERS = {pair[0]: pair[1] for pair in _MORE.split()}
"""What else a lookalike may stand for, where that makes a known word."""

DISTINCT = {
    chr(0xFDD0 + place): (pair[1], pair[2])
    for place, pair in enumerate(["Ηηh", "Ννn", "Υυy", "Μμm", "Λλa", "Σσe", "ϲσc", "Ддa"])
}
"""Noncharacters that stand for letters before they are healed: small form, and Latin twin.

Ν looks like N, but ν like v.
"""

SHOWN = dict(zip("ΗΝΥΜΛΣϲД", DISTINCT, strict=True)) | {"Ϲ": "\ufdd6"}
"""Letters that look otherwise than their small forms, and what stands for them."""

_SMALL = {ord(stand): small for stand, (small, _) in DISTINCT.items()}
_DISTINCT = re.compile("[\ufdd0-\ufdd7]")
_NONE: frozenset[str] = frozenset()
_SHORT, _LONG = 3, 6  # letters of known words that lookalikes alone are read as
_WAYS = 128  # readings of one word that are tried

ASCII_RUN = re.compile(r"([\x00-\x7f]+)")
_FOREIGN_RUN = re.compile(r"[^\x00-\x7f]+")
_WORD = re.compile("(?:[^\\W_]|[\ufdd0-\ufdd7])+")
_LETTER = re.compile("[^\\W_]|[\ufdd0-\ufdd7]")
_LATIN = re.compile(r"[a-z]")
_NO_LATIN = bytes({*range(128)} - {*range(ord("a"), ord("z") + 1)})


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
    if char in DISTINCT:
        small, letter = DISTINCT[char]
        return letter if loose or twin(small, False) else ""
    others = confusables().get(char, ())
    if char in _LOOKALIKES and (loose or any(map(_plain, others))):
        return _LOOKALIKES[char]
    if loose:
        # The capital before the names: м is nearer to M than to the turned w that it is like.
        others = [
            *others, *confusables().get(char.upper(), ()), *confusables().get(char.lower(), ()),
            *map(_letter_of, others),
        ]  # fmt: skip
    return next(filter(None, map(_plain, others)), "")


def _plain(other: str) -> str:
    plain = ACCENTS.sub("", unicodedata.normalize("NFD", other))
    return plain.lower() if plain.isascii() and len(plain) == 1 and plain.isalpha() else ""


class _Word(NamedTuple):
    """A word that is not ASCII: its bounds, and as what it can be read, "" where it cannot."""

    start: int
    end: int
    text: str
    strict: str
    loose: str


def heal(folded: str, known: Container[str] = _NONE) -> str:
    """Replace letters of other scripts that pose as Latin ones; the length stays the same.

    A word that mixes Latin letters with lookalikes is healed when all foreign letters in it are.
    A word of lookalikes alone is healed when the text has Latin letters and no word that could
    only be of the other script: otherwise it may well be what it says it is. Where many more words
    mix scripts than are of lookalikes alone, these are read so even if only their capitals look so.
    Words of ``known`` are read wherever no more letters are foreign than Latin, long ones even
    where they are all that there is.
    """
    letters = filter(_LETTER.match, set(ASCII_RUN.sub("", folded)))
    if not any(twin(char, True) for char in letters):
        return folded
    mixed: list[_Word] = []
    posing: list[_Word] = []
    genuine = foreign = 0  # letters that cannot be read strictly, or not at all
    for word in _foreign_words(folded):
        if _LATIN.search(word.text):
            if word.loose:
                mixed.append(word)
        elif word.loose:
            posing.append(word)
            genuine += not word.strict
        elif any(twin(char, True) for char in word.text):
            genuine += 1
            foreign += len(word.text)
    if not mixed and not posing:
        return _settled(folded)
    latin = len(folded.encode("ascii", "ignore").translate(None, _NO_LATIN))
    disguised = latin > foreign and len(mixed) > 2 * sum(not word.strict for word in posing)
    pieces = [(word, _known(word, known) or word.loose) for word in mixed]
    spelt = [_known(word, known) for word in posing]
    foreign += sum(len(word.text) for word, way in zip(posing, spelt, strict=True) if not way)
    for word, way in zip(posing, spelt, strict=True):
        reading = word.loose if disguised else "" if genuine or not latin else word.strict
        pieces.append((word, way if latin >= foreign and _vouched(way, latin) else reading))
    out: list[str] = []
    last = 0
    for word, reading in sorted(pieces):
        if reading:
            out += (folded[last : word.start], reading)
            last = word.end
    return _settled("".join((*out, folded[last:])))


def _vouched(reading: str, latin: int) -> bool:
    """Whether a known word may stand for lookalikes alone: among Latin letters, or a long one."""
    return len(reading) >= (_SHORT if latin else _LONG)


def _known(word: _Word, known: Container[str]) -> str:
    """Return what ``word`` may be read as and ``known`` has, or ""."""
    if known is _NONE:
        return ""
    ways, count = list[str](), 1
    for char in word.text:
        ways.append(char if char.isascii() else twin(char, True) + _OTHERS.get(char, ""))
        count *= len(ways[-1])
        if count > _WAYS:
            return ""
    return next((way for way in map("".join, itertools.product(*ways)) if way in known), "")


def _settled(healed: str) -> str:
    """Return letters that look otherwise than their small forms, and were not healed, as these."""
    return healed.translate(_SMALL) if _DISTINCT.search(healed) else healed


def _foreign_words(folded: str) -> Iterator[_Word]:
    """Yield each word that is not ASCII."""
    until = 0
    for run in _FOREIGN_RUN.finditer(folded):
        since = max(run.start(), until)
        while since > until and _LETTER.match(folded, since - 1):
            since -= 1
        while since < run.end() and (found := _WORD.search(folded, since, run.end())):
            found = _WORD.match(folded, found.start())
            assert found is not None
            since = until = found.end()
            if not found[0].isascii():
                text = found[0]
                loose = _swap(text, True)
                yield _Word(found.start(), until, text, _swap(text, False) if loose else "", loose)


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

"""The data of the attacks: look-alikes, signs for letters, respellings, harmless filling."""

from __future__ import annotations

import csv
import functools
import importlib.resources
import json
import unicodedata
from typing import Any, NamedTuple

__all__ = [
    "Rule", "alphabets", "enclosures", "homoglyphs", "leet", "lines", "respelt", "rules",
]  # fmt: skip

_SCRIPTS = (
    "CYRILLIC", "GREEK", "LATIN", "ARMENIAN", "CHEROKEE", "COPTIC", "LISU", "GEORGIAN",
)  # fmt: skip
_LIKELY = ("CYRILLIC", "GREEK")  # on keyboards that people have: drawn more often
_MORE = {"k": "кκ", "m": "м", "t": "тτ", "h": "н", "n": "п", "r": "г", "b": "ь"}
_MATHEMATICAL = (
    "BOLD", "ITALIC", "BOLD ITALIC", "SCRIPT", "BOLD SCRIPT", "FRAKTUR", "BOLD FRAKTUR",
    "DOUBLE-STRUCK", "SANS-SERIF", "SANS-SERIF BOLD", "SANS-SERIF ITALIC",
    "SANS-SERIF BOLD ITALIC", "MONOSPACE",
)  # fmt: skip
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Rule(NamedTuple):
    """Spell ``old`` as ``new``; ``where`` is ``start``, ``end`` or ``any``."""

    where: str
    old: str
    new: str
    weight: float


def _read(name: str) -> str:
    source = importlib.resources.files("moddefense.attacks") / "data" / name
    return source.read_text(encoding="utf-8")


def _rows(name: str) -> list[dict[str, Any]]:
    return list(csv.DictReader(_read(name).splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))


@functools.cache
def lines(name: str) -> tuple[str, ...]:
    """Return the lines of a list: ``benign``, ``sentences``, ``emoji`` or ``markup``."""
    return tuple(_read(f"{name}.txt").splitlines())


@functools.cache
def leet() -> dict[str, tuple[tuple[str, ...], tuple[int, ...]]]:
    """Letter → what stands for it, and how often."""
    table = {}
    for row in _rows("leet.tsv"):
        signs = [sign.rpartition(":") for sign in row["signs"].split()]
        table[row["letter"]] = (tuple(s[0] for s in signs), tuple(int(s[2]) for s in signs))
    return table


@functools.cache
def rules() -> tuple[Rule, ...]:
    """Respellings by sound of parts of words."""
    return tuple(
        Rule(row["where"], row["from"], row["to"], float(row["weight"]))
        for row in _rows("rules.tsv")
    )


@functools.cache
def respelt() -> dict[str, tuple[str, ...]]:
    """Word → how people write it."""
    return {row["word"]: tuple(row["respellings"].split()) for row in _rows("words.tsv")}


@functools.cache
def homoglyphs() -> dict[str, tuple[str, ...]]:
    """Letter → letters that look like it (UTS #39 and a few more), likely ones several times."""
    source = importlib.resources.files("confusable_homoglyphs") / "confusables.json"
    confusables = json.loads(source.read_text(encoding="utf-8"))
    table: dict[str, tuple[str, ...]] = {}
    for letter in _LETTERS + _LETTERS.upper():
        found: list[str] = []
        for item in confusables.get(letter, ()):
            char = item["c"]
            if len(char) != 1 or char.isascii() or not char.isalpha():
                continue
            name = unicodedata.name(char, "")
            if name.startswith(_SCRIPTS):
                found += [char] * (4 if name.startswith(_LIKELY) else 1)
        found += _MORE.get(letter, "")
        if found:
            table[letter] = tuple(found)
    return table


@functools.cache
def alphabets() -> tuple[dict[str, str], ...]:
    """The alphabets of styled letters: mathematical ones, small capitals, superscripts."""
    made = []
    for style in _MATHEMATICAL:
        table = {}
        for letter in _LETTERS:
            for case, plain in (("SMALL", letter), ("CAPITAL", letter.upper())):
                char = _named(f"MATHEMATICAL {style} {case} {letter.upper()}")
                # Some letters are older than their alphabet and stand elsewhere.
                char = char or _named(f"{style} {case} {letter.upper()}")
                if char:
                    table[plain] = char
        made.append(table)
    small = {c: _named(f"LATIN LETTER SMALL CAPITAL {c.upper()}") for c in _LETTERS}
    high = {c: _named(f"MODIFIER LETTER SMALL {c.upper()}") for c in _LETTERS}
    for table in (small, high):
        lower = {plain: char for plain, char in table.items() if char}
        made.append(lower | {plain.upper(): char for plain, char in lower.items()})
    return tuple(made)


@functools.cache
def enclosures() -> tuple[dict[str, str], ...]:
    """The alphabets of letters in circles, brackets and squares, and the flags' letters."""
    made = []
    for form in ("CIRCLED", "PARENTHESIZED", "SQUARED", "NEGATIVE CIRCLED", "NEGATIVE SQUARED"):
        table = {}
        for letter in _LETTERS:
            capital = _named(f"{form} LATIN CAPITAL LETTER {letter.upper()}")
            table[letter.upper()] = capital
            table[letter] = _named(f"{form} LATIN SMALL LETTER {letter.upper()}") or capital
        made.append(table)
    flags = {c: _named(f"REGIONAL INDICATOR SYMBOL LETTER {c.upper()}") for c in _LETTERS}
    made.append(flags | {plain.upper(): char for plain, char in flags.items()})
    return tuple(made)


def _named(name: str) -> str:
    try:
        return unicodedata.lookup(name)
    except KeyError:
        return ""

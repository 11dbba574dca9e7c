"""Judge whether a reading that goes out is fair: what is odd in it must be few or at its place."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from moddefense.lexicon.context import like_inside, single_at, single_before, stands_apart, starred
from moddefense.lexicon.patterns import LEET_SYMBOLS, STICKY, is_word, loose

if TYPE_CHECKING:
    from moddefense.lexicon.reader import Reader

__all__ = [
    "GAP", "LEADING_NOT", "SPLITTERS", "STOPS", "TRAILING_NOT", "fair_gaps", "fair_leet",
    "fair_masks",
]  # fmt: skip

_VOWELS = frozenset("aeiouy")
LEADING_NOT = frozenset("(|+")  # (rap) |ass| +it
TRAILING_NOT = frozenset("!(|")  # Ana! f( tables|
STOPS = "-.`^\\\u00b7\u2022"  # one of these can split a word

GAP = re.compile(r"(?:</?[a-z]{1,10}/?>|[\W_]){1,12}")
"""What may stand between two separated letters."""

SPLITTERS = re.compile(r"[^\x00-\u00bf\u20ac\w\s]{1,3}")
_SPLIT = re.compile(
    rf"[{re.escape(STOPS)}]|_{{1,3}}|\*{{1,3}}|~{{1,3}}|(?:</?[a-z]{{1,10}}/?>){{1,4}}"
    rf"|{SPLITTERS.pattern}"
)


def fair_leet(reader: Reader, end: int) -> bool:
    """Whether enough of the letters are letters, and digits not just beside the word."""
    letters, plain, digits = reader.pattern.letters, reader.plain, reader.digits
    first, last = reader.text[reader.start], reader.text[end - 1]
    if first in LEADING_NOT or last in TRAILING_NOT:
        return False
    if reader.lenient:
        return True
    if letters < 3:
        return False
    if digits > plain + reader.symbols and not (
        letters >= 5 and plain >= (1 if letters >= 6 or reader.symbols else 2)
    ):
        return False
    if not plain and (digits or reader.gaps or reader.masked or first not in STICKY):
        return False
    if last.isdigit() and last != reader.pattern.text[-1]:
        alone = digits + reader.symbols == 1
        return letters > 3 and not (alone and last == "1" and letters < 5)
    return True


def fair_masks(reader: Reader, end: int) -> bool:
    """Whether enough is shown, and what hides the rest is no markup."""
    letters, want = reader.pattern.letters, reader.pattern.text
    if letters < 3 - reader.lenient or reader.masked * 2 > letters:
        return False
    if all(glyph == "*" for glyph, _, _ in reader.masks):
        if starred(reader.text, reader.start - 1, -1) or starred(reader.text, end, 1):
            return False  # M*A*S*H
        _, since, to = reader.masks[-1]
        before = reader.text[reader.start - 1] if reader.start else ""
        enough = to - since >= 2 or len(reader.masks) > 1 or reader.lenient
        return to < len(want) or (before != "*" and enough)
    if reader.lenient or len(reader.masks) > 1 or letters < 4:
        return False  # in a phrase only * masks
    if reader.digits or reader.symbols:
        return False
    _, since, to = reader.masks[0]
    return to - since == 1 and to < len(want) and want[since] in _VOWELS


def fair_gaps(reader: Reader, end: int) -> bool:
    """Whether all letters stand apart, or a splitter is inside that is no white space."""
    pattern, want = reader.pattern, reader.pattern.text
    gaps = [gap for _, gap, _ in reader.gaps]
    if (reader.symbols or not LEET_SYMBOLS.isdisjoint(want)) and any(
        char in LEET_SYMBOLS for gap in gaps for char in gap
    ):
        return False
    spaced = any(char.isspace() for gap in gaps for char in gap)
    if (
        spaced
        and reader.symbols
        and not (
            all(map(str.isspace, gaps))
            and stands_apart(reader.text, reader.start - 1, -1)
            and stands_apart(reader.text, end, 1)
        )
    ):
        return False
    places = {at for at, _, _ in reader.gaps}
    full = all(
        at in places or unicodedata.category(want[at])[0] == "M" or not is_word(want[at - 1])
        for at in range(1, len(want))
    )
    if full and pattern.letters >= 3 - reader.lenient:
        return _apart(reader, end, gaps)
    if spaced or reader.text[reader.gaps[-1][2] : end].isdigit():
        return False  # push it, CVN-77
    return (pattern.letters >= 3 or loose(want[0])) and all(map(_SPLIT.fullmatch, gaps))


def _apart(reader: Reader, end: int, gaps: list[str]) -> bool:
    """Whether separated letters are not part of a longer row of them."""
    text, start, pattern = reader.text, reader.start, reader.pattern
    if not all(map(_SPLIT.fullmatch, gaps)):
        if start and is_word(text[start - 1]):
            return False
        if end < len(text) and is_word(text[end]):
            return False
    if reader.after and pattern.right and (gap := GAP.match(text, end)):
        after = gap.end()
        if after < len(text) and like_inside(gap[0], gaps) and single_at(text, after):
            return False
    if not reader.ahead or not pattern.left or not start:
        return True
    before = start
    while before and start - before < 12 and not is_word(text[before - 1]):
        before -= 1
    if not before or before == start or not like_inside(text[before:start], gaps):
        return True
    if not single_before(text, before):
        return True
    if text[before - 1] not in "aiu" or not text[start - 1].isspace():
        return False
    # "such a d a m n ..." : a one-letter word, when what is before it is no single letter too
    ahead = before - 1
    while ahead and not is_word(text[ahead - 1]):
        ahead -= 1
    return not ahead or not single_before(text, ahead)

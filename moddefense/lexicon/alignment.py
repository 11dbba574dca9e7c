"""Decide whether one term can be read in a folded text at one place: the matcher's whole semantics.

The searches in ``candidates`` and ``scan`` only propose places; :func:`align` decides. It reads the
text glyph by glyph against the letters of the term, and allows for

* *leet*: a digit or symbol that stands for a letter, where enough of the rest are letters;
* *repetition*: runs of a letter at least as long as the term's, two longer in a short term;
* *separators*: something between all letters (``d.a.m.n``, ``d a m n``), or a lone splitter inside
  (``da.mn``), never white space alone (``push it``);
* *masking*: ``d*mn``, ``d**n``, ``d#mn``: at most half of the letters, never the first.
"""

from __future__ import annotations

import re
import unicodedata

from moddefense.lexicon.context import free, run_end
from moddefense.lexicon.judging import GAP
from moddefense.lexicon.patterns import Pattern, closes, opens
from moddefense.lexicon.reader import Reader

__all__ = ["JOINTS", "align", "align_word"]

JOINTS = "-_.*~+\u00b7\u2022"  # join the words of a phrase

_SPACES = re.compile(r"\s+")
_JOINT = re.compile(f"[{re.escape(JOINTS)}]{{1,3}}")


def align(text: str, start: int, pattern: Pattern) -> tuple[int, int] | None:
    """Return where the term that starts at ``start`` ends, and its steps, as bits of LEVELS.

    None when the term cannot be read there.
    """
    if pattern.left and not opens(text, start):
        return None
    if start and not pattern.left and unicodedata.category(text[start])[0] == "M":
        return None
    if not _headed(text, start, pattern):
        return None
    found: tuple[int, int] | None
    end = start + len(pattern.text)
    if (  # written plainly: the reader would find the same
        text.startswith(pattern.text, start)
        and (end == len(text) or text[end] != text[end - 1])
        and (not pattern.right or closes(text, end))
    ):
        found = end, 0
    elif pattern.words:
        found = _phrase(text, start, pattern)
    else:
        found = Reader(text, start, pattern).step(start, 0)
    if found is None:
        return None
    if pattern.base:
        if pattern.words and start and text[start - 1] == "'":
            return None  # can't wat
        found = found[0], found[1] | pattern.base
    return found if free(text, start, found[0], found[1], pattern) else None


def align_word(text: str, start: int, word: Pattern) -> tuple[int, int] | None:
    """Align one word of a phrase, whose letters may be in a row with those of the next word."""
    if word.left and not opens(text, start):
        return None
    if not _headed(text, start, word):
        return None
    return Reader(text, start, word, ahead=False, after=False).step(start, 0)


def _phrase(text: str, start: int, pattern: Pattern) -> tuple[int, int] | None:
    """Align a phrase word by word, over any white space."""
    place, bits, evaded, digits = start, 0, False, 0
    last = len(pattern.words) - 1
    weighty = pattern.weighty
    for number, word in enumerate(pattern.words):
        if number:
            gap = _SPACES.match(text, place)
            if not gap and pattern.separators and (gap := _JOINT.match(text, place)):
                bits |= 4
            if not gap and bits & 4:
                gap = GAP.match(text, place)
            if not gap or gap.end() == len(text) or not _headed(text, gap.end(), word):
                return None
            place = gap.end()
        reader = Reader(text, place, word, ahead=not number, after=number == last)
        found = reader.step(place, 0)
        if not found:
            return None
        if found[1] & 13:
            evaded = True
            if number in weighty:
                bits |= 16
        bits |= found[1]
        place = found[0]
        digits += reader.digits
    if (evaded and not bits & 16) or digits * 3 > pattern.letters * 2:
        return None
    return place, bits & 15


def _headed(text: str, start: int, pattern: Pattern) -> bool:
    """Whether ``start`` is the one place in its run of equal letters where a match begins.

    That is the start of the run; but where letters may precede the term, the last place that
    leaves enough of them, unless the run is clearly drawn out.
    """
    glyph = text[start]
    first = start
    while first and text[first - 1] == glyph:
        first -= 1
    if pattern.left:
        return first == start
    last = run_end(text, start)
    need = pattern.runs[0]
    spare = last - first - need
    if spare >= 2 and pattern.repetition:
        return first == start
    return start == max(last - need, first)

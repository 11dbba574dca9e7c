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

from moddefense.lexicon.context import (
    free,
    like_inside,
    run_end,
    single_at,
    single_before,
    stands_apart,
    starred,
)
from moddefense.lexicon.patterns import (
    LEET,
    LEET_SYMBOLS,
    MASKS,
    STICKY,
    Pattern,
    closes,
    is_word,
    loose,
    opens,
)

__all__ = [
    "JOINTS", "LEADING_NOT", "SPLITTERS", "STOPS", "TRAILING_NOT", "align", "align_word", "is_word",
]  # fmt: skip

_VOWELS = frozenset("aeiouy")
LEADING_NOT = frozenset("(|+")  # (rap) |ass| +it
TRAILING_NOT = frozenset("!(|")  # Ana! f( tables|
JOINTS = "-_.*~+\u00b7\u2022"  # join the words of a phrase
STOPS = "-.`^\\\u00b7\u2022"  # one of these can split a word
_BUDGET = 400  # steps of one search; only texts built to be ambiguous come near

_GAP = re.compile(r"(?:</?[a-z]{1,10}/?>|[\W_]){1,12}")
_SPACES = re.compile(r"\s+")
_JOINT = re.compile(f"[{re.escape(JOINTS)}]{{1,3}}")
SPLITTERS = re.compile(r"[^\x00-\u00bf\u20ac\w\s]{1,3}")
_SPLIT = re.compile(
    rf"[{re.escape(STOPS)}]|_{{1,3}}|\*{{1,3}}|~{{1,3}}|(?:</?[a-z]{{1,10}}/?>){{1,4}}"
    rf"|{SPLITTERS.pattern}"
)


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
    if (  # written plainly: the search would find the same
        text.startswith(pattern.text, start)
        and (end == len(text) or text[end] != text[end - 1])
        and (not pattern.right or closes(text, end))
    ):
        found = end, 0
    elif pattern.words:
        found = _phrase(text, start, pattern)
    else:
        found = _Search(text, start, pattern).step(start, 0)
    if found is None or not free(text, start, found[0], found[1], pattern):
        return None
    return found


def align_word(text: str, start: int, word: Pattern) -> tuple[int, int] | None:
    """Align one word of a phrase, whose letters may be in a row with those of the next word."""
    if word.left and not opens(text, start):
        return None
    if not _headed(text, start, word):
        return None
    return _Search(text, start, word, ahead=False, after=False).step(start, 0)


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
                gap = _GAP.match(text, place)
            if not gap or gap.end() == len(text) or not _headed(text, gap.end(), word):
                return None
            place = gap.end()
        search = _Search(text, place, word, ahead=not number, after=number == last)
        found = search.step(place, 0)
        if not found:
            return None
        if found[1] & 13:
            evaded = True
            if number in weighty:
                bits |= 16
        bits |= found[1]
        place = found[0]
        digits += search.digits
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


class _Search:
    """Depth first search of one alignment; exact readings are tried before all others."""

    __slots__ = (
        "after", "ahead", "budget", "digits", "gaps", "lenient", "masked", "masks", "pattern",
        "plain", "start", "surplus", "symbols", "text",
    )  # fmt: skip

    def __init__(
        self, text: str, start: int, pattern: Pattern, *, ahead: bool = True, after: bool = True
    ) -> None:
        self.text = text
        self.ahead = ahead  # a row of separated letters must begin, and end, with the term
        self.after = after
        self.start = start
        self.pattern = pattern
        self.lenient = pattern.index < 0  # in a phrase the words bear each other out
        self.budget = _BUDGET
        self.plain = self.digits = self.symbols = self.surplus = self.masked = 0
        self.gaps: list[tuple[int, str]] = []  # letter before which, and what
        self.masks: list[tuple[str, int, int]] = []  # mask, from letter, to letter

    def step(self, place: int, at: int) -> tuple[int, int] | None:
        """Read on at ``place`` in the text and letter ``at`` of the term."""
        pattern, text = self.pattern, self.text
        want = pattern.text
        if at == len(want):
            return self.finish(place)
        if place >= len(text):
            return None
        self.budget -= 1
        if self.budget < 0:
            return None
        glyph, letter = text[place], want[at]
        end = run_end(text, place)
        if glyph == letter:
            found = self.exact(place, end, at)
            if found:
                return found
        elif pattern.leet and letter in LEET.get(glyph, ""):
            found = self.leet(place, end, at)
            if found:
                return found
        if not at:
            return None
        if glyph != letter and pattern.repetition and not self.masked:
            before = want[at - 1]
            if glyph == before or (pattern.leet and before in LEET.get(glyph, "")):
                more = end - place
                digits = more if glyph != before and glyph.isdigit() else 0
                symbols = more - digits if glyph != before else 0
                self.surplus += more
                self.digits += digits
                self.symbols += symbols
                found = self.step(end, at)
                if found:
                    return found
                self.surplus -= more
                self.digits -= digits
                self.symbols -= symbols
        if pattern.masking and not self.gaps and not self.surplus:
            found = self.mask(place, end, at)
            if found:
                return found
        if pattern.separators and not self.masked and (gap := _GAP.match(text, place)):
            return self.skip(place, gap.end(), at)
        return None

    def skip(self, place: int, end: int, at: int) -> tuple[int, int] | None:
        """Read on after the gap from ``place`` to ``end``, or after its part before a symbol."""
        pattern, text = self.pattern, self.text
        want = pattern.text
        letter = want[at]
        self.gaps.append((at, text[place:end]))
        found = self.step(end, at)
        if not found and not is_word(letter) and letter in text[place:end] and at + 1 < len(want):
            found = self.step(end, at + 1)  # y o u ' r e
        if found:
            return found
        self.gaps.pop()
        if pattern.leet:
            for inside in range(place + 1, end):  # d @ m n
                glyph = text[inside]
                if text[inside - 1] != glyph in LEET_SYMBOLS and letter in LEET[glyph]:
                    self.gaps.append((at, text[place:inside]))
                    found = self.step(inside, at)
                    if found:
                        return found
                    self.gaps.pop()
                    break
        return None

    def exact(self, place: int, end: int, at: int) -> tuple[int, int] | None:
        pattern = self.pattern
        take = min(end - place, pattern.runs[at])
        spare = end - place - take
        drawn = pattern.repetition and not self.masked and self.text[place].isalpha()
        last = at + take == len(pattern.text) and not pattern.right
        if spare and last and (spare < 2 or not drawn):
            end, spare = place + take, 0
        if spare and not drawn:
            return None
        self.plain += take
        self.surplus += spare
        found = self.step(end, at + take)
        if not found:
            self.plain -= take
            self.surplus -= spare
        return found

    def leet(self, place: int, end: int, at: int) -> tuple[int, int] | None:
        pattern, glyph = self.pattern, self.text[place]
        want, reads = pattern.text, LEET[glyph]
        most = 1
        while most < end - place and at + most < len(want) and want[at + most] in reads:
            most += 1
        for take in range(most, 0, -1):
            spare = end - place - take
            if spare and (not pattern.repetition or self.masked):
                continue
            digit = take if glyph.isdigit() else 0
            self.digits += digit
            self.symbols += take - digit
            self.surplus += spare
            found = self.step(end, at + take)
            if found:
                return found
            self.digits -= digit
            self.symbols -= take - digit
            self.surplus -= spare
        return None

    def mask(self, place: int, end: int, at: int) -> tuple[int, int] | None:
        glyph = self.text[place]
        if glyph not in MASKS and (glyph < "\u2190" or is_word(glyph) or glyph.isspace()):
            return None
        to = at + end - place
        if to > len(self.pattern.text):
            return None
        if self.pattern.text[at] in LEET.get(glyph, ""):
            return None
        self.masks.append((glyph, at, to))
        self.masked += to - at
        found = self.step(end, to)
        if not found:
            self.masks.pop()
            self.masked -= to - at
        return found

    def finish(self, end: int) -> tuple[int, int] | None:
        """Judge a whole reading, the text up to ``end``."""
        pattern = self.pattern
        if pattern.right and not closes(self.text, end):
            return None
        bits = 0
        if self.digits or self.symbols:
            if not self.fair_leet(end):
                return None
            bits |= 1
        if self.surplus:
            if pattern.letters <= 3 and self.surplus < 2 and not self.lenient:
                return None
            bits |= 2
        if self.gaps:
            if not self.fair_gaps(end):
                return None
            bits |= 4
        if self.masked:
            if not self.fair_masks(end):
                return None
            bits |= 8
        return end, bits

    def fair_leet(self, end: int) -> bool:
        letters, plain, digits = self.pattern.letters, self.plain, self.digits
        first, last = self.text[self.start], self.text[end - 1]
        if first in LEADING_NOT or last in TRAILING_NOT:
            return False
        if self.lenient:
            return True
        if letters < 3:
            return False
        if digits > plain + self.symbols and not (
            letters >= 5 and plain >= (1 if letters >= 6 or self.symbols else 2)
        ):
            return False
        if not plain and (digits or self.gaps or self.masked or first not in STICKY):
            return False
        if last.isdigit() and last != self.pattern.text[-1]:
            alone = digits + self.symbols == 1
            return letters > 3 and not (alone and last == "1" and letters < 5)
        return True

    def fair_masks(self, end: int) -> bool:
        letters, want = self.pattern.letters, self.pattern.text
        if letters < 3 - self.lenient or self.masked * 2 > letters:
            return False
        if all(glyph == "*" for glyph, _, _ in self.masks):
            if starred(self.text, self.start - 1, -1) or starred(self.text, end, 1):
                return False  # M*A*S*H
            _, since, to = self.masks[-1]
            before = self.text[self.start - 1] if self.start else ""
            enough = to - since >= 2 or len(self.masks) > 1 or self.lenient
            return to < len(want) or (before != "*" and enough)
        if self.lenient or len(self.masks) > 1 or letters < 4:
            return False  # in a phrase only * masks
        if self.digits or self.symbols:
            return False
        _, since, to = self.masks[0]
        return to - since == 1 and to < len(want) and want[since] in _VOWELS

    def fair_gaps(self, end: int) -> bool:
        pattern, want = self.pattern, self.pattern.text
        gaps = [gap for _, gap in self.gaps]
        if (self.symbols or not LEET_SYMBOLS.isdisjoint(want)) and any(
            char in LEET_SYMBOLS for _, gap in self.gaps for char in gap
        ):
            return False
        spaced = any(char.isspace() for gap in gaps for char in gap)
        if (
            spaced
            and self.symbols
            and not (
                all(map(str.isspace, gaps))
                and stands_apart(self.text, self.start - 1, -1)
                and stands_apart(self.text, end, 1)
            )
        ):
            return False
        places = {at for at, _ in self.gaps}
        full = all(
            at in places or unicodedata.category(want[at])[0] == "M" or not is_word(want[at - 1])
            for at in range(1, len(want))
        )
        if full and pattern.letters >= 3 - self.lenient:
            return self.apart(end, gaps)
        if spaced:
            return False
        return (pattern.letters >= 3 or loose(want[0])) and all(map(_SPLIT.fullmatch, gaps))

    def apart(self, end: int, gaps: list[str]) -> bool:
        """Whether separated letters are not part of a longer row of them."""
        text, start, pattern = self.text, self.start, self.pattern
        if not all(map(_SPLIT.fullmatch, gaps)):
            if start and is_word(text[start - 1]):
                return False
            if end < len(text) and is_word(text[end]):
                return False
        if self.after and pattern.right and (gap := _GAP.match(text, end)):
            after = gap.end()
            if after < len(text) and like_inside(gap[0], gaps) and single_at(text, after):
                return False
        if not self.ahead or not pattern.left or not start:
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

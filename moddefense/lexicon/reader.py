"""Read a folded text glyph by glyph against the letters of one term or word of a phrase."""

from __future__ import annotations

from moddefense.lexicon.context import run_end
from moddefense.lexicon.judging import GAP, fair_gaps, fair_leet, fair_masks
from moddefense.lexicon.patterns import LEET, LEET_SYMBOLS, MASKS, Pattern, closes, is_word

__all__ = ["Reader"]

_BUDGET = 400  # steps of one search; only texts built to be ambiguous come near


class Reader:
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
        self.gaps: list[tuple[int, str, int]] = []  # letter before which, what, and its end
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
        if pattern.separators and not self.masked and (gap := GAP.match(text, place)):
            return self.skip(place, gap.end(), at)
        return None

    def skip(self, place: int, end: int, at: int) -> tuple[int, int] | None:
        """Read on after the gap from ``place`` to ``end``, or after its part before a symbol."""
        pattern, text = self.pattern, self.text
        want = pattern.text
        letter = want[at]
        self.gaps.append((at, text[place:end], end))
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
                    self.gaps.append((at, text[place:inside], inside))
                    found = self.step(inside, at)
                    if found:
                        return found
                    self.gaps.pop()
                    break
        return None

    def exact(self, place: int, end: int, at: int) -> tuple[int, int] | None:
        """Read the run from ``place`` to ``end`` as the letters that it shows."""
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
        """Read the run as letters that it stands for."""
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
        """Read the run as hiding as many letters."""
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
            if not fair_leet(self, end):
                return None
            bits |= 1
        if self.surplus:
            if pattern.letters <= 3 and self.surplus < 2 and not self.lenient:
                return None
            bits |= 2
        if self.gaps:
            if not fair_gaps(self, end):
                return None
            bits |= 4
        if self.masked:
            if not fair_masks(self, end):
                return None
            bits |= 8
        return end, bits

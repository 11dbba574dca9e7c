"""Propose where terms could be read in one text; ``alignment.align`` decides.

The text is thinned to what can be letters, look-alikes of leet made one, runs made one, and searched
for all terms, thinned alike, in one Aho-Corasick pass. Thinning only ever loses differences, so that
nothing that can be aligned is missed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import ahocorasick_rs

from moddefense.lexicon.alignment import LEET, LEET_SYMBOLS, MASKS, TAG, Pattern, closes, is_word, opens

__all__ = ["SAME", "Proposer", "thin"]

SAME = {"l": "i", "q": "g"} | {
    glyph: {"l": "i", "q": "g"}.get(reads[0], reads[0]) for glyph, reads in LEET.items()
}
"""Glyph → the one letter that stands for all that it may be read as."""

_MASKED = re.compile(r"\S*[^\W_](?:\*\*|[*#%&^~?=+_.\-@$!\u2190-\U0010ffff][^\s,;:/])\S*")


def thin(term: str) -> str:
    """Return ``term`` as the search knows it: letters only, leet made one, runs made one."""
    thinned: list[str] = []
    for char in term:
        letter = SAME.get(char, char)
        if (letter is not char or is_word(char)) and thinned[-1:] != [letter]:
            thinned.append(letter)
    return "".join(thinned)


class Proposer:
    """All patterns, ready to be searched for in one text."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        self.patterns = patterns
        owners: dict[str, list[int]] = {}
        self.odd: list[Pattern] = []  # without a letter: a thinned text does not have them
        self.masked: dict[str, dict[int, list[Pattern]]] = {}  # by first letter, then length
        self.loose: dict[str, list[Pattern]] = {}  # those that are no whole words
        for pattern in patterns:
            key = thin(pattern.text)
            if key:
                owners.setdefault(key, []).append(pattern.index)
            else:
                self.odd.append(pattern)
            if pattern.masking and pattern.letters >= 3:
                if pattern.left and pattern.right:
                    sizes = self.masked.setdefault(pattern.text[0], {})
                    sizes.setdefault(len(pattern.text), []).append(pattern)
                else:
                    self.loose.setdefault(pattern.text[0], []).append(pattern)
        self.owners = list(owners.values())
        self.automaton = ahocorasick_rs.AhoCorasick(list(owners)) if owners else None

    def propose(self, text: str) -> set[tuple[int, int]]:
        """Return pairs of a start in ``text`` and the index of the pattern that may start there."""
        found = self.parted(text)
        for pattern in self.odd:
            place = text.find(pattern.text[0])
            while place >= 0:
                found.add((place, pattern.index))
                place = text.find(pattern.text[0], place + 1)
        if self.masked or self.loose:
            found.update(self.hidden(text))
        return found

    def parted(self, text: str) -> set[tuple[int, int]]:
        """Return what ``propose`` does, but for masked letters and terms without letters."""
        found: set[tuple[int, int]] = set()
        if self.automaton is not None:
            for symbols in (True, False) if _has_symbols(text) else (True,):
                for blank in (False, True) if TAG.search(text) else (False,):
                    self.search(text, symbols, blank, found)
        return found

    def search(self, text: str, symbols: bool, blank: bool, found: set[tuple[int, int]]) -> None:
        letters: list[str] = []
        runs: list[list[tuple[int, int]]] = []
        for start, end, glyph in _glyphs(text, blank):
            letter = SAME.get(glyph)
            if letter is None:
                if not is_word(glyph):
                    continue
                letter = glyph
            elif not symbols and glyph in LEET_SYMBOLS:
                continue
            if letters and letters[-1] == letter:
                runs[-1].append((start, end))
            else:
                letters.append(letter)
                runs.append([(start, end)])
        assert self.automaton is not None
        matches = self.automaton.find_matches_as_indexes("".join(letters), overlapping=True)
        for owner, first, _ in matches:
            for index in self.owners[owner]:
                pattern = self.patterns[index]
                for start, end in runs[first]:
                    if pattern.left:
                        if opens(text, start):
                            found.add((start, index))
                    else:
                        found.add((start, index))
                        found.add((max(start, end - pattern.runs[0]), index))

    def hidden(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield where a term could stand with some of its letters masked."""
        for token in _MASKED.finditer(text):
            yield from self.hide(text, token.start(), token.end())

    def hide(self, text: str, low: int, high: int) -> Iterator[tuple[int, int]]:
        """Yield as ``hidden`` does, for starts from ``low`` to ``high``."""
        for start in range(low, high):
            glyph = text[start]
            firsts = glyph + LEET.get(glyph, "")
            for first in firsts:
                for pattern in self.loose.get(first, ()):
                    if _shows(text, start, pattern):
                        yield start, pattern.index
            for first in firsts:
                if first in self.masked and opens(text, start):
                    for size, patterns in self.masked[first].items():
                        if start + size <= len(text) and closes(text, start + size):
                            for pattern in patterns:
                                if _shows(text, start, pattern):
                                    yield start, pattern.index


def _shows(text: str, start: int, pattern: Pattern) -> bool:
    want = pattern.text
    end = start + len(want)
    if end > len(text) or (pattern.left and not opens(text, start)):
        return False
    return all(map(_hides, text[start:end], want))


def _hides(shown: str, letter: str) -> bool:
    return (
        shown == letter
        or letter in LEET.get(shown, "")
        or shown in MASKS
        or (letter == " " and shown.isspace())
        or (shown >= "\u2190" and not is_word(shown))
    )


def _has_symbols(text: str) -> bool:
    return any(symbol in text for symbol in LEET_SYMBOLS)


def _glyphs(text: str, blank: bool) -> Iterator[tuple[int, int, str]]:
    """Yield runs of equal characters as start, end, character; ``blank`` leaves out markup."""
    skip = [found.span() for found in TAG.finditer(text)] if blank else []
    place, size = 0, len(text)
    while place < size:
        if skip and place == skip[0][0]:
            place = skip.pop(0)[1]
            continue
        glyph = text[place]
        start = place
        place += 1
        while place < size and text[place] == glyph:
            place += 1
        yield start, place, glyph

"""Propose where terms could be read in one text; ``alignment.align`` decides.

The text is thinned to what can be letters, look-alikes of leet made one, runs made one, and
searched for all terms, thinned alike, in one Aho-Corasick pass. Thinning only ever loses
differences, so that nothing that can be aligned is missed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import ahocorasick_rs

from moddefense.lexicon.alignment import align_word
from moddefense.lexicon.patterns import (
    LEET,
    LEET_SYMBOLS,
    MASKS,
    TAG,
    Pattern,
    closes,
    is_word,
    opens,
)

__all__ = ["SAME", "Proposer", "thin"]

SAME = {"l": "i", "q": "g"} | {
    glyph: {"l": "i", "q": "g"}.get(reads[0], reads[0]) for glyph, reads in LEET.items()
}
"""Glyph → the one letter that stands for all that it may be read as."""

_SAME = str.maketrans(SAME)
_STOPS = re.compile(r"[\W_]+")
_RUN = re.compile(r"(.)\1+")
_REACH = 100  # characters of a phrase before a word of it
_AFTER = re.compile(r"[\W_]{1,12}?([^\W_]|[@$!|(+\u20ac\u00a3\u00a5\u00a7\u00a2])")
_MASKED = re.compile(r"\S*[^\W_](?:\*\*|[*#%&^~?=+_.\-@$!\u2190-\U0010ffff][^\s,;:/])\S*")


def thin(term: str) -> str:
    """Return ``term`` as the search knows it: letters only, leet made one, runs made one."""
    if term.isascii():
        return _RUN.sub(r"\1", _STOPS.sub("", term.translate(_SAME)))
    thinned: list[str] = []
    for char in term:
        letter = SAME.get(char, char)
        if (letter is not char or is_word(char)) and thinned[-1:] != [letter]:
            thinned.append(letter)
    return "".join(thinned)


class Proposer:
    """All patterns, ready to be searched for in one text.

    ``words`` are the words by which an evaded phrase is known; ``uses`` are the phrases of each, as
    pairs of index and place of the word. Their indices follow those of the patterns.
    """

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        self.patterns = patterns
        self.words: list[Pattern] = []
        self.uses: list[list[tuple[int, int]]] = []
        owners: dict[str, list[int]] = {}
        self.odd: list[Pattern] = []  # begin with what a thinned text does not have
        self.masked: dict[str, dict[int, list[tuple[int, Pattern]]]] = {}  # by first letter, length
        self.loose: dict[str, list[tuple[int, Pattern]]] = {}  # those that are no whole words
        known: dict[tuple[object, ...], int] = {}
        for pattern in patterns:
            key = thin(pattern.text)
            if key and thin(pattern.text[0]):
                owners.setdefault(key, []).append(pattern.index)
            else:
                self.odd.append(pattern)
            if not pattern.words:
                self._hide(pattern.index, pattern)
            elif pattern.leet or pattern.separators or pattern.masking:
                for place in pattern.weighty:
                    word = pattern.words[place]
                    if word.letters < 3 or len(thin(word.text)) < 2:
                        continue
                    same = (word.text, word.steps, word.left, word.right)
                    number = known.setdefault(same, len(self.words))
                    if number == len(self.words):
                        self.words.append(word)
                        self.uses.append([])
                        self._hide(len(patterns) + number, word)
                        owners.setdefault(thin(word.text), []).append(len(patterns) + number)
                    self.uses[number].append((pattern.index, place))
        sizes_of = [size for sizes in self.masked.values() for size in sizes]
        sizes_of += [len(item.text) for items in self.loose.values() for _, item in items]
        self.longest = max(sizes_of, default=0)  # of the terms that may be masked
        self.owners = [tuple(indices) for indices in owners.values()]
        self.automaton = ahocorasick_rs.AhoCorasick(list(owners)) if owners else None

    def _hide(self, index: int, pattern: Pattern) -> None:
        if not pattern.masking or pattern.letters < 3:
            return
        if pattern.left and pattern.right:
            sizes = self.masked.setdefault(pattern.text[0], {})
            sizes.setdefault(len(pattern.text), []).append((index, pattern))
        else:
            self.loose.setdefault(pattern.text[0], []).append((index, pattern))

    def pattern(self, index: int) -> Pattern:
        """Return the pattern with this index, or the word of phrases."""
        count = len(self.patterns)
        return self.patterns[index] if index < count else self.words[index - count]

    def expand(self, text: str, proposed: Iterable[tuple[int, int]]) -> set[tuple[int, int]]:
        """Replace words of phrases that are evaded by where those phrases may begin."""
        count = len(self.patterns)
        found: set[tuple[int, int]] = set()
        for start, index in proposed:
            if index < count:
                found.add((start, index))
                continue
            ended = align_word(text, start, self.words[index - count])
            if not ended or not ended[1] & 13:
                continue
            openings: list[int] | None = None
            for which, place in self.uses[index - count]:
                phrase = self.patterns[which]
                if place + 1 < len(phrase.words):
                    after = _AFTER.match(text, ended[0])
                    first = phrase.words[place + 1].text[0]
                    if not after or (after[1] != first and first not in LEET.get(after[1], "")):
                        continue
                if not place:
                    found.add((start, which))
                    continue
                if openings is None:
                    low = max(0, start - _REACH)
                    openings = [at for at in range(low, start) if opens(text, at)]
                first = phrase.text[0]
                found.update(
                    (at, which)
                    for at in openings
                    if text[at] == first or first in LEET.get(text[at], "")
                )
        return found

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
        return self.expand(text, found)

    def parted(self, text: str) -> set[tuple[int, int]]:
        """Return what ``propose`` does, but for masked letters and terms without letters."""
        found: set[tuple[int, int]] = set()
        if self.automaton is not None:
            for symbols in (True, False) if _has_symbols(text) else (True,):
                for blank in (False, True) if TAG.search(text) else (False,):
                    self.search(text, symbols, blank, found)
        return found

    def search(self, text: str, symbols: bool, blank: bool, found: set[tuple[int, int]]) -> None:
        """Add what the thinned text proposes, with symbols as letters or with markup left out."""
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
                pattern = self.pattern(index)
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
                for index, pattern in self.loose.get(first, ()):
                    if _shows(text, start, pattern):
                        yield start, index
            for first in firsts:
                if first in self.masked and opens(text, start):
                    for size, patterns in self.masked[first].items():
                        if start + size <= len(text) and closes(text, start + size):
                            second, last = text[start + 1], text[start + size - 1]
                            for index, pattern in patterns:
                                want = pattern.text
                                if (second.isalpha() and second != want[1]) or (
                                    last.isalpha() and last != want[-1]
                                ):
                                    continue
                                if _shows(text, start, pattern):
                                    yield start, index


def _shows(text: str, start: int, pattern: Pattern) -> bool:
    want = pattern.text
    end = start + len(want)
    if end > len(text) or (pattern.left and not opens(text, start)):
        return False
    if text.count("*", start, end) * 2 > len(want):
        return False
    return all(map(_hides, text[start:end], want))


def _hides(shown: str, letter: str) -> bool:
    return (
        shown == letter
        or letter in LEET.get(shown, "")
        or shown in MASKS
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

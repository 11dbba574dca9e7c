"""Words one slip away from a long and severe term: ``lexicon.aliases`` for people who cannot spell.

A slip is a letter more, less or other, or two neighbours swapped, but never another first or last
letter; another letter only in still longer terms, for it makes insults of surnames. What is a word
by itself, usual or listed, is no slip.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence

from moddefense.lexicon.context import free
from moddefense.lexicon.patterns import SPELLING, Pattern, closes, opens
from moddefense.lexicon.results import WIDTH
from moddefense.usual import usual_words

__all__ = ["Slips", "beside"]

LONGEST = 24  # letters of a word, as in matcher.h
REPLACED = 9  # letters of a term that another letter may be in

_WORD = re.compile(f"[a-z]{{6,{LONGEST}}}")
_RUN = re.compile("[a-z]+")
_HIT = 1 << SPELLING


class Slips:
    """The terms that may be misspelt, ready to be searched for in one text."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        self._patterns = patterns
        self._right = {word for p in patterns for word in _RUN.findall(p.text)}
        self._rests: dict[str, list[int]] = {}
        for pattern in patterns:
            if pattern.spelling:
                for rest in _rests(pattern.text):
                    self._rests.setdefault(rest, []).append(pattern.index)

    def find(self, folded: str) -> Iterator[tuple[int, int, int, int]]:
        """Yield words that are one slip away from a term: start, end, index of the term, bits."""
        if not self._rests:
            return
        for word in _RUN.finditer(folded):
            if not _WORD.fullmatch(word[0]):
                continue
            near = {
                index for rest in _rests(word[0]) for index in self._rests.get(rest, ())
                if _is_near(word[0], self._patterns[index].text)
            }  # fmt: skip
            start, end = word.span()
            if near and opens(folded, start) and closes(folded, end):
                yield start, end, min(near), _HIT

    def hold(
        self, text: str, start: int, end: int, index: int, others: Iterable[tuple[int, int]]
    ) -> bool:
        """Whether a word is a slip where it stands; ``others`` are the other hits in its text."""
        if any(start < until and since < end for since, until in others):
            return False
        if self.is_right(text[start:end], index):
            return False
        return free(text, start, end, _HIT, self._patterns[index])

    def is_right(self, word: str, index: int) -> bool:
        """Whether a word is listed, or usual in the language of a term."""
        return word in self._right or word in usual_words(self._patterns[index].term.lang)


def beside(rows: array[int], place: int) -> Iterator[tuple[int, int]]:
    """Yield the bounds of the other hits in the same text, but for slips."""
    number = rows[WIDTH * place]
    for way in (-1, 1):
        at = place + way
        while 0 <= at < len(rows) // WIDTH and rows[WIDTH * at] == number:
            bits = rows[WIDTH * at + 4]
            if bits >= 0 and not bits >> SPELLING & 1:
                yield rows[WIDTH * at + 1], rows[WIDTH * at + 2]
            at += way


def _rests(word: str) -> Collection[str]:
    return {word, *(word[:place] + word[place + 1 :] for place in range(len(word)))}


def _is_near(word: str, term: str) -> bool:
    if word[0] != term[0] or word[-1] != term[-1] or abs(len(word) - len(term)) > 1:
        return False
    at = 1
    while at < min(len(word), len(term)) and word[at] == term[at]:
        at += 1
    if len(word) != len(term):
        longer, shorter = (word, term) if len(word) > len(term) else (term, word)
        return longer[at + 1 :] == shorter[at:]
    if at == len(word):
        return False
    if word[at : at + 2] == term[at : at + 2][::-1]:
        return word[at + 2 :] == term[at + 2 :]
    return len(term) >= REPLACED and word[at + 1 :] == term[at + 1 :]

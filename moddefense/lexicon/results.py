"""What a matcher found: one hit, and the hits of many texts as columns that read as lists."""

from __future__ import annotations

import bisect
import functools
import itertools
from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, overload

from moddefense.folding import FOLD_STEPS
from moddefense.lexicon.collection import collection_paused
from moddefense.lexicon.patterns import LEVELS
from moddefense.lexicon.terms import Term

__all__ = ["THROUGH", "WIDTH", "Found", "Hits", "Match", "through_bits"]

WIDTH = 5  # numbers of a hit: text, start, end, index of the pattern, bits of the steps
Hits = list[tuple[int, int, int, int]]
"""Hits in one text: start, end, index of the pattern, bits of the steps."""

_BITS = {step: 1 << bit for bit, step in enumerate((*LEVELS, *FOLD_STEPS))}
_ORDER = (*FOLD_STEPS, *LEVELS)
THROUGH = tuple(
    tuple(step for step in _ORDER if bits & _BITS[step]) for bits in range(1 << len(_BITS))
)
"""Bits of the steps of a hit → their names, in the order in which they are reported."""


class Match(NamedTuple):
    """One hit: ``original[start:end] == text`` shows ``term``, read ``through`` these steps."""

    term: Term
    start: int
    end: int
    text: str
    through: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the match as the output of ``screen`` has it, plain values."""
        return {
            "term": self.term.id,
            "kind": self.term.kind,
            "category": self.term.category,
            "severity": self.term.severity,
            "start": self.start,
            "end": self.end,
            "text": self.text,
        }


_make = functools.partial(tuple.__new__, Match)


def through_bits(steps: Iterable[str]) -> int:
    """Return the bits of ``steps``."""
    return sum(_BITS[step] for step in steps)


class Found(Sequence[list[Match]]):
    """The hits of each of many texts: a sequence of lists, which are made when they are asked for.

    It compares equal to a list of the same lists.
    """

    __slots__ = ("_also", "_bounds", "_chunks", "_terms", "_texts")

    def __init__(
        self, texts: Sequence[str], terms: Sequence[Term], also: Collection[int] = ()
    ) -> None:
        self._texts = texts
        self._also = also  # indices of allow terms whose hits are here
        self._terms = terms
        self._chunks: list[tuple[array[int], array[int]]] = []
        self._bounds = [0]  # the first text of each chunk, and the end

    def add(self, rows: array[int], bounds: array[int]) -> None:
        """Add the hits of the texts that follow; ``bounds`` are two numbers a text."""
        self._chunks.append((rows, bounds))
        self._bounds.append(self._bounds[-1] + len(bounds) // 2)

    def __len__(self) -> int:
        return self._bounds[-1]

    def hits(self) -> Iterator[tuple[int, tuple[Match, ...], bool]]:
        """Yield place and matches of each text that has any, and whether some are no plain ones.

        Plain is a block term without any step.
        """
        for (rows, bounds), base in zip(self._chunks, self._bounds, strict=False):
            numbers = rows.tolist()
            kinds = map(self._also.__contains__, numbers[3::WIDTH])
            special = {
                place
                for place, bits, kind in zip(
                    numbers[0::WIDTH], numbers[4::WIDTH], kinds, strict=True
                )
                if bits or kind
            }
            with collection_paused():
                matches = tuple(self._matches(rows, base))
            pairs = bounds.tolist()
            places = zip(itertools.count(), pairs[0::2], pairs[1::2], strict=False)
            for place, first, until in places:
                if first < until:
                    yield base + place, matches[first:until], place in special

    @overload
    def __getitem__(self, place: int, /) -> list[Match]: ...
    @overload
    def __getitem__(self, place: slice, /) -> list[list[Match]]: ...
    def __getitem__(self, place: int | slice, /) -> list[Match] | list[list[Match]]:
        if isinstance(place, slice):
            return [self[number] for number in range(*place.indices(len(self)))]
        number = range(len(self))[place]
        chunk = bisect.bisect_right(self._bounds, number) - 1
        rows, bounds = self._chunks[chunk]
        local = number - self._bounds[chunk]
        first, until = bounds[2 * local : 2 * local + 2]
        return self._matches(rows[WIDTH * first : WIDTH * until], self._bounds[chunk])

    def __iter__(self) -> Iterator[list[Match]]:
        for (rows, bounds), base in zip(self._chunks, self._bounds, strict=False):
            with collection_paused():
                matches = self._matches(rows, base)
            pairs = bounds.tolist()
            for first, until in zip(pairs[0::2], pairs[1::2], strict=True):
                yield matches[first:until]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (Found, list, tuple)):
            return NotImplemented
        return len(self) == len(other) and all(map(list.__eq__, self, other))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(list(self))

    def _matches(self, rows: array[int], base: int) -> list[Match]:
        numbers = rows.tolist()
        starts, ends = numbers[1::WIDTH], numbers[2::WIDTH]
        texts = self._texts
        spans = [
            texts[base + number][start:end]
            for number, start, end in zip(numbers[0::WIDTH], starts, ends, strict=True)
        ]
        return list(
            map(
                _make,
                zip(
                    map(self._terms.__getitem__, numbers[3::WIDTH]), starts, ends, spans,
                    map(THROUGH.__getitem__, numbers[4::WIDTH]), strict=True,
                ),
            )
        )  # fmt: skip

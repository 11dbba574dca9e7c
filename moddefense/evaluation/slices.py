"""Parts of a corpus: by a column's values, and by the length of the texts."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["MOST", "by_length", "by_value"]

MOST = 20  # slices of one column; the rest is one more
QUARTERS = 4
LENGTHS = (50, 150, 500, 1500)  # characters


def by_value(values: Sequence[Any]) -> list[tuple[str, np.ndarray]]:
    """Return (name, rows) for each value of a column, the most frequent first; rows are indices.

    Numbers of more than ``MOST`` values are cut into quarters; of other columns, values beyond the
    ``MOST`` most frequent come last as one slice. Empty cells are a slice of their own.
    """
    known = [v for v in values if not _empty(v)]
    numeric = bool(known) and all(isinstance(v, int | float) for v in known)
    if numeric and len(set(known)) > MOST:
        return _quarters(values)
    names = np.array(["(empty)" if _empty(v) else str(v) for v in values], object)
    counts: dict[str, int] = {}
    for name in names.tolist():
        counts[name] = counts.get(name, 0) + 1
    ordered = sorted(counts, key=lambda name: (-counts[name], name))
    kept, rest = (ordered, []) if len(ordered) <= MOST + 1 else (ordered[:MOST], ordered[MOST:])
    found = [(name, np.flatnonzero(names == name)) for name in kept]
    if rest:
        others = set(rest)
        rows = [row for row, name in enumerate(names.tolist()) if name in others]
        found.append((f"({len(rest)} other values)", np.array(rows)))
    return found


def by_length(texts: Sequence[str]) -> list[tuple[str, np.ndarray]]:
    """Return (name, rows) for each range of lengths in characters that has texts.

    >>> [(name, rows.tolist()) for name, rows in by_length(["a", "b" * 50])]
    [('under 50', [0]), ('50 to 149', [1])]
    """
    bucket = np.searchsorted(LENGTHS, [len(text) for text in texts], side="right")
    ends = [f"{low} to {high - 1}" for low, high in itertools.pairwise(LENGTHS)]
    names = [f"under {LENGTHS[0]}", *ends, f"{LENGTHS[-1]} and more"]
    found = [(name, np.flatnonzero(bucket == index)) for index, name in enumerate(names)]
    return [(name, rows) for name, rows in found if rows.size]


def _quarters(values: Sequence[Any]) -> list[tuple[str, np.ndarray]]:
    numbers = np.array([np.nan if _empty(v) else float(v) for v in values])
    edges = np.unique(np.nanquantile(numbers, np.linspace(0, 1, QUARTERS + 1)))
    index = np.clip(np.searchsorted(edges, numbers, side="right") - 1, 0, len(edges) - 2)
    found = []
    for quarter in range(len(edges) - 1):
        rows = np.flatnonzero((index == quarter) & ~np.isnan(numbers))
        name = f"{edges[quarter]:g} to {edges[quarter + 1]:g}"
        found.append((name, rows))
    if np.isnan(numbers).any():
        found.append(("(empty)", np.flatnonzero(np.isnan(numbers))))
    return [(name, rows) for name, rows in found if rows.size]


def _empty(value: Any) -> bool:
    return value is None or value == "" or value != value  # the last is NaN

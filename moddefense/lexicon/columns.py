"""Matches as an Arrow column, in the shape that ``screen`` and ``lexicon match`` write."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate, chain
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from moddefense.lexicon.matching import Match

__all__ = ["MATCHES", "match_column"]

MATCHES = pa.list_(
    pa.struct(
        [
            ("term", pa.string()),
            ("kind", pa.string()),
            ("category", pa.string()),
            ("severity", pa.int8()),
            ("start", pa.int64()),
            ("end", pa.int64()),
            ("text", pa.string()),
        ]
    )
)


def match_column(rows: Iterable[Sequence[Match]]) -> pa.Array:
    """Return the matches of each row as an array of type ``MATCHES``."""
    rows = list(rows)
    bounds = pa.array(list(accumulate(map(len, rows), initial=0)), pa.int32())
    flat = list(chain.from_iterable(rows))
    terms, starts, ends, texts, _ = zip(*flat, strict=True) if flat else ((),) * 5
    known = {id(term): term for term in terms}
    number = {key: at for at, key in enumerate(known)}
    of_term = pa.array([number[id(term)] for term in terms], pa.int32())

    def looked_up(values: list[Any], kind: pa.DataType) -> pa.Array:
        return pa.array(values, kind).take(of_term)

    fields: dict[str, pa.Array] = {
        "term": looked_up([term.id for term in known.values()], pa.string()),
        "kind": looked_up([term.kind for term in known.values()], pa.string()),
        "category": looked_up([term.category for term in known.values()], pa.string()),
        "severity": looked_up([term.severity for term in known.values()], pa.int8()),
        "start": pa.array(starts, pa.int64()),
        "end": pa.array(ends, pa.int64()),
        "text": pa.array(texts, pa.string()),
    }
    kind = MATCHES.value_type
    matches = pa.StructArray.from_arrays([fields[own.name] for own in kind], fields=list(kind))
    return pa.ListArray.from_arrays(bounds, matches, type=MATCHES)

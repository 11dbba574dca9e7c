"""Matches as an Arrow column, in the shape that ``screen`` and ``lexicon match`` write."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

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
    return pa.array([[match.as_dict() for match in row] for row in rows], MATCHES)

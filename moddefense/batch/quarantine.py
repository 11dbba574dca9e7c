"""Rows that could not be read: kept as JSON lines, with what they were, so that nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Iterable

from moddefense.batch.rows import KEPT, MAX_ROW, Rejection

__all__ = ["encode_rejected", "raw_text"]


def encode_rejected(rejected: Iterable[tuple[str, int, Rejection]]) -> bytes:
    """Return ``{"source","row","error","error_type","raw"}`` a line; ``row`` counts from 0."""
    return b"".join(
        (json.dumps(_entry(*item), ensure_ascii=False) + "\n").encode("utf-8", "replace")
        for item in rejected
    )


def _entry(source: str, row: int, why: Rejection) -> dict[str, object]:
    raw = why.raw
    if raw is not None and len(raw) > MAX_ROW:
        raw = raw[:KEPT]
    return {
        "source": source,
        "row": row,
        "error": why.error,
        "error_type": why.error_type,
        "raw": None if raw is None else raw_text(raw),
    }


def raw_text(raw: bytes) -> str:
    r"""Return stored bytes as text: as they are if valid UTF-8, else with ``\xNN`` for what is not.

    In the second case a backslash is doubled, so that the bytes can be had back.

    >>> raw_text(b"caf\xc3\xa9"), raw_text(b"a\\b \xff")
    ('café', 'a\\\\b \\xff')
    """
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace")

"""A guard that needs no model: decides by two words, and can fail on the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from moddefense.batch.reading import Columns, read_batches
from moddefense.batch.sources import locate

MATCH = pa.struct([("term", pa.string()), ("start", pa.int64()), ("end", pa.int64())])


class WordTable:
    """Decisions on a batch, as columns."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = list(texts)

    def to_arrow(
        self, ids: Sequence[str] | None = None, *, include_text: bool = False, mask: bool = False
    ) -> pa.Table:
        hits = ["jerk" if "jerk" in t else "crap" if "crap" in t else None for t in self.texts]
        decision = [{"jerk": "block", "crap": "review"}.get(hit or "", "allow") for hit in hits]
        labels = [None if hit else {"toxic": 0.25} for hit in hits]
        columns: dict[str, Any] = {
            "id": pa.array(ids, pa.string()),
            "decision": pa.array(decision, pa.string()),
            "decided_by": pa.array(["blacklist" if h else "default" for h in hits], pa.string()),
            "trigger": pa.array([0.1 if not h else None for h in hits], pa.float64()),
            "score": pa.array([0.25 if not h else None for h in hits], pa.float64()),
            "uncertainty": pa.nulls(len(hits), pa.float64()),
            "labels": pa.array(labels, pa.struct([("toxic", pa.float64())]))
            if None in labels or not labels
            else pa.array(labels),
            "matches": pa.array(
                [
                    [] if h is None else [{"term": h, "start": t.index(h), "end": t.index(h) + 4}]
                    for h, t in zip(hits, self.texts, strict=True)
                ],
                pa.list_(MATCH),
            ),
            "reason": pa.array([h or "nothing" for h in hits], pa.string()),
        }
        if all(hits):  # as when no text of the batch reached the classifier
            columns["labels"] = pa.nulls(len(hits), pa.struct([]))
        if include_text:
            columns["text"] = pa.array(self.texts, pa.string())
        if mask:
            masked = [t.replace("jerk", "****").replace("crap", "****") for t in self.texts]
            columns["masked"] = pa.array(masked, pa.string())
        return pa.table(columns)


class WordGuard:
    """Blocks ``jerk``, sends ``crap`` to review; raises ``error`` at call number ``fail_at``."""

    def __init__(
        self,
        *,
        version: str = "1",
        fail_at: int | None = None,
        error: BaseException | None = None,
    ) -> None:
        self.fingerprints = {"bundle": "fake", "version": version}
        self.fail_at = fail_at
        self.error = error or KeyboardInterrupt()
        self.calls = 0
        self.seen: list[str] = []

    def screen(self, texts: Sequence[str], /) -> WordTable:
        if texts and self.calls == self.fail_at:
            raise self.error
        self.calls += bool(texts)
        self.seen += texts
        return WordTable(texts)


@pytest.fixture
def make_guard() -> Callable[..., WordGuard]:
    return WordGuard


@pytest.fixture
def read() -> Callable[..., tuple[list[tuple[str, str]], list[tuple[int, str, bytes | None]]]]:
    """Read a file into [(id, text)] and [(row, error_type, raw)]."""

    def read_all(
        *paths: Path, batch_size: int = 7, limit: int | None = None, **columns: Any
    ) -> Any:
        form = columns.pop("input_format", None)
        records: list[tuple[str, str]] = []
        rejected: list[tuple[int, str, bytes | None]] = []
        batches = read_batches(
            [locate(path, input_format=form) for path in paths],
            Columns(**columns),
            batch_size=batch_size,
            limit=limit,
        )
        for batch in batches:
            assert batch.rows == len(batch.texts) + len(batch.rejected)
            records += zip(batch.ids, batch.texts, strict=True)
            rejected += [(row, why.error_type, why.raw) for _, row, why in batch.rejected]
        return records, rejected

    return read_all

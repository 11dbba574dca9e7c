"""What runs on the nodes of a cluster: reading inputs as batches, and deciding on them."""

from __future__ import annotations

import json
import queue
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from moddefense.batch.deciding import Decided, Form, decide
from moddefense.batch.frames import pack, packed_strings, unpack, unpacked_strings
from moddefense.batch.pool import Pool
from moddefense.batch.reading import Batch, Columns, read_batches
from moddefense.batch.replica import rebuild
from moddefense.batch.rows import Rejection
from moddefense.batch.sources import Meter, Source
from moddefense.batch.worker import answered, failure
from moddefense.errors import EngineError

if TYPE_CHECKING:
    from moddefense.batch.job import Screener

__all__ = ["Reading", "Screening", "batch_of", "read"]


@dataclass(frozen=True)
class Reading:
    """What one task reads: sources in their order, the first of which begins at row ``first``.

    Rows before ``skip`` are left out, and those from ``limit`` on.
    """

    sources: tuple[Source, ...]
    columns: Columns
    batch_size: int
    first: int
    skip: int
    limit: int | None
    kept: pa.Schema | None


def read(readings: Sequence[Reading], numbers: pa.Table) -> Iterator[pa.Table]:
    """Read what ``numbers`` names, and yield each batch: what is known about it, and its texts."""
    for number in numbers.column("reading").to_pylist():
        for about, task in _read(readings[number]):
            columns = {"about": [about], "task": [task]}
            yield pa.table({k: pa.array(v, pa.large_binary()) for k, v in columns.items()})


def _read(reading: Reading) -> Iterator[tuple[bytes, bytes]]:
    meters: dict[str, Meter] = {}
    warnings: list[str] = []
    batches = read_batches(
        reading.sources, reading.columns, batch_size=reading.batch_size, limit=reading.limit,
        skip=reading.skip, first=reading.first, warn=warnings.append, kept=reading.kept,
        opened=lambda source, meter: meters.update({source.path: meter}),
    )  # fmt: skip
    try:
        for batch in batches:
            task = b""
            if batch.texts:
                task = packed_strings({"id": batch.ids, "text": batch.texts}, batch.kept)
            yield _about(batch, {path: meter.bytes for path, meter in meters.items()}), task
    except Exception as error:  # after the batches before
        yield failure(error), b""
    for message in warnings:
        yield pack({"kind": "warn", "message": message}), b""


def _about(batch: Batch, read: dict[str, int]) -> bytes:
    rejected = [
        (source, row, why.error, why.error_type, why.raw is not None)
        for source, row, why in batch.rejected
    ]
    header = {
        "kind": "batch", "first_row": batch.first_row, "rows": batch.rows,
        "characters": batch.characters, "runs": batch.runs, "rejected": rejected,
        "read": list(read.items()),
    }  # fmt: skip
    return pack(header, *(why.raw or b"" for _, _, why in batch.rejected))


def batch_of(header: dict[str, Any], raw: Sequence[bytes]) -> Batch:
    """Return the batch that ``read`` told about, without its texts."""
    rejected = [
        (source, row, Rejection(error, kind, data if has_raw else None))
        for (source, row, error, kind, has_raw), data in zip(header["rejected"], raw, strict=True)
    ]
    return Batch(
        header["first_row"], header["rows"], header["characters"], rejected=rejected,
        runs=[(source, first, rows) for source, first, rows in header["runs"]],
    )  # fmt: skip


class Screening:
    """An actor: it builds a screener with the first batch, and decides batch after batch.

    Where it stands in for one that died, it decides in a process of its own: a text over which
    processes die is found there and quarantined, and the actor lives on.
    """

    def __init__(self, setting: bytes) -> None:
        import ray

        pa.set_cpu_count(1)
        self.setting = unpack(setting)[0]
        self.careful = ray.get_runtime_context().was_current_actor_reconstructed
        self.decider: _Plain | _Careful | None = None

    def __call__(self, batches: pa.Table) -> pa.Table:
        """Decide on the texts of each batch; the answer to none is empty."""
        tasks = batches.column("task").to_pylist()
        answers = pa.array(
            [self._answer(task) if task else b"" for task in tasks], pa.large_binary()
        )
        return pa.table({"about": batches.column("about"), "answer": answers})

    def _answer(self, task: bytes) -> bytes:
        try:
            if self.decider is None:
                self.decider = (_Careful if self.careful else _Plain)(self.setting)
            (ids, texts), kept = unpacked_strings(task, ["id", "text"])
            return answered(self.decider.decide(ids, texts, kept))
        except Exception as error:
            return failure(error)


class _Plain:
    """Decides in this process."""

    def __init__(self, setting: dict[str, Any]) -> None:
        self.guard: Screener = rebuild(setting["screener"])
        self.form = Form(**setting["form"])
        if json.loads(json.dumps(dict(self.guard.fingerprints))) != setting["fingerprints"]:
            raise EngineError(
                "the cluster's bundle, lexicons or version of moddefense are others than here;"
                " install the same on every node"
            )

    def decide(self, ids: list[str], texts: list[str], kept: pa.Table | None) -> Decided:
        return decide(self.guard, texts, ids, self.form, kept)


class _Careful:
    """Decides in a process of its own, which is started again when it dies."""

    def __init__(self, setting: dict[str, Any]) -> None:
        guard: Any = SimpleNamespace(fingerprints=setting["fingerprints"])
        pool = Pool(guard, setting["screener"], Form(**setting["form"]), 1)
        self.feed: queue.SimpleQueue[Batch | None] = queue.SimpleQueue()
        self.decided = pool.decided(iter(self.feed.get, None))

    def decide(self, ids: list[str], texts: list[str], kept: pa.Table | None) -> Decided:
        self.feed.put(Batch(0, len(texts), ids=ids, texts=texts, kept=kept))
        return next(self.decided)[1]

"""A run as it goes: what is read and decided, here or by workers, and what is counted."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

from moddefense.batch.deciding import Decided, Form, beside, decide
from moddefense.batch.job import Job, Screener
from moddefense.batch.manifest import Summary
from moddefense.batch.reading import Batch, read_batches
from moddefense.batch.retrying import QUARANTINE
from moddefense.batch.rows import Rejection
from moddefense.batch.sources import Meter, Source
from moddefense.errors import ConfigurationError, ReadError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Progress", "Run", "Warn", "describe_error"]

SMALL = 8192  # rows that are decided before workers are worth starting, where size is not known
LARGE = 4 << 20  # bytes of input that are worth it from the beginning; a quarter of it if packed

Progress = Callable[[Summary, "float | None"], None]
Warn = Callable[[str], None]


@dataclass
class Run:
    """The state of a run: what is counted, and what was opened."""

    guard: Screener
    job: Job
    form: Form
    sources: list[Source]
    kept: pa.Schema | None
    progress: Progress | None
    warn: Warn | None
    summary: Summary = field(default_factory=Summary)
    meters: list[tuple[Source, Meter]] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    total: int | None = None

    def empty(self) -> pa.Table:
        """Return the table of no records."""
        form = self.form
        table = self.guard.screen([]).to_arrow([], include_text=form.include_text, mask=form.mask)
        return table if self.kept is None else beside(table, self.kept.empty_table())

    def decided(self) -> Iterator[tuple[Batch, Decided]]:
        """Yield what is not counted yet, batch by batch, decided and counted."""
        batches = self._batches()
        try:
            yield from self._counted(self._decided(batches))
        finally:
            with suppress(ValueError):  # a thread may be waiting in it, for a pipe
                batches.close()

    def _counted(self, found: Iterable[tuple[Batch, Decided]]) -> Iterator[tuple[Batch, Decided]]:
        for batch, decided in found:
            batch.reject(decided.rejected)
            self._count(batch, decided)
            if self.kept is None and batch.kept is not None:
                self.kept = batch.kept.schema
            yield batch, decided
            if self.progress is not None:
                self.progress(self.summary, self._share())

    def _decided(self, batches: Iterator[Batch]) -> Iterator[tuple[Batch, Decided]]:
        if self.job.engine == "ray":
            yield from self._on_ray()
            return
        workers = self.job.processes
        if workers == 1:
            yield from self._here(batches)
            return
        if not self._large():
            rows = 0
            while rows < SMALL:
                batch = next(batches, None)
                if batch is None:
                    return
                rows += batch.rows
                yield from self._here([batch])
            batch = next(batches, None)
            if batch is None:
                return
            batches = chain([batch], batches)
        from moddefense.batch.replica import describe

        description = describe(self.guard)
        if description is None:
            yield from self._here(batches)
            return
        from moddefense.batch.pool import Pool

        yield from Pool(self.guard, description, self.form, workers).decided(batches)

    def _on_ray(self) -> Iterator[tuple[Batch, Decided]]:
        from moddefense.batch.ray import Cluster
        from moddefense.batch.replica import describe

        description = describe(self.guard)
        if description is None:
            kind = type(self.guard).__name__
            raise ConfigurationError(f"a {kind} cannot be built again on a cluster; load a bundle")
        cluster = Cluster(self.guard, description, self.form, self.job, self.sources)
        yield from cluster.decided(
            skip=self.summary.rows, kept=self.kept, warn=self.warn,
            opened=lambda source, meter: self.meters.append((source, meter)),
        )  # fmt: skip

    def _here(self, batches: Iterable[Batch]) -> Iterator[tuple[Batch, Decided]]:
        for batch in batches:
            decided = Decided()
            if batch.texts:
                decided = decide(self.guard, batch.texts, batch.ids, self.form, batch.kept)
            yield batch, decided

    def _batches(self) -> Generator[Batch, None, None]:
        job = self.job
        return read_batches(
            self.sources, job.columns, batch_size=job.batch_size, limit=job.limit,
            skip=self.summary.rows, warn=self.warn, kept=self.kept,
            opened=lambda source, meter: self.meters.append((source, meter)),
        )  # fmt: skip

    def _large(self) -> bool:
        if self.job.limit is not None and self.job.limit - self.summary.rows <= 2 * SMALL:
            return False
        size = 0
        for source in self.sources:
            if source.rereadable:
                packed = source.compression is not None or source.format == "parquet"
                size += source.size * (4 if packed else 1)
        return size >= LARGE

    def _count(self, batch: Batch, decided: Decided) -> None:
        summary = self.summary
        summary.rows += batch.rows
        summary.records += decided.records
        summary.quarantined += len(batch.rejected)
        if batch.rejected and summary.first_error is None:
            summary.first_error = describe_error(*batch.rejected[0])
        summary.count(decided.counts)
        summary.seconds = time.monotonic() - self.began

    def _share(self) -> float | None:
        if not all(s.rereadable and s.format != QUARANTINE for s in self.sources):
            return None
        if self.total is None:
            self.total = sum(source.size for source in self.sources)
        read = sum(meter.bytes for _, meter in self.meters)
        return read / self.total if self.total else None

    def over(self, enough: object) -> bool:
        """Whether too large a share of the rows could not be read, once there are enough rows."""
        summary = self.summary
        return bool(
            enough and summary.rows and summary.quarantined / summary.rows > self.job.max_errors
        )

    def too_many(self, where: str) -> ReadError:
        """Return the error that stops such a run."""
        summary = self.summary
        return ReadError(
            f"stopped: {summary.quarantined:,} of {summary.rows:,} rows could not be read"
            f" ({summary.quarantined / summary.rows:.2%}), over --max-errors"
            f" {self.job.max_errors:g}; {where + '; ' if where else ''}first: {summary.first_error}"
        )


def describe_error(source: str, row: int, why: Rejection) -> str:
    """Return one line about a row in quarantine."""
    return f"{source} row {row}: {why.error}"

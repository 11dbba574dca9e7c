"""The engine for one machine: batches of rows through a guard into an output, resumable."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from moddefense.batch.job import Job, Screener
from moddefense.batch.journal import Journal, Part, differences
from moddefense.batch.manifest import (
    Summary,
    fingerprint_inputs,
    read_manifest,
    write_manifest,
)
from moddefense.batch.quarantine import encode_rejected
from moddefense.batch.reading import Batch, read_batches
from moddefense.batch.rows import Rejection
from moddefense.batch.sources import Meter, Source
from moddefense.batch.writing import encode, merge, output_format, unwritable, write_part
from moddefense.errors import ConfigurationError, ReadError, WriteError
from moddefense.policy import DECIDERS, DECISIONS

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["screen_files", "screen_stream"]

PART_ROWS = 16_384  # rows in a part: what a crash can cost
PART_CHARACTERS = 32 << 20  # or as much text
TRUSTED = 1000  # rows before the share of errors says anything


Progress = Callable[[Summary, "float | None"], None]
Warn = Callable[[str], None]


def screen_files(
    guard: Screener,
    job: Job,
    out: str | os.PathLike[str],
    *,
    quarantine: str | os.PathLike[str] | None = None,
    resume: bool = False,
    progress: Progress | None = None,
    warn: Warn | None = None,
) -> Summary:
    """Screen the rows of the job's inputs into ``out`` (``.jsonl``, ``.csv`` or ``.parquet``).

    The output appears whole, when all is done; until then its parts are in ``OUT.parts/``, from
    which ``resume`` goes on. Unreadable rows go to ``quarantine``; its default,
    ``OUT.quarantine.jsonl``, is made only when there are any. ``progress`` is told
    the counts so far and the share of the input that was read (None where it cannot be told),
    ``warn`` what is odd but no error.

    Raises ReadError, WriteError and ConfigurationError; finished parts stay on the disk then.
    """
    out = Path(out)
    kind = output_format(out)
    rejected_path = Path(quarantine) if quarantine else Path(f"{out}.quarantine.jsonl")
    sources = job.sources()
    _check_paths(job, out, rejected_path)
    if resume:
        for source in sources:
            if not source.rereadable:
                raise ConfigurationError(
                    f"{source.name}: cannot resume: it can be read only once; save it to a file"
                )
    settings = job.settings(guard, fingerprint_inputs(sources))
    with Journal(out, kind) as journal:
        if not (resume and journal.resume(settings)):
            if resume and (done := _finished(out, settings)):
                return done
            if journal.start(settings) and warn is not None:
                warn(f"{out}: dropped what an interrupted run had finished; --resume keeps it")
        run = _Run(guard, job, sources, progress, warn)
        _screen_parts(run, journal)
        run.summary.seconds = time.monotonic() - run.began
        if run.over(True):
            _publish_quarantine(journal, rejected_path, keep_empty=True)
            raise run.too_many(f"they are in {rejected_path}")
        _publish(run, journal, settings, rejected_path, quarantine is not None)
    return run.summary


def screen_stream(
    guard: Screener,
    job: Job,
    stream: IO[bytes],
    *,
    quarantine: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    warn: Warn | None = None,
) -> Summary:
    """Screen the rows of the job's inputs to a byte stream, as JSON lines, batch by batch.

    Raises as screen_files does, and BrokenPipeError when nobody reads the stream any more.
    """
    sources = job.sources()
    rejected_path = Path(quarantine) if quarantine else None
    if rejected_path is not None:
        _check_paths(job, None, rejected_path)
    run = _Run(guard, job, sources, progress, warn)
    kept: IO[bytes] | None = None
    fresh = Path(f"{rejected_path}.new")
    try:
        kept = open(fresh, "wb") if rejected_path is not None else None  # noqa: SIM115
        for batch in run.batches():
            table = run.screen(batch)
            if table is not None:
                stream.write(encode(table, "jsonl"))
                stream.flush()
            if kept is not None:
                kept.write(encode_rejected(batch.rejected))
            run.tell()
            if run.over(run.summary.rows // TRUSTED):
                break
    except BrokenPipeError:
        raise
    except OSError as error:
        raise unwritable(getattr(error, "filename", None) or "<stdout>", error) from None
    finally:
        if kept is not None and rejected_path is not None:
            kept.close()
            os.replace(fresh, rejected_path)
    if run.over(True):
        raise run.too_many(f"they are in {rejected_path}" if rejected_path else "")
    return run.summary


def _check_paths(job: Job, out: Path | None, quarantine: Path) -> None:
    """Raise when an output would overwrite an input or another output, or cannot be made."""
    inputs = {os.path.realpath(path) for path in job.inputs if path != "-"}
    for path in (out, quarantine):
        if path is None:
            continue
        if os.path.realpath(path) in inputs:
            raise ConfigurationError(f"{path}: is an input too; choose another output")
        if not path.absolute().parent.is_dir():
            raise WriteError(f"{path}: cannot be written: no directory {path.parent}")
    if out is not None and os.path.realpath(out) == os.path.realpath(quarantine):
        raise ConfigurationError(f"{out}: is both output and quarantine; choose another")
    if quarantine.is_dir():
        raise WriteError(f"{quarantine}: is a directory; name a file")


def _finished(out: Path, settings: Mapping[str, Any]) -> Summary | None:
    """Return the counts of a finished run of the same settings; None when there was no such run."""
    manifest = read_manifest(out)
    if manifest is None or not out.is_file():
        return None
    reasons = differences(manifest["settings"], settings)
    if out.stat().st_size != manifest["output"]["bytes"]:
        reasons.append("the output has changed since it was written")
    if reasons:
        raise ConfigurationError(
            f"{out}: is finished, by a run that was another: {'; '.join(reasons)};"
            " run without --resume to replace it"
        )
    return Summary(
        manifest["rows"], manifest["records"], manifest["quarantined"], manifest["seconds"],
        manifest["counts"], finished_before=True,
    )  # fmt: skip


@dataclass
class _Run:
    """The state of a run: what is counted, and what was opened."""

    guard: Screener
    job: Job
    sources: list[Source]
    progress: Progress | None
    warn: Warn | None
    summary: Summary = field(default_factory=Summary)
    meters: list[tuple[Source, Meter]] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def batches(self, skip: int = 0) -> Any:
        job = self.job
        return read_batches(
            self.sources, job.columns, batch_size=job.batch_size, limit=job.limit, skip=skip,
            warn=self.warn, opened=lambda source, meter: self.meters.append((source, meter)),
        )  # fmt: skip

    def screen(self, batch: Batch) -> pa.Table | None:
        """Decide a batch and count it; None when no row of it is readable."""
        summary = self.summary
        summary.rows += batch.rows
        summary.records += len(batch.texts)
        summary.quarantined += len(batch.rejected)
        if batch.rejected and summary.first_error is None:
            summary.first_error = _describe(*batch.rejected[0])
        table = self.table(batch.texts, batch.ids) if batch.texts else None
        if table is not None:
            summary.count(_counts(table))
        summary.seconds = time.monotonic() - self.began
        return table

    def table(self, texts: list[str], ids: list[str]) -> pa.Table:
        found = self.guard.screen(texts)
        return found.to_arrow(ids, include_text=self.job.include_text, mask=self.job.mask)

    def tell(self) -> None:
        if self.progress is not None:
            self.progress(self.summary, self._share())

    def _share(self) -> float | None:
        if not all(s.rereadable and s.format != "parquet" for s in self.sources):
            return None
        total = sum(os.path.getsize(source.path) for source in self.sources)
        return sum(meter.bytes for _, meter in self.meters) / total if total else None

    def over(self, enough: object) -> bool:
        """Whether too large a share of the rows could not be read, once there are enough rows."""
        summary = self.summary
        return bool(
            enough and summary.rows and summary.quarantined / summary.rows > self.job.max_errors
        )

    def too_many(self, where: str) -> ReadError:
        summary = self.summary
        return ReadError(
            f"stopped: {summary.quarantined:,} of {summary.rows:,} rows could not be read"
            f" ({summary.quarantined / summary.rows:.2%}), over --max-errors"
            f" {self.job.max_errors:g}; {where + '; ' if where else ''}first: {summary.first_error}"
        )


def _describe(source: str, row: int, why: Rejection) -> str:
    return f"{source} row {row}: {why.error}"


def _counts(table: pa.Table) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for name, known in (("decision", DECISIONS), ("decided_by", DECIDERS)):
        if name in table.column_names:
            pairs = table.column(name).value_counts().to_pylist()
            found[name] = dict.fromkeys(known, 0)
            found[name].update({str(pair["values"]): pair["counts"] for pair in pairs})
    return found


def _screen_parts(run: _Run, journal: Journal) -> None:
    """Screen what the journal does not have yet, part by part; stop where errors are too many."""
    summary = run.summary
    for part in journal.parts:
        summary.rows += part.rows
        summary.records += part.records
        summary.quarantined += part.quarantined
        summary.count(part.counts)
        summary.first_error = summary.first_error or part.first_error
        run.began -= part.seconds
    tables: list[pa.Table] = []
    rejected: list[tuple[str, int, Rejection]] = []
    rows = characters = 0
    since = time.monotonic()
    for batch in run.batches(skip=summary.rows):
        table = run.screen(batch)
        if table is not None:
            tables.append(table)
        rejected += batch.rejected
        rows += batch.rows
        characters += batch.characters
        run.tell()
        if rows >= PART_ROWS or characters >= PART_CHARACTERS:
            _finish_part(run, journal, tables, rejected, rows, time.monotonic() - since)
            tables, rejected, rows, characters, since = [], [], 0, 0, time.monotonic()
            if run.over(True):
                return
    if rows or not journal.parts:
        _finish_part(run, journal, tables, rejected, rows, time.monotonic() - since)


def _finish_part(
    run: _Run,
    journal: Journal,
    tables: list[pa.Table],
    rejected: list[tuple[str, int, Rejection]],
    rows: int,
    seconds: float,
) -> None:
    path, rejected_path = journal.part_files(len(journal.parts))
    counts = Summary()
    for table in tables:
        counts.count(_counts(table))
    write_part(path, tables or [run.table([], [])], journal.kind)
    try:
        with open(rejected_path, "wb") as file:
            file.write(encode_rejected(rejected))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise unwritable(rejected_path, error) from None
    journal.add(
        Part(
            rows=rows,
            records=rows - len(rejected),
            quarantined=len(rejected),
            seconds=seconds,
            bytes=(path.stat().st_size, rejected_path.stat().st_size),
            counts=counts.counts,
            first_error=_describe(*rejected[0]) if rejected else None,
        )
    )


def _publish(
    run: _Run, journal: Journal, settings: Mapping[str, Any], quarantine: Path, keep_empty: bool
) -> None:
    """Put output, quarantine and manifest in their places; redone as a whole if interrupted."""
    for entry in settings["inputs"]:
        if entry["bytes"] is not None and os.path.getsize(entry["path"]) != entry["bytes"]:
            raise ReadError(f"{entry['path']}: changed while it was read; screen it again")
    merged = journal.folder / f"output.{journal.kind}"
    parts = range(len(journal.parts))
    merge([journal.part_files(index)[0] for index in parts], merged, journal.kind)
    _publish_quarantine(journal, quarantine, keep_empty=keep_empty)
    try:
        os.replace(merged, journal.out)
    except OSError as error:
        raise unwritable(journal.out, error) from None
    write_manifest(journal.out, settings, run.summary, run.meters)
    journal.remove()


def _publish_quarantine(journal: Journal, path: Path, *, keep_empty: bool) -> None:
    """Write the quarantined rows of all parts; without any, remove what an earlier run left."""
    try:
        if not keep_empty and not any(part.quarantined for part in journal.parts):
            path.unlink(missing_ok=True)
            return
        fresh = path.with_name(path.name + ".new")
        with open(fresh, "wb") as file:
            for index in range(len(journal.parts)):
                file.write(journal.part_files(index)[1].read_bytes())
        os.replace(fresh, path)
    except OSError as error:
        raise unwritable(path, error) from None

"""The engine for one machine: batches of rows through a guard into an output, resumable."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from moddefense.batch.deciding import Decided, add_counts
from moddefense.batch.job import Job, Screener
from moddefense.batch.journal import Journal, Part, differences
from moddefense.batch.manifest import (
    Summary,
    fingerprint_inputs,
    manifest_path,
    read_manifest,
    write_manifest,
)
from moddefense.batch.quarantine import encode_rejected
from moddefense.batch.reading import Batch
from moddefense.batch.replica import describe
from moddefense.batch.retrying import quarantine_sources
from moddefense.batch.rows import Rejection
from moddefense.batch.run import Progress, Run, Warn, describe_error
from moddefense.batch.writing import Output, output_format, read_part, unwritable, write_part
from moddefense.errors import ConfigurationError, ReadError, WriteError

__all__ = ["screen_files", "screen_stream"]

PART_ROWS = 16_384  # rows in a part: what a crash can cost
PART_CHARACTERS = 32 << 20  # or as much text
TRUSTED = 1000  # rows before the share of errors says anything


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
    sources, kept = job.checked()
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
        run = Run(guard, job, job.form(kind), sources, kept, progress, warn)
        with Output(journal.folder / f"output.{kind}", kind, run.empty) as output:
            _screen_parts(run, journal, output)
            run.summary.seconds = time.monotonic() - run.began
            if run.over(True):
                _publish_quarantine(journal, rejected_path, keep_empty=True)
                raise run.too_many(f"they are in {rejected_path}")
            output.close()
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
    sources, keeping = job.checked()
    rejected_path = Path(quarantine) if quarantine else None
    if rejected_path is not None:
        _check_paths(job, None, rejected_path)
    run = Run(guard, job, job.form("jsonl"), sources, keeping, progress, warn)
    kept: IO[bytes] | None = None
    fresh = Path(f"{rejected_path}.new")
    try:
        kept = open(fresh, "wb") if rejected_path is not None else None  # noqa: SIM115
        for batch, decided in run.decided():
            stream.write(decided.data)
            stream.flush()
            if kept is not None:
                kept.write(encode_rejected(batch.rejected))
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
    named = set(job.inputs) | (quarantine_sources(job.inputs[0]) if job.retry else set())
    inputs = {os.path.realpath(path) for path in named if path != "-"}
    for path in (out, quarantine):
        if path is None:
            continue
        if os.path.realpath(path) in inputs:
            raise ConfigurationError(f"{path}: is an input too; choose another output")
        if not path.absolute().parent.is_dir():
            raise WriteError(f"{path}: cannot be written: no directory {path.parent}")
    for path in () if out is None else (out, manifest_path(out)):
        if os.path.realpath(path) == os.path.realpath(quarantine):
            raise ConfigurationError(f"{path}: is both output and quarantine; choose another")
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


def _screen_parts(run: Run, journal: Journal, output: Output) -> None:
    """Screen what the journal does not have yet, part by part; stop where errors are too many."""
    summary = run.summary
    for index, part in enumerate(journal.parts):
        output.add(read_part(journal.part_files(index)[0]))
        summary.rows += part.rows
        summary.records += part.records
        summary.quarantined += part.quarantined
        summary.count(part.counts)
        summary.first_error = summary.first_error or part.first_error
        run.began -= part.seconds
    filling = _Part(started=time.monotonic())
    for batch, decided in run.decided():
        filling.add(batch, decided)
        if filling.rows >= PART_ROWS or filling.characters >= PART_CHARACTERS:
            output.add(filling.finish(journal))
            filling = _Part(started=time.monotonic())
            if run.over(True):
                return
    if filling.rows:
        output.add(filling.finish(journal))


@dataclass
class _Part:
    """The part that is being filled."""

    started: float
    rows: int = 0
    characters: int = 0
    data: list[bytes] = field(default_factory=list)
    rejected: list[tuple[str, int, Rejection]] = field(default_factory=list)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)

    def add(self, batch: Batch, decided: Decided) -> None:
        self.rows += batch.rows
        self.characters += batch.characters
        self.data.append(decided.data)
        self.rejected += batch.rejected
        add_counts(self.counts, decided.counts)

    def finish(self, journal: Journal) -> bytes:
        """Put the part into the journal, and return its records."""
        data, quarantine = b"".join(self.data), encode_rejected(self.rejected)
        records_path, quarantine_path = journal.part_files(len(journal.parts))
        write_part(records_path, data)
        write_part(quarantine_path, quarantine)
        journal.add(
            Part(
                rows=self.rows,
                records=self.rows - len(self.rejected),
                quarantined=len(self.rejected),
                seconds=time.monotonic() - self.started,
                bytes=(len(data), len(quarantine)),
                counts=self.counts,
                first_error=describe_error(*self.rejected[0]) if self.rejected else None,
            )
        )
        return data


def _publish(
    run: Run, journal: Journal, settings: Mapping[str, Any], quarantine: Path, keep_empty: bool
) -> None:
    """Put output, quarantine and manifest in their places; redone as a whole if interrupted."""
    for source, entry in zip(run.sources, settings["inputs"], strict=True):
        if entry["bytes"] is not None and source.size != entry["bytes"]:
            raise ReadError(f"{entry['path']}: changed while it was read; screen it again")
    merged = journal.folder / f"output.{journal.kind}"
    _publish_quarantine(journal, quarantine, keep_empty=keep_empty)
    try:
        os.replace(merged, journal.out)
    except OSError as error:
        raise unwritable(journal.out, error) from None
    made_by = describe(run.guard)
    for one in (made_by, (made_by or {}).get("shadow")):
        if one is not None and one.get("lexicon"):
            one["lexicon"] = one["lexicon"]["name"]  # its terms are in its own file
    write_manifest(
        journal.out, settings, run.summary, run.meters,
        made_by=None if made_by is None or "matcher" in made_by else made_by,
        quarantine=quarantine if run.summary.quarantined else None,
    )  # fmt: skip
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

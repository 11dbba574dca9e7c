"""Repeating decisions: a random sample of a finished run's records, computed anew and compared."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import tempfile
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from moddefense.batch.deciding import Form, beside
from moddefense.batch.job import Job, Screener
from moddefense.batch.journal import differences
from moddefense.batch.manifest import fingerprint_inputs, read_manifest, sha256_of
from moddefense.batch.reading import Batch, read_batches
from moddefense.batch.writing import encode, output_format, schema_of
from moddefense.errors import ConfigurationError, PolicyError, ReadError

if TYPE_CHECKING:
    from moddefense.pipeline import Guard

__all__ = ["Verification", "recorded_guard", "verify"]


@dataclass(frozen=True, slots=True)
class Verification:
    """How many of the records were compared, and a line for each difference found."""

    records: int
    compared: int
    differences: tuple[str, ...]


def recorded_guard(
    out: str | Path, *, bundle: str | None = None, lexicon: Any = None, policy: str | None = None
) -> Guard:
    """Load the guard that a run's manifest names; what is given here stands in its place.

    Lists that are not the shipped ones have to be given again. Raises ReadError when there is no
    manifest, and what ``moddefense.load`` raises.
    """
    from moddefense.bundle import load
    from moddefense.policy import read_policy

    made_by = _manifest(Path(out)).get("made_by")
    if not made_by or "bundle" not in made_by:
        raise ConfigurationError(f"{out}: its manifest does not say what decided; screen it again")
    if policy is not None:
        chosen = read_policy(policy)
    else:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".toml") as file:
            file.write(str(made_by.get("policy")))
            file.flush()
            try:
                chosen = read_policy(file.name)
            except PolicyError as error:
                raise ReadError(
                    f"{out}.manifest.json: the policy in it is damaged; name it with --policy"
                ) from error
    guard = load(
        bundle or made_by["bundle"], lexicon=lexicon, policy=chosen, stages=made_by["stages"]
    )
    fingerprints = _manifest(Path(out))["settings"]["fingerprints"]
    return guard.explaining() if fingerprints.get("explain") else guard


def verify(
    guard: Screener, out: str | os.PathLike[str], *, sample: int = 1000, seed: int = 0
) -> Verification:
    """Decide a random ``sample`` of the records of ``out`` again, from the inputs it was made of.

    Differences are: what the guard, the inputs or the output are now and were then, and every
    field of a sampled record that comes out otherwise. Raises ReadError when output, manifest or
    inputs cannot be read.
    """
    out = Path(out)
    manifest = _manifest(out)
    settings = manifest["settings"]
    job = _job(settings)
    sources, kept = job.checked()
    # What was on trial had no say, and is not tried again.
    fingerprints = {k: v for k, v in settings["fingerprints"].items() if k != "shadow"}
    found = differences(
        {"fingerprints": fingerprints, "inputs": settings["inputs"]},
        {"fingerprints": dict(guard.fingerprints), "inputs": fingerprint_inputs(sources)},
    )
    total = manifest["records"]
    if sha256_of(out) != manifest["output"]["sha256"]:
        found.append(f"{out} has changed since it was written")
    if any(reason.endswith("has changed since") for reason in found):
        return Verification(total, 0, tuple(found))
    wanted = sorted(random.Random(seed).sample(range(total), min(sample, total)))
    kind = output_format(out)
    form = job.form(kind)
    undecided = _undecided(manifest)
    batches = read_batches(
        sources, job.columns, batch_size=job.batch_size, limit=job.limit, kept=kept
    )
    now = _decided_again(guard, batches, form, wanted, undecided, total)
    then = _stored(out, kind, wanted, total)
    compared = 0
    with closing(batches), closing(then):
        try:
            pairs = list(zip(now, then, strict=True))
        except (ValueError, pa.ArrowException):
            found.append(f"{out} does not hold the {total:,} records that were written")
            pairs = []
    for (key, new), old in pairs:
        compared += 1
        found += [
            f"record {key}: {name} was {_brief(old.get(name))}, is {_brief(new.get(name))}"
            for name in dict.fromkeys([*old, *new])
            if old.get(name) != new.get(name) and name != "shadow"
        ]
    return Verification(total, compared, tuple(found))


def _manifest(out: Path) -> dict[str, Any]:
    if not out.is_file():
        raise ReadError(f"{out}: no such output; name what screen has written")
    manifest = read_manifest(out)
    if manifest is None:
        raise ReadError(f"{out}.manifest.json: missing or damaged; nothing can be verified")
    return manifest


def _job(settings: Mapping[str, Any]) -> Job:
    names = ("text_column", "id_column", "input_format", "encoding", "batch_size", "limit",
             "include_text", "mask", "keep_columns", "retry")  # fmt: skip
    given = {name: settings[name] for name in names if name in settings}
    paths = [entry["path"] for entry in settings["inputs"]]
    if any(entry["sha256"] is None for entry in settings["inputs"]):
        raise ConfigurationError(
            f"{', '.join(paths)}: was read from a pipe and cannot be read again; save it to a file"
        )
    return Job(tuple(paths), **given)


def _undecided(manifest: Mapping[str, Any]) -> set[tuple[str, int]]:
    """Rows that could be read, but were quarantined for another reason."""
    path = manifest.get("quarantine")
    if not manifest["quarantined"] or path is None or not Path(path).is_file():
        return set()
    with open(path, "rb") as file:
        entries = [json.loads(line) for line in file]
    return {(e["source"], e["row"]) for e in entries if e["error_type"] == "decision"}


def _decided_again(
    guard: Screener,
    batches: Iterator[Batch],
    form: Form,
    wanted: Sequence[int],
    undecided: set[tuple[str, int]],
    total: int,
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield id and record of the ``wanted`` ones; other texts are read and not decided.

    Raises ValueError at the end when there were not ``total`` texts.
    """
    at = begin = 0
    for batch in batches:
        present = list(range(len(batch.texts)))
        if undecided:
            places = list(batch.places())
            present = [index for index in present if places[index] not in undecided]
        chosen = []
        while at < len(wanted) and wanted[at] < begin + len(present):
            chosen.append(present[wanted[at] - begin])
            at += 1
        begin += len(present)
        if chosen:
            texts = [batch.texts[index] for index in chosen]
            ids = [batch.ids[index] for index in chosen]
            table = guard.screen(texts).to_arrow(
                ids, include_text=form.include_text, mask=form.mask
            )
            if batch.kept is not None:
                table = beside(table, batch.kept.take(pa.array(chosen, pa.int64())))
            yield from zip(ids, _records(table, form, guard), strict=True)
    _require(begin, total)


def _records(table: pa.Table, form: Form, guard: Screener) -> list[dict[str, Any]]:
    """The records as they would be read back from a file."""
    data = encode(table, form.kind)
    if form.kind == "jsonl":
        return [json.loads(line) for line in data.splitlines()]
    if form.kind == "csv":
        names = [*schema_of(guard, form).names, *table.column_names]
        return _csv_records(io.StringIO(data.decode(), newline=""), list(dict.fromkeys(names)))
    with pa.ipc.open_stream(pa.py_buffer(data)) as reader:
        return list(reader.read_all().to_pylist())


def _csv_records(stream: Any, names: list[str] | None = None) -> list[dict[str, Any]]:
    return list(csv.DictReader(stream, names))


def _require(records: int, total: int) -> None:
    if records != total:
        raise ValueError(f"{records} records, not {total}")


def _stored(
    out: Path, kind: str, wanted: Sequence[int], total: int
) -> Generator[dict[str, Any], None, None]:
    """Yield the ``wanted`` records of an output, which is read once.

    Raises ValueError at the end when there were not ``total``.
    """
    if kind == "parquet":
        rows = iter(wanted)
        row, begin = next(rows, None), 0
        with pq.ParquetFile(out) as file:
            for batch in file.iter_batches(1024, use_threads=False):
                while row is not None and row < begin + batch.num_rows:
                    yield from batch.slice(row - begin, 1).to_pylist()
                    row = next(rows, None)
                begin += batch.num_rows
        _require(begin, total)
        return
    chosen, at = set(wanted), -1
    with open(out, encoding="utf-8", newline="" if kind == "csv" else "\n") as file:
        if kind == "csv":
            csv.field_size_limit(max(csv.field_size_limit(), 1 << 30))
            for at, record in enumerate(csv.DictReader(file)):
                if at in chosen:
                    yield record
        else:
            for at, line in enumerate(file):
                if at in chosen:
                    yield dict(json.loads(line))
    _require(at + 1, total)


def _brief(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else text[:77] + "..."

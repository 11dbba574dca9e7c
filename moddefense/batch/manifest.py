"""What a run's settings and results are, for resuming it and for repeating its decisions."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from moddefense.batch.auditing import audit_estimate
from moddefense.batch.deciding import add_counts
from moddefense.batch.sources import Meter, Source, sha256
from moddefense.batch.writing import unwritable

__all__ = [
    "Summary",
    "fingerprint_inputs",
    "manifest_path",
    "read_manifest",
    "sha256_of",
    "write_manifest",
]


@dataclass(slots=True)
class Summary:
    """Counts of a run: ``rows`` = ``records`` + ``quarantined``.

    ``counts`` maps ``decision`` and ``decided_by`` to counts by value, and ``flagged`` to
    counts of the rows not allowed by what decided them. ``seconds`` includes those
    of the interrupted runs that this one took up. ``first_error`` describes the first quarantined
    row. ``finished_before`` says that there was nothing left to do.
    """

    rows: int = 0
    records: int = 0
    quarantined: int = 0
    seconds: float = 0.0
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    first_error: str | None = None
    finished_before: bool = False

    @property
    def texts_per_second(self) -> float | None:
        """Decided texts per second; None when there is nothing to divide."""
        return self.records / self.seconds if self.seconds > 0 and self.records else None

    def count(self, counts: Mapping[str, Mapping[str, int]]) -> None:
        """Add the counts of a batch or of a part."""
        add_counts(self.counts, counts)


def fingerprint_inputs(sources: Sequence[Source]) -> list[dict[str, Any]]:
    """Return path, bytes and SHA-256 of each input; a pipe, not read yet, has None for these."""
    found: list[dict[str, Any]] = []
    for source in sources:
        known = source.rereadable
        size = source.size if known else None
        digest = sha256(source) if known else None
        found.append({"path": source.name, "bytes": size, "sha256": digest})
    return found


def manifest_path(out: Path) -> Path:
    """Return where the manifest of an output lies."""
    return Path(f"{out}.manifest.json")


def read_manifest(out: Path) -> dict[str, Any] | None:
    """Return the manifest of an output, None when there is none or it is not readable."""
    try:
        manifest = json.loads(manifest_path(out).read_bytes())
    except (OSError, ValueError):
        return None
    return manifest if _sound(manifest) else None


def _sound(manifest: Any) -> bool:
    """Whether what others rely on is there."""
    if not isinstance(manifest, dict):
        return False
    settings, output = manifest.get("settings"), manifest.get("output")
    if not isinstance(settings, dict) or not isinstance(output, dict):
        return False
    inputs = settings.get("inputs")
    return (
        isinstance(settings.get("fingerprints"), dict)
        and isinstance(inputs, list)
        and all(
            isinstance(entry, dict) and {"path", "bytes", "sha256"} <= set(entry)
            for entry in inputs
        )
        and isinstance(output.get("sha256"), str)
        and type(output.get("bytes")) is int
        and all(type(manifest.get(name)) is int for name in ("rows", "records", "quarantined"))
        and isinstance(manifest.get("counts"), dict)
        and isinstance(manifest.get("seconds"), int | float)
    )


def write_manifest(
    out: Path,
    settings: Mapping[str, Any],
    summary: Summary,
    meters: Sequence[tuple[Source, Meter]] = (),
    *,
    made_by: Mapping[str, Any] | None = None,
    quarantine: Path | None = None,
) -> None:
    """Write the manifest of a published output, atomically. Raises WriteError.

    ``made_by`` says what decided: bundle, stages, policy. ``meters`` have the fingerprints of
    inputs that could be read only once.
    """
    from moddefense import __version__

    inputs = [dict(entry) for entry in settings["inputs"]]
    for source, meter in meters:
        for entry in inputs:
            if entry["path"] == source.name and entry["sha256"] is None and meter.hash is not None:
                entry.update(bytes=meter.bytes, sha256=meter.hash.hexdigest())
    rate = summary.texts_per_second
    manifest = {
        "package": "moddefense",
        "version": __version__,
        "fingerprints": {**settings["fingerprints"], "inputs": inputs},
        "settings": settings,
        "made_by": made_by,
        "quarantine": None if quarantine is None else str(quarantine),
        "output": {"path": out.name, "bytes": out.stat().st_size, "sha256": sha256_of(out)},
        "rows": summary.rows,
        "records": summary.records,
        "quarantined": summary.quarantined,
        "counts": summary.counts,
        **({"audit": audit} if (audit := audit_estimate(summary.counts)) else {}),
        "seconds": round(summary.seconds, 3),
        "texts_per_second": None if rate is None else round(rate, 1),
    }
    path = manifest_path(out)
    fresh = path.with_name(path.name + ".new")
    try:
        text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
        fresh.write_bytes(text.encode("utf-8", "replace"))
        os.replace(fresh, path)
    except OSError as error:
        raise unwritable(path, error) from None


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, as hex digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

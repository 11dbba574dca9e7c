"""The journal of a run: which parts are finished, so that an interrupted run can go on.

Beside OUT lies ``OUT.parts/`` while the run lasts: the part files, each complete once the journal
names it, and ``journal.jsonl``: the settings in its first line, then a line for each part. A line
that was cut off by a crash does not count. The folder is locked for as long as a run works in it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from moddefense.batch.writing import unwritable
from moddefense.errors import ConfigurationError, WriteError
from moddefense.locking import locked_folder

__all__ = ["Journal", "Part", "differences", "read_journal"]

FORMAT = 1
_OURS = re.compile(
    r"journal\.(?:jsonl|new)|output\.(?:jsonl|csv|parquet)|\d{6}\.(?:jsonl|csv|parquet|quarantine)"
)


@dataclass(frozen=True, slots=True)
class Part:
    """What one finished part holds. ``bytes`` are the sizes of its two files."""

    rows: int
    records: int
    quarantined: int
    seconds: float
    bytes: tuple[int, int]
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    first_error: str | None = None


class Journal:
    """The folder of parts beside an output, locked. Use it in a ``with`` statement.

    Raises WriteError when the folder cannot be made, holds what no run has put there, or another
    run works in it.
    """

    def __init__(self, out: Path, kind: str) -> None:
        self.out = out
        self.kind = kind
        self.folder = Path(f"{out}.parts")
        self.path = self.folder / "journal.jsonl"
        self.parts: list[Part] = []
        self._lock = -1

    def __enter__(self) -> Journal:
        if self.out.is_dir():
            raise WriteError(f"{self.out}: is a directory; name a file")
        try:
            self._lock = locked_folder(self.folder)
            self._check()
        except BlockingIOError:
            raise WriteError(
                f"{self.out}: another run is writing it ({self.folder} is locked);"
                " wait for it, or choose another output"
            ) from None
        except OSError as error:
            raise unwritable(self.out, error) from None
        except WriteError:
            self._unlock()
            raise
        return self

    def _check(self) -> None:
        """Raise WriteError where the folder holds what no run has put there."""
        foreign = sorted(path.name for path in self.folder.iterdir() if not _ours(path))
        if foreign:
            raise WriteError(
                f"{self.folder}: is where {self.out.name} is put together, and holds"
                f" {foreign[0]!r}, which is of no run; move it, or choose another output"
            )

    def __exit__(self, *exception: object) -> None:
        if not self.parts:
            self._clear()
        self._unlock()

    def _unlock(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def start(self, settings: Mapping[str, Any]) -> bool:
        """Begin anew; whether an interrupted run had left something. Raises WriteError."""
        found = read_journal(self.path)
        try:
            for leftover in self.folder.iterdir():
                leftover.unlink()
            self._append({"format": FORMAT, "settings": settings})
        except OSError as error:
            raise unwritable(self.folder, error) from None
        return bool(found and found[1])

    def resume(self, settings: Mapping[str, Any]) -> bool:
        """Take up the finished parts of an interrupted run; False when there is none to take up.

        Raises ConfigurationError, with the reason, when its settings or inputs were others.
        """
        found = read_journal(self.path)
        if found is None:
            return False
        before, parts = found
        if reasons := differences(before, settings):
            self.parts = parts  # they stay, for a run with the settings they were made with
            raise ConfigurationError(
                f"{self.out}: cannot resume: {'; '.join(reasons)};"
                " run with the former settings, or without --resume to start anew"
            )
        self.parts = []
        for part in parts:
            if part.bytes != self._sizes(len(self.parts)):
                break  # lost or cut by a crash that the disk did not survive
            self.parts.append(part)
        self._rewrite(settings)
        return True

    def _rewrite(self, settings: Mapping[str, Any]) -> None:
        """Write the journal afresh, so that a cut-off line does not run into the next."""
        try:
            fresh = self.folder / "journal.new"
            entries = [{"format": FORMAT, "settings": settings}, *map(asdict, self.parts)]
            fresh.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
            _sync(fresh)
            os.replace(fresh, self.path)
            _sync(self.folder)
        except OSError as error:
            raise unwritable(self.path, error) from None

    def part_files(self, index: int) -> tuple[Path, Path]:
        """Paths of a part's records and of its quarantined rows."""
        return (
            self.folder / f"{index:06d}.{self.kind}",
            self.folder / f"{index:06d}.quarantine",
        )

    def _sizes(self, index: int) -> tuple[int, int]:
        try:
            records, rejected = (path.stat().st_size for path in self.part_files(index))
        except OSError:
            return (-1, -1)
        return records, rejected

    def add(self, part: Part) -> None:
        """Note that a part, whose files are on the disk, is finished. Raises WriteError."""
        self.parts.append(part)  # first: an interrupt in between must not have the folder removed
        try:
            _sync(self.folder)
            self._append(asdict(part))
        except OSError as error:
            self.parts.pop()
            raise unwritable(self.path, error) from None

    def _append(self, entry: Mapping[str, Any]) -> None:
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def remove(self) -> None:
        """Remove the folder: the output is published."""
        self._clear()
        self.parts = []

    def _clear(self) -> None:
        """Remove what a run has put into the folder, and the folder unless something is left."""
        with suppress(OSError):
            for path in filter(_ours, self.folder.iterdir()):
                path.unlink()
            self.folder.rmdir()


def _ours(path: Path) -> bool:
    """Whether a file in a folder of parts is one that a run makes."""
    return _OURS.fullmatch(path.name) is not None and path.is_file()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_journal(path: Path) -> tuple[dict[str, Any], list[Part]] | None:
    """Return the settings and the finished parts; None when there is no journal to speak of."""
    try:
        lines = path.read_bytes().split(b"\n")[:-1]  # what has no line end was cut off
    except OSError:
        return None
    entries = []
    for line in lines:
        try:
            entries.append(json.loads(line))
        except ValueError:
            break
    head = entries[0] if entries and isinstance(entries[0], dict) else {}
    if head.get("format") != FORMAT or not isinstance(head.get("settings"), dict):
        return None
    parts = []
    for entry in entries[1:]:
        try:
            parts.append(Part(**{**entry, "bytes": tuple(entry["bytes"])}))
        except (TypeError, KeyError):
            break  # damaged: what follows cannot be trusted
    return head["settings"], parts


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return, in words, where two runs' settings differ.

    >>> differences({"limit": None, "mask": False}, {"limit": 10, "mask": False})
    ['limit was null, is 10']
    """
    before, now = _stored(before), _stored(now)
    keys = [*now, *(key for key in before if key not in now)]
    found = []
    for key in keys:
        old, new = before.get(key), now.get(key)
        if old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            found += [f"{key}.{reason}" for reason in differences(old, new)]
        elif isinstance(old, list) and isinstance(new, list) and key == "inputs":
            found.append(_inputs_differ(old, new))
        else:
            found.append(f"{key} was {_brief(old)}, is {_brief(new)}")
    return found


def _stored(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as a file has them: lists for tuples, and no lone surrogates in paths."""
    text = json.dumps(settings, ensure_ascii=False)
    stored: dict[str, Any] = json.loads(text.encode("utf-8", "replace"))
    return stored


def _inputs_differ(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> str:
    if [item["path"] for item in old] != [item["path"] for item in new]:
        names = [", ".join(item["path"] for item in items) for items in (old, new)]
        return f"inputs were {names[0]}, are {names[1]}"
    changed = next(a["path"] for a, b in zip(old, new, strict=True) if a != b)
    return f"{changed} has changed since"


def _brief(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."

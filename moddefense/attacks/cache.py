"""What a run has finished, kept as it goes, so that an interrupted one goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from moddefense.errors import ReadError, WriteError, at

__all__ = ["Cache"]

_BEGIN = '{"key": '  # of every line


class Cache:
    """Finished parts by key, in memory and, where a file is named, as JSON lines.

    Raises WriteError when the file cannot be opened, ReadError when it is no cache.
    """

    def __init__(self, path: str | Path | None) -> None:
        self.known: dict[str, dict[str, Any]] = {}
        self._file = None
        if path is None:
            return
        path = Path(path)
        try:
            if path.exists():
                self._load(path)
            self._file = path.open("a", encoding="utf-8")
        except UnicodeDecodeError as error:
            raise ReadError(f"{at(path)}not a cache; name another file") from error
        except OSError as error:
            raise WriteError(f"{at(path)}{error.strerror}; name a file for the cache") from error

    def _load(self, path: Path) -> None:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(True), start=1):
            begun = line.startswith(_BEGIN[: len(line)])
            if not line.endswith("\n") and begun:  # a run was interrupted while it wrote
                with path.open("r+b") as file:
                    file.truncate(path.stat().st_size - len(line.encode()))
                return
            try:
                entry = json.loads(line)
                self.known[entry["key"]] = entry["values"]
            except (ValueError, KeyError, TypeError) as error:
                raise ReadError(
                    f"{at(path, number)}not a line of a cache; name another file"
                ) from error

    def add(self, key: str, values: dict[str, Any]) -> None:
        """Keep what ``key`` gave, and write it at once."""
        self.known[key] = values
        if self._file is not None:
            self._file.write(json.dumps({"key": key, "values": values}) + "\n")
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

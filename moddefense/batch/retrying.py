"""Quarantined rows once more: from what quarantine kept of them, else from their source."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from moddefense.batch.delimited import DELIMITERS, delimited_chunks, header_line
from moddefense.batch.lines import encoding_error, json_row, whole_lines
from moddefense.batch.rows import Chunk, Rejection
from moddefense.batch.sources import Source, blocks, locate, open_meter, source_of
from moddefense.errors import ConfigurationError, ModdefenseError, ReadError

__all__ = ["QUARANTINE", "quarantine_chunks", "quarantine_sources"]

QUARANTINE = "quarantine"  # the format of such a file
ROWS = 1024
KEYS = ("source", "row", "error", "error_type", "raw")
FROM_SOURCE = ("decision", "size")  # what is kept of these is not the row as it was stored

Row = tuple["str | None", str] | Rejection
"""Id and text, or why there is none."""


def quarantine_chunks(
    path: str, text_column: str, id_column: str | None, encoding: str, input_format: str | None
) -> Iterator[Chunk]:
    """Read the rows that a quarantine file names, in its order, each with where it is from.

    A row is read from its ``raw``, which may have been mended meanwhile; one whose row is not kept
    there is read from its source again. ``input_format`` is for sources that were standard input.
    Raises ReadError where a line is no quarantine entry.
    """
    reader = _Reader(text_column, id_column, encoding, input_format)
    found = reader.from_sources(entry for entry in _entries(path) if _needs_source(entry))
    chunk = Chunk(ids=[], origins=[])
    for entry in _entries(path):
        place = (entry["source"], entry["row"])
        row = found[place] if _needs_source(entry) else reader.from_raw(entry)
        assert chunk.origins is not None
        chunk.origins.append(place)
        if isinstance(row, Rejection):
            chunk.reject(row.error, row.error_type, row.raw)
        else:
            chunk.add(row[1], row[0])
        if len(chunk) == ROWS:
            yield chunk
            chunk = Chunk(ids=[], origins=[])
    yield chunk


def quarantine_sources(path: str) -> set[str]:
    """Return the sources that a quarantine file names. Raises ReadError as reading it would."""
    return {entry["source"] for entry in _entries(path)}


def _entries(path: str) -> Iterator[dict[str, Any]]:
    try:
        with open(path, "rb") as file:
            for number, line in enumerate(file, 1):
                yield _entry(f"{path}:{number}", line)
    except OSError as error:
        raise ReadError(f"{path}: cannot be read: {error.strerror or error}") from None


def _entry(where: str, line: bytes) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError:
        entry = None
    if (
        not isinstance(entry, dict)
        or not isinstance(entry.get("source"), str)
        or type(entry.get("row")) is not int
        or not isinstance(entry.get("raw"), str | None)
    ):
        raise ReadError(f"{where}: no quarantine entry ({', '.join(KEYS)}); name a quarantine file")
    return entry


def _needs_source(entry: Mapping[str, Any]) -> bool:
    return (
        entry["raw"] is None
        or entry["source"].endswith(".parquet")
        or (entry.get("error_type") in FROM_SOURCE and os.path.isfile(entry["source"]))
    )


class _Reader:
    def __init__(
        self, text_column: str, id_column: str | None, encoding: str, input_format: str | None
    ) -> None:
        self.text_column = text_column
        self.id_column = id_column
        self.encoding = encoding
        self.input_format = input_format
        self.headers: dict[str, bytes] = {}

    def from_sources(self, entries: Iterator[dict[str, Any]]) -> dict[tuple[str, int], Row]:
        """Read the rows of ``entries`` from their sources; one pass over each."""
        wanted: dict[str, set[int]] = {}
        for entry in entries:
            wanted.setdefault(entry["source"], set()).add(entry["row"])
        found: dict[tuple[str, int], Row] = {}
        for name, rows in wanted.items():
            gone = Rejection("the row is not in its source any more", "missing", None)
            found.update({(name, row): gone for row in rows})
            try:
                for row, what in self._rows(locate(name, input_format=self.input_format), rows):
                    found[name, row] = what
            except ModdefenseError as error:
                lost = Rejection(f"its source cannot be read: {error}", "missing", None)
                found.update({(name, row): lost for row in rows})
        return found

    def _rows(self, source: Source, rows: set[int]) -> Iterator[tuple[int, Row]]:
        from moddefense.batch.reading import Columns, open_chunks

        meter = open_meter(source)
        try:
            begin = 0
            columns = Columns(self.text_column, self.id_column, self.encoding)
            for chunk in open_chunks(source, meter, columns):
                for row in rows.intersection(range(begin, begin + len(chunk))):
                    yield row, _row(chunk, row - begin)
                begin += len(chunk)
        finally:
            meter.close()

    def from_raw(self, entry: Mapping[str, Any]) -> Row:
        """Read a row from what was kept of it."""
        name, kept = entry["source"], entry["raw"]
        if entry.get("error_type") in FROM_SOURCE:
            return None, kept
        raw = kept.encode("utf-8", "surrogatepass")
        if entry.get("error_type") == "encoding":
            raw = re.sub(
                rb"\\(\\|x([0-9a-f]{2}))",
                lambda match: bytes([int(match[2], 16)]) if match[2] else b"\\",
                raw,
            )
        try:
            stored = raw if entry.get("error_type") != "encoding" else raw.decode(self.encoding)
            line = stored.encode() if isinstance(stored, str) else stored
            line.decode()
        except UnicodeError:
            return Rejection(encoding_error(raw), "encoding", raw)
        try:
            return self._parsed(name, line)
        except ModdefenseError as error:
            return Rejection(str(error), str(entry.get("error_type")), raw)

    def _parsed(self, name: str, line: bytes) -> Row:
        kind = source_of(name, input_format=self.input_format).format
        if kind == "txt":
            return None, line.decode().removesuffix("\r")
        chunk = Chunk(ids=[])
        if kind == "jsonl":
            json_row(chunk, line, line.decode(), self.text_column, self.id_column or "id")
        elif kind in DELIMITERS:
            data = self._header(name) + b"\n" + line + b"\n"
            chunks = list(
                delimited_chunks(
                    name, iter([data]), self.text_column, self.id_column,
                    delimiter=DELIMITERS[kind],
                )
            )  # fmt: skip
            if sum(map(len, chunks)) == 1:
                chunk = next(piece for piece in chunks if len(piece))
        if len(chunk) != 1:
            return Rejection("not one row", "syntax", line)
        return _row(chunk, 0)

    def _header(self, name: str) -> bytes:
        if name not in self.headers:
            source = locate(name, input_format=self.input_format)
            if not source.rereadable:
                raise ConfigurationError(f"{name}: its header line is not there any more")
            meter = open_meter(source)
            try:
                lines = whole_lines(name, blocks(source, meter), self.encoding)
                self.headers[name] = header_line(name, lines, DELIMITERS[source.format])
            finally:
                meter.close()
        return self.headers[name]


def _row(chunk: Chunk, index: int) -> Row:
    text = chunk.texts[index]
    if text is None:
        return chunk.rejected[index]
    return (None if chunk.ids is None else chunk.ids[index]), text

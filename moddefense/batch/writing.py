"""Records out: tables of decisions as JSON lines, CSV or Parquet."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from moddefense.batch.keeping import is_json, plain
from moddefense.errors import ConfigurationError, ReadError, WriteError

if TYPE_CHECKING:
    from moddefense.batch.deciding import Form
    from moddefense.batch.job import Screener

__all__ = [
    "OUTPUTS",
    "Output",
    "encode",
    "head",
    "kept_names",
    "output_format",
    "read_part",
    "schema_of",
    "table_of",
    "unwritable",
    "write_part",
]

OUTPUTS = ("jsonl", "csv", "parquet")
FIELDS = (
    "id", "decision", "decided_by", "trigger", "score", "uncertainty", "labels", "matches",
    "reason", "text", "masked", "attributions", "shadow",
)  # fmt: skip
ROW_GROUP = 1 << 16  # rows in a row group of the merged Parquet file
ROW_GROUP_BYTES = 128 << 20  # or as many bytes of them in memory


def output_format(path: str | os.PathLike[str]) -> str:
    """Return the format that the name of an output asks for.

    Raises ConfigurationError when the extension is none of OUTPUTS.

    >>> output_format("decisions.parquet")
    'parquet'
    """
    kind = Path(path).suffix.lower()[1:]
    if kind not in OUTPUTS:
        raise ConfigurationError(
            f"{path}: unknown output extension; known are {' '.join('.' + k for k in OUTPUTS)}"
        )
    return kind


# Kept columns of Parquet can be dates, decimals or bytes.
_dumps = json.JSONEncoder(ensure_ascii=False, default=str).encode


def unwritable(path: object, error: OSError) -> WriteError:
    """Return the error for an output that cannot be written."""
    return WriteError(f"{path}: cannot be written: {error.strerror or error}")


def encode(table: pa.Table, kind: str) -> bytes:
    r"""Return records as a piece of an output or, for Parquet, of a part: an Arrow stream.

    JSON lines and CSV are UTF-8; null is ``null`` or an empty field. In CSV, nested fields are
    JSON, and the line of names is what ``head`` gives. Pieces in a row are a longer piece.
    """
    table = _ordered(table)
    if kind == "parquet":
        return _stream(_storable(table))
    if kind == "csv":
        table = plain(table)
    names, rows = table.column_names, _rows(table)
    if kind == "jsonl":
        text = "".join([_dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows])
        return text.encode("utf-8", "replace")
    return _csv([_dumps(v) if isinstance(v, dict | list) else v for v in row] for row in rows)


def head(empty: pa.Table, kind: str) -> bytes:
    """Return what stands before the first record, given a table without any."""
    return _csv([_ordered(empty).column_names]) if kind == "csv" else b""


def schema_of(guard: Screener, form: Form) -> pa.Schema:
    """Return the schema of the records."""
    empty = guard.screen([]).to_arrow([], include_text=form.include_text, mask=form.mask)
    return _storable(_ordered(empty)).schema


def table_of(data: bytes, schema: pa.Schema) -> pa.Table:
    """Return the records of a piece that was encoded for Parquet."""
    return pa.Table.from_batches(_batches(pa.BufferReader(data)), schema)


def kept_names(names: Sequence[str]) -> list[str]:
    """Return the names of input columns as they are in the output, where some names are taken.

    >>> kept_names(["likes", "score"])
    ['likes', 'input_score']
    """
    kept: list[str] = []
    for name in names:
        while name in FIELDS or name in kept:
            name = "input_" + name
        kept.append(name)
    return kept


def write_part(path: Path, data: bytes) -> None:
    """Write a file and wait until it is on the disk. Raises WriteError."""
    try:
        with open(path, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise unwritable(path, error) from None


def read_part(path: Path) -> bytes:
    """Return what ``write_part`` wrote. Raises ReadError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ReadError(f"{path}: cannot be read: {error.strerror or error}") from None


class Output:
    """An output while it grows: pieces of records in their order, in one file.

    Use it in a ``with`` statement, and ``close`` it when all is there. ``empty`` gives the table of
    no records; it is asked for when there are some, or at the end. Raises WriteError.
    """

    def __init__(self, path: Path, kind: str, empty: Callable[[], pa.Table]) -> None:
        self.path = path
        self.kind = kind
        self._empty = empty
        self._begun = False
        self._parquet: _RowGroups | None = None

    def __enter__(self) -> Output:
        try:
            self._file = open(self.path, "wb")
        except OSError as error:
            raise unwritable(self.path, error) from None
        return self

    def __exit__(self, *exception: object) -> None:
        with suppress(OSError):  # what could not be written was told
            if self._parquet is not None:
                self._parquet.writer.close()  # else it would do so when the file is closed
            self._file.close()

    def add(self, data: bytes) -> None:
        """Append a piece, as ``encode`` made it."""
        if not data:
            return
        try:
            self._begin()
            if self._parquet is not None:
                for batch in _batches(pa.BufferReader(data)):
                    self._parquet.add(batch)
            else:
                self._file.write(data)
        except OSError as error:
            raise unwritable(self.path, error) from None

    def close(self) -> None:
        """Write what is left, and wait until all is on the disk."""
        try:
            self._begin()
            if self._parquet is not None:
                self._parquet.close()
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise unwritable(self.path, error) from None

    def _begin(self) -> None:
        if self._begun:
            return
        self._begun = True
        if self.kind == "parquet":
            self._parquet = _RowGroups(self._file, _storable(_ordered(self._empty())).schema)
        else:
            self._file.write(head(self._empty(), self.kind))


class _RowGroups:
    """Record batches into the row groups of a Parquet file."""

    def __init__(self, file: IO[bytes], schema: pa.Schema) -> None:
        self.writer = pq.ParquetWriter(file, schema, compression="zstd")
        self.held: list[pa.RecordBatch] = []
        self.rows = self.size = 0

    def add(self, batch: pa.RecordBatch) -> None:
        self.held.append(batch)
        self.rows += batch.num_rows
        self.size += batch.nbytes
        if self.rows >= ROW_GROUP or self.size >= ROW_GROUP_BYTES:
            self._write()

    def _write(self) -> None:
        table = pa.Table.from_batches(self.held, self.writer.schema)
        self.writer.write_table(table.combine_chunks())
        self.held, self.rows, self.size = [], 0, 0

    def close(self) -> None:
        if self.held:
            self._write()
        self.writer.close()


def _batches(file: pa.NativeFile) -> Iterator[pa.RecordBatch]:
    """Read Arrow streams that lie one behind the other."""
    while file.tell() < file.size():
        with pa.ipc.open_stream(file) as reader:
            yield from reader


def _stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _ordered(table: pa.Table) -> pa.Table:
    known = [name for name in FIELDS if name in table.column_names]
    return table.select(known + [name for name in table.column_names if name not in FIELDS])


def _rows(table: pa.Table) -> Iterator[tuple[Any, ...]]:
    columns = []
    for field, column in zip(table.schema, table.columns, strict=True):
        values = column.to_pylist()
        if is_json(field):
            values = [None if value is None else json.loads(value) for value in values]
        elif pa.types.is_map(column.type):
            values = [None if value is None else dict(value) for value in values]
        columns.append(values)
    return zip(*columns, strict=True)


def _csv(rows: Iterable[Sequence[Any]]) -> bytes:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue().encode("utf-8", "replace")


def _storable(table: pa.Table) -> pa.Table:
    """Return the table with one schema for all batches: label names as the keys of a map.

    A batch that never reached the classifier has no label names, so that they cannot be fields.
    """
    table = plain(table)
    if "labels" not in table.column_names:
        return table
    at = table.column_names.index("labels")
    kind = pa.map_(pa.string(), pa.float64())
    if table.column(at).type == kind:
        return table
    values = [
        None if labels is None else list(dict(labels).items())
        for labels in table.column(at).to_pylist()
    ]
    return table.set_column(at, pa.field("labels", kind), pa.array(values, kind))

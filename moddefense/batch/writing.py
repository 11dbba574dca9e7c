"""Records out: tables of decisions as JSON lines, CSV or Parquet."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from moddefense.errors import ConfigurationError, WriteError

__all__ = ["OUTPUTS", "encode", "merge", "output_format", "unwritable", "write_part"]

OUTPUTS = ("jsonl", "csv", "parquet")
FIELDS = (
    "id", "decision", "decided_by", "trigger", "score", "uncertainty", "labels", "matches",
    "reason", "text", "masked", "attributions",
)  # fmt: skip
ROW_GROUP = 1 << 17  # rows in a row group of the merged Parquet file
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


def unwritable(path: object, error: OSError) -> WriteError:
    """Return the error for an output that cannot be written."""
    return WriteError(f"{path}: cannot be written: {error.strerror or error}")


def _ordered(table: pa.Table) -> pa.Table:
    known = [name for name in FIELDS if name in table.column_names]
    return table.select(known + [name for name in table.column_names if name not in FIELDS])


def _columns(table: pa.Table) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
    table = _ordered(table)
    columns = []
    for column in table.columns:
        values = column.to_pylist()
        if pa.types.is_map(column.type):
            values = [None if value is None else dict(value) for value in values]
        columns.append(values)
    return table.column_names, zip(*columns, strict=True)


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def encode(table: pa.Table, kind: str, *, header: bool = False) -> bytes:
    """Return the records as UTF-8, as JSON lines or CSV; null is ``null`` or an empty field.

    In CSV, nested fields are JSON. ``header`` puts the line of names before the CSV.
    """
    names, rows = _columns(table)
    if kind == "jsonl":
        text = "".join([_dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows])
        return text.encode("utf-8", "replace")
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    if header:
        writer.writerow(names)
    for row in rows:
        writer.writerow([_dumps(v) if isinstance(v, dict | list) else v for v in row])
    return buffer.getvalue().encode("utf-8", "replace")


def write_part(path: Path, tables: Sequence[pa.Table], kind: str) -> None:
    """Write tables to a part file and wait until it is on the disk. Raises WriteError.

    A part of CSV has the header, so that it can be read by itself.
    """
    try:
        with open(path, "wb") as file:
            if kind == "parquet":
                pq.write_table(pa.concat_tables([_storable(t) for t in tables]), file)
            else:
                for index, table in enumerate(tables):
                    file.write(encode(table, kind, header=index == 0))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise unwritable(path, error) from None


def merge(parts: Sequence[Path], out: Path, kind: str) -> None:
    """Join the part files, at least one, in their order. Raises WriteError."""
    try:
        with open(out, "wb") as file:
            if kind == "parquet":
                _merge_parquet(parts, file)
            else:
                for index, part in enumerate(parts):
                    with open(part, "rb") as piece:
                        if kind == "csv" and index:
                            piece.readline()  # the header has no quoted newline
                        shutil.copyfileobj(piece, file, 1 << 20)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise unwritable(out, error) from None


def _merge_parquet(parts: Sequence[Path], file: Any) -> None:
    held: list[pa.Table] = []
    with pq.ParquetWriter(file, pq.read_schema(parts[0]), compression="zstd") as writer:
        for part in parts:
            held.append(pq.read_table(part))
            if (
                sum(table.num_rows for table in held) >= ROW_GROUP
                or sum(table.nbytes for table in held) >= ROW_GROUP_BYTES
            ):
                writer.write_table(pa.concat_tables(held))
                held.clear()
        if held:
            writer.write_table(pa.concat_tables(held))


def _storable(table: pa.Table) -> pa.Table:
    """Return the table with one schema for all batches: label names as the keys of a map.

    A batch that never reached the classifier has no label names, so that they cannot be fields.
    """
    table = _ordered(table)
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

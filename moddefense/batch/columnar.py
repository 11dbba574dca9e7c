"""Parquet: the two columns that are needed, a row group's worth at a time at most."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from moddefense.batch.rows import Chunk, column_index, identifier
from moddefense.batch.sources import BLOCK, Meter, Source, open_meter
from moddefense.errors import ConfigurationError, ReadError

__all__ = ["parquet_chunks", "parquet_rows"]

ROWS = 1024  # rows decoded at a time
DAMAGE = (OSError, pa.ArrowException, ValueError)


def parquet_chunks(
    source: Source,
    meter: Meter,
    text_column: str,
    id_column: str | None,
    *,
    keep: bool = False,
) -> Iterator[Chunk]:
    """Read the rows of a Parquet file; one on stdin is spooled to a temporary file first.

    The footer is read at once: raises ReadError when there is none, ConfigurationError when a
    column is missing or the text column holds no strings.
    """
    if not source.rereadable:
        meter.stream = _spooled(meter)  # the meter closes it
    stream = meter.stream
    if stream.seek(0, 2) == 0:
        raise ReadError(f"{source.name}: empty file: no Parquet in it")
    stream.seek(0)
    try:
        file = pq.ParquetFile(stream if source.remote or not source.rereadable else source.path)
        schema = file.schema_arrow
    except DAMAGE as error:
        raise _damaged(source.name, error) from None
    text_at = column_index(source.name, schema.names, text_column, "--text-column")
    columns = [text_column]
    if id_column is not None or "id" in schema.names:
        columns.append(id_column or "id")
        column_index(source.name, schema.names, columns[1], "--id-column")
    _check_type(source.name, text_column, schema.field(text_at).type)
    others = [name for name in schema.names if name not in columns] if keep else None
    return _metered(_chunks(source.name, file, columns, others), source, meter, file)


def parquet_rows(source: Source) -> int:
    """Return the number of rows of a Parquet file, from its footer. Raises ReadError."""
    meter = open_meter(source)
    try:
        return int(pq.ParquetFile(meter.stream).metadata.num_rows)
    except DAMAGE as error:
        raise _damaged(source.name, error) from None
    finally:
        meter.close()


def _metered(
    chunks: Iterator[Chunk], source: Source, meter: Meter, file: pq.ParquetFile
) -> Iterator[Chunk]:
    """Tell the meter how far reading is, by rows: pyarrow reads the file itself."""
    size = source.size if source.rereadable else 0
    rows, done = file.metadata.num_rows, 0
    for chunk in chunks:
        yield chunk
        done += len(chunk)
        if source.rereadable:
            meter.bytes = size * done // max(rows, 1)


def _spooled(meter: Meter) -> IO[bytes]:
    spool = tempfile.TemporaryFile()  # noqa: SIM115
    while data := meter.read(BLOCK):
        spool.write(data)
    return spool


def _damaged(name: str, error: BaseException, after: str = "") -> ReadError:
    why = " ".join(str(error).split())[:200]
    return ReadError(f"{name}: truncated or damaged Parquet{after}: {why}; fetch the file again")


def _check_type(name: str, column: str, kind: pa.DataType) -> None:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if not (_is_text(kind) or _is_binary(kind) or pa.types.is_null(kind)):
        raise ConfigurationError(
            f"{name}: column {column!r} holds {kind}, not strings (choose with --text-column)"
        )


def _is_text(kind: pa.DataType) -> bool:
    return kind in (pa.string(), pa.large_string(), pa.string_view())


def _is_binary(kind: pa.DataType) -> bool:
    return kind in (pa.binary(), pa.large_binary(), pa.binary_view())


def _chunks(
    name: str, file: pq.ParquetFile, columns: list[str], others: list[str] | None
) -> Iterator[Chunk]:
    done = 0
    try:
        for batch in _batches(file, [*columns, *(others or [])]):
            chunk = Chunk()
            if others is not None:
                chunk.kept = pa.Table.from_batches([batch]).select(others)
            if len(columns) > 1:
                chunk.ids = [identifier(value) for value in _id_values(batch.column(columns[1]))]
            values = _values(batch.column(columns[0]))
            if set(map(type, values)) == {str}:
                chunk.texts = values
            else:
                for index, value in enumerate(values):
                    _add(chunk, index, value, columns[0])
            done += len(chunk)
            yield chunk
    except DAMAGE as error:
        raise _damaged(name, error, f" after row {done:,}") from None


def _batches(file: pq.ParquetFile, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """Iterate one row group after the other: over all at once, pyarrow keeps what it has read."""
    names = list(dict.fromkeys(columns))
    for group in range(file.num_row_groups):
        yield from file.iter_batches(ROWS, [group], names, use_threads=False)


def _add(chunk: Chunk, index: int, value: Any, column: str) -> None:
    if isinstance(value, bytes):
        try:
            value = value.decode("utf-8")
        except UnicodeDecodeError as error:
            _reject(chunk, index, f"not valid UTF-8 at byte {error.start}", "encoding", value)
            return
    if value is None:
        _reject(chunk, index, f"{column!r} is null", "missing", None)
    else:
        chunk.texts.append(value)


def _reject(chunk: Chunk, index: int, error: str, error_type: str, raw: bytes | None) -> None:
    ids, chunk.ids = chunk.ids, None  # the ids are there already
    chunk.reject(error, error_type, raw)
    chunk.ids = ids


def _values(array: pa.Array) -> list[Any]:
    """Return Python values; bytes where strings are not valid UTF-8."""
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    try:
        return list(array.to_pylist())
    except UnicodeDecodeError:
        binary = pa.large_binary() if pa.types.is_large_string(array.type) else pa.binary()
        return list(array.cast(binary).to_pylist())


def _id_values(array: pa.Array) -> list[Any]:
    kind = array.type
    if not (_is_text(kind) or pa.types.is_integer(kind) or pa.types.is_nested(kind)):
        try:
            array = array.cast(pa.string())
        except pa.ArrowException:
            return [None if value is None else str(value) for value in array.to_pylist()]
    values = _values(array)
    return [v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in values]

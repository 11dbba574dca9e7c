"""The other columns of the inputs, carried through to the output in their order.

CSV has strings and Parquet has its own types. The values of JSON lines can be anything, row by row:
their columns hold JSON until the output's format is known, and their fields are marked so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

__all__ = ["conformed", "is_json", "json_table", "plain", "string_table", "united"]

_MARK = {b"moddefense": b"json"}


def string_table(names: Sequence[str], rows: Sequence[Sequence[str] | None]) -> pa.Table:
    """Return rows of strings as a table; a row that is None has nulls."""
    nothing = [None] * len(names)
    columns = list(zip(*[row or nothing for row in rows], strict=True)) or [()] * len(names)
    arrays = [pa.array(column, pa.string()) for column in columns]
    return pa.Table.from_arrays(arrays, list(names))


def json_table(names: Sequence[str], rows: Sequence[Mapping[str, Any] | None]) -> pa.Table:
    """Return the values of JSON objects as a table of JSON; what an object lacks is null."""
    columns = [
        [None if row is None or name not in row else _dumps(row[name]) for row in rows]
        for name in names
    ]
    fields = [pa.field(name, pa.string(), metadata=_MARK) for name in names]
    arrays = [pa.array(column, pa.string()) for column in columns]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def _dumps(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text.encode("utf-8", "replace").decode()


def is_json(field: pa.Field) -> bool:
    """Whether a column holds JSON from which the values are still to be taken."""
    return field.metadata is not None and field.metadata.get(b"moddefense") == b"json"


def plain(table: pa.Table) -> pa.Table:
    """Return the table with columns of JSON as strings: those that were strings as they are."""
    for at, field in enumerate(table.schema):
        if is_json(field):
            values = [_string(value) for value in table.column(at).to_pylist()]
            strings = pa.array(values, pa.string())
            table = table.set_column(at, pa.field(field.name, pa.string()), strings)
    return table


def _string(value: str | None) -> str | None:
    if value is None or value == "null":
        return None
    inner = json.loads(value)
    return inner if isinstance(inner, str) else value


def united(schemas: Sequence[pa.Schema]) -> pa.Schema:
    """Return the columns of all schemas; one that differs between them becomes a string.

    >>> united([pa.schema({"a": pa.int64()}), pa.schema({"b": pa.int8(), "a": pa.int64()})]).names
    ['a', 'b']
    """
    fields: dict[tuple[str, int], pa.Field] = {}
    for schema in schemas:
        seen: dict[str, int] = {}
        for field in schema:
            nth = seen[field.name] = seen.get(field.name, -1) + 1
            known = fields.setdefault((field.name, nth), field)
            if (
                not known.equals(field, check_metadata=True) and known.type != field.type
            ) or is_json(known) != is_json(field):
                fields[field.name, nth] = pa.field(field.name, pa.string())
    return pa.schema(list(fields.values()))


def conformed(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return the table with the columns of ``schema``; what it lacks is null."""
    if table.schema.equals(schema, check_metadata=True):
        return table
    names = table.column_names
    columns = []
    seen: dict[str, int] = {}
    for field in schema:
        nth = seen[field.name] = seen.get(field.name, -1) + 1
        places = [at for at, name in enumerate(names) if name == field.name]
        if nth >= len(places):
            columns.append(pa.nulls(table.num_rows, field.type))
            continue
        piece = table.select([places[nth]])
        if not is_json(field):
            piece = plain(piece)
        column = piece.column(0)
        columns.append(column if column.type == field.type else _cast(column, field.type))
    return pa.Table.from_arrays(columns, schema=schema)


def _cast(column: pa.ChunkedArray, kind: pa.DataType) -> Any:
    try:
        return column.cast(kind)
    except pa.ArrowException:
        values = [None if v is None else json.dumps(v, default=str) for v in column.to_pylist()]
        return pa.array(values, kind)

"""Messages between the processes of a run: a JSON header, and blobs behind it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

__all__ = ["pack", "packed_strings", "unpack", "unpacked_strings"]

_SIZE = 4  # bytes of the header's length


def pack(header: dict[str, Any], *blobs: bytes) -> bytes:
    """Return one message.

    >>> unpack(pack({"n": 1}, b"ab", b"c"))
    ({'n': 1}, [b'ab', b'c'])
    """
    head = json.dumps({**header, "blobs": [len(blob) for blob in blobs]}).encode()
    return b"".join((len(head).to_bytes(_SIZE, "big"), head, *blobs))


def unpack(message: bytes) -> tuple[dict[str, Any], list[bytes]]:
    """Return the header and the blobs of a message."""
    at = _SIZE + int.from_bytes(message[:_SIZE], "big")
    header: dict[str, Any] = json.loads(message[_SIZE:at])
    blobs = []
    for size in header.pop("blobs"):
        blobs.append(message[at : at + size])
        at += size
    return header, blobs


def packed_strings(columns: Mapping[str, Sequence[str]], beside: pa.Table | None = None) -> bytes:
    """Return columns of strings, and those of a table as long as they are, as an Arrow stream."""
    arrays: dict[str, Any] = {
        name: pa.array(values, pa.large_string()) for name, values in columns.items()
    }
    table = pa.table(arrays)
    for name in beside.column_names if beside is not None else ():
        assert beside is not None
        table = table.append_column(beside.schema.field(name), beside.column(name))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def unpacked_strings(data: bytes, names: Sequence[str]) -> tuple[list[list[str]], pa.Table | None]:
    """Return the columns of ``names`` as lists, and the table of the others, None without any."""
    with pa.ipc.open_stream(pa.py_buffer(data)) as reader:
        table: pa.Table = reader.read_all()
    n = len(names)
    columns = [table.column(index).to_pylist() for index in range(n)]
    rest = table.select(list(range(n, table.num_columns))) if table.num_columns > n else None
    return columns, rest

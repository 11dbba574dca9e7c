r"""Bytes to lines, and the readers of text and JSON lines.

Only ``\n`` and ``\r\n`` end a line: a form feed or U+2028 in a comment is part of the comment.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import Any

from moddefense.batch.rows import MAX_ROW, Chunk, identifier, missing_column, scrub
from moddefense.errors import ConfigurationError, ReadError

__all__ = [
    "check_encoding",
    "encoding_error",
    "json_chunks",
    "json_row",
    "text_chunks",
    "whole_lines",
]

PROBED = 1000  # rows looked at before a key that none has counts as missing
INVALID = b"\xff"  # what an undecodable piece becomes: a byte that UTF-8 never has


def check_encoding(encoding: str) -> str:
    """Return the codec's canonical name. Raises ConfigurationError when there is none."""
    try:
        "".encode(encoding)  # refuses what is a codec but no text encoding, such as base64
        return codecs.lookup(encoding).name
    except (LookupError, ValueError):
        raise ConfigurationError(
            f"--encoding {encoding}: no such text encoding; utf-8, utf-16, cp1252, latin-1, … are"
        ) from None


def whole_lines(name: str, blocks: Iterator[bytes], encoding: str = "utf-8") -> Iterator[bytes]:
    """Yield UTF-8 blocks that end with a line end, the last one perhaps without; no BOM.

    Invalid bytes stay invalid: other encodings are transcoded, and what cannot be becomes a byte
    that is not valid UTF-8. Of a line over ``MAX_ROW`` bytes only ``MAX_ROW + 1`` are kept.
    """
    blocks = _recoded(name, blocks, encoding)
    carry: list[bytes] = []
    size = 0
    for block in blocks:
        cut = block.rfind(b"\n") + 1
        if not cut:
            if size <= MAX_ROW:
                carry.append(block[: MAX_ROW + 1 - size])
                size += len(carry[-1])
            continue
        if carry:
            first = block.find(b"\n") + 1
            kept = first if size + first <= MAX_ROW else max(0, MAX_ROW + 1 - size)
            ending = b"" if kept == first else b"\n"
            yield b"".join(carry) + block[:kept] + ending + block[first:cut]
        else:
            yield block[:cut]
        carry = [block[cut:]] if cut < len(block) else []
        size = len(block) - cut
    if carry:
        yield b"".join(carry)


def _recoded(name: str, blocks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    encoding = check_encoding(encoding)
    if encoding not in ("utf-8", "utf-8-sig"):
        yield from _transcoded(name, blocks, encoding)
        return
    head = b""
    for block in blocks:
        head += block
        if len(head) >= 4:  # no more, lest a pipe be waited for
            break
    start = head[:64]
    utf16 = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if utf16 and start.count(0) * 4 >= len(start):
        raise ConfigurationError(f"{name}: this is UTF-16 text; give --encoding utf-16")
    if head := head.removeprefix(codecs.BOM_UTF8):
        yield head
    yield from blocks


def _transcoded(name: str, blocks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)(_MARK)
    try:
        first = True
        for block in blocks:
            text = decoder.decode(block)
            if first and text:
                text, first = text.removeprefix("\ufeff"), False
            if text:
                yield text.encode("utf-8", _MARK)
        if text := decoder.decode(b"", True):
            yield text.encode("utf-8", _MARK)
    except (UnicodeError, ValueError) as error:
        raise ReadError(f"{name}: cannot be read as {encoding}: {error}") from None


def _mark_invalid(error: UnicodeError) -> tuple[str | bytes, int]:
    if isinstance(error, UnicodeDecodeError):
        return "\udcff", error.end
    if isinstance(error, UnicodeEncodeError):
        return INVALID * (error.end - error.start), error.end
    raise error


_MARK = "moddefense.mark"
codecs.register_error(_MARK, _mark_invalid)


def _split(block: bytes) -> list[bytes]:
    lines = block.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return lines


def _decoded(block: bytes) -> Iterator[tuple[bytes, str | None]]:
    """Yield each line without its end: as stored, and as text (None where it is not UTF-8)."""
    raw = _split(block)
    ended = block.endswith(b"\n")
    try:
        texts: list[str | None] = list(block.decode("utf-8").split("\n")[: len(raw)])
    except UnicodeDecodeError:
        texts = [_try_decode(line) for line in raw]
    last = len(raw) - 1
    for index, (line, text) in enumerate(zip(raw, texts, strict=True)):
        if line.endswith(b"\r") and (index < last or ended):
            yield line, text if text is None else text[:-1]
        else:
            yield line, text


def _try_decode(line: bytes) -> str | None:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return None


def encoding_error(line: bytes) -> str:
    """Return where the line stops being valid."""
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as error:
        return f"not valid in its encoding at byte {error.start} of the row"
    return "not valid in its encoding"


def text_chunks(lines: Iterator[bytes]) -> Iterator[Chunk]:
    """Read text: every line is a text, empty ones too."""
    for block in lines:
        chunk = Chunk()
        for line, text in _decoded(block):
            if len(line) > MAX_ROW:
                chunk.reject(f"a line over {MAX_ROW >> 20} MiB", "size", line)
            elif text is None:
                chunk.reject(encoding_error(line), "encoding", line)
            else:
                chunk.texts.append(text)
        yield chunk


def json_chunks(
    name: str,
    lines: Iterator[bytes],
    text_column: str,
    id_column: str | None,
    *,
    keep: bool = False,
) -> Iterator[Chunk]:
    """Read JSON lines; lines of nothing but white space are no rows.

    ``id_column`` None means the key ``id`` where a row has it. ``keep`` carries the other keys,
    those that the first 1,000 rows have. Raises ConfigurationError when the objects among the first
    1,000 rows all lack the text column, or an id column that was asked for.
    """
    wanted = [(text_column, "--text-column")]
    if id_column is not None:
        wanted.append((id_column, "--id-column"))
    keys: dict[str, None] = {}
    rows = 0
    held: list[Chunk] = []
    kept = _Kept(text_column, id_column or "id") if keep else None
    for block in lines:
        chunk = Chunk(ids=[])
        objects: dict[int, dict[str, Any]] = {}
        for line, text in _decoded(block):
            row = json_row(chunk, line, text, text_column, id_column or "id")
            if kept is not None and row is not None:
                objects[len(chunk) - 1] = row
            if wanted and row is not None:
                wanted = [(column, option) for column, option in wanted if column not in row]
                keys.update(dict.fromkeys(list(row)[:100]))
        rows += len(chunk)
        if kept is not None:
            kept.add(chunk, objects)
        if (wanted or kept is not None) and rows < PROBED:
            held.append(chunk)
            continue
        if wanted and keys:
            break
        wanted = []
        yield from _with(kept, [*held, chunk])
        held = []
    if wanted and keys:
        raise missing_column(name, wanted[0][0], list(keys), wanted[0][1])
    yield from _with(kept, held)


class _Kept:
    """The other keys of the objects: the names once the first rows are read, and the values."""

    def __init__(self, *without: str) -> None:
        self.without = without
        self.names: dict[str, None] = {}
        self.fixed = False
        self.held: list[tuple[Chunk, dict[int, dict[str, Any]]]] = []

    def add(self, chunk: Chunk, objects: dict[int, dict[str, Any]]) -> None:
        if not self.fixed:
            for row in objects.values():
                self.names.update(dict.fromkeys(key for key in row if key not in self.without))
        self.held.append((chunk, objects))

    def settle(self) -> None:
        from moddefense.batch.keeping import json_table

        self.fixed = True
        names = [scrub(name) for name in self.names]
        for chunk, objects in self.held:
            rows = [objects.get(index) for index in range(len(chunk))]
            chunk.kept = json_table(list(self.names), rows).rename_columns(names)
        self.held = []


def _with(kept: _Kept | None, chunks: list[Chunk]) -> Iterator[Chunk]:
    if kept is not None:
        kept.settle()
    return iter(chunks)


def json_row(
    chunk: Chunk, line: bytes, text: str | None, text_column: str, id_column: str
) -> dict[str, Any] | None:
    """Add the row to the chunk, unless the line is blank; return the object, if it is one."""
    if len(line) > MAX_ROW:
        chunk.reject(f"a line over {MAX_ROW >> 20} MiB", "size", line)
        return None
    if text is None:
        chunk.reject(encoding_error(line), "encoding", line)
        return None
    if not text.strip(" \t\r"):
        return None
    try:
        row = json.loads(text)
    except RecursionError:
        chunk.reject("JSON nested too deeply", "syntax", line)
        return None
    except ValueError as error:
        chunk.reject(f"not JSON: {_json_reason(error)}", "syntax", line)
        return None
    if not isinstance(row, dict):
        chunk.reject(f"a JSON {_json_type(row)}, not an object", "syntax", line)
        return None
    if text_column not in row:
        chunk.reject(f"no key {text_column!r}", "missing", line)
        return row
    value = row[text_column]
    if isinstance(value, str):
        chunk.add(scrub(value), identifier(row.get(id_column)))
    elif value is None:
        chunk.reject(f"{text_column!r} is null", "missing", line)
    else:
        chunk.reject(f"{text_column!r} is a {_json_type(value)}, not a string", "type", line)
    return row


def _json_reason(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos}"
    return str(error)


def _json_type(value: object) -> str:
    if value is None:
        return "null"
    names: list[tuple[type, str]] = [
        (bool, "boolean"), (str, "string"), (list, "array"), (dict, "object")
    ]  # fmt: skip
    return next((name for kind, name in names if isinstance(value, kind)), "number")

"""CSV and TSV, row by row: a broken row is quarantined with its bytes, and reading goes on.

Python's csv parser (strict) does the parsing. It is fed line by line, so that it is known which
lines a record came from. After an error only the first line of the record is given up and parsing
starts again at the next one: a quote that is never closed costs its own row, not the rest.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator

from moddefense.batch.lines import encoding_error
from moddefense.batch.rows import MAX_ROW, Chunk, column_index
from moddefense.errors import ReadError

__all__ = ["DELIMITERS", "delimited_chunks", "header_line"]

DELIMITERS = {"csv": ",", "tsv": "\t"}
ROWS = 4096  # rows in a chunk at most


class _Feed:
    """The lines for the parser, kept until their record is done."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self.blocks = blocks
        self.lines: list[str] = []
        self.at = 0  # next line to hand out
        self.start = 0  # first line of the record being read
        self.suspect = False  # whether some line held has invalid bytes, as surrogates

    def __iter__(self) -> Iterator[str]:
        size = 0
        begun = -1
        while self.at < len(self.lines) or self._more():
            if begun != self.start:
                begun, size = self.start, 0
            line = self.lines[self.at]
            self.at += 1
            size += len(line)
            if size > MAX_ROW:
                raise csv.Error(f"a record over {MAX_ROW >> 20} MiB")
            yield line

    def _more(self) -> bool:
        block = next(self.blocks, None)
        if block is None:
            return False
        try:
            text = block.decode("utf-8")
        except UnicodeDecodeError:
            text = block.decode("utf-8", "surrogateescape")
            self.suspect = True
        lines = text.split("\n")
        last = lines.pop()
        self.lines.extend([line + "\n" for line in lines])
        if last:
            self.lines.append(last)
        return True

    def raw(self) -> bytes:
        """The current record as it was stored, without the line end."""
        data = "".join(self.lines[self.start : self.at]).encode("utf-8", "surrogateescape")
        return data.removesuffix(b"\n").removesuffix(b"\r")

    def drop(self) -> None:
        """Forget the lines of finished records."""
        del self.lines[: self.at]
        self.at = self.start = 0
        if not self.lines:
            self.suspect = False


class _Records:
    """Records of a feed, each a list of fields or the error that broke it."""

    def __init__(self, lines: Iterator[bytes], delimiter: str) -> None:
        self.feed = _Feed(lines)
        self.delimiter = delimiter
        # The limit is the csv module's own and of the whole process: it is only ever raised.
        csv.field_size_limit(max(csv.field_size_limit(), MAX_ROW))
        self.parser = self._parser()

    def _parser(self) -> Iterator[list[str]]:
        return csv.reader(self.feed, delimiter=self.delimiter, strict=True)

    def next(self) -> list[str] | csv.Error | None:
        feed = self.feed
        feed.start = feed.at
        try:
            return next(self.parser, None)
        except csv.Error as error:
            feed.at = feed.start + 1
            self.parser = self._parser()
            return error

    @property
    def intact(self) -> bool:
        """Whether the current record is valid in its encoding."""
        if not self.feed.suspect:
            return True
        try:
            "".join(self.feed.lines[self.feed.start : self.feed.at]).encode("utf-8")
        except UnicodeEncodeError:
            return False
        return True


def delimited_chunks(
    name: str,
    lines: Iterator[bytes],
    text_column: str,
    id_column: str | None,
    *,
    delimiter: str = ",",
    keep: bool = False,
) -> Iterator[Chunk]:
    """Read rows below a header line.

    Empty lines are no rows, except in a file of one column, where they are empty texts.
    ``id_column`` None means ``id`` where there is such a column. ``keep`` carries the others.
    The header is read at once: raises ReadError when there is none and ConfigurationError when it
    lacks a column.
    """
    records = _Records(lines, delimiter)
    header = _header(name, records)
    try:
        text_at = column_index(name, header, text_column, "--text-column")
    except Exception as error:
        raise _with_hint(error, header, delimiter) from None
    id_at = None
    if id_column is not None or "id" in header:
        id_at = column_index(name, header, id_column or "id", "--id-column")
    others = [at for at in range(len(header)) if at not in (text_at, id_at)] if keep else []
    chunks = _chunks(records, len(header), text_at, id_at, others)
    return _kept(chunks, [header[at] for at in others]) if keep else (chunk for chunk, _ in chunks)


def _kept(
    chunks: Iterator[tuple[Chunk, dict[int, list[str]]]], names: list[str]
) -> Iterator[Chunk]:
    from moddefense.batch.keeping import string_table

    for chunk, fields in chunks:
        chunk.kept = string_table(names, [fields.get(index) for index in range(len(chunk))])
        yield chunk


def _header(name: str, records: _Records) -> list[str]:
    header = records.next()
    while header == []:
        header = records.next()
    if header is None:
        raise ReadError(f"{name}: empty file: no header line")
    if isinstance(header, csv.Error):
        raise ReadError(f"{name}:1: the header line cannot be read: {header}")
    if not records.intact:
        raise ReadError(f"{name}:1: the header line is not valid in its encoding; see --encoding")
    return header


def header_line(name: str, lines: Iterator[bytes], delimiter: str) -> bytes:
    """Return the header as it is stored. Raises ReadError when there is none."""
    records = _Records(lines, delimiter)
    _header(name, records)
    return records.feed.raw()


def _with_hint(error: Exception, header: list[str], delimiter: str) -> Exception:
    for other in ",;\t|":
        if len(header) == 1 and other != delimiter and other in header[0]:
            return type(error)(f"{error}; it looks separated by {other!r}, not {delimiter!r}")
    return error


def _chunks(
    records: _Records, width: int, text_at: int, id_at: int | None, others: list[int]
) -> Iterator[tuple[Chunk, dict[int, list[str]]]]:
    """Yield chunks, and by row the fields of the ``others``."""
    feed = records.feed
    feed.drop()
    chunk = Chunk(ids=None if id_at is None else [])
    texts, ids = chunk.texts, chunk.ids
    kept: dict[int, list[str]] = {}
    while (fields := records.next()) is not None:
        if isinstance(fields, csv.Error):
            chunk.reject(f"broken quoting: {fields}", "syntax", feed.raw())
        elif not fields and width > 1:
            pass
        elif feed.suspect and not records.intact:
            chunk.reject(encoding_error(feed.raw()), "encoding", feed.raw())
        elif len(fields) == width:
            if others:
                kept[len(texts)] = [fields[at] for at in others]
            texts.append(fields[text_at])
            if ids is not None and id_at is not None:
                ids.append(fields[id_at] or None)
        elif not fields:
            chunk.add("")
        else:
            error = f"{len(fields)} field{'s' * (len(fields) != 1)} where the header has {width}"
            chunk.reject(error + _extent(feed), "fields", feed.raw())
        if feed.at == len(feed.lines) or len(texts) >= ROWS:
            feed.drop()
            yield chunk, kept
            chunk, kept = Chunk(ids=None if id_at is None else []), {}
            texts, ids = chunk.texts, chunk.ids
    yield chunk, kept


def _extent(feed: _Feed) -> str:
    lines = feed.at - feed.start
    return f", over {lines} lines (a quote out of place?)" if lines > 1 else ""

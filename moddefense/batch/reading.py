"""Rows of one or several inputs as batches of texts; memory does not grow with the input."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

from moddefense.batch.delimited import DELIMITERS, delimited_chunks
from moddefense.batch.lines import check_encoding, json_chunks, text_chunks, whole_lines
from moddefense.batch.rows import Chunk, Rejection
from moddefense.batch.sources import Meter, Source, blocks, open_meter
from moddefense.errors import ReadError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Batch", "Columns", "check_inputs", "open_chunks", "read_batches"]

MAX_CHARACTERS = 8 << 20  # a batch of long texts ends early


@dataclass(frozen=True, slots=True)
class Columns:
    """What to read of an input. ``id`` None: the column ``id`` where there is one."""

    text: str = "text"
    id: str | None = None
    encoding: str = "utf-8"

    def __post_init__(self) -> None:
        check_encoding(self.encoding)


@dataclass(slots=True)
class Batch:
    """Consecutive rows of the inputs: the readable ones as ids and texts, the others as rejected.

    ``rows`` counts both. ``rejected`` holds (source, row in that source from 0, why), in order.
    ``runs`` says where the rows are from: (source, first row, rows). ``kept`` has the columns that
    are carried through, a row for each text.
    """

    first_row: int
    rows: int = 0
    characters: int = 0
    ids: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    rejected: list[tuple[str, int, Rejection]] = field(default_factory=list)
    runs: list[tuple[str, int, int]] = field(default_factory=list)
    kept: pa.Table | None = None

    def reject(self, undecided: Mapping[int, Rejection]) -> None:
        """Add texts, by their index, that could be read but not decided."""
        if not undecided:
            return
        unread = {(source, row): why for source, row, why in self.rejected}
        self.rejected = []
        index = 0
        for source, first, rows in self.runs:
            for row in range(first, first + rows):
                why = unread.get((source, row))
                if why is None:
                    why = undecided.get(index)
                    index += 1
                if why is not None:
                    self.rejected.append((source, row, why))


def open_chunks(
    source: Source, meter: Meter, columns: Columns, warn: Callable[[str], None] | None = None
) -> Iterator[Chunk]:
    """Read one source. What can be wrong with its beginning is raised at once, not when iterated.

    ``warn`` is told, in one line, when there is nothing in a file of a format that needs no header.
    """
    if source.format == "parquet":
        from moddefense.batch.columnar import parquet_chunks

        return parquet_chunks(source, meter, columns.text, columns.id)
    lines = whole_lines(source.name, blocks(source, meter), columns.encoding)
    if source.format in DELIMITERS:
        delimiter = DELIMITERS[source.format]
        return delimited_chunks(source.name, lines, columns.text, columns.id, delimiter=delimiter)
    if source.format == "jsonl":
        chunks = json_chunks(source.name, lines, columns.text, columns.id)
    else:
        chunks = text_chunks(lines)
    first = next(chunks, None)
    if first is None:
        if warn is not None:
            warn(f"{source.name}: empty file: no rows")
        return iter(())
    return chain([first], chunks)


def check_inputs(sources: Sequence[Source], columns: Columns) -> None:
    """Open every regular file and read its beginning, so that what is wrong shows before the work.

    Raises ReadError and ConfigurationError as reading would.
    """
    for source in sources:
        if source.rereadable:
            meter = open_meter(source)
            try:
                open_chunks(source, meter, columns)
            finally:
                meter.close()


def read_batches(
    sources: Sequence[Source],
    columns: Columns | None = None,
    *,
    batch_size: int = 1024,
    limit: int | None = None,
    skip: int = 0,
    warn: Callable[[str], None] | None = None,
    opened: Callable[[Source, Meter], None] | None = None,
) -> Iterator[Batch]:
    """Yield the rows of the sources, one after the other, in batches of ``batch_size`` rows.

    Rows are numbered from 0 through all sources, unreadable ones too; a row without an id has that
    number as its id. A batch of long texts ends early, at a place that depends on the texts alone.
    ``skip`` leaves out that many first rows, ``limit`` stops before that row. ``opened`` is told
    each source with its meter. What was read before a ReadError comes as a last, short batch.
    """
    columns = columns or Columns()
    batch = Batch(skip)
    row = 0
    for source in sources:
        meter = open_meter(source, hashed=not source.rereadable)
        if opened is not None:
            opened(source, meter)
        own = 0
        try:
            for chunk in open_chunks(source, meter, columns, warn):
                start = max(0, skip - row)
                stop = len(chunk) if limit is None else min(len(chunk), limit - row)
                while start < stop:
                    end = min(stop, start + batch_size - batch.rows)
                    start = _take(batch, chunk, start, end, row, source.name, own)
                    if batch.rows >= batch_size or batch.characters >= MAX_CHARACTERS:
                        yield batch
                        batch = Batch(batch.first_row + batch.rows)
                row += len(chunk)
                own += len(chunk)
                if limit is not None and row >= limit:
                    break
        except ReadError as error:
            if batch.rows:
                yield batch
            raise ReadError(f"{error} ({own:,} rows were read before)") from None
        finally:
            meter.close()
        if limit is not None and row >= limit:
            break
    if batch.rows:
        yield batch


def _take(
    batch: Batch, chunk: Chunk, start: int, stop: int, row: int, source: str, own: int
) -> int:
    """Add rows of a chunk, until there is too much text; return the first that was not taken."""
    end = start
    for end in range(start, stop):
        text = chunk.texts[end]
        if text is None:
            batch.rejected.append((source, own + end, chunk.rejected[end]))
            continue
        batch.texts.append(text)
        id = chunk.ids[end] if chunk.ids is not None else None
        batch.ids.append(str(row + end) if id is None else id)
        batch.characters += len(text)
        if batch.characters >= MAX_CHARACTERS:
            break
    taken = end + 1 - start
    batch.rows += taken
    batch.runs.append((source, own + start, taken))
    return end + 1

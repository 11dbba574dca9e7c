"""Rows of one or several inputs as batches of texts; memory does not grow with the input."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, chain
from typing import TYPE_CHECKING

from moddefense.batch.delimited import DELIMITERS, delimited_chunks
from moddefense.batch.lines import check_encoding, json_chunks, text_chunks, whole_lines
from moddefense.batch.retrying import QUARANTINE, quarantine_chunks
from moddefense.batch.rows import Chunk, Rejection
from moddefense.batch.sources import Meter, Source, blocks, open_meter
from moddefense.errors import ConfigurationError, ReadError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["BATCH", "Batch", "Columns", "check_inputs", "open_chunks", "read_batches"]

BATCH = 4096  # rows of a batch
MAX_CHARACTERS = 8 << 20  # a batch of long texts ends early


@dataclass(frozen=True, slots=True)
class Columns:
    """What to read of an input. ``id`` None: the column ``id`` where there is one.

    ``keep`` carries the other columns. ``format`` is that of standard input.
    """

    text: str = "text"
    id: str | None = None
    encoding: str = "utf-8"
    keep: bool = False
    format: str | None = None

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
        order = {place: at for at, place in enumerate(self._all_places())}
        places = list(self.places())
        self.rejected += [(*places[index], why) for index, why in undecided.items()]
        self.rejected.sort(key=lambda entry: order[entry[0], entry[1]])

    def places(self) -> Iterator[tuple[str, int]]:
        """Yield where each text is from: its source, and the row in it."""
        unread = {(source, row) for source, row, _ in self.rejected}
        return (place for place in self._all_places() if place not in unread)

    def _all_places(self) -> Iterator[tuple[str, int]]:
        for source, first, rows in self.runs:
            yield from ((source, row) for row in range(first, first + rows))


def open_chunks(
    source: Source, meter: Meter, columns: Columns, warn: Callable[[str], None] | None = None
) -> Iterator[Chunk]:
    """Read one source. What can be wrong with its beginning is raised at once, not when iterated.

    ``warn`` is told, in one line, when there is nothing in a file of a format that needs no header.
    """
    if source.format == QUARANTINE:
        return quarantine_chunks(
            source.path, columns.text, columns.id, columns.encoding, columns.format
        )
    if source.format == "parquet":
        from moddefense.batch.columnar import parquet_chunks

        return parquet_chunks(source, meter, columns.text, columns.id, keep=columns.keep)
    lines = whole_lines(source.name, blocks(source, meter), columns.encoding)
    if source.format in DELIMITERS:
        delimiter = DELIMITERS[source.format]
        return delimited_chunks(
            source.name, lines, columns.text, columns.id, delimiter=delimiter, keep=columns.keep
        )
    if source.format == "jsonl":
        chunks = json_chunks(source.name, lines, columns.text, columns.id, keep=columns.keep)
    else:
        chunks = text_chunks(lines)
    first = next(chunks, None)
    if first is None:
        if warn is not None:
            warn(f"{source.name}: empty file: no rows")
        return iter(())
    return chain([first], chunks)


def check_inputs(sources: Sequence[Source], columns: Columns) -> pa.Schema | None:
    """Open every regular file and read its beginning, so that what is wrong shows before the work.

    Returns the columns that are kept, None where that is for the first rows to say. Raises
    ReadError and ConfigurationError as reading would.
    """
    kept = []
    for source in sources:
        if source.rereadable:
            meter = open_meter(source)
            try:
                chunks = open_chunks(source, meter, columns)
                first = next(chunks, None) if columns.keep else None
                if first is not None and first.kept is not None:
                    kept.append(first.kept.schema)
            finally:
                meter.close()
        elif columns.keep and len(sources) > 1:
            raise ConfigurationError(
                f"{source.name}: its columns cannot be kept beside those of other inputs, for it"
                " can be read only once; save it to a file"
            )
    if not kept:
        return None
    from moddefense.batch.keeping import united

    return united(kept)


def read_batches(
    sources: Sequence[Source],
    columns: Columns | None = None,
    *,
    batch_size: int = BATCH,
    limit: int | None = None,
    skip: int = 0,
    first: int = 0,
    warn: Callable[[str], None] | None = None,
    opened: Callable[[Source, Meter], None] | None = None,
    kept: pa.Schema | None = None,
) -> Generator[Batch, None, None]:
    """Yield the rows of the sources, one after the other, in batches of ``batch_size`` rows.

    Rows are numbered from ``first`` through all sources, unreadable ones too; a row without an id
    has that number as its id. A batch of long texts ends early, at a place that depends on the
    texts alone. ``skip`` leaves out that many first rows, ``limit`` stops before that row.
    ``opened`` is told each source with its meter. ``kept`` is what ``check_inputs`` returned.
    What was read before a ReadError comes as a last, short batch.
    """
    columns = columns or Columns()
    batch = Batch(max(skip, first))
    keeper = _Keeper(kept) if columns.keep else None
    row = first
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
                    begin, start = start, _take(batch, chunk, start, end, row, source.name, own)
                    if keeper is not None:
                        keeper.take(chunk, begin, start)
                    if batch.rows >= batch_size or batch.characters >= MAX_CHARACTERS:
                        yield batch if keeper is None else keeper.close(batch)
                        batch = Batch(batch.first_row + batch.rows)
                row += len(chunk)
                own += len(chunk)
                if limit is not None and row >= limit:
                    break
        except ReadError as error:
            if batch.rows:
                yield batch if keeper is None else keeper.close(batch)
            raise ReadError(f"{error} ({own:,} rows were read before)") from None
        finally:
            meter.close()
        if limit is not None and row >= limit:
            break
    if batch.rows:
        yield batch if keeper is None else keeper.close(batch)


class _Keeper:
    """The kept columns of the batch that is being filled."""

    def __init__(self, schema: pa.Schema | None) -> None:
        self.schema = schema
        self.pieces: list[pa.Table] = []

    def take(self, chunk: Chunk, start: int, stop: int) -> None:
        import pyarrow as pa

        rows = [row for row in range(start, stop) if row not in chunk.rejected]
        if chunk.kept is not None:
            if self.schema is None:
                self.schema = chunk.kept.schema
            piece = chunk.kept.slice(start, stop - start)
            if len(rows) < stop - start:
                piece = piece.take(pa.array([row - start for row in rows], pa.int64()))
            self.pieces.append(piece)
        elif self.schema is not None:
            nothing = [pa.nulls(len(rows), field.type) for field in self.schema]
            self.pieces.append(pa.Table.from_arrays(nothing, schema=self.schema))

    def close(self, batch: Batch) -> Batch:
        import pyarrow as pa

        from moddefense.batch.keeping import conformed

        if self.schema is not None and len(self.schema):
            schema = self.schema
            tables = [conformed(piece, schema) for piece in self.pieces]
            batch.kept = pa.concat_tables(tables) if tables else schema.empty_table()
        self.pieces = []
        return batch


def _take(
    batch: Batch, chunk: Chunk, start: int, stop: int, row: int, source: str, own: int
) -> int:
    """Add rows of a chunk, until there is too much text; return the first that was not taken."""
    if not chunk.rejected and chunk.origins is None:
        return _take_all(batch, chunk, start, stop, row, source, own)
    end = start
    for end in range(start, stop):
        text = chunk.texts[end]
        place = (source, own + end) if chunk.origins is None else chunk.origins[end]
        if chunk.origins is not None:
            batch.runs.append((*place, 1))
        if text is None:
            batch.rejected.append((*place, chunk.rejected[end]))
            continue
        batch.texts.append(text)
        id = chunk.ids[end] if chunk.ids is not None else None
        batch.ids.append(
            str(row + end if chunk.origins is None else place[1]) if id is None else id
        )
        batch.characters += len(text)
        if batch.characters >= MAX_CHARACTERS:
            break
    taken = end + 1 - start
    batch.rows += taken
    if chunk.origins is None:
        batch.runs.append((source, own + start, taken))
    return end + 1


def _take_all(
    batch: Batch, chunk: Chunk, start: int, stop: int, row: int, source: str, own: int
) -> int:
    """Do as ``_take`` does with a chunk of nothing but readable rows of one source."""
    texts: list[str] = chunk.texts[start:stop]  # type: ignore[assignment]
    sizes = list(accumulate(map(len, texts), initial=batch.characters))
    taken = min(bisect_left(sizes, MAX_CHARACTERS, lo=1), len(texts))
    end = start + taken
    batch.texts += texts[:taken]
    numbers = map(str, range(row + start, row + end))
    if chunk.ids is None:
        batch.ids += numbers
    else:
        own_ids = zip(chunk.ids[start:end], numbers, strict=True)
        batch.ids += [number if id is None else id for id, number in own_ids]
    batch.characters = sizes[taken]
    batch.rows += taken
    batch.runs.append((source, own + start, taken))
    return end

"""Arrow in, Arrow out: screening inside the data pipelines of others, without files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from moddefense.batch.deciding import Decided, Form, beside, decide
from moddefense.batch.reading import BATCH, MAX_CHARACTERS, Batch
from moddefense.batch.rows import shown
from moddefense.batch.writing import schema_of, table_of
from moddefense.errors import ConfigurationError

if TYPE_CHECKING:
    from moddefense.batch.job import Screener

__all__ = ["screen_batches"]


def screen_batches(
    guard: Screener,
    batches: Any,
    *,
    text_column: str = "text",
    id_column: str | None = None,
    keep_columns: bool = False,
    include_text: bool = False,
    mask: bool = False,
    batch_size: int = BATCH,
    workers: int = 1,
) -> Iterator[pa.RecordBatch]:
    """Screen Arrow data and yield the records, a row for each row and in order, in record batches.

    ``batches`` is an iterable of RecordBatches or Tables, or anything that gives an Arrow stream (a
    data frame of Polars or pandas, a RecordBatchReader). ``id_column`` None means ``id`` where
    there is one, else the row number. ``keep_columns`` adds the other columns. A batch that comes
    out has at most ``batch_size`` rows. With more than one of ``workers``, that many processes
    decide, and what is yielded lags behind what is read.

    A row with a null text, or one that cannot be decided, has null for its decision, and the
    ``reason`` says why. Raises ConfigurationError when a column is missing or holds no strings.

    >>> import moddefense as md
    >>> guard = md.load(stages=["lexicon"])
    >>> batch = pa.record_batch({"text": ["Have a nice day", None]})
    >>> [found] = guard.screen_batches([batch])
    >>> found["decision"].to_pylist(), found["reason"].to_pylist()[1]
    (['allow', None], 'text is null')
    """
    form = Form("parquet", include_text, mask)
    read = _batches(batches, text_column, id_column, keep_columns, batch_size)
    for batch, decided in _decided(guard, read, form, workers):
        yield from _aligned(guard, batch, decided, form)


class _Rows(Batch):
    """A batch that knows which of its rows have a text, and the ids of all."""

    __slots__ = ("all_ids", "all_kept", "present")

    def __init__(self, first_row: int, ids: list[str], texts: list[str | None], kept: Any) -> None:
        present = [index for index, text in enumerate(texts) if text is not None]
        super().__init__(first_row, rows=len(texts))
        self.texts = [text for text in texts if text is not None]
        self.ids = [ids[index] for index in present]
        self.present = present
        self.all_ids = ids
        self.all_kept: pa.Table | None = kept


def _decided(
    guard: Screener, batches: Iterator[_Rows], form: Form, workers: int
) -> Iterator[tuple[Any, Decided]]:
    if workers > 1:
        from moddefense.batch.pool import Pool
        from moddefense.batch.replica import describe

        description = describe(guard)
        if description is not None:
            yield from Pool(guard, description, form, workers).decided(batches)
            return
    for batch in batches:
        texts = batch.texts
        yield batch, decide(guard, texts, batch.ids, form) if texts else Decided()


def _aligned(
    guard: Screener, batch: _Rows, decided: Decided, form: Form
) -> Iterator[pa.RecordBatch]:
    schema = schema_of(guard, form)
    table = table_of(decided.data, schema)
    if table.num_rows < batch.rows:
        table = _filled(table, batch, decided)
    kept = batch.all_kept
    if kept is not None:
        table = beside(table, kept)
    for piece in table.combine_chunks().to_batches():
        if piece.num_rows:
            yield piece


def _filled(table: pa.Table, batch: _Rows, decided: Decided) -> pa.Table:
    """Return the table with a row of nulls where there was no text, or no decision."""
    why = {batch.present[at]: error.error for at, error in decided.rejected.items()}
    present = set(batch.present)
    here = [row in present and row not in why for row in range(batch.rows)]
    places = accumulate(here, initial=0)
    rows = [at if is_here else None for at, is_here in zip(places, here, strict=False)]
    table = table.take(pa.array(rows, pa.int64()))
    reasons = [
        known if is_here else why.get(row, "text is null")
        for row, (known, is_here) in enumerate(
            zip(table.column("reason").to_pylist(), here, strict=True)
        )
    ]
    for name, values in (("id", batch.all_ids), ("reason", reasons)):
        at = table.column_names.index(name)
        table = table.set_column(at, table.schema.field(at), pa.array(values, pa.string()))
    return table


def _batches(
    batches: Any, text_column: str, id_column: str | None, keep: bool, size: int
) -> Iterator[_Rows]:
    row = 0
    for table in _tables(batches):
        names = table.column_names
        for name in [text_column, *([id_column] if id_column is not None else [])]:
            if names.count(name) != 1:
                raise ConfigurationError(f"no one column {name!r}; there are {shown(names)}")
        id_name = id_column or ("id" if "id" in names else None)
        others = [name for name in names if name not in (text_column, id_name)]
        for begin in range(0, table.num_rows, size):
            part = table.slice(begin, size)
            texts = _strings(part.column(text_column), text_column)
            ids = [str(number) for number in range(row, row + len(texts))]
            if id_name is not None:
                own = part.column(id_name).cast(pa.string()).to_pylist()
                ids = [a if b is None else b for a, b in zip(ids, own, strict=True)]
            kept = part.select(others) if keep and others else None
            for at, end in _spans(texts):
                piece = None if kept is None else kept.slice(at, end - at)
                yield _Rows(row + at, ids[at:end], texts[at:end], piece)
            row += len(texts)


def _spans(texts: Sequence[str | None]) -> Iterator[tuple[int, int]]:
    """Cut where there is too much text for one batch."""
    begin = total = 0
    for index, text in enumerate(texts):
        total += len(text or "")
        if total >= MAX_CHARACTERS:
            yield begin, index + 1
            begin, total = index + 1, 0
    if begin < len(texts):
        yield begin, len(texts)


def _tables(batches: Any) -> Iterator[pa.Table]:
    if isinstance(batches, pa.Table | pa.RecordBatch):
        batches = [batches]
    elif hasattr(batches, "__arrow_c_stream__"):
        batches = pa.RecordBatchReader.from_stream(batches)
    if not isinstance(batches, Iterable):
        kind = type(batches).__name__
        raise ConfigurationError(f"batches: a {kind} is no Arrow data; give record batches")
    for batch in batches:
        if isinstance(batch, pa.Table):
            yield batch
        elif isinstance(batch, pa.RecordBatch):
            yield pa.Table.from_batches([batch])
        elif hasattr(batch, "__arrow_c_array__"):
            yield pa.Table.from_batches([pa.record_batch(batch)])
        elif hasattr(batch, "__arrow_c_stream__"):
            yield pa.table(batch)
        else:
            kind = type(batch).__name__
            raise ConfigurationError(f"batches: a {kind} is no Arrow data; give record batches")


def _strings(column: pa.ChunkedArray, name: str) -> list[str | None]:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if not (kind in (pa.string(), pa.large_string(), pa.string_view()) or pa.types.is_null(kind)):
        raise ConfigurationError(f"column {name!r} holds {kind}, not strings; choose another")
    values: list[str | None] = column.to_pylist()
    return values

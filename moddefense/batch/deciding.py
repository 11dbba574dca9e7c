"""A batch of texts through a screener into encoded records, here or in another process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from moddefense.batch.limits import ALWAYS_FINE, too_large
from moddefense.batch.rows import Rejection
from moddefense.batch.writing import encode, kept_names
from moddefense.errors import ModdefenseError
from moddefense.lexicon.collection import collection_paused
from moddefense.policy import DECIDERS, DECISIONS

if TYPE_CHECKING:
    import pyarrow as pa

    from moddefense.batch.job import Screener

__all__ = ["Decided", "Form", "add_counts", "beside", "decide", "joined", "undecidable"]

FEW = 8  # texts; when none of more than these can be decided, the texts are not at fault


@dataclass(frozen=True, slots=True)
class Form:
    """How records are written: the output's format and the columns on demand."""

    kind: str
    include_text: bool = False
    mask: bool = False


@dataclass(slots=True)
class Decided:
    """What became of a batch: encoded records, counts by value, and what could not be decided."""

    data: bytes = b""
    records: int = 0
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    rejected: dict[int, Rejection] = field(default_factory=dict)


def decide(
    guard: Screener,
    texts: Sequence[str],
    ids: Sequence[str],
    form: Form,
    kept: pa.Table | None = None,
) -> Decided:
    """Decide on texts and encode the records, with the columns of ``kept`` behind.

    A text that is too large is rejected, and one on which the guard fails; the others are decided.
    Where the guard fails on all of many texts, it is not for the texts, and the error is raised; so
    is every error of ours.
    """
    failed: dict[int, Exception] = {}
    large = {}
    if max(map(len, texts), default=0) > ALWAYS_FINE:
        large = {at: why for at, text in enumerate(texts) if (why := too_large(text)) is not None}
    if large:
        return _without(large, guard, texts, ids, form, kept)
    with collection_paused():  # columns are many objects, and none of them a cycle
        tables = _tables(guard, texts, ids, form, 0, failed)
    if len(failed) == len(texts) > FEW:
        raise failed[0]
    decided = Decided(rejected={at: undecidable(texts[at], why) for at, why in failed.items()})
    for begin, table in tables:
        decided.records += table.num_rows
        _count(decided.counts, table)
        if kept is not None:
            table = beside(table, kept.slice(begin, table.num_rows))
        decided.data += encode(table, form.kind)
    return decided


def _without(
    large: dict[int, Rejection],
    guard: Screener,
    texts: Sequence[str],
    ids: Sequence[str],
    form: Form,
    kept: pa.Table | None,
) -> Decided:
    """Decide on what lies between the texts that are too large."""
    parts: list[tuple[int, Decided]] = []
    begin = 0
    for end in [*large, len(texts)]:
        if begin < end:
            piece = None if kept is None else kept.slice(begin, end - begin)
            decided = decide(guard, texts[begin:end], ids[begin:end], form, piece)
            parts.append((begin, decided))
        begin = end + 1
    whole = joined(parts)
    whole.rejected.update(large)
    return whole


def beside(table: pa.Table, kept: pa.Table) -> pa.Table:
    """Return the records with the kept columns behind."""
    names = kept_names(kept.column_names)
    for name, column_field, column in zip(names, kept.schema, kept.columns, strict=True):
        table = table.append_column(column_field.with_name(name), column)
    return table


def _tables(
    guard: Screener,
    texts: Sequence[str],
    ids: Sequence[str],
    form: Form,
    begin: int,
    failed: dict[int, Exception],
) -> list[tuple[int, pa.Table]]:
    """Return where each table begins, and the table; halve what fails until one text is left."""
    try:
        screened = guard.screen(texts)
        return [(begin, screened.to_arrow(ids, include_text=form.include_text, mask=form.mask))]
    except ModdefenseError:
        raise
    except Exception as error:
        if len(texts) <= 1:
            failed[begin] = error
            return []
    half = len(texts) // 2
    return [
        *_tables(guard, texts[:half], ids[:half], form, begin, failed),
        *_tables(guard, texts[half:], ids[half:], form, begin + half, failed),
    ]


def undecidable(text: str, why: object) -> Rejection:
    """Return the reason for a text that no decision could be made on."""
    if isinstance(why, Exception):
        why = f"{type(why).__name__}: {' '.join(str(why).split())[:200]}"
    return Rejection(f"cannot be decided: {why}", "decision", text.encode("utf-8", "replace"))


def _count(counts: dict[str, dict[str, int]], table: pa.Table) -> None:
    import pyarrow.compute as pc

    for name, known in (("decision", DECISIONS), ("decided_by", DECIDERS)):
        if name in table.column_names:
            own = counts.setdefault(name, dict.fromkeys(known, 0))
            for pair in table.column(name).value_counts().to_pylist():
                own[str(pair["values"])] = own.get(str(pair["values"]), 0) + pair["counts"]
    if "shadow" in table.column_names:
        before, after = table["decision"], pc.struct_field(table["shadow"], "decision")
        changed = pc.binary_join_element_wise(before, after, " → ")
        own = counts.setdefault("shadow", {"same": 0})
        for pair in pc.if_else(pc.equal(before, after), "same", changed).value_counts().to_pylist():
            own[pair["values"]] = own.get(pair["values"], 0) + pair["counts"]
    if "decided_by" in table.column_names:  # what the audit's estimate needs
        own = counts.setdefault("flagged", {"classifier": 0, "audit": 0})
        flagged = pc.not_equal(table["decision"], DECISIONS[0])
        for pair in table["decided_by"].filter(flagged).value_counts().to_pylist():
            if pair["values"] in own:
                own[pair["values"]] += pair["counts"]


def joined(parts: Sequence[tuple[int, Decided]]) -> Decided:
    """Join what became of the pieces of a batch, each with the place where it begins."""
    whole = Decided()
    for begin, part in parts:
        whole.data += part.data
        whole.records += part.records
        add_counts(whole.counts, part.counts)
        whole.rejected.update({begin + at: why for at, why in part.rejected.items()})
    return whole


def add_counts(
    counts: dict[str, dict[str, int]], more: Mapping[str, Mapping[str, int]]
) -> dict[str, Any]:
    """Add counts by name and value to ``counts``, and return it."""
    for name, values in more.items():
        own = counts.setdefault(name, {})
        for value, number in values.items():
            own[value] = own.get(value, 0) + number
    return counts

"""The evidence and the decisions of one batch of texts, as columns.

A Python object for each text would cost more than the models do, so stages read and write columns
and a row becomes an object only when somebody iterates.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from moddefense.columns import string_column, well_formed
from moddefense.policy import DECIDERS, DECISIONS, Policy
from moddefense.policy.deciding import printed

if TYPE_CHECKING:
    import pyarrow as pa

    from moddefense.lexicon import Match
    from moddefense.tokens import TokenColumn

__all__ = ["Screening", "Verdict"]

UNDECIDED = -1
# What a record has of what a guard in shadow would decide.
SHADOWED = ("decision", "decided_by", "trigger", "score", "uncertainty", "matches", "reason")


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict:
    """The decision on one text, with the evidence for it; fields as in the output of ``screen``."""

    text: str
    decision: str
    decided_by: str
    trigger: float | None
    score: float | None
    uncertainty: float | None
    labels: dict[str, float] | None
    matches: tuple[Match, ...]
    reason: str
    shadow: Verdict | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the record as plain JSON-able values, without the text."""
        record = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name not in ("text", "shadow")
        }
        record["matches"] = [match.as_dict() for match in self.matches]
        if self.shadow is not None:
            would = self.shadow.as_dict()
            record["shadow"] = {name: would[name] for name in SHADOWED}
        return record


class Screening:
    """Columns of evidence over ``n`` texts; stages fill them, the policy decides.

    Columns (all of length ``n``): ``decision`` and ``decided_by`` are int8 indices into
    ``DECISIONS`` and ``DECIDERS`` (-1: not yet); ``floor`` is the least decision that the lexicon
    demands; ``forced`` marks rows that must reach the classifier, ``obfuscated`` those that show
    signs of obfuscation, ``audited`` those sent there as a sample; ``trigger``, ``score`` and
    ``uncertainty`` are float64 with NaN for "not computed"; ``labels`` is float64
    ``[n, len(label_names)]``; ``matches`` is a list of tuples of Match. ``readings`` has, by row,
    the text as the models shall read it where that is another, ``edits`` how it came about:
    (start, end, what instead). ``attributions``, where they were asked for, has what each word of a
    row adds to the score, ``shadow`` is the screening of a guard that has no say. ``sample_all``
    asks for dropout sampling of every row that the classifier sees, not only of those near a
    threshold.
    """

    def __init__(self, texts: Sequence[str], policy: Policy) -> None:
        n = len(texts)
        self.texts = texts
        self.policy = policy
        self.decision = np.full(n, UNDECIDED, np.int8)
        self.decided_by = np.full(n, UNDECIDED, np.int8)
        self.floor = np.zeros(n, np.int8)
        self.forced = np.zeros(n, bool)
        self.obfuscated = np.zeros(n, bool)
        self.audited = np.zeros(n, bool)
        self.trigger = np.full(n, np.nan)
        self.score = np.full(n, np.nan)
        self.uncertainty = np.full(n, np.nan)
        self.label_names: tuple[str, ...] = ()
        self.labels = np.empty((n, 0))
        self.matches: list[tuple[Match, ...]] = [()] * n
        self.readings: dict[int, str] = {}
        self.edits: dict[int, tuple[tuple[int, int, str], ...]] = {}
        self.attributions: dict[int, list[dict[str, Any]]] | None = None
        self.shadow: Screening | None = None
        self.tokens: TokenColumn | None = None
        self.sample_all = False

    def __len__(self) -> int:
        return len(self.texts)

    def undecided(self) -> np.ndarray:
        """Indices of the rows that no stage has decided yet, ascending."""
        return np.flatnonzero(self.decision == UNDECIDED)

    def set(self, rows: np.ndarray | list[int] | int, decision: str, decided_by: str) -> None:
        """Decide ``rows`` (indices)."""
        self.decision[rows] = DECISIONS.index(decision)
        self.decided_by[rows] = DECIDERS.index(decided_by)

    def counts(self) -> dict[str, dict[str, int]]:
        """Number of rows by decision and by what decided them, zeros included."""
        return {
            "decision": _count(self.decision, DECISIONS),
            "decided_by": _count(self.decided_by, DECIDERS),
        }

    def row(self, index: int) -> Verdict:
        """Return one row as an object."""
        return Verdict(
            text=self.texts[index],
            decision=DECISIONS[self.decision[index]],
            decided_by=DECIDERS[self.decided_by[index]],
            trigger=_optional(self.trigger[index]),
            score=_optional(self.score[index]),
            uncertainty=_optional(self.uncertainty[index]),
            labels=self.labels_of(index),
            matches=self.matches[index],
            reason=self.policy.reason(self, index),
            shadow=None if self.shadow is None else self.shadow.row(index),
        )

    def labels_of(self, index: int) -> dict[str, float] | None:
        """Label probabilities of one row, or None where the classifier did not run."""
        if not self.label_names or np.isnan(self.score[index]):
            return None
        values = printed(self.labels[index]).tolist()
        return dict(zip(self.label_names, values, strict=True))

    def __iter__(self) -> Iterator[Verdict]:
        return (self.row(index) for index in range(len(self)))

    def to_arrow(
        self, ids: Sequence[str] | None = None, *, include_text: bool = False, mask: bool = False
    ) -> pa.Table:
        """Return the records as an Arrow table, fields and their order as ``screen`` writes them.

        ``ids`` defaults to the row numbers as strings. ``mask`` adds the text with every match
        masked. A screening with attributions has a column of these, and one with a shadow.
        """
        import pyarrow as pa

        n = len(self)
        columns: dict[str, Any] = {
            "id": pa.array(map(str, range(n)) if ids is None else ids, pa.string()),
            "decision": _names(self.decision, DECISIONS),
            "decided_by": _names(self.decided_by, DECIDERS),
            "trigger": _floats(self.trigger),
            "score": _floats(self.score),
            "uncertainty": _floats(self.uncertainty),
            "labels": self._label_array(),
            "matches": self._match_array(),
            "reason": self.policy.reason_column(self),
        }
        if self.attributions is not None:
            columns["attributions"] = self._attribution_array()
        if self.shadow is not None:
            would = self.shadow.to_arrow(ids).select(SHADOWED).combine_chunks()
            columns["shadow"] = pa.StructArray.from_arrays(
                [pa.concat_arrays(column.chunks) if column.num_chunks else
                 pa.array([], column.type) for column in would.columns], SHADOWED
            )  # fmt: skip
        if include_text:
            columns["text"] = string_column(self.texts)
        if mask:
            columns["masked"] = string_column(self._masked())
        return pa.table(columns)

    def _attribution_array(self) -> pa.Array:
        import pyarrow as pa

        assert self.attributions is not None
        fields = {"start": pa.int32(), "end": pa.int32(), "text": pa.string(),
                  "weight": pa.float64(), "marked": pa.bool_()}  # fmt: skip
        rows = [self.attributions.get(row) for row in range(len(self))]
        for word in (word for words in rows for word in words or ()):
            word["text"] = well_formed(word["text"])
        return pa.array(rows, pa.list_(pa.struct(list(fields.items()))))

    def _masked(self) -> list[str]:
        from moddefense.lexicon.masking import cover

        masked = []
        for text, matches in zip(self.texts, self.matches, strict=True):
            spans = [(match.start, match.end) for match in matches if match.term.kind == "block"]
            masked.append(cover(text, spans, "asterisks") if spans else text)
        return masked

    def _match_array(self) -> pa.Array:
        from moddefense.lexicon.columns import match_column

        try:
            return match_column(self.matches)
        except UnicodeEncodeError:
            return match_column(
                [[match._replace(text=well_formed(match.text)) for match in row]
                 for row in self.matches]
            )  # fmt: skip

    def _label_array(self) -> pa.Array:
        """Labels as a map, null where the classifier did not run: one type for all batches."""
        import pyarrow as pa

        kind = pa.map_(pa.string(), pa.float64())
        if not self.label_names:
            return pa.nulls(len(self), kind)
        scored = ~np.isnan(self.score)
        width = len(self.label_names)
        offsets = np.concatenate([[0], np.cumsum(scored * width)]).astype(np.int32)
        places = np.tile(np.arange(width), int(scored.sum()))
        return pa.MapArray.from_arrays(
            pa.array(offsets, mask=np.append(~scored, False)),
            pa.array(self.label_names, pa.string()).take(pa.array(places)),
            _floats(self.labels[scored].ravel()),
        )


def _count(column: np.ndarray, names: Sequence[str]) -> dict[str, int]:
    return {name: int((column == code).sum()) for code, name in enumerate(names)}


def _names(column: np.ndarray, names: Sequence[str]) -> pa.Array:
    import pyarrow as pa

    table = pa.array([None, *names], pa.string())  # -1 picks the first
    return table.take(pa.array(column + 1, pa.int64()))


def _optional(value: float) -> float | None:
    return None if np.isnan(value) else float(printed(value))


def _floats(column: np.ndarray) -> pa.Array:
    import pyarrow as pa

    return pa.array(printed(column), pa.float64(), from_pandas=True)

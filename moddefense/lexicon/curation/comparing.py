"""Compare two versions of a list, and merge two that come from a third, by id and field."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from moddefense.errors import LexiconError
from moddefense.lexicon.curation.editing import write_file
from moddefense.lexicon.terms import COLUMNS, Lexicon, Term, dumps

__all__ = ["Change", "Conflict", "Merge", "diff", "merge", "write_merge"]

_FIELDS = COLUMNS[1:]


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """What became of one term: ``added``, ``removed``, ``retired``, ``revived`` or ``changed``.

    ``fields`` maps each field that differs to its old and new value.
    """

    id: str
    what: str
    old: Term | None
    new: Term | None

    @property
    def fields(self) -> dict[str, tuple[Any, Any]]:
        """Fields that differ: name to (old, new); empty for a term that came or went."""
        if self.old is None or self.new is None:
            return {}
        pairs = {name: (getattr(self.old, name), getattr(self.new, name)) for name in _FIELDS}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        known = self.new or self.old
        return {
            "id": self.id,
            "what": self.what,
            "term": known.term if known else "",
            "fields": {name: list(pair) for name, pair in self.fields.items()},
        }

    def __str__(self) -> str:
        sign = {"added": "+", "removed": "-", "retired": "x", "revived": "o"}.get(self.what, "~")
        known = self.new or self.old
        line = f"{sign} {self.id} {self.what}: {known.term if known else ''!r}"
        pairs = [f"{name} {_shown(a)} → {_shown(b)}" for name, (a, b) in self.fields.items()]
        return line + ("; " + "; ".join(pairs) if pairs else "")


@dataclasses.dataclass(frozen=True, slots=True)
class Conflict:
    """One field of one term that both sides changed, each its own way; ``""``: the whole line."""

    id: str
    field: str
    base: Any
    ours: Any
    theirs: Any

    def __str__(self) -> str:
        return (
            f"{self.id}: {self.field or 'line'}: base {_shown(self.base)}, "
            f"ours {_shown(self.ours)}, theirs {_shown(self.theirs)}"
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Merge:
    """The merged list, and what the two sides do not agree on (there the list has ours)."""

    lexicon: Lexicon
    conflicts: tuple[Conflict, ...]


def diff(old: Lexicon, new: Lexicon) -> list[Change]:
    """Return what differs between two versions of a list, by id.

    >>> from moddefense.lexicon.terms import Term
    >>> was = Lexicon([Term("x-crap", "crap", severity=1)])
    >>> for change in diff(was, Lexicon([Term("x-crap", "crap", severity=2)])):
    ...     print(change)
    ~ x-crap changed: 'crap'; severity 1 → 2
    """
    return list(_changes(old, new))


def merge(base: Lexicon, ours: Lexicon, theirs: Lexicon, *, prefer: str | None = None) -> Merge:
    """Merge two lists that were both made from ``base``, field by field.

    What one side alone changed is taken over. Where both changed the same field in two ways, or one
    removed a line that the other changed, is a conflict, settled by ``prefer`` (``ours`` or
    ``theirs``) when given, and then not listed. Merging is symmetric but for conflicts.
    """
    if prefer not in (None, "ours", "theirs"):
        raise LexiconError(f"prefer: unknown side {prefer!r}; use ours or theirs")
    terms: list[Term] = []
    conflicts: list[Conflict] = []
    for key in sorted({term.id for side in (base, ours, theirs) for term in side}):
        was, mine, other = (_get(side, key) for side in (base, ours, theirs))
        if mine == other or other == was:
            chosen = mine
        elif mine == was:
            chosen = other
        elif mine is None or other is None or was is None:
            chosen = other if prefer == "theirs" else mine
            if was is None and mine is not None and other is not None:
                chosen, found = _fields(key, None, mine, other, prefer)
                conflicts += found
            elif prefer is None:
                conflicts.append(Conflict(key, "", _line(was), _line(mine), _line(other)))
        else:
            chosen, found = _fields(key, was, mine, other, prefer)
            conflicts += found
        if chosen is not None:
            terms.append(chosen)
    return Merge(Lexicon(terms, name=ours.name), tuple(conflicts))


def write_merge(path: str | Path, merged: Merge) -> None:
    """Write the merged list; raises LexiconError when conflicts are left, and WriteError."""
    if merged.conflicts:
        raise LexiconError(f"{len(merged.conflicts)} conflicts are left; settle them or prefer one")
    write_file(path, dumps(merged.lexicon))


def _changes(old: Lexicon, new: Lexicon) -> Iterator[Change]:
    for key in sorted({term.id for side in (old, new) for term in side}):
        was = _get(old, key)
        now = _get(new, key)
        if was == now:
            continue
        if was is None:
            what = "added"
        elif now is None:
            what = "removed"
        elif was.status != now.status:
            what = "retired" if now.status == "retired" else "revived"
        else:
            what = "changed"
        yield Change(key, what, was, now)


def _get(lexicon: Lexicon, key: str) -> Term | None:
    return lexicon[key] if key in lexicon else None  # noqa: SIM401 - a Lexicon is no mapping


def _fields(
    key: str, was: Term | None, mine: Term, other: Term, prefer: str | None
) -> tuple[Term, list[Conflict]]:
    values: dict[str, Any] = {"id": key}
    conflicts = []
    for name in _FIELDS:
        before, here, there = (getattr(term, name, None) for term in (was, mine, other))
        if here == there or (was is not None and there == before):
            values[name] = here
        elif was is not None and here == before:
            values[name] = there
        else:
            values[name] = there if prefer == "theirs" else here
            if prefer is None:
                conflicts.append(Conflict(key, name, before, here, there))
    try:
        return Term(**values), conflicts
    except LexiconError:  # fields that fit on their side alone: kind of one, severity of the other
        if prefer is None:
            conflicts = [Conflict(key, "", _line(was), _line(mine), _line(other))]
        return other if prefer == "theirs" else mine, conflicts


def _line(term: Term | None) -> str | None:
    return None if term is None else dumps([term]).decode().splitlines()[1]


def _shown(value: Any) -> str:
    if value is None or value == "":
        return "–"
    return repr(value) if isinstance(value, str) else str(value)

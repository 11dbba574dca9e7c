"""Choose terms of a list: by their fields, by id, by text."""

from __future__ import annotations

import dataclasses
import difflib
from collections import Counter
from collections.abc import Collection
from typing import Any

from moddefense.errors import LexiconError
from moddefense.folding import fold
from moddefense.lexicon.terms import Lexicon, Term

__all__ = ["choose", "describe", "look_up"]


def choose(
    lexicon: Lexicon,
    *,
    category: Collection[str] = (),
    kind: str | None = None,
    matches: Collection[str] = (),
    min_severity: int | None = None,
    status: str = "any",
    lang: Collection[str] = (),
    contains: str | None = None,
) -> Lexicon:
    """Return the terms that all filters keep, with the steps that are off for them.

    An empty filter keeps all; ``min_severity`` keeps block terms only.

    >>> ours = Lexicon([Term("x-crap", "crap", severity=1), Term("x-jerk", "jerk", severity=2)])
    >>> [term.id for term in choose(ours, min_severity=2)]
    ['x-jerk']
    """
    part = fold(contains) if contains else ""
    kept = [
        term
        for term in lexicon
        if (not category or term.category in category)
        and (kind is None or term.kind == kind)
        and (not matches or term.match in matches)
        and (min_severity is None or (term.severity or 0) >= min_severity)
        and (status == "any" or term.status == status)
        and (not lang or term.lang in lang)
        and part in fold(term.term)
    ]
    return Lexicon(kept, name=lexicon.name, off={term.id: lexicon.off(term.id) for term in kept})


def describe(lexicon: Lexicon, *, terms: bool = False) -> dict[str, Any]:
    """Return the counts of a list as plain values; with ``terms``, the terms as well.

    >>> describe(Lexicon([Term("x-crap", "crap", severity=1)]))["categories"]
    {'profanity': 1}
    """
    active = [term for term in lexicon if term.status == "active"]
    kinds = Counter(term.kind for term in active)
    blocks = [term for term in active if term.kind == "block"]
    found: dict[str, Any] = {
        "name": lexicon.name,
        "languages": sorted({term.lang for term in lexicon}),
        "block": kinds["block"],
        "allow": kinds["allow"],
        "retired": len(lexicon) - len(active),
        "categories": dict(Counter(term.category for term in blocks).most_common()),
        "severities": dict(sorted(Counter(str(term.severity) for term in blocks).items())),
        "fingerprint": lexicon.fingerprint,
    }
    if terms:
        found["terms"] = [dataclasses.asdict(term) for term in lexicon]
    return found


def look_up(lexicon: Lexicon, term_or_id: str) -> list[Term]:
    """Return the term with this id, else the terms that fold to this text.

    Raises LexiconError when there is none, with what is near.

    >>> look_up(Lexicon([Term("x-crap", "crap", severity=1)]), "CRAP")[0].id
    'x-crap'
    """
    if term_or_id in lexicon:
        return [lexicon[term_or_id]]
    text = " ".join(fold(term_or_id).split())
    by_text: dict[str, list[Term]] = {}
    for term in lexicon:
        by_text.setdefault(" ".join(fold(term.term).split()), []).append(term)
    if text in by_text:
        return by_text[text]
    near = difflib.get_close_matches(text, [*by_text, *(term.id for term in lexicon)], n=3)
    hint = f"near it are {', '.join(near)}" if near else "see moddefense lexicon list --terms"
    where = lexicon.name or "the shipped lists"
    raise LexiconError(f"{term_or_id!r} is neither a term nor an id of {where}; {hint}")

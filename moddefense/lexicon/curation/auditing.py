"""Measure what the terms of lists hit in a labelled corpus."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

from moddefense.errors import ConfigurationError
from moddefense.lexicon.curation.choosing import choose
from moddefense.lexicon.curation.intervals import Share, wilson
from moddefense.lexicon.masking import cover
from moddefense.lexicon.matching import Match, Matcher
from moddefense.lexicon.terms import Lexicon, Term

if TYPE_CHECKING:
    from moddefense.corpus import Corpus

__all__ = ["Audit", "Example", "ListAudit", "TermAudit", "audit"]

_CONTEXT = 40  # characters to either side of a hit in an example


@dataclasses.dataclass(frozen=True, slots=True)
class Example:
    """A hit in its context: the text before, the hit, the text after."""

    harmful: bool
    before: str
    hit: str
    after: str
    through: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Counts:
    """Rows that were hit, of those with a label; ``rows`` harmful and harmless in the corpus."""

    harmful: int
    harmless: int
    of_harmful: int
    of_harmless: int

    @property
    def hits(self) -> int:
        """Rows that were hit."""
        return self.harmful + self.harmless

    @property
    def coverage(self) -> Share:
        """Share of the harmful rows that were hit."""
        return wilson(self.harmful, self.of_harmful)

    @property
    def false_positives(self) -> Share:
        """Share of the harmless rows that were hit."""
        return wilson(self.harmless, self.of_harmless)

    @property
    def precision(self) -> Share:
        """Share of the rows hit that are harmful, with as many of both as the corpus has."""
        return wilson(self.harmful, self.hits)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {
            "hits": self.hits,
            "harmful": self.harmful,
            "harmless": self.harmless,
            "coverage": list(self.coverage),
            "false_positives": list(self.false_positives),
            "precision": list(self.precision),
        }


@dataclasses.dataclass(frozen=True, slots=True)
class TermAudit:
    """What one term hits; ``alone``: rows that no other term hits."""

    term: Term
    list: str
    all: Counts
    alone: Counts
    examples: tuple[Example, ...]

    def as_dict(self, *, texts: bool = True) -> dict[str, Any]:
        """Return plain values; without ``texts`` the examples are left out."""
        values = {
            **dataclasses.asdict(self.term),
            "list": self.list,
            **self.all.as_dict(),
            "alone": self.alone.as_dict(),
        }
        if texts:
            values["examples"] = [dataclasses.asdict(example) for example in self.examples]
        return values


@dataclasses.dataclass(frozen=True, slots=True)
class ListAudit:
    """What one list hits; ``alone``: rows that no other list hits."""

    name: str
    terms: int
    hitting: int
    all: Counts
    alone: Counts

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {
            "name": self.name,
            "terms": self.terms,
            "terms_that_hit": self.hitting,
            **self.all.as_dict(),
            "alone": self.alone.as_dict(),
        }


@dataclasses.dataclass(frozen=True, slots=True)
class Audit:
    """The lists' figures, those of all together (``whole``), and each term's, most hits first."""

    source: str
    notes: tuple[str, ...]
    min_severity: int
    whole: ListAudit
    lists: tuple[ListAudit, ...]
    terms: tuple[TermAudit, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {
            "corpus": self.source,
            "notes": list(self.notes),
            "min_severity": self.min_severity,
            "harmful": self.whole.all.of_harmful,
            "harmless": self.whole.all.of_harmless,
            "all": self.whole.as_dict(),
            "lists": [one.as_dict() for one in self.lists],
            "terms": [term.as_dict() for term in self.terms],
        }


def audit(
    lists: Sequence[Lexicon],
    corpus: Corpus,
    *,
    min_severity: int = 1,
    examples: int = 3,
    masked: bool = True,
) -> Audit:
    """Match all ``lists`` together over ``corpus`` and count rows, by term and by list.

    Block terms under ``min_severity`` are left out; allow terms of every list act on all. Up to
    ``examples`` harmless and as many harmful hits of a term are kept, with every hit masked but for
    its first letter when ``masked``. Raises ConfigurationError when no row has a known label.
    """
    kept = [
        choose(one, kind="allow") | choose(one, kind="block", min_severity=min_severity)
        for one in lists
    ]
    labels = corpus.harmful.tolist()
    rows = [row for row, label in enumerate(labels) if label in (0, 1)]
    if not rows:
        raise ConfigurationError(f"{corpus.source}: no row has a known label; nothing to measure")
    harmful = [labels[row] == 1 for row in rows]
    texts = [corpus.texts[row] for row in rows]
    found = [
        [hit for hit in hits if hit.term.kind == "block"]
        for hits in Matcher(reduce(or_, kept)).find_many(texts)
    ]
    tally = _Tally(sum(harmful), len(rows) - sum(harmful))
    home = {term.id: one.name for one in reversed(kept) for term in one}
    owners = {one.name: {term.id for term in one} for one in kept}
    by_term: dict[str, list[int]] = {}
    by_list: dict[str, list[int]] = {one.name: [] for one in kept}
    for row, hits in enumerate(found):
        ids = {hit.term.id for hit in hits}
        for key in ids:
            by_term.setdefault(key, []).append(row)
        for name, owned in owners.items():
            if ids & owned:
                by_list[name].append(row)
    terms_of = [{hit.term.id for hit in hits} for hits in found]
    lists_of = [{name for name in owners if ids & owners[name]} for ids in terms_of]

    def audited(term: Term) -> TermAudit:
        hit = by_term.get(term.id, [])
        return TermAudit(
            term,
            home[term.id],
            tally.of(hit, harmful),
            tally.of([row for row in hit if len(terms_of[row]) == 1], harmful),
            tuple(_examples(term.id, hit, texts, found, harmful, examples, masked)),
        )

    def summed(name: str, lexicon: Lexicon, hit: list[int], alone: list[int]) -> ListAudit:
        blocks = [t.id for t in lexicon if t.kind == "block" and t.status == "active"]
        hitting = sum(key in by_term for key in blocks)
        return ListAudit(
            name, len(blocks), hitting, tally.of(hit, harmful), tally.of(alone, harmful)
        )

    merged = reduce(or_, kept)
    every = [row for row, ids in enumerate(terms_of) if ids]
    terms = [audited(t) for t in merged if t.kind == "block" and t.status == "active"]
    return Audit(
        source=corpus.source,
        notes=corpus.notes,
        min_severity=min_severity,
        whole=summed("all", merged, every, every),
        lists=tuple(
            summed(
                one.name, one, by_list[one.name],
                [row for row in by_list[one.name] if len(lists_of[row]) == 1],
            )
            for one in kept
        ),
        terms=tuple(sorted(terms, key=lambda item: (-item.all.hits, item.term.id))),
    )  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True)
class _Tally:
    of_harmful: int
    of_harmless: int

    def of(self, rows: Sequence[int], harmful: Sequence[bool]) -> Counts:
        bad = sum(harmful[row] for row in rows)
        return Counts(bad, len(rows) - bad, self.of_harmful, self.of_harmless)


def _examples(
    key: str,
    rows: Sequence[int],
    texts: Sequence[str],
    found: Sequence[Sequence[Match]],
    harmful: Sequence[bool],
    number: int,
    masked: bool,
) -> Iterable[Example]:
    left = {True: number, False: number}
    for row in rows:
        if not left[harmful[row]]:
            continue
        left[harmful[row]] -= 1
        hit = next(one for one in found[row] if one.term.id == key)
        text = texts[row]
        if masked:
            text = cover(text, [one[1:3] for one in found[row]], "first-letter")
        before = text[max(0, hit.start - _CONTEXT) : hit.start]
        after = text[hit.end : hit.end + _CONTEXT]
        yield Example(
            harmful[row],
            ("…" if hit.start > _CONTEXT else "") + before,
            text[hit.start : hit.end],
            after + ("…" if hit.end + _CONTEXT < len(text) else ""),
            hit.through,
        )

"""The matcher: terms of a lexicon, compiled once, found in texts with spans into the original."""

from __future__ import annotations

import functools
import hashlib
import itertools
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

from moddefense.errors import ConfigurationError
from moddefense.folding import FOLD_STEPS, fold, fold_many, fold_map, fold_signs
from moddefense.lexicon.alignment import align
from moddefense.lexicon.buffers import changes
from moddefense.lexicon.candidates import Proposer
from moddefense.lexicon.collection import collection_paused
from moddefense.lexicon.masking import cover
from moddefense.lexicon.patterns import LEVELS, Pattern
from moddefense.lexicon.scan import Hits, Scanner
from moddefense.lexicon.terms import STEPS, Lexicon, Term, check_steps

__all__ = ["Match", "Matcher"]

_ROUNDS = 4  # of masking: a covered span can make a masked word of what is left around it
_VERSION = 1  # raised when the same lexicon would match differently
_THROUGH = tuple(
    tuple(step for bit, step in enumerate(LEVELS) if bits >> bit & 1) for bits in range(16)
)
_CHUNK = 1 << 18  # characters searched at once: bounds the memory of a batch
_BITS = {through: bits for bits, through in enumerate(_THROUGH)}
_REGIONAL = {0x1F1E6 + letter: chr(ord("a") + letter) for letter in range(26)}


class Match(NamedTuple):
    """One hit: ``original[start:end] == text`` shows ``term``, read ``through`` these steps."""

    term: Term
    start: int
    end: int
    text: str
    through: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the match as the output of ``screen`` has it, plain values."""
        return {
            "term": self.term.id,
            "kind": self.term.kind,
            "category": self.term.category,
            "severity": self.term.severity,
            "start": self.start,
            "end": self.end,
            "text": self.text,
        }


_make = functools.partial(tuple.__new__, Match)


class Matcher:
    """A lexicon compiled for search: immutable, and safe to share between threads.

    ``off`` names steps of STEPS to leave out for all terms; those that the lexicon leaves out for a
    term are left out as well. In URLs and e-mail addresses only ``substring`` terms are found, and
    only as they are written.

    >>> from moddefense.lexicon.terms import Term
    >>> matcher = Matcher(Lexicon([Term("en-damn", "damn", severity=1)]))
    >>> [(hit.start, hit.end, hit.through) for hit in matcher.find("Oh d@mn!")]
    [(3, 7, ('leet',))]
    """

    __slots__ = (
        "_index", "_off", "_patterns", "_proposer", "_scanner", "_terms", "_whole", "fingerprint",
        "lexicon",
    )  # fmt: skip

    lexicon: Lexicon
    fingerprint: str
    _off: frozenset[str]
    _patterns: tuple[Pattern, ...]
    _terms: tuple[Term, ...]
    _index: dict[str, int]
    _whole: dict[str, list[Term]]
    _proposer: Proposer
    _scanner: Scanner | None

    def __init__(self, lexicon: Lexicon, *, off: Collection[str] = ()) -> None:
        left_out = check_steps(off)
        unfolded = left_out & frozenset(FOLD_STEPS)
        patterns: list[Pattern] = []
        shared: dict[frozenset[str], frozenset[str]] = {}
        whole: dict[str, list[Term]] = {}
        for term in lexicon:
            folded = " ".join(_fold(term.term, unfolded).split())
            if term.status != "active" or not folded:
                continue
            if term.match == "text":
                whole.setdefault(folded, []).append(term)
                continue
            off_here = left_out | lexicon.off(term.id)
            steps = shared.setdefault(off_here, frozenset(STEPS) - off_here)
            patterns.append(Pattern(len(patterns), term, folded, steps))
        digest = hashlib.sha256(f"{_VERSION} {lexicon.fingerprint} {sorted(left_out)}".encode())
        put = object.__setattr__
        put(self, "lexicon", lexicon)
        put(self, "fingerprint", digest.hexdigest())
        put(self, "_off", unfolded)
        put(self, "_patterns", tuple(patterns))
        put(self, "_whole", whole)
        put(self, "_proposer", Proposer(patterns))
        put(self, "_scanner", None)
        put(self, "_terms", tuple(pattern.term for pattern in patterns))
        put(self, "_index", {pattern.term.id: pattern.index for pattern in patterns})

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Matcher is immutable; cannot set {name!r}")

    def __repr__(self) -> str:
        return f"<Matcher {self.lexicon.name or 'unnamed'}: {len(self._patterns)} terms>"

    def find(self, text: str) -> list[Match]:
        """Return the hits of block terms that no allow term contains, sorted by start, end and id.

        An allow term that is the whole text is returned instead.
        """
        folded = _fold(text, self._off)
        hits: list[tuple[int, int, int, int]] = []
        for start, index in self._proposer.propose(folded):
            found = align(folded, start, self._patterns[index])
            if found:
                hits.append((start, found[0], index, found[1]))
        return self._settle(text, folded, hits)

    def find_many(self, texts: Sequence[str]) -> list[list[Match]]:
        """Return ``find(text)`` for each of ``texts``, much faster than one by one."""
        results: list[list[Match]] = []
        since = size = 0
        with collection_paused():
            for place, text in enumerate(texts):
                size += len(text)
                if size >= _CHUNK:
                    self._find_chunk(texts[since : place + 1], results)
                    since, size = place + 1, 0
            if since < len(texts):
                self._find_chunk(texts[since:], results)
        return results

    def _find_chunk(self, texts: Sequence[str], results: list[list[Match]]) -> None:
        if not self._patterns:
            results += [self.find(text) for text in texts]
            return
        scanner = self._scanner
        if scanner is None:  # made late, because it needs numpy; made twice by two threads, no harm
            scanner = Scanner(self._patterns, self._proposer)
            object.__setattr__(self, "_scanner", scanner)
        folded = [text if text.isascii() else text.translate(_REGIONAL)
                  for text in fold_many(texts, off=self._off)]  # fmt: skip
        found: list[list[Match]] = [[] for _ in texts]
        columns, careful = scanner.scan(folded)
        owners, starts, ends, indices, bits = (column.tolist() for column in columns)
        spans = [texts[o][start:end] for o, start, end in zip(owners, starts, ends, strict=True)]
        rows = zip(
            map(self._terms.__getitem__, indices), starts, ends, spans,
            map(_THROUGH.__getitem__, bits), strict=True,
        )  # fmt: skip
        matches = list(map(_make, rows))
        foreign: dict[int, Hits] = {}
        for place, until in itertools.pairwise((*changes(columns[0]), len(owners))):
            owner = owners[place]
            text = texts[owner]
            if text.isascii() and len(text) == len(folded[owner]):
                found[owner] = matches[place:until]
            else:
                foreign[owner] = list(
                    zip(starts[place:until], ends[place:until], indices[place:until],
                        bits[place:until], strict=True)
                )  # fmt: skip
        for owner, hits in (*careful, *foreign.items()):
            found[owner] = self._settle(texts[owner], folded[owner], hits)
        if self._whole:
            for owner, text in enumerate(folded):
                if " ".join(text.split()) in self._whole and not (
                    owner in foreign or any(owner == number for number, _ in careful)
                ):
                    hits = [(m.start, m.end, self._index[m.term.id], _BITS[m.through])
                            for m in found[owner]]  # fmt: skip
                    found[owner] = self._settle(texts[owner], text, hits)
        results += found

    def mask(self, text: str, style: str = "asterisks", *, fixed: str = "[removed]") -> str:
        """Return ``text`` with every hit covered, exactly its span, and all else kept.

        ``style`` is ``asterisks``, ``first-letter`` (kept, the rest asterisks), ``grawlix`` or
        ``fixed``; another, or a ``fixed`` text that is hit itself, raises ConfigurationError.
        Masking twice gives what masking once gives.

        >>> from moddefense.lexicon.terms import Term
        >>> Matcher(Lexicon([Term("en-damn", "damn", severity=1)])).mask("Oh, D.A.M.N!")
        'Oh, *******!'
        """
        if style == "fixed" and any(hit.term.kind == "block" for hit in self.find(fixed)):
            raise ConfigurationError(f"fixed: a block term hits {fixed!r} itself; use another text")
        for _ in range(_ROUNDS):
            spans = [hit[1:3] for hit in self.find(text) if hit.term.kind == "block"]
            if not spans:
                break
            text = cover(text, spans, style, fixed)
        return text

    def _settle(
        self, text: str, folded: str, hits: Iterable[tuple[int, int, int, int]]
    ) -> list[Match]:
        """Turn hits in the folded text (start, end, pattern, bits) into matches."""
        patterns = self._patterns
        blocks: Hits = []
        allows: Hits = []
        for hit in hits:
            (allows if patterns[hit[2]].term.kind == "allow" else blocks).append(hit)
        if allows and blocks:
            blocks = [
                hit for hit in blocks if not any(a[0] <= hit[0] and hit[1] <= a[1] for a in allows)
            ]
        whole = self._whole.get(" ".join(folded.split())) if self._whole else None
        if whole:
            blocks = []  # what is whole contains every hit
        elif not blocks:
            return []
        starts: Sequence[int] = range(len(folded))
        ends: Sequence[int] = range(1, len(folded) + 1)
        same = text.isascii() and len(text) == len(folded)
        if not same:
            _, starts, ends = fold_map(text, off=self._off)
        matches = []
        for start, end, index, bits in _outermost(blocks):
            first, last = starts[start], ends[end - 1]
            span = text[first:last]
            through = _THROUGH[bits]
            if not same:
                signs = self._signs(span, folded[start:end], patterns[index])
                if not signs <= patterns[index].steps:
                    continue
                through = (*(step for step in FOLD_STEPS if step in signs), *through)
            matches.append(Match(patterns[index].term, first, last, span, through))
        for term in whole or ():
            first = starts[len(folded) - len(folded.lstrip())]
            last = ends[len(folded.rstrip()) - 1]
            matches.append(Match(term, first, last, text[first:last], ()))
        if len(matches) > 1:
            matches.sort(key=_order)
        return matches

    def _signs(self, span: str, folded: str, pattern: Pattern) -> frozenset[str]:
        if _plain(span) == _plain(pattern.term.term):
            return frozenset()
        signs = fold_signs(span)
        if fold(span, off=self._off | {"homoglyph"}).translate(_REGIONAL) != folded:
            signs |= {"homoglyph"}
        if any(ord(char) in _REGIONAL for char in span):
            signs |= {"styled"}
        return signs


def _order(match: Match) -> tuple[int, int, str]:
    return match.start, match.end, match.term.id


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


def _fold(text: str, off: frozenset[str]) -> str:
    folded = fold(text, off=off)
    return folded if folded.isascii() else folded.translate(_REGIONAL)


def _outermost(
    hits: list[tuple[int, int, int, int]],
) -> list[tuple[int, int, int, int]]:
    """Drop every hit that lies inside another one of the same term."""
    if len(hits) < 2:
        return hits
    kept = []
    reach: dict[int, int] = {}
    for hit in sorted(hits, key=lambda hit: (hit[0], -hit[1], hit[3])):
        if hit[1] > reach.get(hit[2], -1):
            reach[hit[2]] = hit[1]
            kept.append(hit)
    return kept

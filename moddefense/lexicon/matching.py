"""The matcher: terms of a lexicon, compiled once, found in texts with spans into the original."""

from __future__ import annotations

import bisect
import hashlib
import itertools
import os
import re
import unicodedata
from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from moddefense.errors import ConfigurationError
from moddefense.folding import FOLD_STEPS, fold, fold_map, fold_signs
from moddefense.lexicon.aliases import MOST, aliases, has_aliases
from moddefense.lexicon.alignment import align
from moddefense.lexicon.candidates import Proposer
from moddefense.lexicon.compiled import FOREIGN, LOST, ODD, Search, begins_of, library
from moddefense.lexicon.context import WINDOW, free
from moddefense.lexicon.masking import cover
from moddefense.lexicon.patterns import LEVELS, REGIONAL, SPELLING, Pattern
from moddefense.lexicon.results import THROUGH, WIDTH, Found, Hits, Match, through_bits
from moddefense.lexicon.slips import Slips, beside
from moddefense.lexicon.terms import STEPS, Lexicon, Term, check_steps

__all__ = ["Match", "Matcher"]

_ROUNDS = 4  # of masking: a covered span can make a masked word of what is left around it
_VERSION = 5  # raised when the same lexicon would match differently
_CHUNK = 1 << 18  # characters searched at once: bounds the memory of a batch
_FLAGGED = re.compile("[\U0001f1e6-\U0001f1ff]")  # characters of REGIONAL
_NOTED = re.compile(rb"[^\0]")
_CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
_THREADS = min(4, _CORES)


class Matcher:
    """A lexicon compiled for search: immutable, and safe to share between threads.

    ``off`` names steps of STEPS to leave out for all terms; those that the lexicon leaves out for a
    term are left out as well. Long and severe words have aliases (``lexicon.aliases``). In URLs and
    e-mail addresses only ``substring`` terms are found, and only as they are written.

    >>> from moddefense.lexicon.terms import Term
    >>> matcher = Matcher(Lexicon([Term("en-damn", "damn", severity=1)]))
    >>> [(hit.start, hit.end, hit.through) for hit in matcher.find("Oh d@mn!")]
    [(3, 7, ('leet',))]
    """

    __slots__ = (
        "_known", "_off", "_patterns", "_places", "_proposer", "_search", "_slips", "_terms",
        "_whole", "fingerprint", "lexicon",
    )  # fmt: skip

    lexicon: Lexicon
    fingerprint: str
    _known: frozenset[str]  # words that may be spelt wholly in letters of other scripts
    _off: frozenset[str]
    _patterns: tuple[Pattern, ...]
    _terms: tuple[Term, ...]
    _places: dict[str, int]
    _whole: dict[str, list[int]]
    _proposer: Proposer | None  # this and the next are made when they are first asked for
    _search: Search | None
    _slips: Slips

    def __init__(self, lexicon: Lexicon, *, off: Collection[str] = ()) -> None:
        left_out = check_steps(off)
        unfolded = left_out & frozenset(FOLD_STEPS)
        patterns: list[Pattern] = []
        chosen: list[tuple[Term, str, frozenset[str]]] = []
        shared: dict[frozenset[str], frozenset[str]] = {}
        whole: dict[str, list[Term]] = {}
        for term in lexicon:
            folded = " ".join(fold(term.term, off=unfolded).translate(REGIONAL).split())
            if term.status != "active" or not folded:
                continue
            if term.match == "text":
                whole.setdefault(folded, []).append(term)
                continue
            off_here = left_out | lexicon.off(term.id)
            steps = shared.setdefault(off_here, frozenset(STEPS) - off_here)
            chosen.append((term, folded, steps))
        listed = {folded for term, folded, _ in chosen if term.kind == "block"}
        taken = {folded for _, folded, _ in chosen}
        some = sum(has_aliases(term) for term, _, _ in chosen) <= MOST
        for term, folded, steps in chosen:
            patterns.append(Pattern(len(patterns), term, folded, steps))
            if some and has_aliases(term):
                for text, level, besides in aliases(term, folded, steps, listed):
                    if text in taken:
                        continue
                    taken.add(text)
                    base = 1 << LEVELS.index(level)
                    patterns.append(Pattern(len(patterns), term, text, besides, base))
        digest = hashlib.sha256(f"{_VERSION} {lexicon.fingerprint} {sorted(left_out)}".encode())
        put = object.__setattr__
        put(self, "lexicon", lexicon)
        put(self, "fingerprint", digest.hexdigest())
        put(self, "_off", unfolded)
        known = (p for p in patterns if p.term.kind == "block" and "homoglyph" in p.steps)
        put(self, "_known", frozenset(p.text for p in known if p.letters > 3 and not p.words))
        put(self, "_patterns", tuple(patterns))
        put(self, "_proposer", None)
        put(self, "_search", None)
        put(self, "_slips", Slips(patterns))
        terms = [pattern.term for pattern in patterns]
        put(self, "_whole", {})
        for folded, same in whole.items():
            self._whole[folded] = list(range(len(terms), len(terms) + len(same)))
            terms += same
        put(self, "_terms", tuple(terms))
        put(self, "_places", {term.id: number for number, term in enumerate(terms)})

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Matcher is immutable; cannot set {name!r}")

    def __repr__(self) -> str:
        return f"<Matcher {self.lexicon.name or 'unnamed'}: {len(self._patterns)} terms>"

    def find(self, text: str, *, also: Collection[str] = ()) -> list[Match]:
        """Return the hits of block terms that no allow term contains, sorted by start, end and id.

        An allow term that is the whole text is returned instead. ``also`` are the ids of allow
        terms whose hits are returned as well.
        """
        folded = self._fold(text)
        hits: Hits = []
        proposer = self._proposer
        if proposer is None:
            proposer = Proposer(self._patterns)
            object.__setattr__(self, "_proposer", proposer)
        for start, index in proposer.propose(folded):
            found = align(folded, start, self._patterns[index])
            if found:
                hits.append((start, found[0], index, found[1]))
        others = [hit[:2] for hit in hits]
        hits += [
            slip for slip in self._slips.find(folded) if self._slips.hold(folded, *slip[:3], others)
        ]
        whole = self._whole.get(" ".join(folded.split())) if self._whole else None
        if whole:
            kept = [(*_visible(folded), index, 0) for index in whole]  # contains every other hit
        else:
            kept = _outermost(_uncontained(hits, self._patterns, self._chosen(also)))
        terms = self._terms
        return sorted(
            (
                Match(terms[index], start, end, text[start:end], THROUGH[bits])
                for start, end, index, bits in self._locate(text, folded, kept)
            ),
            key=_order,
        )

    def find_many(self, texts: Sequence[str], *, also: Collection[str] = ()) -> Found:
        """Return ``find(text, also=also)`` for each of ``texts``, much faster than one by one.

        The result compares equal to a list; its matches are made when they are asked for.
        """
        texts = list(texts)  # whoever gave them may change them before the matches are made
        chosen = self._chosen(also)
        found = Found(texts, self._terms, chosen)
        begins = begins_of(texts)
        bounds = [0]
        while bounds[-1] < len(texts):
            size = begins[bounds[-1]] + _CHUNK
            bounds.append(min(bisect.bisect_left(begins, size, bounds[-1] + 1), len(texts)))

        def find_chunk(since: int, until: int) -> tuple[array[int], array[int]]:
            return self._find_chunk(texts[since:until], begins[since : until + 1], chosen)

        if len(bounds) < 3 or _THREADS < 2 or library() is None:
            for since, until in itertools.pairwise(bounds):
                found.add(*find_chunk(since, until))
        else:  # the compiled search leaves the interpreter to other threads
            with ThreadPoolExecutor(_THREADS) as pool:
                for columns in pool.map(find_chunk, bounds, bounds[1:]):
                    found.add(*columns)
        return found

    def _chosen(self, also: Collection[str]) -> frozenset[int]:
        places = (self._places[key] for key in also if key in self._places)
        return frozenset(place for place in places if self._terms[place].kind == "allow")

    def _find_chunk(
        self, texts: Sequence[str], begins: array[int], also: frozenset[int]
    ) -> tuple[array[int], array[int]]:
        """Return the hits of ``texts`` as rows and their bounds, as ``Found.add`` takes them."""
        slow: Sequence[int] = range(len(texts))
        rows, bounds = array("i"), array("i", bytes(8 * len(texts)))
        if library() is not None:
            search = self._search
            if search is None:  # made late, and by two threads twice, which does no harm
                search = Search(self._patterns)
                object.__setattr__(self, "_search", search)
            rows, asks, status = search.search(texts, self._off, begins)
            self._judge(texts, rows, asks)
            rows, bounds = search.settle(rows, len(texts), also)
            odd, slow = list[int](), list[int]()
            for found in _NOTED.finditer(status):
                place, went = found.start(), status[found.start()]
                if went & ODD:
                    odd.append(place)
                elif went & LOST:
                    slow.append(place)
                elif went & FOREIGN:
                    hits = _got(rows, bounds, place)
                    _put(rows, bounds, place, self._locate(texts[place], None, hits), hits)
            if odd:
                slow += self._find_odd(search, texts, odd, rows, bounds, also)
            if self._whole:
                slow += [
                    place for place, text in enumerate(texts)
                    if " ".join(self._fold(text).split()) in self._whole
                ]  # fmt: skip
        ids = [self._terms[place].id for place in also] if slow else []
        for place in slow:
            _put(rows, bounds, place, [
                (hit.start, hit.end, self._places[hit.term.id], through_bits(hit.through))
                for hit in self.find(texts[place], also=ids)
            ])  # fmt: skip
        return rows, bounds

    def _find_odd(
        self, search: Search, texts: Sequence[str], places: Sequence[int], rows: array[int],
        bounds: array[int], also: frozenset[int],
    ) -> list[int]:  # fmt: skip
        """Add the hits of the texts at ``places``, whose characters do not all fold by themselves.

        Returns the places of the texts that must be searched in another way.
        """
        folded = [self._fold(texts[place]) for place in places]
        own, asks, status = search.search_folded(folded)
        self._judge(folded, own, asks, folded=True)
        own, limits = search.settle(own, len(places), also)
        for number, place in enumerate(places):
            hits = _got(own, limits, number)
            _put(rows, bounds, place, self._locate(texts[place], folded[number], hits))
        return [place for place, went in zip(places, status, strict=True) if went & LOST]

    def _judge(
        self, texts: Sequence[str], rows: array[int], asks: Iterable[int], *, folded: bool = False
    ) -> None:
        """Mark as no hits those that do not stand free of what is around them."""
        slips: list[int] = []
        for place in asks:
            number, start, end, index, bits = rows[WIDTH * place : WIDTH * place + WIDTH]
            bits &= (1 << len(LEVELS)) - 1
            rows[WIDTH * place + 4] = bits
            if bits >> SPELLING:
                slips.append(place)
                continue
            low, around = self._around(texts[number], start, end, folded)
            if not free(around, start - low, end - low, bits, self._patterns[index]):
                rows[WIDTH * place + 4] = -1
        for place in slips:  # which other hits must be known before
            number, start, end, index, _ = rows[WIDTH * place : WIDTH * place + WIDTH]
            low, around = self._around(texts[number], start, end, folded)
            others = [(since - low, until - low) for since, until in beside(rows, place)]
            if not self._slips.hold(around, start - low, end - low, index, others):
                rows[WIDTH * place + 4] = -1

    def _around(self, text: str, start: int, end: int, folded: bool) -> tuple[int, str]:
        """Return where the folded text around a hit begins, and that text."""
        low = max(0, start - 2 * WINDOW)
        around = text[low : end + 2 * WINDOW]
        return low, around if folded else self._fold(around)  # each character folds by itself

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

    def _fold(self, text: str) -> str:
        folded = fold(text, off=self._off, known=self._known)
        return folded.translate(REGIONAL) if _FLAGGED.search(folded) else folded

    def _locate(
        self, text: str, folded: str | None, hits: Hits
    ) -> Iterator[tuple[int, int, int, int]]:
        """Yield hits in the folded text as hits in the original, with the bits of its steps.

        ``folded`` is None where each character folds by itself. Hits through steps of the fold that
        their terms leave out are dropped.
        """
        if not hits or (folded is not None and text.isascii() and len(text) == len(folded)):
            yield from hits
            return
        starts: Sequence[int] = range(len(text))
        ends: Sequence[int] = range(1, len(text) + 1)
        if folded is not None:
            _, starts, ends = fold_map(text, off=self._off)
        for start, end, index, bits in hits:
            first, last = starts[start], ends[end - 1]
            span = text[first:last]
            if index < len(self._patterns) and not (folded is None and span.isascii()):
                shown = self._fold(span) if folded is None else folded[start:end]
                signs = self._signs(span, shown, self._patterns[index])
                if not signs <= self._patterns[index].steps:
                    continue
                bits |= through_bits(signs)
            yield first, last, index, bits

    def _signs(self, span: str, folded: str, pattern: Pattern) -> frozenset[str]:
        if _plain(span) == _plain(pattern.term.term):
            return frozenset()
        signs = fold_signs(span)
        if fold(span, off=self._off | {"homoglyph"}).translate(REGIONAL) != folded:
            signs |= {"homoglyph"}
        if any(ord(char) in REGIONAL for char in span):
            signs |= {"styled"}
        return signs


def _order(match: Match) -> tuple[int, int, str]:
    return match.start, match.end, match.term.id


def _got(rows: array[int], bounds: array[int], place: int) -> Hits:
    """Return the hits of the text at ``place``."""
    first, until = bounds[2 * place : 2 * place + 2]
    return [
        (rows[at + 1], rows[at + 2], rows[at + 3], rows[at + 4])
        for at in range(WIDTH * first, WIDTH * until, WIDTH)
    ]


def _put(
    rows: array[int], bounds: array[int], place: int, hits: Iterable[tuple[int, int, int, int]],
    known: Hits | None = None,
) -> None:  # fmt: skip
    """Make ``hits`` those of the text at ``place``, unless they are ``known`` to be."""
    hits = sorted(hits, key=lambda hit: hit[:3])
    if hits == known:
        return
    bounds[2 * place] = len(rows) // WIDTH
    for hit in hits:
        rows.extend((place, *hit))
    bounds[2 * place + 1] = len(rows) // WIDTH


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


def _visible(folded: str) -> tuple[int, int]:
    """Return the bounds of ``folded`` without the white space around it."""
    return len(folded) - len(folded.lstrip()), len(folded.rstrip())


def _uncontained(hits: Hits, patterns: Sequence[Pattern], also: Collection[int]) -> Hits:
    """Return the hits of block terms that no hit of an allow term contains, and those of `also`."""
    allows = [hit for hit in hits if patterns[hit[2]].term.kind == "allow"]
    return [
        hit
        for hit in hits
        if hit[2] in also
        or (
            patterns[hit[2]].term.kind == "block"
            and not any(allow[0] <= hit[0] and hit[1] <= allow[1] for allow in allows)
        )
    ]


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

"""Propose new terms from a labelled corpus: to block what is harmful, to allow what is not."""

from __future__ import annotations

import dataclasses
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from moddefense.errors import ConfigurationError
from moddefense.folding import fold
from moddefense.lexicon.curation.intervals import Share, wilson
from moddefense.lexicon.curation.ngrams import Rows, count_rows, ngrams, read_rows
from moddefense.lexicon.matching import Match, Matcher

if TYPE_CHECKING:
    from moddefense.corpus import Corpus
    from moddefense.lexicon.terms import Lexicon

__all__ = ["Proposal", "log_odds", "mine"]

_PRIOR = 0.1  # the prior weighs a tenth of the corpus
_ORDERS = (1, 2, 3)
_EXAMPLES = 3
_CONTEXT = 50
_REACH = 2  # words to either side of a hit that an allow term may take in
_MOSTLY = 0.9  # share of an allow term's texts that must be harmless
_TOKEN = re.compile(r"[^\s,;:!?()\[\]{}\"“”]+")


@dataclasses.dataclass(frozen=True, slots=True)
class Proposal:
    """A term to consider, with its evidence.

    ``harmful`` and ``harmless`` count texts with it; ``new`` those that no block term hits yet
    (harmful, harmless), for an allow term the hits it would silence. ``balanced`` is the precision
    if both kinds of text were equally many, ``z`` the log-odds in standard deviations.
    """

    kind: str
    term: str
    harmful: int
    harmless: int
    new: tuple[int, int]
    z: float
    balanced: float
    variants: tuple[str, ...]
    hits: tuple[str, ...]
    examples: tuple[tuple[bool, str], ...]

    @property
    def precision(self) -> Share:
        """Share of the texts with it that are harmful, as they are in the corpus."""
        return wilson(self.harmful, self.harmful + self.harmless)

    @property
    def evidence(self) -> str:
        """The counts in one line, as a note keeps them."""
        return (
            f"{self.harmful} harmful, {self.harmless} harmless texts; z {self.z:.1f};"
            f" precision {self.precision}"
        )

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        values = dataclasses.asdict(self)
        values["precision"] = list(self.precision)
        values["examples"] = [{"harmful": harmful, "text": text} for harmful, text in self.examples]
        return values


def mine(
    corpus: Corpus,
    lexicon: Lexicon,
    *,
    top: int = 50,
    min_count: int = 10,
    min_allow: int = 3,
    min_z: float = 3.0,
    min_precision: float = 0.8,
) -> list[Proposal]:
    """Return up to ``top`` block and ``top`` allow terms that ``lexicon`` lacks, strongest first.

    A block term is a run of one to three words in at least ``min_count`` harmful texts, with a z of
    its log-odds and a balanced precision of at least those given, that no listed term hits. An
    allow term is a phrase around a hit, in at least ``min_allow`` harmless texts and hardly any
    harmful one. Raises ConfigurationError when the corpus lacks harmful or harmless texts.
    """
    labels = corpus.harmful.tolist()
    known = [row for row, label in enumerate(labels) if label in (0, 1)]
    harmful = [labels[row] == 1 for row in known]
    if not any(harmful) or all(harmful):
        raise ConfigurationError(
            f"{corpus.source}: mining needs harmful and harmless texts; label both, 1 and 0"
        )
    texts = [corpus.texts[row] for row in known]
    matcher = Matcher(lexicon)
    found = [[hit for hit in hits if hit.term.kind == "block"] for hits in matcher.find_many(texts)]
    blocks = _blocks(texts, harmful, found, matcher, min_count, min_z, min_precision, top)
    return [*blocks, *_allows(texts, harmful, found, min_allow, top)]


def log_odds(part: int, other: int, whole: int, other_whole: int) -> float:
    """Return the z of the log-odds ratio of a count in two corpora, with an informative prior.

    The Dirichlet prior is the distribution over both corpora, weighed as a tenth of them (Monroe,
    Colaresi and Quinn 2008, equations 16 and 22).

    >>> round(log_odds(50, 5, 1000, 1000), 2), log_odds(5, 5, 100, 100)
    (5.06, 0.0)
    """
    prior = _PRIOR * (part + other)
    mass = _PRIOR * (whole + other_whole)
    one, two = part + prior, other + prior
    rest, other_rest = whole + mass - one + 1, other_whole + mass - two + 1  # 1: a word not seen
    delta = math.log(one / rest) - math.log(two / other_rest)
    return delta / math.sqrt(1 / one + 1 / two)


def _blocks(
    texts: Sequence[str],
    harmful: Sequence[bool],
    found: Sequence[Sequence[Match]],
    matcher: Matcher,
    min_count: int,
    min_z: float,
    min_precision: float,
    top: int,
) -> list[Proposal]:
    rows, variants = read_rows(texts, floor=min_count)
    bad = [row for row, is_bad in zip(rows, harmful, strict=True) if is_bad]
    good = [row for row, is_bad in zip(rows, harmful, strict=True) if not is_bad]
    share = len(bad), len(good)
    candidates: list[Proposal] = []
    parts: Counter[tuple[str, ...]] | None = None
    common: set[str] = set()
    for order in _ORDERS:
        in_bad = count_rows(bad, order, parts, min_count)
        frequent = {run for run, count in in_bad.items() if count >= min_count}
        in_good = (
            count_rows(good, order, None, 0) if order == 1 else _count_these(good, order, frequent)
        )
        mass = sum(in_bad.values()), sum(in_good.values())
        if order == 1:
            common = {run[0] for run, count in in_good.items() if count > _common(len(good))}
        for run in sorted(frequent):
            here, there = in_bad[run], in_good[run]
            z = log_odds(here, there, mass[0], mass[1])
            balanced = here / share[0] / (here / share[0] + there / share[1])
            if z >= min_z and balanced >= min_precision and _worth(run, common):
                candidates.append(
                    Proposal("block", " ".join(run), here, there, (0, 0), z, balanced, (), (), ())
                )
        parts = in_bad
    hits = matcher.find_many([candidate.term for candidate in candidates])
    fresh = [one for one, hit in zip(candidates, hits, strict=True) if not hit]
    fresh = _without_redundant(fresh)
    fresh.sort(key=lambda one: (-one.z, one.term))
    return list(_with_evidence(fresh[:top], rows, harmful, found, variants))


def _count_these(rows: Rows, order: int, runs: set[tuple[str, ...]]) -> Counter[tuple[str, ...]]:
    counts: Counter[tuple[str, ...]] = Counter()
    for row in rows:
        counts.update(runs.intersection(ngrams(row, order)))
    return counts


def _common(rows: int) -> float:
    """Number of harmless texts beyond which a word is one that everybody uses."""
    return max(20, rows / 100)


def _worth(run: tuple[str, ...], common: set[str]) -> bool:
    """Whether a term could be listed: letters enough, and a word that not everybody uses."""
    letters = sum(char.isalpha() for word in run for char in word)
    return letters >= 3 and any(word not in common and not word.isdigit() for word in run)


def _without_redundant(candidates: Sequence[Proposal]) -> list[Proposal]:
    """Drop phrases that hold a shorter candidate and are hardly more precise than it."""
    by_term = {one.term: one for one in candidates}
    kept = []
    for one in candidates:
        words = one.term.split()
        inner = (
            by_term.get(" ".join(words[start:end]))
            for start in range(len(words))
            for end in range(start + 1, len(words) + 1)
            if end - start < len(words)
        )
        if not any(part and part.balanced > one.balanced - 0.05 for part in inner):
            kept.append(one)
    return kept


def _with_evidence(
    proposals: Sequence[Proposal],
    rows: Rows,
    harmful: Sequence[bool],
    found: Sequence[Sequence[Match]],
    variants: dict[str, str],
) -> Iterator[Proposal]:
    """Add variants, examples, and how many texts no listed term hits."""
    wanted = {tuple(one.term.split()) for one in proposals}
    new: dict[tuple[str, ...], list[int]] = {run: [0, 0] for run in wanted}
    shown: dict[tuple[str, ...], list[tuple[bool, str]]] = {run: [] for run in wanted}
    for row, is_bad, hits in zip(rows, harmful, found, strict=True):
        for run in {run for order in _ORDERS for run in ngrams(row, order)} & wanted:
            if not hits:
                new[run][0 if is_bad else 1] += 1
            if sum(was == is_bad for was, _ in shown[run]) < _EXAMPLES:
                shown[run].append((is_bad, _excerpt(row, run)))
    spelt: dict[str, list[str]] = {}
    for variant, word in variants.items():
        spelt.setdefault(word, []).append(variant)
    for one in proposals:
        run = tuple(one.term.split())
        yield dataclasses.replace(
            one,
            new=(new[run][0], new[run][1]),
            variants=tuple(sorted(v for word in run for v in spelt.get(word, ()))[:8]),
            examples=tuple(sorted(shown[run], reverse=True)),
        )


def _excerpt(row: Sequence[tuple[str, ...]], run: tuple[str, ...]) -> str:
    for segment in row:
        for start in range(len(segment) - len(run) + 1):
            if segment[start : start + len(run)] == run:
                before = " ".join(segment[:start])[-_CONTEXT:]
                after = " ".join(segment[start + len(run) :])[:_CONTEXT]
                return f"{before} [{' '.join(run)}] {after}".strip()
    return ""


def _allows(
    texts: Sequence[str],
    harmful: Sequence[bool],
    found: Sequence[Sequence[Match]],
    min_allow: int,
    top: int,
) -> list[Proposal]:
    """Phrases around hits that occur in harmless texts, chosen greedily by what they silence."""
    places: dict[str, list[tuple[int, Match]]] = {}
    for row, hits in enumerate(found):
        for hit in hits:
            for phrase in _around(texts[row], hit):
                places.setdefault(phrase, []).append((row, hit))
    of_bad = sum(harmful)
    of_good = len(harmful) - of_bad
    ranked = []
    for phrase, hits_at in places.items():
        rows = {row for row, _ in hits_at}
        good = sum(not harmful[row] for row in rows)
        if good >= min_allow and good >= _MOSTLY * len(rows):
            ranked.append((-good, len(phrase), phrase))
    silenced: set[tuple[int, int, int]] = set()
    chosen: list[Proposal] = []
    for _, _, phrase in sorted(ranked):
        here = {(row, hit.start, hit.end) for row, hit in places[phrase]}
        rows = {row for row, _, _ in here - silenced if not harmful[row]}
        if len(rows) < min_allow or len(chosen) == top:
            continue
        silenced |= here
        every = {row for row, _, _ in here}
        bad = sum(harmful[row] for row in every)
        good = len(every) - bad
        balanced = bad / of_bad / (bad / of_bad + good / of_good)
        z = -log_odds(bad, good, of_bad, of_good)
        shown = [_marked(texts[row], hit) for row, hit in places[phrase] if not harmful[row]]
        ids = tuple(sorted({hit.term.id for _, hit in places[phrase]}))
        chosen.append(
            Proposal(
                "allow", phrase, bad, good, (0, len(here)), z, balanced, (), ids,
                tuple((False, text) for text in dict.fromkeys(shown))[:_EXAMPLES],
            )
        )  # fmt: skip
    return chosen


def _around(text: str, hit: Match) -> Iterator[str]:
    """Yield the folded phrases that hold the hit and up to ``_REACH`` words to either side."""
    low, high = max(0, hit.start - 80), hit.end + 80
    line = text[low:high]
    words = [(m.start() + low, m.end() + low) for m in _TOKEN.finditer(line)]
    inner = [n for n, (start, end) in enumerate(words) if start < hit.end and end > hit.start]
    if not inner:
        return
    for left in range(_REACH + 1):
        for right in range(_REACH + 1):
            first, last = inner[0] - left, inner[-1] + right
            if first < 0 or last >= len(words):
                continue
            part = text[words[first][0] : words[last][1]].strip(".'’`*-–—_")
            if "\n" in part or re.search(r"[,;:!?()\[\]{}\"“”]", part):
                continue
            phrase = " ".join(fold(part).split())
            if len(phrase) > hit.end - hit.start and len(phrase) <= 60:
                yield phrase


def _marked(text: str, hit: Match) -> str:
    before = text[max(0, hit.start - _CONTEXT) : hit.start]
    after = text[hit.end : hit.end + _CONTEXT]
    return " ".join(f"{before}[{hit.text}]{after}".split())

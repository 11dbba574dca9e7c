"""Words and phrases of texts, with spelling variants put together, counted by row."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from moddefense.folding import fold_many
from moddefense.lexicon.matching import Matcher
from moddefense.lexicon.terms import Lexicon, Term

__all__ = ["Rows", "count_rows", "ngrams", "read_rows"]

Rows = list[list[tuple[str, ...]]]
"""For each text, its segments: runs of words with no punctuation between them."""

_ADDRESS = re.compile(r"(?:https?://|www\.)\S+|\S+@\S+\.\S+|(?<!\w)[@#]\w+")
_BREAK = re.compile(
    r"[.,;:!?()\[\]{}\"“”…|=<>/\\]+(?:\s|$)|[\n\r]+|\s[-–—*.,:;]+\s|[\"“”()\[\]{}<>|=]"
)
_WORD = re.compile(r"[^\W_]+(?:[@$!*'’-]+[^\W_]+)*\$*")
_LONG_RUN = re.compile(r"(.)\1\1")
_SHORTEST = 3  # letters of a word that others may be variants of


def read_rows(texts: Sequence[str], *, floor: int = 2) -> tuple[Rows, dict[str, str]]:
    """Return the segments of ``texts``, and which variants became which word.

    A word with digits, symbols or a letter three times in a row becomes the most frequent plain
    word (in at least ``floor`` texts) that the matcher reads it as.

    >>> read_rows(["so stupid", "so stuuupid. you!", "stupid"])
    ([[('so', 'stupid')], [('so', 'stupid'), ('you',)], [('stupid',)]], {'stuuupid': 'stupid'})
    """
    rows: Rows = []
    for text in fold_many(texts):
        segments = (tuple(_WORD.findall(part)) for part in _BREAK.split(_ADDRESS.sub("\n", text)))
        rows.append([segment for segment in segments if segment])
    variants = _variants(rows, floor)
    if variants:
        rows = [
            [tuple(variants.get(word, word) for word in segment) for segment in row] for row in rows
        ]
    return rows, variants


def ngrams(row: Sequence[tuple[str, ...]], order: int) -> Iterator[tuple[str, ...]]:
    """Yield the runs of ``order`` words of a text's segments.

    >>> list(ngrams([("a", "b", "c"), ("d",)], 2))
    [('a', 'b'), ('b', 'c')]
    """
    for segment in row:
        for start in range(len(segment) - order + 1):
            yield segment[start : start + order]


def count_rows(
    rows: Rows, order: int, parts: Counter[tuple[str, ...]] | None, floor: int
) -> Counter[tuple[str, ...]]:
    """Count the rows that hold each run of ``order`` words, once a row.

    Runs whose two shorter runs are not in ``floor`` rows each (``parts``) cannot be frequent
    themselves and are not counted.
    """
    counts: Counter[tuple[str, ...]] = Counter()
    for row in rows:
        found = set(ngrams(row, order))
        if parts is not None:
            found = {run for run in found if parts[run[:-1]] >= floor and parts[run[1:]] >= floor}
        counts.update(found)
    return counts


def _variants(rows: Rows, floor: int) -> dict[str, str]:
    counts = Counter(word for row in rows for word in {w for segment in row for w in segment})
    plain, odd = [], []
    for word, count in counts.items():
        if not word.isalpha() or _LONG_RUN.search(word):
            if any(char.isalpha() for char in word):
                odd.append(word)
        elif count >= floor and len(word) >= _SHORTEST:
            plain.append(word)
    if not plain or not odd:
        return {}
    plain.sort(key=lambda word: (-counts[word], word))
    lexicon = Lexicon(Term(f"{place:09}", word, severity=1) for place, word in enumerate(plain))
    matcher = Matcher(lexicon, off=("separators", "masking"))
    found = {}
    for word, hits in zip(odd, matcher.find_many(odd), strict=True):
        whole = [hit.term for hit in hits if hit.start == 0 and hit.end == len(word)]
        if whole:
            found[word] = min(whole, key=lambda term: term.id).term
    return found

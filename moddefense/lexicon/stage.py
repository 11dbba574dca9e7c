"""The lexicon in the pipeline: which terms each text hits, and how the models shall read it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from moddefense.lexicon.matching import Match, Matcher

if TYPE_CHECKING:
    import numpy as np

    from moddefense.screening import Screening

__all__ = ["LexiconStage", "healed"]

EVASIONS = frozenset(("leet", "repetition", "separators", "masking"))


class LexiconStage:
    """Fills ``screening.matches``, and ``screening.readings`` where a term was disguised."""

    name = "lexicon"

    def __init__(self, matcher: Matcher) -> None:
        self.matcher = matcher

    def examine(self, screening: Screening, rows: np.ndarray) -> None:
        """Match the texts at ``rows``."""
        indices = rows.tolist()
        found = self.matcher.find_many([screening.texts[row] for row in indices])
        for row, matches in zip(indices, found, strict=True):
            if matches:
                screening.matches[row] = tuple(matches)
                reading = healed(screening.texts[row], matches)
                if reading is not None:
                    screening.readings[row] = reading


def healed(text: str, matches: Iterable[Match]) -> str | None:
    """Return ``text`` with disguised terms spelt out, or None when there is none.

    Trigger and classifier read the result: the models learnt words, not their disguises. Of terms
    that overlap, the one that begins first counts, and of these the longest.

    >>> from moddefense.lexicon import Lexicon, Term
    >>> matcher = Matcher(Lexicon([Term("en-jerk", "jerk", severity=1)]))
    >>> healed("what a j3rk", matcher.find("what a j3rk"))
    'what a jerk'
    """
    disguised = [match for match in matches if EVASIONS.intersection(match.through)]
    if not disguised:
        return None
    pieces, last = [], 0
    for match in sorted(disguised, key=lambda match: (match.start, -match.end, match.term.id)):
        if match.start >= last:
            pieces += [text[last : match.start], match.term.term]
            last = match.end
    return "".join((*pieces, text[last:]))

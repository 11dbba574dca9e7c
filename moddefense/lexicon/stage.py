"""The lexicon in the pipeline: which terms each text hits, and how the models shall read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from moddefense.lexicon.matching import Match, Matcher
from moddefense.lexicon.terms import Lexicon

if TYPE_CHECKING:
    import numpy as np

    from moddefense.screening import Screening

__all__ = ["LexiconStage", "reading"]

EVASIONS = frozenset(("leet", "repetition", "separators", "masking", "spelling"))


class LexiconStage:
    """Fills ``screening.matches``, and ``readings`` where the models shall read something else.

    The models learnt words, not their disguises, and not that Moby Dick is a whale: they read
    disguised block terms spelt out, and the text without its allowed phrases. What else is in the
    text they read as it is, so that an allow term hides nothing but itself.
    """

    name = "lexicon"

    def __init__(self, matcher: Matcher) -> None:
        self.matcher = matcher
        self._phrases = _phrases(matcher.lexicon)

    def examine(self, screening: Screening, rows: np.ndarray) -> None:
        """Match the texts at ``rows``."""
        indices = rows.tolist()
        texts = [screening.texts[row] for row in indices]
        for place, found, special in self.matcher.find_many(texts, also=self._phrases).hits():
            row = indices[place]
            if not special:
                screening.matches[row] = found
                continue
            phrases = [match for match in found if match.term.id in self._phrases]
            matches = tuple(match for match in found if match.term.id not in self._phrases)
            screening.matches[row] = matches
            edits = edits_of(texts[place], matches, phrases)
            if edits:
                screening.readings[row] = apply_edits(texts[place], edits)
                screening.edits[row] = edits


def reading(text: str, matches: Sequence[Match], allowed: Sequence[Match] = ()) -> str:
    """Return ``text`` with disguised terms spelt out and allowed phrases left out.

    >>> from moddefense.lexicon import Term
    >>> matcher = Matcher(Lexicon([Term("en-jerk", "jerk", severity=1)]))
    >>> reading("what a j3rk", matcher.find("what a j3rk"))
    'what a jerk'
    """
    return apply_edits(text, edits_of(text, matches, allowed))


def edits_of(
    text: str, matches: Sequence[Match], allowed: Sequence[Match] = ()
) -> tuple[tuple[int, int, str], ...]:
    """What is read otherwise: where in ``text``, half-open, and what instead; in order.

    Of terms that overlap, the one that begins first counts, and of these the longest. A phrase that
    a block hit overlaps stays.
    """
    hits = [match for match in matches if match.term.kind == "block"]
    edits = [
        (hit.start, -hit.end, hit.term.term) for hit in hits if EVASIONS.intersection(hit.through)
    ]
    edits += [
        (phrase.start, -phrase.end, "")
        for phrase in allowed
        if not any(hit.start < phrase.end and phrase.start < hit.end for hit in hits)
    ]
    kept, last = list[tuple[int, int, str]](), 0
    for start, minus_end, instead in sorted(edits):
        if start >= last:
            last = -minus_end
            if text[start:last] != instead:
                kept.append((start, last, instead))
    return tuple(kept)


def apply_edits(text: str, edits: Sequence[tuple[int, int, str]]) -> str:
    """Return ``text`` with edits that are in order and do not overlap."""
    pieces, last = list[str](), 0
    for start, end, instead in edits:
        pieces += [text[last:start], instead]
        last = end
    return "".join((*pieces, text[last:]))


def _phrases(lexicon: Lexicon) -> frozenset[str]:
    """Return the ids of the allow terms that say more than the block term they protect from.

    They give a context that settles the matter, like "Moby Dick". An allow term that is the block
    term itself gives none: it stops the lists, and the models go on reading the word.
    """
    allows = [
        t for t in lexicon if t.kind == "allow" and t.match != "text" and t.status == "active"
    ]
    if not allows:
        return frozenset()
    blocks = Matcher(Lexicon([term for term in lexicon if term.kind == "block"]))
    found = blocks.find_many([term.term for term in allows])
    return frozenset(
        term.id
        for term, hits in zip(allows, found, strict=True)
        if any(hit.end - hit.start < len(term.term) for hit in hits)
    )

"""The lexicon's place in the pipeline: which terms each text hits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moddefense.lexicon.matching import Matcher

if TYPE_CHECKING:
    import numpy as np

    from moddefense.screening import Screening

__all__ = ["LexiconStage"]


class LexiconStage:
    """Fills ``screening.matches``."""

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

"""The trigger: a logistic model over hashed token n-grams that says whether to run the classifier.

It reads the token ids that the classifier would read, so that a text is tokenised once, and costs a
lookup a token. Its job is recall: it may send too much on, it must not keep back what the
classifier would flag.
"""

from __future__ import annotations

from typing import Self

import numpy as np

from moddefense.ngrams import NgramModel
from moddefense.tokens import Tokens

__all__ = ["Trigger", "recall_threshold"]


class Trigger(NgramModel):
    """Probability that the classifier is worth running on a text."""

    def calibrated(self, tokens: Tokens, wanted: np.ndarray, weights: np.ndarray) -> Self:
        """Return this trigger calibrated on validation: Platt's slope and intercept multiplied in.

        ``wanted`` is 0/1 ``[texts]``, ``weights`` ``[texts]`` give the prevalence. The order of
        texts stays, and so does what a threshold that is chosen by recall lets through.
        """
        from moddefense.classifier.calibration import Calibration

        found = Calibration.fit(self.log_odds(tokens)[:, None], wanted[:, None], weights)
        slope, intercept = float(found.slope[0]), float(found.intercept[0])
        scaled = (self.weights.astype(np.float64) * slope).astype(np.float32)
        return type(self)(scaled, self.intercept * slope + intercept)


def recall_threshold(probabilities: np.ndarray, wanted: np.ndarray, recall: float) -> float:
    """The highest threshold at which at least ``recall`` of the ``wanted`` rows (mask) trigger.

    With nothing wanted there is no evidence, and the threshold is 0: everything triggers.
    """
    found = np.sort(probabilities[wanted])
    if not found.size:
        return 0.0
    missed = int(np.floor((1 - recall) * found.size + 1e-9))
    # Rounded down, so that what is stored with fewer digits misses no more rows.
    return float(np.floor(found[min(missed, found.size - 1)] * 1e6) / 1e6)

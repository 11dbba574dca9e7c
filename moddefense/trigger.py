"""The trigger: a logistic model over hashed token n-grams that says whether to run the classifier.

It reads the token ids that the classifier would read, so that a text is tokenised once, and costs a
lookup a token. Its job is recall: it may send too much on, it must not keep back what the
classifier would flag.
"""

from __future__ import annotations

import numpy as np

from moddefense.ngrams import NgramModel

__all__ = ["Trigger", "recall_threshold"]


class Trigger(NgramModel):
    """Probability that the classifier is worth running on a text."""


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

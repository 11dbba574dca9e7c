"""Split conformal prediction: sets of labels that hold the true one as often as was promised.

Class-conditional (Mondrian; Vovk 2005, chapter 4): the calibration texts of each class set the
threshold of that class, so that the promise holds for harmful and for harmless texts alone, however
rare one of them is. It holds for any model, for texts that are exchangeable with the calibration
texts, on average over calibration samples; it says nothing about other kinds of text.

A set may hold both labels (the score cannot tell) or none (the text is unlike both classes).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from moddefense.errors import ConfigurationError

__all__ = [
    "ConformalThresholds",
    "conformal_thresholds",
    "halves_figures",
    "least_calibration",
    "set_figures",
    "transfer_figures",
]

HARMLESS, HARMFUL = 0, 1
REPETITIONS = 100


@dataclasses.dataclass(frozen=True)
class ConformalThresholds:
    """Where each label enters the set: harmless up to a score, harmful from a score on, inclusive.

    With too few calibration texts of a class to promise anything, its label is in every set
    (``harmless_up_to`` infinite, ``harmful_from`` minus infinite). ``alpha`` is the share of true
    labels that may be missed, by class; ``harmless`` and ``harmful`` count calibration texts.
    """

    harmless_up_to: float
    harmful_from: float
    alpha: tuple[float, float]
    harmless: int
    harmful: int

    def sets(self, scores: np.ndarray) -> np.ndarray:
        """Prediction sets, bool ``[texts, 2]``: whether harmless, and harmful, is in the set.

        >>> ConformalThresholds(0.6, 0.4, (0.1, 0.1), 99, 99).sets(np.array([0.1, 0.5])).tolist()
        [[True, False], [True, True]]
        """
        return np.stack([scores <= self.harmless_up_to, scores >= self.harmful_from], axis=-1)

    def ambiguous(self, scores: np.ndarray) -> np.ndarray:
        """Mask ``[texts]`` of the sets with both labels or none: those for people."""
        sets = self.sets(scores)
        return sets[:, HARMLESS] == sets[:, HARMFUL]


def least_calibration(alpha: float) -> int:
    """Return how many calibration texts of a class a promise of ``1 - alpha`` needs.

    >>> least_calibration(0.05)
    19
    """
    return math.ceil(round(1 / alpha, 9)) - 1


def conformal_thresholds(
    scores: np.ndarray, labels: np.ndarray, alpha: float | tuple[float, float]
) -> ConformalThresholds:
    """Calibrate on scores (probability of harm) and 0/1 labels, both ``[texts]``.

    The true label of a new text is missed with probability ``alpha`` at most, in each class;
    a pair gives (harmless, harmful) an ``alpha`` each. Raises ConfigurationError on an ``alpha``
    that is not between 0 and 1 and on a score that is not a number.

    >>> scores = np.linspace(0, 1, 200)
    >>> found = conformal_thresholds(scores, (scores > 0.5).astype(int), 0.1)
    >>> round(found.harmless_up_to, 2), round(found.harmful_from, 2)
    (0.45, 0.55)
    """
    pair = alpha if isinstance(alpha, tuple) else (alpha, alpha)
    for value in pair:
        if not 0 < value < 1:
            raise ConfigurationError(f"conformal: alpha {value} is not between 0 and 1")
    if np.isnan(scores).any():
        raise ConfigurationError("conformal: a calibration score is not a number; leave it out")
    harmless, harmful = scores[labels == 0], scores[labels == 1]
    return ConformalThresholds(
        harmless_up_to=_quantile(harmless, pair[HARMLESS]),
        harmful_from=-_quantile(-harmful, pair[HARMFUL]),
        alpha=pair,
        harmless=len(harmless),
        harmful=len(harmful),
    )


def set_figures(
    sets: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None
) -> dict[str, float | None]:
    """Coverage, by class too, and the shares of sets with one label, both and none.

    ``sets`` is ``[texts, 2]``, ``labels`` (0/1) and ``weights`` are ``[texts]``. ``accuracy`` is
    that of the sets with one label. None where there is no such text.
    """
    labels = labels.astype(int)
    weights = np.ones(len(labels)) if weights is None else weights
    covered = sets[np.arange(len(labels)), labels]
    size = sets.sum(axis=1)
    return {
        "coverage": _share(covered, weights),
        "coverage_harmless": _share(covered[labels == 0], weights[labels == 0]),
        "coverage_harmful": _share(covered[labels == 1], weights[labels == 1]),
        "single": _share(size == 1, weights),
        "both": _share(size == 2, weights),
        "none": _share(size == 0, weights),
        "accuracy": _share(covered[size == 1], weights[size == 1]),
    }


def halves_figures(
    scores: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray,
    alphas: Sequence[float],
    *,
    seed: int = 0,
) -> dict[str, Any]:
    """Calibrate on a random half, measure on the other, over and over; all arrays ``[texts]``.

    A figure is the mean over the repetitions; for coverage its 5th and 95th percentile stand
    beside it, for a promise that is kept on average is not kept by each calibration sample.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    found: dict[float, list[dict[str, float | None]]] = {alpha: [] for alpha in alphas}
    for _ in range(REPETITIONS):
        half = np.zeros(len(labels), bool)
        for value in (0, 1):  # half of each class, so that a rare one is in both
            rows = generator.permutation(np.flatnonzero(labels == value))
            half[rows[: len(rows) // 2]] = True
        for alpha in alphas:
            sets = conformal_thresholds(scores[half], labels[half], alpha).sets(scores[~half])
            found[alpha].append(set_figures(sets, labels[~half], weights[~half]))
    return {
        "calibrated_on": "halves",
        "repetitions": REPETITIONS,
        "levels": [_averaged(alpha, parts) for alpha, parts in found.items()],
    }


def transfer_figures(
    calibration: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    weights: np.ndarray,
    alphas: Sequence[float],
) -> dict[str, Any]:
    """Calibrate on the (scores, labels) of one corpus, measure on those of another."""
    levels = []
    for alpha in alphas:
        found = conformal_thresholds(*calibration, alpha)
        figures = set_figures(found.sets(test[0]), test[1], weights)
        levels.append(
            {
                "alpha": alpha,
                "harmless_up_to": _finite(found.harmless_up_to),
                "harmful_from": _finite(found.harmful_from),
                **{key: _rounded(value) for key, value in figures.items()},
            }
        )
    counts = {"harmful": int((calibration[1] == 1).sum()), "texts": len(calibration[1])}
    return {"calibrated_on": counts, "repetitions": 1, "levels": levels}


def _averaged(alpha: float, parts: Sequence[Mapping[str, float | None]]) -> dict[str, Any]:
    averaged: dict[str, Any] = {"alpha": alpha}
    for key in parts[0]:
        values = [value for part in parts if (value := part[key]) is not None]
        averaged[key] = _rounded(float(np.mean(values))) if values else None
        if key.startswith("coverage") and values:
            averaged[f"{key}_range"] = [_rounded(float(v)) for v in np.percentile(values, [5, 95])]
    return averaged


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _finite(value: float) -> float | None:
    return round(value, 6) if math.isfinite(value) else None


def _quantile(values: np.ndarray, alpha: float) -> float:
    """The ceil((n + 1)(1 - alpha))-th smallest value; infinite where there are not so many."""
    # Rounded first: (n + 1) * (1 - alpha) may lie a hair above the whole number that it is.
    rank = math.ceil(round((len(values) + 1) * (1 - alpha), 9))
    return float(np.partition(values, rank - 1)[rank - 1]) if rank <= len(values) else math.inf


def _share(mask: np.ndarray, weights: np.ndarray) -> float | None:
    total = float(weights.sum())
    return float((mask * weights).sum()) / total if total > 0 else None

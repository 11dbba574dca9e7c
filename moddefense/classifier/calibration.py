"""Logits to probabilities that mean what they say, fitted on validation.

Platt scaling (Platt 1999): a slope and an intercept a label. Validation is reweighted to the
prevalence at which the bundle will run, because corpora of abuse hold far more of it than nature.
"""

from __future__ import annotations

import dataclasses

import numpy as np

__all__ = [
    "Calibration",
    "expected_calibration_error",
    "mixing_weight",
    "prevalence_weights",
]


@dataclasses.dataclass(frozen=True)
class Calibration:
    """Slope and intercept of each label, float64 ``[labels]``."""

    slope: np.ndarray
    intercept: np.ndarray

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Calibrated probabilities of logits ``[..., labels]``, float64."""
        z = logits.astype(np.float64) * self.slope + self.intercept
        return 0.5 * (1 + np.tanh(z / 2))

    @classmethod
    def fit(cls, logits: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> Calibration:
        """Fit on logits and labels ``[texts, labels]`` (NaN: unknown) with weights ``[texts]``.

        A label of which validation knows only one class keeps slope 1 and intercept 0.
        """
        from sklearn.linear_model import LogisticRegression

        slope, intercept = np.ones(logits.shape[1]), np.zeros(logits.shape[1])
        for k in range(logits.shape[1]):
            known = ~np.isnan(labels[:, k])
            target = labels[known, k]
            if len(np.unique(target)) < 2:
                continue
            model = LogisticRegression(C=1e4).fit(
                logits[known, k : k + 1], target, sample_weight=weights[known]
            )
            # A negative slope would turn the order around: no calibration but a broken model.
            if model.coef_[0, 0] > 0:
                slope[k], intercept[k] = model.coef_[0, 0], model.intercept_[0]
        return cls(slope, intercept)


def mixing_weight(log_odds: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> float:
    """How much the second model's log-odds count beside the first's; 0 where it does not help.

    ``log_odds`` is ``[texts, 2]``, ``labels`` and ``weights`` are ``[texts]``.
    """
    from sklearn.linear_model import LogisticRegression

    first, second = LogisticRegression(C=1e4).fit(log_odds, labels, sample_weight=weights).coef_[0]
    return float(second / first) if first > 0 and second > 0 else 0.0


def prevalence_weights(harmful: np.ndarray, prevalence: float) -> np.ndarray:
    """Weights ``[texts]`` under which the share of harmful texts is ``prevalence`` (0: keep).

    >>> prevalence_weights(np.array([1.0, 0.0]), 0.1).round(1).tolist()
    [0.2, 1.8]
    """
    share = float(np.mean(harmful == 1))
    if prevalence == 0 or share in (0.0, 1.0):
        return np.ones(len(harmful))
    return np.where(harmful == 1, prevalence / share, (1 - prevalence) / (1 - share))


def expected_calibration_error(
    probabilities: np.ndarray, labels: np.ndarray, weights: np.ndarray, *, bins: int = 15
) -> float:
    """Weighted mean gap between probability and frequency over equal-width bins (Guo 2017)."""
    index = np.minimum((probabilities * bins).astype(int), bins - 1)
    total = weights.sum()
    error = 0.0
    for b in range(bins):
        inside = index == b
        weight = weights[inside].sum()
        if weight > 0:
            gap = np.average(probabilities[inside] - labels[inside], weights=weights[inside])
            error += weight / total * abs(float(gap))
    return error

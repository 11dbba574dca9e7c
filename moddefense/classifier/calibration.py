"""Logits to probabilities that mean what they say, fitted on validation, a label at a time.

===========  ===============================================================  ==================
method       probability of a logit                                           source
===========  ===============================================================  ==================
platt        logistic, slope and intercept; smoothed targets, so that a few   Platt 1999
             texts that are well apart do not make it a step
temperature  logistic, slope alone                                            Guo 2017
isotonic     piecewise linear between the steps of a non-decreasing fit       Zadrozny, Elkan 2002
auto         the one with the least cross-validated log loss; isotonic only with many texts
===========  ===============================================================  ==================

Validation is reweighted to the prevalence at which the bundle will run, because corpora of abuse
hold far more of it than nature.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import numpy as np

__all__ = [
    "Calibration",
    "Curve",
    "expected_calibration_error",
    "prevalence_weights",
]

METHODS = ("platt", "temperature", "isotonic")
FOLDS = 5
FEWEST = 20  # texts of the rarer class, below which there is nothing to choose by
FEWEST_STEPS = 200  # and below which isotonic steps are so wide that they cost the order


class Curve(NamedTuple):
    """A non-decreasing piecewise linear function, float64 ``[points]``; constant outside."""

    logit: np.ndarray
    probability: np.ndarray

    def at(self, logits: np.ndarray) -> np.ndarray:
        """Probabilities of logits, each by itself."""
        x, y = self.logit, self.probability
        left = np.clip(np.searchsorted(x, logits, side="right") - 1, 0, max(len(x) - 2, 0))
        right = np.minimum(left + 1, len(x) - 1)
        width = np.where(right > left, x[right] - x[left], 1.0)
        share = np.clip((logits - x[left]) / width, 0, 1)
        return y[left] + share * (y[right] - y[left])


@dataclasses.dataclass(frozen=True)
class Calibration:
    """Slope and intercept of each label, float64 ``[labels]``; or a curve instead, where one is.

    ``methods`` names what was fitted for each label; None is what needed or allowed no fit.
    """

    slope: np.ndarray
    intercept: np.ndarray
    curves: tuple[Curve | None, ...] = ()
    methods: tuple[str | None, ...] = ()

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Calibrated probabilities of logits ``[..., labels]``, float64."""
        z = logits.astype(np.float64)
        found = 0.5 * (1 + np.tanh((z * self.slope + self.intercept) / 2))
        for k, curve in enumerate(self.curves):
            if curve is not None:
                found[..., k] = curve.at(z[..., k])
        return found

    @classmethod
    def fit(
        cls, logits: np.ndarray, labels: np.ndarray, weights: np.ndarray, *, method: str = "platt"
    ) -> Self:
        """Fit on logits and labels ``[texts, labels]`` (NaN: unknown) with weights ``[texts]``.

        A label of which validation knows only one class, or which falls where its logit rises,
        keeps slope 1 and intercept 0.
        """
        fits = []
        for k in range(logits.shape[1]):
            known = ~np.isnan(labels[:, k])
            fits.append(_fit(logits[known, k], labels[known, k], weights[known], method))
        slope, intercept, curves, methods = zip(*fits, strict=True)
        return cls(np.array(slope), np.array(intercept), tuple(curves), tuple(methods))

    def as_dict(self) -> dict[str, Any]:
        """Plain values, from which ``from_dict`` makes an equal calibration."""
        curves = [
            None if curve is None else {k: v.tolist() for k, v in curve._asdict().items()}
            for curve in self.curves
        ]
        return {
            "slope": self.slope.tolist(), "intercept": self.intercept.tolist(),
            "methods": list(self.methods), "curves": curves,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Read what ``as_dict`` gave. Raises ValueError, KeyError or TypeError on other content."""
        slope, intercept = (np.array(stored[key], np.float64) for key in ("slope", "intercept"))
        curves = [
            None if curve is None else Curve(*(np.array(curve[k], float) for k in Curve._fields))
            for curve in stored.get("curves", ())
        ]
        return cls(slope, intercept, tuple(curves), tuple(stored.get("methods", ())))

    def problem(self, labels: int) -> str | None:
        """What is wrong with it as the calibration of so many labels; None when nothing is."""
        for name, values in (("slope", self.slope), ("intercept", self.intercept)):
            if values.shape != (labels,):
                return f"{name} is {values.shape}, not {(labels,)}"
            if not np.isfinite(values).all():
                return f"{name} is not finite"
        for name, entries in (("curves", self.curves), ("methods", self.methods)):
            if len(entries) not in (0, labels):
                return f"{name} are {len(entries)}, not {labels}"
        for curve in self.curves:
            if curve is None:
                continue
            x, y = curve
            if not (x.ndim == 1 and len(x) and x.shape == y.shape and np.isfinite(x).all()):
                return "a curve is not two rows of equally many numbers"
            if not ((np.diff(x) > 0).all() and (np.diff(y) >= 0).all()):
                return "a curve does not rise"
            if not (y[0] >= 0 and y[-1] <= 1):
                return "a curve leaves the range from 0 to 1"
        return None


_Fit = tuple[float, float, "Curve | None", "str | None"]
IDENTITY: _Fit = (1.0, 0.0, None, None)


def _fit(logits: np.ndarray, labels: np.ndarray, weights: np.ndarray, method: str) -> _Fit:
    if len(np.unique(labels)) < 2:
        return IDENTITY
    if method == "auto":
        method = _choose(logits, labels, weights)
    if method == "isotonic":
        return (1.0, 0.0, _isotonic(logits, labels, weights), method)
    slope, intercept = _logistic(logits, labels, weights, intercept=method == "platt")
    # A negative slope would turn the order around: no calibration but a broken model.
    return (slope, intercept, None, method) if slope > 0 else IDENTITY


def _smoothed(labels: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """Targets of the harmless and the harmful: a text more of each class would be the other's."""
    low, high = (
        weights[labels == k].sum() ** 2 / np.square(weights[labels == k]).sum() for k in (0, 1)
    )
    return 1 / (low + 2), (high + 1) / (high + 2)


def _logistic(
    logits: np.ndarray, labels: np.ndarray, weights: np.ndarray, *, intercept: bool
) -> tuple[float, float]:
    from sklearn.linear_model import LogisticRegression

    low, high = _smoothed(labels, weights)
    target = np.where(labels == 1, high, low)
    model = LogisticRegression(C=np.inf, fit_intercept=intercept, max_iter=1000, tol=1e-8).fit(
        np.concatenate([logits, logits])[:, None],
        np.repeat([1, 0], len(logits)),
        sample_weight=np.concatenate([weights * target, weights * (1 - target)]),
    )
    return float(model.coef_[0, 0]), float(model.intercept_[0]) if intercept else 0.0


def _isotonic(logits: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> Curve:
    from sklearn.isotonic import IsotonicRegression

    low, high = _smoothed(labels, weights)
    model = IsotonicRegression(y_min=low, y_max=high, increasing=True)
    model.fit(logits.astype(np.float64), labels, sample_weight=weights)
    return Curve(model.X_thresholds_.astype(float), model.y_thresholds_.astype(float))


def _choose(logits: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> str:
    """The method with the least log loss on folds that it was not fitted on.

    Another than the first must be better by more than a standard error: isotonic fits have steps,
    and texts on a step can no longer be told apart.
    """
    from sklearn.model_selection import StratifiedKFold

    rarer = min((labels == 0).sum(), (labels == 1).sum())
    if rarer < FEWEST:
        return METHODS[0]
    methods = METHODS if rarer >= FEWEST_STEPS else METHODS[:-1]
    losses = {method: np.zeros(len(labels)) for method in methods}
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    for rest, held_out in folds.split(logits, labels):
        for method in methods:
            slope, intercept, curve, _ = _fit(logits[rest], labels[rest], weights[rest], method)
            one = Calibration(np.array([slope]), np.array([intercept]), (curve,))
            found = one.probabilities(logits[held_out, None])[:, 0].clip(1e-15, 1 - 1e-15)
            losses[method][held_out] = -np.where(
                labels[held_out] == 1, np.log(found), np.log1p(-found)
            )
    best = METHODS[0]
    for method in methods[1:]:
        gain = weights * (losses[best] - losses[method])
        if gain.mean() > gain.std() / np.sqrt(len(gain)):
            best = method
    return best


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
    return float(error)

"""Figures with confidence intervals: exact, from theory, or by resampling.

=================  =================================================================
``delong``         AUC: DeLong 1988, on the log-odds scale; Newcombe 2006 (method 5) for 0 and 1
``clopper-pearson``  a share of texts: the exact binomial interval
``wilson``         a weighted share: Wilson's score interval with Kish's effective sample
``bootstrap``      all others: percentiles over resamples, drawn within each class by a fixed seed
=================  =================================================================
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

__all__ = [
    "CONFIDENCE",
    "Estimate",
    "auc_estimate",
    "effective_share",
    "exact_share",
    "missing",
    "percentiles",
    "resamples",
]

CONFIDENCE = 0.95
Z = 1.959963984540054  # of the normal distribution, two-sided 95 %
AT_ONCE = 2_000_000  # numbers of one array of resamples, for memory


class Estimate(NamedTuple):
    """A figure and its 95 % interval; without a value, ``reason`` says why there is none."""

    value: float | None
    low: float | None
    high: float | None
    method: str | None
    reason: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, numbers rounded to six decimals."""
        if self.value is None:
            return {"value": None, "reason": self.reason}
        numbers = {"value": self.value, "low": self.low, "high": self.high}
        return {
            **{k: None if v is None else round(float(v), 6) for k, v in numbers.items()},
            "method": self.method,
        }

    def __str__(self) -> str:
        if self.value is None:
            return "–"
        if self.low is None or self.high is None:
            return f"{self.value:.4f}"
        return f"{self.value:.4f} ({self.low:.4f}–{self.high:.4f})"


def missing(reason: str) -> Estimate:
    """Return a figure that there is not, and why."""
    return Estimate(None, None, None, None, reason)


def exact_share(part: int, whole: int, *, of: str) -> Estimate:
    """Return ``part / whole`` with the interval of Clopper and Pearson 1934.

    >>> round(exact_share(0, 10, of="harmful texts").high, 4)
    0.3085
    """
    from scipy.stats import beta

    if whole == 0:
        return missing(f"there are no {of}")
    tail = (1 - CONFIDENCE) / 2
    low = 0.0 if part == 0 else float(beta.ppf(tail, part, whole - part + 1))
    high = 1.0 if part == whole else float(beta.ppf(1 - tail, part + 1, whole - part))
    return Estimate(part / whole, low, high, "clopper-pearson")


def effective_share(mask: np.ndarray, weights: np.ndarray, *, of: str) -> Estimate:
    """Return the weighted share of ``mask`` with Wilson's interval (Kish's effective sample)."""
    total = float(weights.sum())
    if total == 0:
        return missing(f"there are no {of}")
    share = min(1.0, float((weights * mask).sum()) / total)
    n = total * total / float((weights * weights).sum())
    centre = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
    margin = Z * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n)) / (1 + Z * Z / n)
    low, high = max(0.0, centre - margin), min(1.0, centre + margin)
    return Estimate(share, min(low, share), max(high, share), "wilson")


def auc_estimate(positive: np.ndarray, negative: np.ndarray) -> Estimate:
    """Area under the ROC curve of two samples of scores: the chance that a positive scores higher.

    The interval is DeLong's on the log-odds scale, or Newcombe's where the two do not overlap.

    >>> auc_estimate(np.array([0.9, 0.8, 0.4]), np.array([0.1, 0.5])).value
    0.8333333333333334
    """
    from scipy.stats import rankdata

    m, n = len(positive), len(negative)
    if m == 0 or n == 0:
        return missing(f"there are no {'harmful' if m == 0 else 'harmless'} texts")
    ranks = rankdata(np.concatenate([positive, negative]))
    above = (ranks[:m] - rankdata(positive)) / n  # share of negatives below each positive
    below = 1 - (ranks[m:] - rankdata(negative)) / m
    area = float(above.mean())
    variance = (above.var(ddof=1) / m if m > 1 else 0) + (below.var(ddof=1) / n if n > 1 else 0)
    if m == 1 or n == 1 or variance <= 0:
        return Estimate(area, *_newcombe(area, m, n), "newcombe")
    margin = Z * math.sqrt(variance) / (area * (1 - area))
    centre = math.log(area / (1 - area))
    return Estimate(area, _logistic(centre - margin), _logistic(centre + margin), "delong")


def resamples(labels: np.ndarray, *, count: int, seed: int) -> Iterator[np.ndarray]:
    """Yield how often each text is drawn, in arrays ``[some, texts]``, ``count`` rows in all.

    As many texts of each class are drawn as there are, so that prevalence stays what it is.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    classes = [np.flatnonzero(labels == value) for value in np.unique(labels)]
    step = max(1, AT_ONCE // max(1, len(labels)))
    for begin in range(0, count, step):
        some = min(step, count - begin)
        drawn = np.zeros((some, len(labels)), np.float32)
        for row in range(some):
            for rows in classes:
                picked = generator.integers(len(rows), size=len(rows))
                drawn[row, rows] = np.bincount(picked, minlength=len(rows))
        yield drawn


def percentiles(value: float, replicates: np.ndarray, *, centred: bool = False) -> Estimate:
    """Return a value with the interval that most of its bootstrap replicates lie in.

    ``centred`` moves the replicates until their mean is the value: for a figure that is never
    negative and that noise, which resampling doubles, makes larger.
    """
    tail = 100 * (1 - CONFIDENCE) / 2
    known = replicates[~np.isnan(replicates)]
    if not known.size:
        return Estimate(value, None, None, None)
    if centred:
        known = np.maximum(known - (known.mean() - value), 0)
    low, high = np.percentile(known, [tail, 100 - tail])
    return Estimate(value, float(low), float(high), "bootstrap")


def _newcombe(area: float, m: int, n: int) -> tuple[float, float]:
    """Where the area that was found lies just within Z standard errors of the true one."""
    larger = (m + n) / 2 - 1

    def error(true: float) -> float:
        spread = 1 + larger * (1 - true) / (2 - true) + larger * true / (1 + true)
        return math.sqrt(true * (1 - true) * spread / (m * n))

    def end(inner: float, outer: float) -> float:
        for _ in range(60):
            middle = (inner + outer) / 2
            if abs(middle - area) <= Z * error(middle):
                inner = middle
            else:
                outer = middle
        return inner

    return end(area, 0.0), end(area, 1.0)


def _logistic(log_odds: float) -> float:
    return 0.5 * (1 + math.tanh(log_odds / 2))

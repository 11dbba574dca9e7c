"""Whether probabilities mean what they say: bins of score against frequency of harm."""

from __future__ import annotations

from typing import Any

import numpy as np

from moddefense.evaluation.estimates import effective_share

__all__ = ["binned_error", "reliability"]


def reliability(
    labels: np.ndarray, scores: np.ndarray, weights: np.ndarray, *, bins: int = 15
) -> list[dict[str, Any]]:
    """Return the bins of a reliability diagram that hold texts, from the lowest score up.

    Bins have equal width, as in the expected calibration error (Guo 2017). ``share`` is that of
    the weight, ``score`` the mean score, ``frequency`` the share of harmful texts with its
    interval.

    >>> (bin,) = reliability(np.array([1, 0]), np.array([0.5, 0.5]), np.ones(2))
    >>> bin["score"], bin["frequency"]["value"]
    (0.5, 0.5)
    """
    index = _bin(scores, bins)
    total = weights.sum()
    found = []
    for b in np.unique(index).tolist():
        inside = index == b
        weight = weights[inside]
        found.append(
            {
                "low": round(b / bins, 6),
                "high": round((b + 1) / bins, 6),
                "texts": int(inside.sum()),
                "share": round(float(weight.sum() / total), 6),
                "score": round(float(np.average(scores[inside], weights=weight)), 6),
                "frequency": effective_share(labels[inside] == 1, weight, of="texts").as_dict(),
            }
        )
    return found


def binned_error(
    thresholds: np.ndarray, hits: np.ndarray, alarms: np.ndarray, *, bins: int
) -> np.ndarray:
    """Expected calibration error of cumulated weights, ``[resamples]``.

    ``thresholds`` are distinct scores in descending order, ``hits`` and ``alarms`` the weight of
    harmful and harmless texts at or above each, ``[resamples, thresholds]``.
    """
    harmful = np.diff(hits, axis=1, prepend=0)
    weight = harmful + np.diff(alarms, axis=1, prepend=0)
    begins = np.flatnonzero(np.diff(_bin(thresholds, bins), prepend=bins))
    gap = np.add.reduceat(weight * thresholds - harmful, begins, axis=1)
    error: np.ndarray = np.abs(gap).sum(axis=1) / weight.sum(axis=1)
    return error


def _bin(scores: np.ndarray, bins: int) -> np.ndarray:
    return np.minimum((scores * bins).astype(int), bins - 1)

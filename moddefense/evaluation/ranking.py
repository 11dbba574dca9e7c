"""What every threshold on a score would give, counted once, and again for each resample."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from moddefense.evaluation.estimates import resamples

__all__ = [
    "Ranking",
    "average_precision",
    "best_f1",
    "precision_at",
    "recall_reaching",
    "recall_within",
]


class Ranking:
    """Texts from the highest score down; texts of equal score pass a threshold together.

    ``labels`` (0/1), ``scores`` and ``weights`` are ``[texts]``. ``thresholds`` has the distinct
    scores, descending; ``hits`` and ``alarms`` the weight of harmful and of harmless texts at or
    above each of them, ``[1, thresholds]``.
    """

    def __init__(self, labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> None:
        order = np.argsort(-scores, kind="stable")
        self.labels = labels[order].astype(np.float64)
        self.scores = scores[order]
        self._positive = self.labels * weights[order]
        self._negative = (1 - self.labels) * weights[order]
        last = np.append(np.diff(self.scores) != 0, True) if len(order) else np.zeros(0, bool)
        self._ends = np.flatnonzero(last)
        self.thresholds = self.scores[self._ends]
        self.hits, self.alarms = self._count(np.ones((1, len(order)), np.float32))

    def resampled(self, *, count: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield hits and alarms ``[some, thresholds]`` of bootstrap resamples."""
        for drawn in resamples(self.labels, count=count, seed=seed):
            yield self._count(drawn)

    def passing(self, threshold: float) -> int:
        """Index of the last score at or above ``threshold``; -1 if there is none."""
        return int(np.searchsorted(-self.thresholds, -threshold, side="right")) - 1

    def _count(self, drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        hits = np.cumsum(drawn * self._positive, axis=1)[:, self._ends]
        alarms = np.cumsum(drawn * self._negative, axis=1)[:, self._ends]
        return hits, alarms


def average_precision(hits: np.ndarray, alarms: np.ndarray) -> np.ndarray:
    """Mean precision over recall, step-wise, ``[resamples, thresholds]`` to ``[resamples]``."""
    gained = np.diff(hits, axis=1, prepend=0)
    return (gained * _precision(hits, alarms)).sum(axis=1) / hits[:, -1]


def best_f1(hits: np.ndarray, alarms: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Largest F1 over all thresholds, and the index of that threshold, ``[resamples]``."""
    scores = f1(hits, alarms, hits[:, -1:])
    best = scores.argmax(axis=1)
    return np.take_along_axis(scores, best[:, None], axis=1)[:, 0], best


def f1(hits: np.ndarray, alarms: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """Harmonic mean of precision and recall."""
    return 2 * hits / (hits + alarms + positive)


def precision_at(
    hits: np.ndarray, alarms: np.ndarray, recall: float
) -> tuple[np.ndarray, np.ndarray]:
    """Best precision with at least this recall, and the index of its threshold."""
    # A hair of tolerance: sums of weights are not exact.
    reached = hits >= recall * hits[:, -1:] * (1 - 1e-9)
    allowed = np.where(reached, _precision(hits, alarms), -1)
    best = allowed.argmax(axis=1)
    return np.take_along_axis(allowed, best[:, None], axis=1)[:, 0], best


def recall_within(
    hits: np.ndarray, alarms: np.ndarray, false_positives: float
) -> tuple[np.ndarray, np.ndarray]:
    """Best recall with at most this share of false positives, and the threshold's index (-1: none).

    The recall is 0 where already the highest score is that of too many harmless texts.
    """
    within = alarms <= false_positives * alarms[:, -1:] * (1 + 1e-9)
    last = within.sum(axis=1) - 1
    found = np.take_along_axis(hits, np.maximum(last, 0)[:, None], axis=1)[:, 0] / hits[:, -1]
    return np.where(last >= 0, found, 0.0), last


def recall_reaching(
    hits: np.ndarray, alarms: np.ndarray, precision: float
) -> tuple[np.ndarray, np.ndarray]:
    """Best recall with at least this precision, and the threshold's index (-1: none; recall 0)."""
    good = _precision(hits, alarms) >= precision * (1 - 1e-9)
    last = np.where(good, np.arange(good.shape[1]), -1).max(axis=1)
    found = np.take_along_axis(hits, np.maximum(last, 0)[:, None], axis=1)[:, 0] / hits[:, -1]
    return np.where(last >= 0, found, 0.0), last


def _precision(hits: np.ndarray, alarms: np.ndarray) -> np.ndarray:
    total = hits + alarms
    return np.divide(hits, total, out=np.zeros_like(total), where=total > 0)

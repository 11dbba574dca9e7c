"""Thresholds that validation supports, for a target of recall or precision, label by label."""

from __future__ import annotations

from typing import Any

import numpy as np

from moddefense.corpus import Corpus
from moddefense.evaluation.metrics import precision_threshold
from moddefense.policy import LabelRule

__all__ = ["label_rules", "recall_score"]


def recall_score(labels: np.ndarray, scores: np.ndarray, recall: float) -> float:
    """The highest score at which at least ``recall`` of the positives are; 1 without positives.

    >>> recall_score(np.array([1, 1, 0, 1]), np.array([0.9, 0.4, 0.8, 0.7]), 0.6)
    0.7
    """
    positive = np.sort(scores[labels == 1])[::-1]
    if not positive.size:
        return 1.0
    return float(positive[max(0, int(np.ceil(recall * len(positive) - 1e-9)) - 1)])


def label_rules(
    corpus: Corpus, probabilities: np.ndarray, weights: np.ndarray, *, recall: float,
    precision: float,
) -> tuple[dict[str, LabelRule], dict[str, dict[str, Any]]]:  # fmt: skip
    """A rule for each label of ``corpus``, and what it comes to there.

    ``probabilities`` are ``[texts, labels]``, ``weights`` ``[texts]`` give the prevalence for
    precision. ``recall`` sets the review threshold, ``precision`` the block threshold; 0 sets none,
    and neither is set where the label has no text or no threshold is good enough.
    """
    rules: dict[str, LabelRule] = {}
    found: dict[str, dict[str, Any]] = {}
    for k, name in enumerate(corpus.label_names):
        known = ~np.isnan(corpus.labels[:, k])
        labels, scores, counts = corpus.labels[known, k], probabilities[known, k], weights[known]
        review = block = None
        if recall and labels.any():
            # Rounded down: rounding must cost no recall.
            review = float(np.floor(recall_score(labels, scores, recall) * 1e4) / 1e4)
        if precision and labels.any():
            least = np.ceil(precision_threshold(labels, scores, counts, precision) * 1e4) / 1e4
            block = float(max(least, review or 0)) if least < 1 else None
        if review is None and block is None:
            continue
        rules[name] = LabelRule(review=review, block=block)
        found[name] = {
            what: {"threshold": threshold, **_at(labels, scores, counts, threshold)}
            for what, threshold in (("review", review), ("block", block))
            if threshold is not None
        }
    return rules, found


def _at(
    labels: np.ndarray, scores: np.ndarray, weights: np.ndarray, threshold: float
) -> dict[str, float | None]:
    flagged = scores >= threshold
    hits = float(weights[flagged & (labels == 1)].sum())
    share = float(weights[flagged].sum())
    return {
        "recall": round(float(flagged[labels == 1].mean()), 4),
        "precision": round(hits / share, 4) if share else None,
    }

"""Single figures over probabilities and 0/1 labels, as training needs them.

``moddefense.evaluation.scores`` has all of them with intervals.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from moddefense.classifier.calibration import expected_calibration_error
from moddefense.evaluation.ranking import Ranking, recall_within

__all__ = ["auc", "binary_metrics", "precision_threshold", "recall_at"]


def auc(labels: np.ndarray, scores: np.ndarray) -> float | None:
    """Area under the ROC curve, or None when only one class is there."""
    from sklearn.metrics import roc_auc_score

    if len(np.unique(labels)) < 2:
        return None
    return float(roc_auc_score(labels, scores))


def recall_at(labels: np.ndarray, scores: np.ndarray, false_positives: float) -> float | None:
    """Best recall of a threshold that lets through at most this share of false positives."""
    if len(np.unique(labels)) < 2:
        return None
    ranking = Ranking(labels, scores, np.ones(len(labels)))
    return float(recall_within(ranking.hits, ranking.alarms, false_positives)[0][0])


def precision_threshold(
    labels: np.ndarray, scores: np.ndarray, weights: np.ndarray, precision: float
) -> float:
    """The lowest score from which on the weighted precision is enough; 1 if there is none."""
    order = np.argsort(-scores, kind="stable")
    hit = np.cumsum((labels * weights)[order])
    share = hit / np.cumsum(weights[order])
    # Equal scores cannot be told apart by a threshold: only the last of a run counts.
    last = np.append(np.diff(scores[order]) != 0, True)
    good = np.flatnonzero((share >= precision) & last)
    return float(scores[order][good[-1]]) if good.size else 1.0


def binary_metrics(
    labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray
) -> dict[str, Any]:
    """AUC, average precision, recall at 1 and 5 % false positives, and calibration error.

    All arrays ``[texts]``. The calibration error uses ``weights``; the other figures do not depend
    on prevalence, but for average precision, which is that of the texts as they are. None where the
    texts cannot give a figure.
    """
    from sklearn.metrics import average_precision_score

    both = len(np.unique(labels)) == 2
    figures = {
        "texts": len(labels),
        "positives": int(labels.sum()),
        "auc": auc(labels, probabilities),
        "average_precision": (
            float(average_precision_score(labels, probabilities)) if both else None
        ),
        "recall_at_1pct_false_positives": recall_at(labels, probabilities, 0.01),
        "recall_at_5pct_false_positives": recall_at(labels, probabilities, 0.05),
        "calibration_error": (
            expected_calibration_error(probabilities, labels, weights) if len(labels) else None
        ),
    }
    return {key: round(float(v), 4) if isinstance(v, float) else v for key, v in figures.items()}

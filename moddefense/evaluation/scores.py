"""How good a score is: every figure of one label on one set of texts, with its interval."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from moddefense.evaluation.estimates import (
    Estimate,
    auc_estimate,
    exact_share,
    missing,
    percentiles,
)
from moddefense.evaluation.ranking import (
    Ranking,
    average_precision,
    best_f1,
    f1,
    precision_at,
    recall_reaching,
    recall_within,
)
from moddefense.evaluation.reliability import binned_error

__all__ = ["FALSE_POSITIVES", "PRECISIONS", "RECALLS", "Settings", "curves", "score_figures"]

RECALLS = (0.5, 0.8, 0.9, 0.95)
PRECISIONS = (0.5, 0.8, 0.9, 0.95)
FALSE_POSITIVES = (0.01, 0.05)
CURVE_POINTS = 200


@dataclasses.dataclass(frozen=True)
class Settings:
    """How figures are made: number and seed of the resamples, and bins of the calibration error."""

    resamples: int = 500
    seed: int = 0
    bins: int = 15


def score_figures(
    labels: np.ndarray,
    scores: np.ndarray,
    weights: np.ndarray,
    *,
    threshold: float,
    settings: Settings | None = None,
) -> dict[str, Any]:
    """Return every figure of a probability against 0/1 labels, as plain values.

    All arrays are ``[texts]``, without unknown labels. ``weights`` may differ by class only; they
    count in precision, F1, accuracy and calibration error, where prevalence does. A figure that
    needs a class that is not there is null, with the reason.
    """
    settings = settings or Settings()
    positive = labels == 1
    ranking = Ranking(labels, scores, weights)
    found = _estimates(ranking, threshold, settings) if len(labels) else {}
    none = _lacking(int(positive.sum()), int((~positive).sum()))

    def figure(name: str) -> dict[str, Any]:
        estimate, at = found.get(name, (missing(none or "there are no texts"), None))
        return estimate.as_dict() | ({} if at is None else {"threshold": round(at, 6)})

    flagged = scores >= threshold
    recall = exact_share(int(flagged[positive].sum()), int(positive.sum()), of="harmful texts")
    alarms = exact_share(int(flagged[~positive].sum()), int((~positive).sum()), of="harmless texts")
    return {
        "texts": len(labels),
        "harmful": int(positive.sum()),
        "harmless": int((~positive).sum()),
        "prevalence": round(float(weights[positive].sum() / weights.sum()), 6)
        if len(labels)
        else None,
        "auc": auc_estimate(scores[positive], scores[~positive]).as_dict(),
        "average_precision": figure("average_precision"),
        "precision_at_recall": {str(r): figure(f"precision_at_{r}") for r in RECALLS},
        "recall_at_precision": {str(p): figure(f"recall_reaching_{p}") for p in PRECISIONS},
        "recall_at_false_positives": {str(r): figure(f"recall_at_{r}") for r in FALSE_POSITIVES},
        "f1_best": figure("f1_best"),
        "at_threshold": {
            "threshold": round(threshold, 6),
            "recall": recall.as_dict(),
            "false_positives": alarms.as_dict(),
            "precision": figure("precision"),
            "f1": figure("f1"),
            "accuracy": figure("accuracy"),
        },
        "calibration_error": figure("calibration_error"),
    }


def curves(labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> dict[str, Any]:
    """Return the ROC curve and precision over recall, thinned, as lists of points.

    ``roc`` has (false positives, recall), ``precision_recall`` (recall, precision); both empty
    where a class is not there.
    """
    ranking = Ranking(labels, scores, weights)
    if _lacking(int((labels == 1).sum()), int((labels == 0).sum())):
        return {"roc": [], "precision_recall": []}
    recall = ranking.hits[0] / ranking.hits[0, -1]
    alarms = ranking.alarms[0] / ranking.alarms[0, -1]
    precision = ranking.hits[0] / (ranking.hits[0] + ranking.alarms[0])
    roc = np.stack([np.append(0, alarms), np.append(0, recall)], axis=1)
    return {
        "roc": _thinned(roc, roc.sum(axis=1)),
        "precision_recall": _thinned(np.stack([recall, precision], axis=1), recall),
    }


def _estimates(
    ranking: Ranking, threshold: float, settings: Settings
) -> dict[str, tuple[Estimate, float | None]]:
    """Point values with bootstrap intervals, and the thresholds that they stand for."""
    at = ranking.passing(threshold)
    values, places = _values(ranking, ranking.hits, ranking.alarms, at, settings.bins)
    parts = [
        _values(ranking, hits, alarms, at, settings.bins)[0]
        for hits, alarms in ranking.resampled(count=settings.resamples, seed=settings.seed)
    ]
    found: dict[str, tuple[Estimate, float | None]] = {}
    for name, value in values.items():
        replicates = np.concatenate([part[name] for part in parts]) if parts else np.zeros(0)
        place = places.get(name, -1)
        # No threshold where not even the highest score would do.
        score = float(ranking.thresholds[place]) if place >= 0 else None
        if name.startswith("recall_reaching") and place < 0:
            found[name] = (missing("no threshold has this precision"), None)
        elif not np.isnan(value[0]):
            centred = name == "calibration_error"
            found[name] = (percentiles(float(value[0]), replicates, centred=centred), score)
        elif name == "precision" and ranking.hits[0, -1] > 0:
            found[name] = (missing("no text reaches the threshold"), None)
    return found


def _values(
    ranking: Ranking, hits: np.ndarray, alarms: np.ndarray, at: int, bins: int
) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """Each figure ``[resamples]``, NaN where there is none, and the place of its threshold."""
    harmful, harmless = hits[:, -1], alarms[:, -1]
    hit = hits[:, at] if at >= 0 else np.zeros(len(hits))
    alarm = alarms[:, at] if at >= 0 else np.zeros(len(hits))
    values = {
        "accuracy": (hit + harmless - alarm) / (harmful + harmless),
        "calibration_error": binned_error(ranking.thresholds, hits, alarms, bins=bins),
    }
    if harmful[0] == 0 or harmless[0] == 0:
        return values, {}
    flagged = hit + alarm
    values["precision"] = np.divide(hit, flagged, out=np.full(len(hit), np.nan), where=flagged > 0)
    values["f1"] = f1(hit, alarm, harmful)
    values["average_precision"] = average_precision(hits, alarms)
    places: dict[str, int] = {}

    def put(name: str, found: tuple[np.ndarray, np.ndarray]) -> None:
        values[name] = found[0]
        places[name] = int(found[1][0])

    put("f1_best", best_f1(hits, alarms))
    for recall in RECALLS:
        put(f"precision_at_{recall}", precision_at(hits, alarms, recall))
    for precision in PRECISIONS:
        put(f"recall_reaching_{precision}", recall_reaching(hits, alarms, precision))
    for share in FALSE_POSITIVES:
        put(f"recall_at_{share}", recall_within(hits, alarms, share))
    return values, places


def _lacking(harmful: int, harmless: int) -> str | None:
    if harmful and harmless:
        return None
    if not harmful and not harmless:
        return "there are no texts"
    return f"there are no {'harmful' if not harmful else 'harmless'} texts"


def _thinned(points: np.ndarray, along: np.ndarray) -> list[list[float]]:
    """At most ``CURVE_POINTS`` of the points, evenly along the curve, the ends among them."""
    wanted = np.linspace(along[0], along[-1], CURVE_POINTS)
    kept = np.unique(np.append(np.searchsorted(along, wanted), len(points) - 1))
    return [
        [round(float(x), 5) for x in point] for point in points[np.minimum(kept, len(points) - 1)]
    ]

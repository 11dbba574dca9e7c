"""Does uncertainty know where the errors are? Leaving the most uncertain texts to people.

Selective prediction (El-Yaniv and Wiener 2010): texts are ordered by an uncertainty measure; the
risk at a coverage is the error rate among the texts that are kept. AURC, the area under risk over
coverage, sums it up (Geifman 2018). Review: the most uncertain share of the texts goes to people,
who are taken to be right; random review, which catches its share of the errors, is what a measure
must beat. Texts of equal uncertainty count as if in random order.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from moddefense.evaluation.estimates import (
    effective_share,
    missing,
    percentiles,
    resamples,
)

__all__ = ["REVIEWED", "best_aurc", "score_distance", "selective_figures"]

REVIEWED = (0.01, 0.05, 0.1, 0.2)
BINS = 10
CURVE_POINTS = 100
BASELINE = "score_distance"
NO_ERRORS = "the decisions are {} on these texts"


def score_distance(scores: np.ndarray, threshold: float) -> np.ndarray:
    """Nearness of scores to a threshold, in log-odds: the uncertainty that costs nothing.

    >>> score_distance(np.array([0.5, 0.1]), 0.5).round(2).tolist()
    [-0.0, -2.2]
    """
    return -np.abs(_log_odds(scores) - _log_odds(np.array(threshold)))


def selective_figures(
    measures: Mapping[str, np.ndarray],
    labels: np.ndarray,
    errors: np.ndarray,
    weights: np.ndarray,
    *,
    resampled: int = 500,
    seed: int = 0,
) -> dict[str, Any]:
    """Return what each uncertainty measure (higher: less certain) is worth, side by side.

    Measures, ``labels`` (0/1), ``errors`` (bool: the decision was wrong) and ``weights`` are
    ``[texts]``. Differences between measures are taken within the same resamples.
    """
    if not len(errors):
        measures = {}
    rankings = {name: _Ranking(values, errors, weights) for name, values in measures.items()}
    values = {name: _values(*ranking.cumulated(None)) for name, ranking in rankings.items()}
    drawn: dict[str, list[dict[str, np.ndarray]]] = {name: [] for name in rankings}
    for some in resamples(labels, count=resampled, seed=seed):
        for name, ranking in rankings.items():
            drawn[name].append(_values(*ranking.cumulated(some)))
    replicates = {
        name: {key: np.concatenate([part[key] for part in parts]) for key in values[name]}
        for name, parts in drawn.items()
        if parts
    }
    risk = float(np.average(errors, weights=weights)) if len(errors) else 0.0
    found = {
        name: _summary(name, values, replicates)
        | {"bins": ranking.bins(), "curve": ranking.curve()}
        for name, ranking in rankings.items()
    }
    return {
        "texts": len(errors),
        "errors": int(errors.sum()),
        "accuracy": effective_share(~errors, weights, of="texts").as_dict(),
        "measures": found,
        "random": {
            "aurc": round(risk, 6),
            "accuracy_after_review": {str(b): round(1 - risk * (1 - b), 6) for b in REVIEWED},
        },
        "best": {
            "aurc": round(best_aurc(risk), 6),
            "accuracy_after_review": {str(b): round(min(1, 1 - risk + b), 6) for b in REVIEWED},
        },
    }


def best_aurc(risk: float) -> float:
    """AURC of a measure that puts every error last.

    >>> best_aurc(0.0), round(best_aurc(0.1), 5)
    (0.0, 0.00518)
    """
    return risk + (1 - risk) * math.log1p(-risk) if risk < 1 else 1.0


class _Ranking:
    """Texts from the most certain to the least."""

    def __init__(self, uncertainty: np.ndarray, errors: np.ndarray, weights: np.ndarray) -> None:
        self._order = np.argsort(uncertainty, kind="stable")
        self._values = uncertainty[self._order]
        self._weights = weights[self._order]
        self._errors = errors[self._order]
        self._ends = np.flatnonzero(np.append(np.diff(self._values) != 0, True))

    def cumulated(self, drawn: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Shares of all weight, and of it in error, up to each distinct value, from 0 on."""
        weight = self._weights[None] if drawn is None else drawn[:, self._order] * self._weights
        total = weight.sum(axis=1, keepdims=True)
        coverage = np.cumsum(weight, axis=1)[:, self._ends] / total
        wrong = np.cumsum(weight * self._errors, axis=1)[:, self._ends] / total
        begin = np.zeros((len(weight), 1))
        return np.hstack([begin, coverage]), np.hstack([begin, wrong])

    def curve(self) -> list[list[float]]:
        """Risk over coverage, as points."""
        coverage, wrong = (part[0] for part in self.cumulated(None))
        points = np.linspace(0, 1, CURVE_POINTS + 1)[1:]
        risk = np.interp(points, coverage, wrong) / points
        return [[round(float(c), 4), round(float(r), 6)] for c, r in zip(points, risk, strict=True)]

    def bins(self) -> list[dict[str, Any]]:
        """Accuracy by tenths of the weight, the most certain first; equal values stay together."""
        coverage = self.cumulated(None)[0][0]
        group = np.searchsorted(self._ends, np.arange(len(self._values)))
        middle = (coverage[:-1] + coverage[1:]) / 2
        index = np.minimum((middle * BINS).astype(int), BINS - 1)[group]
        found = []
        for b in range(BINS):
            inside = index == b
            at = self._values[inside]
            found.append(
                {
                    "texts": int(inside.sum()),
                    "from": round(float(at[0]), 6) if at.size else None,
                    "to": round(float(at[-1]), 6) if at.size else None,
                    "accuracy": effective_share(
                        ~self._errors[inside], self._weights[inside], of="texts in this bin"
                    ).as_dict(),
                }
            )
        return found


def _values(coverage: np.ndarray, wrong: np.ndarray) -> dict[str, np.ndarray]:
    """Each figure ``[resamples]`` of cumulated shares ``[resamples, values + 1]``."""
    risk = wrong[:, -1]
    below, step = coverage[:, :-1], np.diff(coverage, axis=1)
    gained = np.diff(wrong, axis=1)
    # Among equal values the errors come evenly: the area of (a + slope c) / c is exact.
    slope = np.divide(gained, step, out=np.zeros_like(gained), where=step > 0)
    rest = wrong[:, :-1] - slope * below
    grown = np.divide(coverage[:, 1:], below, out=np.ones_like(below), where=below > 0)
    values = {"aurc": (gained + rest * np.log(grown)).sum(axis=1), "risk": risk}
    right = step - gained
    before = (below - wrong[:, :-1]) + right / 2
    pairs = risk * (1 - risk)
    values["error_auc"] = np.divide(
        (gained * before).sum(axis=1), pairs, out=np.full(len(risk), np.nan), where=pairs > 0
    )
    for share in REVIEWED:
        kept = [np.interp(1 - share, c, w) for c, w in zip(coverage, wrong, strict=True)]
        values[f"accuracy_{share}"] = 1 - np.array(kept)
    return values


def _summary(
    name: str,
    values: Mapping[str, Mapping[str, np.ndarray]],
    replicates: Mapping[str, Mapping[str, np.ndarray]],
) -> dict[str, Any]:
    none = np.zeros(0)

    def estimate(figure: Any) -> dict[str, Any]:
        value = float(figure(values)[0])
        if math.isnan(value):
            every = values[name]["risk"][0] > 0
            return missing(NO_ERRORS.format("all wrong" if every else "all right")).as_dict()
        return percentiles(value, figure(replicates) if replicates else none).as_dict()

    def gain(key: str, other: str) -> dict[str, Any]:
        return estimate(lambda of: of[name][key] - of[other][key])

    def random(share: float) -> dict[str, Any]:
        key = f"accuracy_{share}"
        return estimate(lambda of: of[name][key] - (1 - of[name]["risk"] * (1 - share)))

    found = {
        "aurc": estimate(lambda of: of[name]["aurc"]),
        "error_auc": estimate(lambda of: of[name]["error_auc"]),
        "accuracy_after_review": {
            str(b): estimate(lambda of, b=b: of[name][f"accuracy_{b}"]) for b in REVIEWED
        },
        "gain_over_random": {str(b): random(b) for b in REVIEWED},
    }
    if BASELINE in values and name != BASELINE:
        found["gain_over_score_distance"] = {
            str(b): gain(f"accuracy_{b}", BASELINE) for b in REVIEWED
        }
    return found


def _log_odds(probability: np.ndarray) -> np.ndarray:
    p = np.clip(probability, 1e-12, 1 - 1e-12)
    return np.log(p) - np.log1p(-p)

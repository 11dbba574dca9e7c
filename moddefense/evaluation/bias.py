"""Unintended bias by identity (Borkan 2019): whether texts about some people are treated worse.

Three AUCs an identity, of texts that mention it (subgroup) and those that do not (background):

- subgroup: harmful against harmless texts, both about the identity;
- BPSN: background positives against subgroup negatives: low when harmless texts about the identity
  score too high;
- BNSP: background negatives against subgroup positives: low when harmful ones score too low.

The generalised mean with p = -5 sums up each over the identities and is drawn to the worst.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from moddefense.evaluation.estimates import (
    auc_estimate,
    exact_share,
    missing,
    percentiles,
    resamples,
)

__all__ = ["KINDS", "LEAST", "POWER", "bias_figures", "generalised_mean"]

KINDS = ("subgroup_auc", "bpsn_auc", "bnsp_auc")
POWER = -5
LEAST = 10  # harmful, and harmless, texts of an identity: an AUC of fewer says nothing


def generalised_mean(values: Sequence[float] | np.ndarray, power: float = POWER) -> float:
    """Return the generalised mean of positive values.

    >>> round(generalised_mean([0.5, 1.0]), 3)
    0.571
    """
    with np.errstate(divide="ignore"):
        return float(np.mean(np.asarray(values, float) ** power) ** (1 / power))


def bias_figures(
    labels: np.ndarray,
    scores: np.ndarray,
    mentions: Mapping[str, np.ndarray],
    *,
    threshold: float,
    resampled: int = 200,
    seed: int = 0,
) -> dict[str, Any]:
    """Return the AUCs of each identity, worst first, and their generalised means.

    ``labels`` (0/1), ``scores`` and each mask of ``mentions`` are ``[texts]``. Beside the AUCs
    stand the shares of harmless texts at or above ``threshold`` and of harmful ones below it. An
    identity with fewer than ``LEAST`` texts of a class is listed with the reason and no figures.
    """
    rows, used = [], []
    for name, mask in mentions.items():
        counts = [int((mask & (labels == value)).sum()) for value in (1, 0)]
        row: dict[str, Any] = {"identity": name, "harmful": counts[0], "harmless": counts[1]}
        if not sum(counts):
            continue
        if min(counts) < LEAST:
            lacking = "harmful" if counts[0] < LEAST else "harmless"
            reason = missing(f"fewer than {LEAST} {lacking} texts mention it").as_dict()
            rows.append(row | dict.fromkeys((*KINDS, "false_positives", "misses"), reason))
            continue
        used.append(name)
        rows.append(row | _figures(labels, scores, mask, threshold))
    rows.sort(key=_worst)
    return {
        "texts": len(labels),
        "threshold": round(threshold, 6),
        "overall_auc": auc_estimate(scores[labels == 1], scores[labels == 0]).as_dict(),
        "power": POWER,
        "identities_counted": len(used),
        "generalised_mean": _means(
            labels, scores, [mentions[name] for name in used], resampled, seed
        ),
        "identities": rows,
    }


def _figures(
    labels: np.ndarray, scores: np.ndarray, mask: np.ndarray, threshold: float
) -> dict[str, Any]:
    positive, negative = labels == 1, labels == 0
    inside, outside = (scores[mask & negative], scores[mask & positive]), scores[~mask & negative]
    background = scores[~mask & positive]
    flagged = int((inside[0] >= threshold).sum())
    missed = int((inside[1] < threshold).sum())
    return {
        "subgroup_auc": auc_estimate(inside[1], inside[0]).as_dict(),
        "bpsn_auc": auc_estimate(background, inside[0]).as_dict(),
        "bnsp_auc": auc_estimate(inside[1], outside).as_dict(),
        "false_positives": exact_share(flagged, len(inside[0]), of="harmless texts").as_dict(),
        "misses": exact_share(missed, len(inside[1]), of="harmful texts").as_dict(),
    }


def _means(
    labels: np.ndarray, scores: np.ndarray, masks: Sequence[np.ndarray], resampled: int, seed: int
) -> dict[str, Any]:
    if not masks:
        reason = f"no identity is mentioned in {LEAST} harmful and {LEAST} harmless texts"
        return dict.fromkeys(KINDS, missing(reason).as_dict())
    areas = _Areas(labels, scores, masks)
    values = areas.means(np.ones(len(labels)))
    replicates = np.array(
        [
            areas.means(drawn)
            for some in resamples(labels, count=resampled, seed=seed)
            for drawn in some
        ]
    ).reshape(-1, len(KINDS))
    return {
        kind: percentiles(values[k], replicates[:, k]).as_dict()
        if not np.isnan(values[k])
        else missing("no background text to compare with").as_dict()
        for k, kind in enumerate(KINDS)
    }


class _Areas:
    """The AUCs of all identities for any weights of the texts, from one sorting."""

    def __init__(self, labels: np.ndarray, scores: np.ndarray, masks: Sequence[np.ndarray]) -> None:
        order = np.argsort(scores, kind="stable")
        self._order = order
        self._labels = labels[order].astype(float)
        self._level = np.cumsum(np.diff(scores[order], prepend=scores[order[0]]) != 0)
        self._members = [np.flatnonzero(mask[order]) for mask in masks]

    def means(self, weights: np.ndarray) -> list[float]:
        """Generalised means over the identities, in the order of ``KINDS``."""
        weights = weights[self._order]
        positive, negative = weights * self._labels, weights * (1 - self._labels)
        below, under = _below(self._level, negative), _below(self._level, positive)
        found: list[list[float]] = [[], [], []]
        for rows in self._members:
            hits, alarms = positive[rows], negative[rows]
            own_hits, own_alarms = hits.sum(), alarms.sum()
            inside = _below(self._level[rows], alarms)
            won = (hits * inside).sum()
            beaten = (alarms * _below(self._level[rows], hits)).sum()
            background_alarms = negative.sum() - own_alarms
            background_hits = positive.sum() - own_hits
            found[0].append(_ratio(won, own_hits * own_alarms))
            lost = (alarms * under[rows]).sum() - beaten  # background positives below them
            found[1].append(1 - _ratio(lost, own_alarms * background_hits))
            gained = (hits * below[rows]).sum() - won
            found[2].append(_ratio(gained, own_hits * background_alarms))
        return [generalised_mean(values) if values else np.nan for values in map(_known, found)]


def _below(level: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weight below each place, and half of that on its level; ``level`` ascends."""
    begins = np.flatnonzero(np.diff(level, prepend=-1))
    sums = np.add.reduceat(weights, begins)
    middle = np.cumsum(sums) - sums / 2
    widths = np.diff(np.append(begins, len(level)))
    return np.repeat(middle, widths)


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else np.nan


def _known(values: Sequence[float]) -> list[float]:
    return [value for value in values if not np.isnan(value)]


def _worst(row: Mapping[str, Any]) -> tuple[bool, float, str]:
    known = [row[kind]["value"] for kind in KINDS if row[kind]["value"] is not None]
    return (not known, min(known, default=1.0), str(row["identity"]))

"""Where people look: the band that prevents most errors for a budget, or that conformal sets give.

An error is a harmful text that is allowed or a harmless one that is blocked; what people review is
decided rightly.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from moddefense.errors import ConfigurationError
from moddefense.evaluation.conformal import conformal_thresholds, least_calibration
from moddefense.policy import Policy
from moddefense.policy.deciding import REVIEW, log_odds, printed
from moddefense.screening import Screening
from moddefense.tuning.evidence import Evidence, open_rows, replay

__all__ = ["conformal_band", "errors", "spend_budget"]

REACHES = (0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0)  # spreads; 0: the score alone decides
CANDIDATES = 500  # review thresholds that are tried for each reach
DECIMALS = 6


@dataclasses.dataclass(frozen=True)
class _Band:
    errors: float
    over: float
    reviewed: float
    reach: float
    review: float
    block: float

    @property
    def rank(self) -> tuple[float, ...]:
        """Smaller is better: within the budget, then few errors, few reviews, a small reach."""
        return round(self.over, 9), round(self.errors, 9), self.reviewed, self.reach


def spend_budget(policy: Policy, evidence: Evidence, *, budget: float) -> Policy:
    """Return ``policy`` with the band and reach that leave the fewest errors for the budget.

    ``budget`` is the share of all rows, at the prevalence of ``evidence``, that people can review;
    what the lists alone send to them comes off it first.
    The band is chosen as if every row reached the classifier; a trigger only takes away reviews.
    """
    told = evidence.screening
    rows = np.flatnonzero(open_rows(policy, evidence))
    lists = _lists_alone(policy, evidence)
    floor = lists.floor[rows] >= REVIEW
    columns = (evidence.weights[rows], evidence.harmful[rows], floor)
    score, spread = printed(told.score[rows]), printed(np.nan_to_num(told.uncertainty[rows]))
    found = [_best_band(score, spread, reach, *columns, budget=budget) for reach in REACHES]
    best = min(found, key=lambda band: band.rank)
    draft = dataclasses.replace(
        policy,
        classifier_review=best.review,
        classifier_block=best.block,
        uncertainty_reach=best.reach,
    )
    return dataclasses.replace(draft, uncertainty_margin=_margin(draft, evidence))


def _best_band(
    score: np.ndarray, spread: np.ndarray, reach: float, weights: np.ndarray, harmful: np.ndarray,
    floor: np.ndarray, *, budget: float,
) -> _Band:  # fmt: skip
    """For each review threshold the highest block threshold that keeps the budget; the best."""
    low, high = score - reach * spread, score + reach * spread
    free = ~floor  # a floor turns what would be allowed into a review
    allowed = _Below(high[free], weights[free])
    missed = _Below(high[free], (weights * harmful)[free])
    demanded = _Below(high[floor], weights[floor])
    descending = np.argsort(-low, kind="stable")
    blocked = np.cumsum(weights[descending])
    wronged = np.cumsum((weights * (1 - harmful))[descending])
    best = None
    for review in _candidates(high[free]):
        let, lists = allowed(review), demanded(review)
        left = max(0.0, budget - lists)
        must = weights.sum() - let - lists - left  # at least so much has to be blocked
        block = 1.0
        if must > 0:
            place = min(int(np.searchsorted(blocked, must - 1e-12)), len(low) - 1)
            block = _down(float(low[descending[place]]))
        block = min(max(block, review), 1.0)
        count = int(np.sum(low >= block))
        weight = blocked[count - 1] if count else 0.0
        wrong = wronged[count - 1] if count else 0.0
        doubted = float(weights.sum() - let - lists - weight)
        band = _Band(
            float(missed(review) + wrong), max(0.0, doubted - left), doubted, reach, review, block
        )
        if best is None or band.rank < best.rank:
            best = band
    assert best is not None
    return best


class _Below:
    """Weight of the values below a threshold."""

    def __init__(self, values: np.ndarray, weights: np.ndarray) -> None:
        order = np.argsort(values, kind="stable")
        self.values = values[order]
        self.total = np.concatenate([[0.0], np.cumsum(weights[order])])

    def __call__(self, threshold: float) -> float:
        return float(self.total[np.searchsorted(self.values, threshold, side="left")])


def _candidates(values: np.ndarray) -> list[float]:
    if not values.size:
        return [1.0]
    quantiles = np.unique(np.quantile(values, np.linspace(0, 1, CANDIDATES)))
    inside = np.clip(np.ceil(quantiles * 10**DECIMALS) / 10**DECIMALS, 1 / 10**DECIMALS, 1)
    return [float(value) for value in np.unique(np.append(inside, 1.0))]


def _margin(policy: Policy, evidence: Evidence) -> float:
    """How far from a threshold, in log-odds, the spread still changed a decision; rounded up."""
    score = evidence.screening.score
    low, high = policy.bounds(score, evidence.screening.uncertainty)
    review, block = policy.classifier_review, policy.classifier_block
    farthest = 0.25
    for threshold, changed in (
        (review, (score < review) & (high >= review)),
        (block, (score >= block) & (low < block)),
    ):
        if changed.any():
            distance = np.abs(log_odds(score[changed]) - log_odds(threshold))
            farthest = max(farthest, float(distance.max()))
    return min(10.0, math.ceil(farthest * 100 + 1) / 100)


def conformal_band(policy: Policy, evidence: Evidence, *, alpha: float) -> Policy:
    """Return ``policy`` with the band that split, class-conditional conformal sets give.

    For each class by itself, with probability 1 - alpha the true label of a new text is in its set.
    A set of one label decides; both labels or none is a review, which one band of scores says too.
    Raises ConfigurationError with the number of rows it would take when a class has too few.
    """
    rows = np.flatnonzero(open_rows(policy, evidence))
    found = conformal_thresholds(evidence.screening.score[rows], evidence.harmful[rows], alpha)
    needed = least_calibration(alpha)
    for what, count in (("harmful", found.harmful), ("harmless", found.harmless)):
        if count < needed:
            raise ConfigurationError(
                f"{count} {what} rows are too few for conformal sets at {alpha:g}; that takes at "
                f"least {needed}: give a larger corpus or a higher --conformal"
            )
    harmful_from = _down(found.harmful_from)
    above_harmless = min(1.0, _down(found.harmless_up_to) + 1 / 10**DECIMALS)
    return dataclasses.replace(
        policy,
        classifier_review=round(min(harmful_from, above_harmless), DECIMALS),
        classifier_block=round(max(harmful_from, above_harmless), DECIMALS),
        uncertainty_reach=0.0,
    )


def errors(policy: Policy, evidence: Evidence) -> dict[str, Any]:
    """Shares of all rows, at the prevalence: reviewed, and errors by kind; under ``policy``."""
    decided = replay(policy, evidence).decision
    weights, harmful = evidence.weights, evidence.harmful == 1
    shares = {
        "reviewed": weights[decided == REVIEW].sum(),
        "harmful_allowed": weights[(decided < REVIEW) & harmful].sum(),
        "harmless_blocked": weights[(decided > REVIEW) & ~harmful].sum(),
    }
    shares["errors"] = shares["harmful_allowed"] + shares["harmless_blocked"]
    return {name: round(float(share), 6) for name, share in shares.items()}


def _lists_alone(policy: Policy, evidence: Evidence) -> Screening:
    told = evidence.screening
    played = Screening(told.texts, policy)
    played.matches = list(told.matches)
    policy.decide(played, np.arange(len(played)), "lexicon")
    return played


def _down(value: float) -> float:
    return math.floor(min(max(value, 0.0), 1.0) * 10**DECIMALS) / 10**DECIMALS

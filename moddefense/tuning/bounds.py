"""Exact finite-sample bounds on a recall, for a threshold that the same sample chooses.

A threshold keeps a recall R when at most a share 1 - R of the wanted rows falls below it. Whether
the sample shows that is a binomial test: of n wanted rows, k misses are so few that a recall under
R would give as few only with probability delta (Clopper and Pearson 1934). To choose by the same
sample, thresholds of a fixed grid are tested from the lowest, which misses nothing, upwards, and
the scan stops at the first that fails: fixed-sequence testing, so that with probability 1 - delta
no threshold passes that does not keep R (Learn then Test, Angelopoulos 2021). Misses only grow on
the way up, so that the scan may jump to where they exceed what is allowed.

A promise that holds of the recall, of all texts like these, may yet look broken on the next few
thousand. The threshold is therefore one that another sample of the same size keeps, too.
"""

from __future__ import annotations

import math

import numpy as np

__all__ = [
    "GRID",
    "allowed_misses",
    "certified_threshold",
    "lower_bound",
    "repeatable_misses",
    "rows_needed",
]

GRID = 1_000_000  # thresholds are tested in steps of 1 / GRID


def allowed_misses(rows: int, *, recall: float, delta: float) -> int:
    """The most misses among ``rows`` that still show ``recall`` at confidence 1 - delta, or -1.

    >>> allowed_misses(299, recall=0.99, delta=0.05), allowed_misses(298, recall=0.99, delta=0.05)
    (0, -1)
    """
    from scipy.stats import binom

    if rows == 0 or recall >= 1:
        return -1
    most = int(binom.ppf(delta, rows, 1 - recall))  # the smallest k with P(misses <= k) >= delta
    while most >= 0 and binom.cdf(most, rows, 1 - recall) > delta:
        most -= 1
    return most


def repeatable_misses(rows: int, *, recall: float, delta: float) -> int:
    """The most misses after which another sample of as many rows keeps ``recall``, or -1.

    That sample misses more than a share 1 - ``recall`` with probability ``delta`` at most: of a
    threshold at the k-th smallest value, another sample's misses are beta-binomial, whatever the
    values' distribution.

    >>> repeatable_misses(1000, recall=0.99, delta=0.05)
    3
    """
    from scipy.stats import betabinom

    tolerated = math.floor((1 - recall) * rows + 1e-9)
    most = -1
    while most < tolerated and (betabinom.sf(tolerated, rows, most + 2, rows - most - 1) <= delta):
        most += 1
    return most


def rows_needed(*, recall: float, delta: float) -> int:
    """The fewest wanted rows that can show ``recall``, when none of them is missed.

    >>> rows_needed(recall=0.99, delta=0.05)
    299
    """
    return math.ceil(math.log(delta) / math.log(recall) - 1e-9)


def lower_bound(hits: int, rows: int, *, delta: float) -> float:
    """Clopper–Pearson's lower bound on a share of which ``hits`` in ``rows`` were seen.

    >>> round(lower_bound(299, 299, delta=0.05), 3)
    0.99
    """
    from scipy.stats import beta

    return float(beta.ppf(delta, hits, rows - hits + 1)) if hits else 0.0


def certified_threshold(values: np.ndarray, *, recall: float, delta: float) -> float | None:
    """The highest threshold of the grid that passes; None where the rows are too few for any.

    What a bound on the recall allows, another sample as large may still fail to show. So the
    threshold is lower where that helps: as few misses as ``repeatable_misses``, or none.

    ``values`` are those of the wanted rows, float64 ``[rows]``; a row with infinity is never
    missed. At or above the threshold is not missed.
    """
    most = allowed_misses(len(values), recall=recall, delta=delta)
    if most < 0:
        return None
    most = min(most, max(0, repeatable_misses(len(values), recall=recall, delta=delta)))
    first_too_many = float(np.sort(values)[most])
    return 1.0 if first_too_many >= 1 else math.floor(first_too_many * GRID) / GRID

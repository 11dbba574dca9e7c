"""One score out of several opinions: a logistic regression whose weights are never negative.

The opinions are logits of harm by different definitions and log-odds of linear models. They agree
a great deal, and a free regression would set one against the other: a text that is worse by one
definition would then score as less harmful.
"""

from __future__ import annotations

import numpy as np

__all__ = ["balanced_weights", "combine"]

PENALTY = 1e-3  # keeps the weights of opinions that separate the texts perfectly finite


def combine(opinions: np.ndarray, target: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return weights ``[opinions]``, none below 0, under which the weighted sum predicts best.

    ``opinions`` is ``[texts, opinions]``, ``target`` 0/1 ``[texts]``, ``weights`` ``[texts]``. The
    first opinion keeps at least a hundredth of the largest weight, so that the sum never ignores
    it; all 0 but the first where nothing can be learnt.

    >>> opinions = np.array([[-1.0, 0.3], [1.0, -0.2], [-2.0, 0.1], [2.0, 0.1]])
    >>> combine(opinions, np.array([0, 1, 0, 1]), np.ones(4)).round(1).tolist()
    [4.7, 0.0]
    """
    from scipy.optimize import minimize
    from scipy.special import expit, log_expit

    count = opinions.shape[1]
    share = weights / weights.sum()
    sign = np.where(target == 1, 1.0, -1.0)

    def loss(point: np.ndarray) -> tuple[float, np.ndarray]:
        margin = sign * (opinions @ point[:-1] + point[-1])
        pull = -share * sign * expit(-margin)
        value = -np.sum(share * log_expit(margin)) + PENALTY / 2 * np.sum(point[:-1] ** 2)
        return float(value), np.append(pull @ opinions + PENALTY * point[:-1], pull.sum())

    start = np.zeros(count + 1)
    start[0] = 1.0
    bounds = [(0.0, None)] * count + [(None, None)]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x[:-1]
    if found.max() <= 0:
        return start[:-1]
    found[0] = max(found[0], found.max() / 100)
    result: np.ndarray = found
    return result


def balanced_weights(groups: np.ndarray, *, first: float) -> np.ndarray:
    """Weights ``[texts]``, of which group 0 has the share ``first`` and the others equal parts.

    >>> balanced_weights(np.array([0, 0, 1, 2]), first=0.8).round(2).tolist()
    [0.4, 0.4, 0.1, 0.1]
    """
    counts = np.bincount(groups)
    present = np.count_nonzero(counts[1:])
    if not present:
        return np.full(len(groups), 1 / len(groups))
    share = np.full(len(counts), (1 - first) / present)
    share[0] = first
    result: np.ndarray = share[groups] / counts[groups]
    return result

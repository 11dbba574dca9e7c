"""Dropout sampling: how much the score depends on which features the network happens to use.

Gal and Ghahramani 2016: a network with dropout left on is a sample from an approximate posterior;
the spread of the samples is the model's uncertainty. Here one sample is one thinned network, the
same for every text: its masks come from the seed alone, so that neither the batch nor the order of
the texts changes a text's uncertainty, and all texts are judged by the same committee.

The dropout layers that are sampled are those before the two dense layers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np

__all__ = ["Spread", "binary_entropy", "dropout_masks", "spread_of"]


def dropout_masks(
    features: int, hidden: int, *, rate: float, samples: int, seed: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Masks of each thinned network: factors for pooled features and hidden units, float32."""
    generator = np.random.Generator(np.random.PCG64(seed))
    keep = 1 - rate

    def draw(width: int) -> np.ndarray:
        return ((generator.random(width) < keep) / keep).astype(np.float32)

    return [(draw(features), draw(hidden)) for _ in range(samples)]


@dataclasses.dataclass(frozen=True)
class Spread:
    """How far sampled scores differ, float64 ``[texts]`` each; entropies in nats.

    ``mean`` and ``deviation`` are those of the samples; ``entropy`` is that of the mean (doubt of
    any kind), ``information`` the mutual information of label and network: the part of that
    entropy for which the samples disagree (Houlsby 2011).
    """

    mean: np.ndarray
    deviation: np.ndarray
    entropy: np.ndarray
    information: np.ndarray


def spread_of(samples: Iterable[np.ndarray]) -> Spread:
    """Return the spread of sampled probabilities, one array ``[texts]`` a sample, at least one.

    >>> round(float(spread_of([np.array([0.1]), np.array([0.9])]).deviation[0]), 3)
    0.4
    """
    total = squares = doubt = np.zeros(())
    count = 0
    # Added one by one: numpy's own sums depend, in the last bit, on how many texts there are.
    for score in samples:
        total = total + score
        squares = squares + score * score
        doubt = doubt + binary_entropy(score)
        count += 1
    mean = np.asarray(total / count)
    entropy = binary_entropy(mean)
    return Spread(
        mean=mean,
        deviation=np.sqrt(np.maximum(squares / count - mean * mean, 0)),
        entropy=entropy,
        information=np.maximum(entropy - doubt / count, 0),
    )


def binary_entropy(probabilities: np.ndarray) -> np.ndarray:
    """Entropy of a yes or no of these probabilities, in nats; 0 for 0 and 1.

    >>> binary_entropy(np.array([0.0, 0.5])).round(3).tolist()
    [0.0, 0.693]
    """
    p = np.clip(probabilities, 1e-300, 1)
    q = np.clip(1 - probabilities, 1e-300, 1)
    return 0.0 - (probabilities * np.log(p) + (1 - probabilities) * np.log(q))

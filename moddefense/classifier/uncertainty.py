"""Dropout sampling: how much the score depends on which features the network happens to use.

Gal and Ghahramani 2016: a network with dropout left on is a sample from an approximate posterior;
the spread of the samples is the model's uncertainty. Here one sample is one thinned network, the
same for every text: its masks come from the seed alone, so that neither the batch nor the order of
the texts changes a text's uncertainty, and all texts are judged by the same committee.

The dropout layers that are sampled are those before the two dense layers.
"""

from __future__ import annotations

import numpy as np

__all__ = ["dropout_masks"]


def dropout_masks(
    features: int, hidden: int, *, rate: float, samples: int, seed: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Masks of each thinned network: factors for pooled features and hidden units, float32."""
    generator = np.random.Generator(np.random.PCG64(seed))
    keep = 1 - rate

    def draw(width: int) -> np.ndarray:
        return ((generator.random(width) < keep) / keep).astype(np.float32)

    return [(draw(features), draw(hidden)) for _ in range(samples)]

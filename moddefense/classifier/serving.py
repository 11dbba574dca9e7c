"""The trained network, compiled for screening: no padding, no batch effects.

The encoder becomes a ``Pool`` (``pooling.py``); the dense layers always see a tile of the same
shape, so that rows do not influence each other, not even in the last bit.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from moddefense.classifier.pooling import make_pool
from moddefense.tokens import Tokens

__all__ = ["CompiledNetwork", "windows"]

TILE = 64  # rows of every matrix product, whatever the batch


class CompiledNetwork:
    """Pooled features and logits of texts, from the weights of a ``Network``.

    ``weights`` has ``embedding`` (normalised table) ``[vocabulary, width]``, the encoder's arrays,
    ``in``, ``in_bias``, ``out``, ``out_bias``.
    """

    def __init__(self, weights: Mapping[str, np.ndarray]) -> None:
        self._pool = make_pool(weights)
        self._head = tuple(
            weights[k].astype(np.float32) for k in ("in", "in_bias", "out", "out_bias")
        )

    @property
    def features(self) -> int:
        """Number of pooled features."""
        return self._pool.features

    def pool(self, tokens: Tokens) -> np.ndarray:
        """Tokens to pooled features, float32 ``[texts, features]``."""
        return self._pool(tokens)

    def logits(
        self, pooled: np.ndarray, masks: tuple[np.ndarray, np.ndarray] | None = None
    ) -> np.ndarray:
        """Pooled features to logits ``[texts, labels]``.

        ``masks`` are factors for the pooled features and the hidden units (dropout), shared by all
        rows.
        """
        kernel_in, bias_in, kernel_out, bias_out = self._head
        n = len(pooled)
        out = np.empty((n, len(bias_out)), np.float32)
        tile = np.zeros((TILE, pooled.shape[1]), np.float32)
        for begin in range(0, n, TILE):
            part = pooled[begin : begin + TILE]
            tile[: len(part)] = part if masks is None else part * masks[0]
            tile[len(part) :] = 0
            hidden = np.maximum(tile @ kernel_in + bias_in, 0)
            if masks is not None:
                hidden *= masks[1]
            out[begin : begin + TILE] = (hidden @ kernel_out + bias_out)[: len(part)]
        return out


def windows(tokens: Tokens, *, size: int, overlap: int) -> tuple[Tokens, np.ndarray]:
    """Cut texts longer than ``size`` into overlapping windows.

    Returns the windows as Tokens and the text (index) that each belongs to. Every token is in a
    window; a text that fits is one window, an empty text too.
    """
    step = size - overlap
    count = np.maximum(1, -(-(tokens.lengths - overlap) // step))
    owner = np.repeat(np.arange(len(tokens.lengths)), count)
    if len(owner) == len(count):
        return tokens, owner
    nth = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
    begin = nth * step
    length = np.minimum(size, tokens.lengths[owner] - begin)
    first = tokens.starts[owner] + begin
    starts = np.cumsum(length) - length
    index = np.arange(length.sum()) + np.repeat(first - starts, length)
    return Tokens(tokens.values[index], length), owner

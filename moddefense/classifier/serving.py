"""The trained network, compiled for screening: no padding, no batch effects.

The encoder becomes a ``Pool`` (``pooling.py``); the dense layers always see a tile of the same
shape, so that rows do not influence each other, not even in the last bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from moddefense.classifier.pooling import make_pool
from moddefense.tokens import Tokens

__all__ = ["Committee", "CompiledNetwork", "windows"]

TILE = 64  # rows of every matrix product, whatever the batch
MEMBERS = 32  # thinned networks that are computed in one product


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

    def logits(self, pooled: np.ndarray) -> np.ndarray:
        """Pooled features to logits ``[texts, labels]``."""
        return _dense(pooled, *self._head)

    def committee(self, masks: Sequence[tuple[np.ndarray, np.ndarray]]) -> Committee:
        """The thinned networks of dropout masks: factors for pooled features and hidden units."""
        return Committee(self._head, masks)


class Committee:
    """Thinned networks side by side: the first logit that each gives.

    A mask on the pooled features is a factor of the kernel's rows, one on the hidden units a factor
    of the next kernel's rows; hidden units that are left out are not computed.
    """

    def __init__(
        self, head: tuple[np.ndarray, ...], masks: Sequence[tuple[np.ndarray, np.ndarray]]
    ) -> None:
        kernel_in, bias_in, kernel_out, bias_out = head
        self._heads = []
        for begin in range(0, len(masks), MEMBERS):
            members = masks[begin : begin + MEMBERS]
            kept = [np.flatnonzero(hidden) for _, hidden in members]
            ends = np.cumsum([len(units) for units in kept])
            out = np.zeros((int(ends[-1]), len(members)), np.float32)
            for place, ((_, hidden), units) in enumerate(zip(members, kept, strict=True)):
                rows = slice(ends[place] - len(units), ends[place])
                out[rows, place] = hidden[units] * kernel_out[units, 0]
            kernels = [
                features[:, None] * kernel_in[:, units]
                for (features, _), units in zip(members, kept, strict=True)
            ]
            self._heads.append(
                (
                    np.ascontiguousarray(np.concatenate(kernels, axis=1), np.float32),
                    np.concatenate([bias_in[units] for units in kept]),
                    out,
                    np.full(len(members), bias_out[0], np.float32),
                )
            )

    def logits(self, pooled: np.ndarray) -> np.ndarray:
        """Pooled features to the first logit of each member, float32 ``[texts, members]``."""
        return np.concatenate([_dense(pooled, *head) for head in self._heads], axis=1)


def _dense(
    pooled: np.ndarray, kernel_in: np.ndarray, bias_in: np.ndarray, kernel_out: np.ndarray,
    bias_out: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Two dense layers, tile by tile."""
    out = np.empty((len(pooled), len(bias_out)), np.float32)
    tile = np.zeros((TILE, pooled.shape[1]), np.float32)
    for begin in range(0, len(pooled), TILE):
        part = pooled[begin : begin + TILE]
        tile[: len(part)] = part
        tile[len(part) :] = 0
        hidden = tile @ kernel_in
        hidden += bias_in
        np.maximum(hidden, 0, out=hidden)
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

"""The trained convolutional network, compiled for screening: no padding, no batch effects.

A convolution of looked-up embeddings is a sum of lookups in tables that hold each token's
contribution at each offset, so the tables are computed once and a text costs a few additions a
token. Rows do not influence each other, not even in the last bit: sums and maxima run over one
text's tokens in order, and the dense layers always see a tile of the same shape.

Source of the idea: any linear layer on an embedding can be folded into the embedding table.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from moddefense.tokens import Tokens

__all__ = ["CompiledNetwork", "windows"]

TILE = 64  # rows of every matrix product, whatever the batch
CHUNK = 2048  # tokens that are looked up at a time: the working set stays in the cache


class CompiledNetwork:
    """Pooled features and logits of texts, from the weights of a ``Network``.

    ``weights`` has ``embedding`` (normalised table) ``[vocabulary, width]``, ``kernel``
    ``[reach, width, channels]``, ``bias``, ``in``, ``in_bias``, ``out``, ``out_bias``.
    """

    def __init__(self, weights: Mapping[str, np.ndarray]) -> None:
        table = weights["embedding"].astype(np.float32).copy()
        table[0] = 0  # padding
        self._tables = [np.ascontiguousarray(table @ w) for w in weights["kernel"]]
        self._bias = weights["bias"].astype(np.float32)
        self._reach = len(self._tables)
        self._head = tuple(
            weights[k].astype(np.float32) for k in ("in", "in_bias", "out", "out_bias")
        )

    @property
    def features(self) -> int:
        """Number of pooled features."""
        return 2 * len(self._bias)

    def pool(self, tokens: Tokens) -> np.ndarray:
        """Tokens to pooled features, float32 ``[texts, 2 * channels]``."""
        n, channels = len(tokens.lengths), len(self._bias)
        pooled = np.zeros((n, 2 * channels), np.float32)
        lengths, starts = tokens.lengths, tokens.starts
        rows = np.flatnonzero(lengths)
        begin = 0
        while begin < len(rows):
            # Whole texts up to the chunk's size; a longer text is a chunk of its own.
            total = np.cumsum(lengths[rows[begin : begin + CHUNK]])
            end = begin + max(1, int(np.searchsorted(total, CHUNK, side="right")))
            part = rows[begin:end]
            first, last = starts[part[0]], starts[part[-1]] + lengths[part[-1]]
            features = self._convolve(tokens.values[first:last], lengths[part])
            offsets = starts[part] - first
            pooled[part, :channels] = np.maximum.reduceat(features, offsets, axis=0)
            sums = np.add.reduceat(features, offsets, axis=0)
            pooled[part, channels:] = sums / lengths[part, None].astype(np.float32)
            begin = end
        return pooled

    def _convolve(self, ids: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """Rectified features ``[tokens, channels]`` of texts that lie side by side."""
        side = self._reach // 2
        position = np.arange(len(ids))
        text = np.repeat(np.arange(len(lengths)), lengths)
        features = np.take(self._tables[side], ids, axis=0)
        scratch = np.empty_like(features)
        for offset in (o for o in range(-side, side + 1) if o):
            neighbour = np.clip(position + offset, 0, len(ids) - 1)
            same = (text[neighbour] == text) & (neighbour == position + offset)
            shifted = np.where(same, ids[neighbour], 0)
            np.take(self._tables[side + offset], shifted, axis=0, out=scratch)
            features += scratch
        features += self._bias
        return np.maximum(features, 0, out=features)

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

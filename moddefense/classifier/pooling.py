"""The trained encoders of ``encoders.py``, compiled for screening: tokens to pooled features.

A linear layer on looked-up embeddings is a lookup in a table of each token's contribution, so the
tables are computed once: a convolution then costs a few additions a token, a recurrent layer one
matrix product a step. Rows do not influence each other, not even in the last bit: sums and maxima
run over one text's tokens in order, and matrix products always see a tile of the same shape.

Source of the idea: any linear layer on an embedding can be folded into the embedding table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np

from moddefense import native
from moddefense.tokens import Tokens

__all__ = ["Pool", "encoder_shapes", "make_pool"]

TILE = 64  # texts that go through a recurrent layer together
CHUNK = 2048  # tokens that are looked up at a time: the working set stays in the cache


class Pool(Protocol):
    """What all kinds have: the number of features, and tokens to ``[texts, features]``."""

    features: int

    def __call__(self, tokens: Tokens) -> np.ndarray:
        """Pooled features, float32 ``[texts, features]``."""


def make_pool(weights: Mapping[str, np.ndarray]) -> Pool:
    """The pool of the encoder whose arrays ``weights`` has beside ``embedding``."""
    table = weights["embedding"].astype(np.float32).copy()
    table[0] = 0  # padding
    if "kernel" in weights:
        return _conv(table, weights["kernel"], weights["bias"])
    if "lstm_kernel" in weights:
        return _Lstm(_way(table, weights, "lstm"))
    if "forward_kernel" in weights:
        return _Gru(_way(table, weights, "forward"), _way(table, weights, "backward"))
    return _Mean(table)


def encoder_shapes(weights: Mapping[str, np.ndarray]) -> tuple[dict[str, tuple[int, ...]], int]:
    """The shapes that the encoder's arrays must have to fit together, and its features.

    The width of the embedding and the shape of the first array are taken as given.
    """
    width = weights["embedding"].shape[1]
    if "kernel" in weights:
        reach, _, channels = weights["kernel"].shape
        return {"kernel": (reach, width, channels), "bias": (channels,)}, 2 * channels
    if "lstm_kernel" in weights:
        return _recurrent_shapes("lstm", width, weights["lstm_kernel"].shape[1] // 4, gates=4)
    if "forward_kernel" in weights:
        units = weights["forward_kernel"].shape[1] // 3
        shapes, features = _recurrent_shapes("forward", width, units, gates=3)
        return shapes | _recurrent_shapes("backward", width, units, gates=3)[0], 4 * features
    return {}, width


def _recurrent_shapes(
    name: str, width: int, units: int, *, gates: int
) -> tuple[dict[str, tuple[int, ...]], int]:
    wide = gates * units
    return {
        f"{name}_kernel": (width, wide),
        f"{name}_recurrent": (units, wide),
        f"{name}_bias": (wide,) if gates == 4 else (2, wide),
    }, units


class _Mean:
    """The mean of the embeddings."""

    def __init__(self, table: np.ndarray) -> None:
        self._table = table
        self.features = table.shape[1]

    def __call__(self, tokens: Tokens) -> np.ndarray:
        pooled = np.zeros((len(tokens.lengths), self.features), np.float32)
        for part, values, bounds in _chunks(tokens):
            looked_up = np.take(self._table, values, axis=0)
            for row, begin, end in zip(part, bounds[:-1], bounds[1:], strict=True):
                np.add.reduce(looked_up[begin:end], axis=0, out=pooled[row])
        return _divided(pooled, tokens.lengths)


def _conv(table: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> Pool:
    tables = [np.ascontiguousarray(table @ w) for w in kernel]
    tables[len(kernel) // 2] += bias.astype(np.float32)  # every token has itself once
    if native.library() is None:
        return _Conv(tables)
    from moddefense.native.features import Convolution

    return Convolution(tables)


class _Conv:
    """A convolution as a sum of lookups, then maximum and mean.

    ``tables`` has what a token adds at each offset, ``[vocabulary, channels]`` each.
    """

    def __init__(self, tables: Sequence[np.ndarray]) -> None:
        self._side = len(tables) // 2
        self._tables = tables
        self._channels = tables[0].shape[1]
        self.features = 2 * self._channels

    def __call__(self, tokens: Tokens) -> np.ndarray:
        channels = self._channels
        pooled = np.zeros((len(tokens.lengths), 2 * channels), np.float32)
        for part, values, bounds in _chunks(tokens):
            features = self._convolve(values, tokens.lengths[part])
            # Text by text: numpy's reduceat takes twice as long.
            for row, begin, end in zip(part, bounds[:-1], bounds[1:], strict=True):
                np.maximum.reduce(features[begin:end], axis=0, out=pooled[row, :channels])
                np.add.reduce(features[begin:end], axis=0, out=pooled[row, channels:])
        _divided(pooled[:, channels:], tokens.lengths)
        return pooled

    def _convolve(self, ids: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """Rectified features ``[tokens, channels]`` of texts that lie side by side."""
        side = self._side
        position = np.arange(len(ids))
        text = np.repeat(np.arange(len(lengths)), lengths)
        features = np.take(self._tables[side], ids, axis=0)
        scratch = np.empty_like(features)
        for offset in (o for o in range(-side, side + 1) if o):
            neighbour = np.clip(position + offset, 0, len(ids) - 1)
            same = (text[neighbour] == text) & (neighbour == position + offset)
            shifted = np.where(same, ids[neighbour], 0)
            # Without a mode, take would check first and copy through a buffer.
            np.take(self._tables[side + offset], shifted, axis=0, out=scratch, mode="clip")
            features += scratch
        scratch.fill(0)  # an array of zeros is compared faster than one zero
        return np.maximum(features, scratch, out=features)


def _divided(sums: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Sums to means, in place."""
    sums /= np.maximum(lengths, 1)[:, None].astype(np.float32)
    return sums


def _chunks(tokens: Tokens) -> Iterator[tuple[list[int], np.ndarray, list[int]]]:
    """Neighbouring texts of about CHUNK tokens: their rows, token values, and bounds in these.

    Whole texts only, and none that is empty; a longer text is a chunk of its own.
    """
    lengths, starts = tokens.lengths, tokens.starts
    rows = np.flatnonzero(lengths)
    begin = 0
    while begin < len(rows):
        total = np.cumsum(lengths[rows[begin : begin + CHUNK]])
        end = begin + max(1, int(np.searchsorted(total, CHUNK, side="right")))
        part = rows[begin:end]
        first, last = starts[part[0]], starts[part[-1]] + lengths[part[-1]]
        yield part.tolist(), tokens.values[first:last], [0, *total[: end - begin].tolist()]
        begin = end


class _Way:
    """One recurrent layer: ``table`` has what each token adds to the gates, biases included."""

    def __init__(
        self, table: np.ndarray, kernel: np.ndarray, recurrent: np.ndarray, bias: np.ndarray
    ) -> None:
        # The GRU has a second bias, inside its reset gate; the LSTM has none.
        first = bias if bias.ndim == 1 else bias[0]
        self.table = np.ascontiguousarray(table @ kernel + first).astype(np.float32)
        self.recurrent = np.ascontiguousarray(recurrent, np.float32)
        self.bias = np.zeros_like(first) if bias.ndim == 1 else bias[1].astype(np.float32)
        self.units = recurrent.shape[0]


def _way(table: np.ndarray, weights: Mapping[str, np.ndarray], name: str) -> _Way:
    return _Way(table, *(weights[f"{name}_{part}"] for part in ("kernel", "recurrent", "bias")))


Cell = Callable[[_Way, np.ndarray, tuple[np.ndarray, ...]], tuple[np.ndarray, ...]]


def _gru(way: _Way, gates: np.ndarray, state: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """One step of a GRU with its reset gate after the product (Keras ``reset_after``)."""
    (hidden,) = state
    n = way.units
    inner = hidden @ way.recurrent + way.bias
    update = _sigmoid(gates[:, :n] + inner[:, :n])
    reset = _sigmoid(gates[:, n : 2 * n] + inner[:, n : 2 * n])
    candidate = np.tanh(gates[:, 2 * n :] + reset * inner[:, 2 * n :])
    return (update * hidden + (1 - update) * candidate,)


def _lstm(way: _Way, gates: np.ndarray, state: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """One step of an LSTM; its gates are input, forget, candidate, output."""
    hidden, memory = state
    n = way.units
    gates = gates + hidden @ way.recurrent
    memory = _sigmoid(gates[:, n : 2 * n]) * memory + _sigmoid(gates[:, :n]) * np.tanh(
        gates[:, 2 * n : 3 * n]
    )
    return _sigmoid(gates[:, 3 * n :]) * np.tanh(memory), memory


def _sigmoid(values: np.ndarray) -> np.ndarray:
    return np.float32(0.5) * (1 + np.tanh(np.float32(0.5) * values))


class _Gru:
    """Both directions, then the maximum and the mean of their states."""

    def __init__(self, forward: _Way, backward: _Way) -> None:
        self._ways = (forward, backward)
        self.features = 4 * forward.units

    def __call__(self, tokens: Tokens) -> np.ndarray:
        units = self._ways[0].units
        pooled = np.zeros((len(tokens.lengths), self.features), np.float32)
        for rows, ids, alive in _tiles(tokens):
            count = np.maximum(tokens.lengths[rows, None], 1).astype(np.float32)
            for number, way in enumerate(self._ways):
                top = np.full((TILE, units), -1, np.float32)  # no state falls below
                total = np.zeros((TILE, units), np.float32)
                seen = ids if number == 0 else _backwards(ids, alive)
                for states, inside in _run(way, _gru, seen, alive, parts=1):
                    np.maximum(top, states[0], out=top, where=inside)
                    np.add(total, states[0], out=total, where=inside)
                begin = number * units
                pooled[rows, begin : begin + units] = top[: len(rows)]
                begin += 2 * units
                pooled[rows, begin : begin + units] = total[: len(rows)] / count
        return pooled


class _Lstm:
    """The state after the last token."""

    def __init__(self, way: _Way) -> None:
        self._way = way
        self.features = way.units

    def __call__(self, tokens: Tokens) -> np.ndarray:
        pooled = np.zeros((len(tokens.lengths), self.features), np.float32)
        for rows, ids, alive in _tiles(tokens):
            last = np.zeros((TILE, self.features), np.float32)
            for states, inside in _run(self._way, _lstm, ids, alive, parts=2):
                np.copyto(last, states[0], where=inside)
            pooled[rows] = last[: len(rows)]
        return pooled


def _run(
    way: _Way, cell: Cell, ids: np.ndarray, alive: np.ndarray, *, parts: int
) -> Iterator[tuple[tuple[np.ndarray, ...], np.ndarray]]:
    """The states after each step, and which rows ``[TILE, 1]`` were still inside their text."""
    state = tuple(np.zeros((TILE, way.units), np.float32) for _ in range(parts))
    for step in range(ids.shape[1]):
        state = cell(way, way.table[ids[:, step]], state)
        yield state, alive[:, step, None]


def _tiles(tokens: Tokens) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """TILE texts of about one length: their rows, ids ``[TILE, time]`` and which are real."""
    rows = np.flatnonzero(tokens.lengths)
    rows = rows[np.argsort(tokens.lengths[rows], kind="stable")]
    starts = tokens.starts
    for begin in range(0, len(rows), TILE):
        part = rows[begin : begin + TILE]
        lengths = np.zeros(TILE, np.int64)
        lengths[: len(part)] = tokens.lengths[part]
        column = np.arange(lengths.max())
        alive = column < lengths[:, None]
        first = np.zeros(TILE, np.int64)
        first[: len(part)] = starts[part]
        ids = tokens.values[np.where(alive, first[:, None] + column, 0)]
        yield part, np.where(alive, ids, 0), alive


def _backwards(ids: np.ndarray, alive: np.ndarray) -> np.ndarray:
    """Each row's ids from its last to its first; padding stays behind."""
    column = np.arange(ids.shape[1])
    source = alive.sum(axis=1, keepdims=True) - 1 - column
    return np.where(alive, np.take_along_axis(ids, np.maximum(source, 0), axis=1), 0)

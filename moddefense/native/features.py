"""Sums over the tokens of each text by the compiled library: n-grams and convolutions."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from moddefense.native import library
from moddefense.tokens import Tokens

if TYPE_CHECKING:
    from moddefense.letters import Spelling

__all__ = ["Convolution", "letter_sums", "ngram_sums"]


def ngram_sums(tokens: Tokens, weights: np.ndarray) -> np.ndarray:
    """Sum of the weights of each text's hashed n-grams, float64 ``[texts]``.

    ``weights`` is float32 ``[buckets]``, at least one.
    """
    if not len(weights):
        raise ValueError("a linear model has at least one bucket")
    values, lengths = _checked(tokens)
    weights = np.ascontiguousarray(weights, np.float32)
    sums = np.empty(len(lengths))
    library().moddefense_ngrams(
        _at(values), _at(lengths), _size(len(lengths)), _at(weights), _size(len(weights)),
        _at(sums),
    )  # fmt: skip
    return sums


def letter_sums(
    tokens: Tokens, spelling: Spelling, alone: tuple[np.ndarray, np.ndarray], weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Sum of the weights of the letter n-grams of each text's different words, and their number.

    float64 and int64 ``[texts]``. ``alone`` has both for each id as a word of its own, ``weights``
    is float32 ``[buckets]``, at least one. IndexError on an unknown token.
    """
    if not len(weights):
        raise ValueError("a linear model has at least one bucket")
    values, lengths = _checked(tokens)
    weights = np.ascontiguousarray(weights, np.float32)
    codes = np.ascontiguousarray(spelling.codes, np.int32)
    begins = np.ascontiguousarray(spelling.begins, np.int64)
    continues = np.ascontiguousarray(spelling.continues, np.uint8)
    alone_sums = np.ascontiguousarray(alone[0], np.float64)
    alone_counts = np.ascontiguousarray(alone[1], np.int64)
    sums, counts = np.empty(len(lengths)), np.empty(len(lengths), np.int64)
    slots = 1 << (2 * int(lengths.max(initial=1)) - 1).bit_length()
    seen = np.empty(slots, np.uint64)
    wrong = library().moddefense_letters(
        _at(values), _at(lengths), _size(len(lengths)), _at(codes), _at(begins), _at(continues),
        _size(len(continues)), _at(alone_sums), _at(alone_counts), _at(weights),
        _size(len(weights)), _at(seen), _at(sums), _at(counts),
    )  # fmt: skip
    if wrong >= 0:
        raise IndexError(f"token {values[wrong]} is not in a vocabulary of {len(continues)}")
    return sums, counts


class Convolution:
    """A rectified convolution as a sum of lookups, then maximum and mean.

    ``tables`` has what a token adds at each offset, ``[vocabulary, channels]`` each, an odd number
    of them; the bias is in the middle one. What a token adds anywhere lies side by side here.
    """

    def __init__(self, tables: Sequence[np.ndarray]) -> None:
        self._tables = np.ascontiguousarray(np.stack(tables, axis=1), np.float32)
        self.features = 2 * self._tables.shape[2]

    def __call__(self, tokens: Tokens) -> np.ndarray:
        """Pooled features, float32 ``[texts, features]``; IndexError on an unknown token."""
        values, lengths = _checked(tokens)
        vocabulary, reach, channels = self._tables.shape
        pooled = np.empty((len(lengths), self.features), np.float32)
        scratch = np.empty(channels, np.float32)
        wrong = library().moddefense_convolve(
            _at(values), _at(lengths), _size(len(lengths)), _at(self._tables), _size(vocabulary),
            _size(reach), _size(channels), _at(scratch), _at(pooled),
        )  # fmt: skip
        if wrong >= 0:
            raise IndexError(f"token {values[wrong]} is not in a vocabulary of {vocabulary}")
        return pooled


def _checked(tokens: Tokens) -> tuple[np.ndarray, np.ndarray]:
    """The arrays as the library takes them. Raises ValueError where they do not fit together."""
    values = np.ascontiguousarray(tokens.values, np.int32)
    lengths = np.ascontiguousarray(tokens.lengths, np.int64)
    if lengths.sum() != len(values) or (lengths.size and lengths.min() < 0):
        raise ValueError(f"{lengths.sum()} tokens in all texts, and {len(values)} ids")
    return values, lengths


def _at(values: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(values.ctypes.data)


def _size(value: int) -> ctypes.c_int64:
    return ctypes.c_int64(value)

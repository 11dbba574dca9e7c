"""The linear model over letters (``moddefense.letters``) as TensorFlow operations, for export."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from moddefense.classifier.codes import flat_ranges
from moddefense.letters import BOUND, LONGEST, LetterModel
from moddefense.ngrams import FIRST, MIX, SECOND

__all__ = ["LetterGraph", "buckets"]

ONE = np.uint64(1)


class LetterGraph(tf.Module):
    """What ``LetterModel.log_odds`` computes."""

    def __init__(self, model: LetterModel) -> None:
        super().__init__()
        self._weights = tf.constant(model.weights, tf.float32)
        self._intercept = model.intercept
        self._codes = tf.constant(model.spelling.codes, tf.int32)
        self._begins = tf.constant(model.spelling.begins[:-1], tf.int32)
        self._lengths = tf.constant(model.spelling.lengths, tf.int32)
        self._continues = tf.constant(model.spelling.continues)

    def __call__(self, ids: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
        """Log-odds, float64 ``[texts]``, of flat ids with ``lengths``, int32 ``[texts]``."""
        texts = tf.size(lengths)
        rows = tf.repeat(tf.range(texts), lengths)
        new_text = tf.concat([[True], rows[1:] != rows[:-1]], axis=0)[: tf.size(ids)]
        begins = ~tf.gather(self._continues, ids) | new_text
        word = tf.cumsum(tf.cast(begins, tf.int32)) - 1
        first = tf.cast(tf.where(begins)[:, 0], tf.int32)
        count = tf.size(first)
        sums, grams = self._of_words(ids, word, count)
        kept = self._first_of_each(ids, word, first, tf.gather(rows, first))
        rows = tf.gather(tf.gather(rows, first), kept)
        total = tf.math.unsorted_segment_sum(tf.gather(sums, kept), rows, texts)
        number = tf.math.unsorted_segment_sum(tf.gather(grams, kept), rows, texts)
        return total / tf.sqrt(tf.maximum(number, 1.0)) + self._intercept

    def _first_of_each(
        self, ids: tf.Tensor, word: tf.Tensor, first: tf.Tensor, rows: tf.Tensor
    ) -> tf.Tensor:
        """Which words (indices) stand in their text for the first time."""
        within = tf.range(tf.size(ids)) - tf.gather(first, word)
        power = tf.fill([tf.reduce_max(tf.concat([within, [0]], axis=0)) + 1], SECOND)
        power = tf.math.cumprod(tf.concat([[ONE], power[1:]], axis=0))
        terms = (tf.cast(ids, tf.uint64) + ONE) * tf.gather(power, within)
        keys = tf.math.unsorted_segment_sum(terms, word, tf.size(first))
        keys = (keys + (tf.cast(rows, tf.uint64) + ONE) * FIRST) * SECOND
        unique, place = tf.unique(tf.bitcast(keys, tf.int64))
        return tf.math.unsorted_segment_min(tf.range(tf.size(first)), place, tf.size(unique))

    def _of_words(
        self, ids: tf.Tensor, word: tf.Tensor, count: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Sum of the weights of each word's n-grams, and their number, float64 ``[words]``."""
        sizes = tf.gather(self._lengths, ids)
        spelt = tf.gather(self._codes, flat_ranges(tf.gather(self._begins, ids), sizes))
        bounded = tf.math.unsorted_segment_sum(sizes, word, count) + 2
        place = flat_ranges(tf.cumsum(bounded, exclusive=True) + 1, bounded - 2)
        letters = tf.fill([tf.reduce_sum(bounded)], BOUND)
        letters = tf.tensor_scatter_nd_update(letters, place[:, None], spelt)
        letters = tf.cast(letters, tf.uint64)
        owner = tf.repeat(tf.range(count), bounded)
        sums = tf.zeros([count], tf.float64)
        grams = tf.zeros([count], tf.float64)
        hashes = (letters + ONE) * FIRST
        for size in range(2, LONGEST + 1):
            hashes = (hashes[:-1] + letters[size - 1 :] + ONE) * FIRST
            last = owner[size - 1 :]
            whole = owner[: tf.size(last)] == last
            last = tf.boolean_mask(last, whole)
            found = tf.gather(self._weights, buckets(tf.boolean_mask(hashes, whole), self._weights))
            sums += tf.math.unsorted_segment_sum(tf.cast(found, tf.float64), last, count)
            grams += tf.math.unsorted_segment_sum(tf.ones_like(last, tf.float64), last, count)
        return sums, grams


def buckets(keys: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Which of the weights each key, uint64, falls on; int64."""
    mixed = tf.bitwise.bitwise_xor(keys, tf.bitwise.right_shift(keys, MIX)) * SECOND
    high = tf.cast(tf.bitwise.right_shift(mixed, np.uint64(32)), tf.int64)
    return high % weights.shape[0]

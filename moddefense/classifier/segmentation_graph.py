"""The cutting of ``moddefense.segmentation`` as TensorFlow operations, for exported models.

All runs of a batch are cut at once: a word's cost is looked up by a hash of its letters, the
cheapest cut is found letter by letter forwards and read off backwards.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from moddefense.segmentation import LONGEST, MEAN, REACH, UNKNOWN, Segmenter

__all__ = ["SegmentationGraph"]

BASE = 0x9E3779B97F4A7C15  # of the polynomial hash, modulo 2**64
LENGTHS = range(LONGEST, 0, -1)  # the longest first: of equal costs, the earliest beginning wins


class SegmentationGraph(tf.Module):
    """Code points to whether a space belongs behind each.

    ``limit`` is the number of code points that may be letters.
    """

    def __init__(self, segmenter: Segmenter, limit: int) -> None:
        super().__init__()
        letters = [chr(code).isalnum() and not chr(code).isdecimal() for code in range(limit)]
        self._letter = tf.constant([*letters, False])
        self._least = segmenter.least
        words = segmenter.costs or {"": 0.0}  # a table cannot be without entries
        hashes = np.array([_hash(word) for word in words], np.uint64).view(np.int64)
        self._costs = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(
                tf.constant(hashes), tf.constant(list(words.values()), tf.float64)
            ),
            default_value=tf.constant(-1.0, tf.float64),
        )

    def __call__(self, values: tf.Tensor, place: tf.Tensor, row: tf.Tensor) -> tf.Tensor:
        """Code points ``[total]``, their places in the table, and the text of each, to a mask."""
        letter = tf.gather(self._letter, place)
        begins = letter & ~_follows(letter, row)
        run = tf.cumsum(tf.cast(begins, tf.int32))
        runs = tf.size(values) + 1
        length = tf.math.unsorted_segment_sum(tf.cast(letter, tf.int32), run, runs)
        # Behind the last letter of a run stand others of its number, which are no letters.
        chosen = tf.where(letter & (tf.gather(length, run) >= self._least))[:, 0]
        run, codes = tf.gather(run, chosen), tf.gather(values, chosen)
        after = self._cut(codes, run, length)
        return tf.scatter_nd(chosen[:, None], after, tf.shape(values, out_type=tf.int64))

    def _cut(self, codes: tf.Tensor, run: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
        """Whether a space belongs behind each letter of the runs that are long enough."""
        total = tf.size(codes)
        first = tf.math.unsorted_segment_min(tf.range(total), run, tf.size(length))
        within = tf.range(total) - tf.gather(first, run)
        column = within % REACH
        part = tf.cumsum(tf.cast(column == 0, tf.int32)) - 1
        where = tf.stack([part, column], axis=1)
        parts = tf.reduce_max(tf.concat([part, [-1]], axis=0)) + 1
        columns = tf.reduce_max(tf.concat([column, [0]], axis=0)) + 1  # scans need one
        dense = tf.scatter_nd(where, codes, tf.stack([parts, columns]))
        sizes = tf.math.unsorted_segment_sum(tf.ones_like(part), part, parts)
        ends = tf.gather_nd(self._ends(dense, sizes), where)
        words = tf.math.unsorted_segment_sum(tf.cast(ends, tf.int32), run, tf.size(length))
        real = tf.gather(length >= words * MEAN, run)
        return ends & real & (within < tf.gather(length, run) - 1)

    def _ends(self, codes: tf.Tensor, sizes: tf.Tensor) -> tf.Tensor:
        """Whether a word ends at each letter of the cheapest cut; both ``[parts, columns]``."""
        costs = tf.transpose(self._all_costs(codes), [1, 0, 2])
        parts = tf.shape(codes)[0]
        infinite = tf.fill([parts, LONGEST - 1], tf.constant(np.inf, tf.float64))
        before = tf.concat([infinite, tf.zeros([parts, 1], tf.float64)], axis=1)

        def forwards(
            state: tuple[tf.Tensor, tf.Tensor], cost: tf.Tensor
        ) -> tuple[tf.Tensor, tf.Tensor]:
            found = state[0] + cost
            best = tf.reduce_min(found, axis=1, keepdims=True)
            size = LONGEST - tf.argmin(found, axis=1, output_type=tf.int32)
            return tf.concat([state[0][:, 1:], best], axis=1), size

        _, words = tf.scan(forwards, costs, (before, tf.zeros([parts], tf.int32)))

        def backwards(
            state: tuple[tf.Tensor, tf.Tensor], letter: tuple[tf.Tensor, tf.Tensor]
        ) -> tuple[tf.Tensor, tf.Tensor]:
            end, _ = state
            number, size = letter
            here = end == number + 1
            return tf.where(here, end - size, end), here

        numbers = tf.range(tf.shape(codes)[1])
        _, ends = tf.scan(
            backwards, (numbers, words), (sizes, tf.zeros([parts], tf.bool)), reverse=True
        )
        return tf.transpose(ends)

    def _all_costs(self, codes: tf.Tensor) -> tf.Tensor:
        """Cost of the word of each length ending at each letter ``[parts, columns, LENGTHS]``."""
        shifted = tf.cast(codes, tf.uint64)
        hashed = tf.zeros_like(shifted)
        costs: list[tf.Tensor] = []
        for size in range(1, LONGEST + 1):
            hashed += shifted * np.uint64(pow(BASE, size - 1, 1 << 64))
            known = self._costs.lookup(tf.bitcast(hashed, tf.int64))
            costs.append(tf.where(known < 0, tf.constant(UNKNOWN * size, tf.float64), known))
            # What would begin before the run costs nothing finite: ``before`` sees to that.
            shifted = tf.pad(shifted, [[0, 0], [1, 0]])[:, :-1]
        return tf.stack([costs[size - 1] for size in LENGTHS], axis=-1)


def _hash(word: str) -> int:
    return sum(ord(char) * pow(BASE, k, 1 << 64) for k, char in enumerate(word[::-1])) % (1 << 64)


def _follows(letter: tf.Tensor, row: tf.Tensor) -> tf.Tensor:
    """Whether the character before each is a letter of the same text."""
    before = letter[:-1] & (row[1:] == row[:-1])
    return tf.concat([[False], before], axis=0)[: tf.size(letter)]

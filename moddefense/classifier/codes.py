"""Texts as code points in TensorFlow, for exported models."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

__all__ = ["Codes", "flat_ranges"]

BROKEN = 0xFFFD  # what stands for bytes that are no UTF-8


class Codes(NamedTuple):
    """Texts as code points: ``values`` int32 ``[total]`` and ``lengths`` int64 ``[batch]``."""

    values: tf.Tensor
    lengths: tf.Tensor

    @classmethod
    def decode(cls, texts: tf.Tensor) -> Codes:
        """From UTF-8 strings ``[batch]``; what is broken becomes U+FFFD."""
        ragged = tf.strings.unicode_decode(texts, "UTF-8", replacement_char=BROKEN)
        return cls(ragged.values, ragged.row_lengths())

    def encode(self) -> tf.Tensor:
        """To UTF-8 strings ``[batch]``."""
        ragged = tf.RaggedTensor.from_row_lengths(self.values, self.lengths, validate=False)
        return tf.strings.unicode_encode(ragged, "UTF-8")

    @property
    def row(self) -> tf.Tensor:
        """The text of each character."""
        return tf.repeat(tf.range(tf.size(self.lengths)), self.lengths)

    def place(self, limit: int) -> tf.Tensor:
        """Where each character stands in tables whose last row is for all from ``limit`` on."""
        return tf.minimum(self.values, limit)

    def any(self, where: tf.Tensor) -> tf.Tensor:
        """Whether each text has a character at which ``where`` holds."""
        found = tf.math.unsorted_segment_max(
            tf.cast(where, tf.int32), self.row, tf.size(self.lengths)
        )
        return found > 0

    def spread(self, values: tf.Tensor, count: tf.Tensor) -> Codes:
        """``values`` in place of these, ``count`` of them for each."""
        lengths = tf.math.unsorted_segment_sum(count, self.row, tf.size(self.lengths))
        return Codes(values, tf.cast(lengths, tf.int64))


def flat_ranges(start: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    """``start, start + 1, …``, ``count`` numbers for each start, one behind the other.

    >>> flat_ranges(tf.constant([5, 0, 9]), tf.constant([2, 0, 3])).numpy().tolist()
    [5, 6, 9, 10, 11]
    """
    shift = tf.repeat(start - (tf.cumsum(count) - count), count)
    return tf.range(tf.size(shift, out_type=start.dtype)) + shift

"""The TF-Text graph: prepared strings to WordPiece ids."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
import tensorflow_text as tf_text

__all__ = ["wordpiece_graph", "wordpiece_tokenizer"]

LONGEST_WORD = 1 << 20  # bytes; a comment without any space is one word and must not become [UNK]


def wordpiece_graph(
    pieces: Sequence[str], *, unknown: str, suffix: str
) -> Callable[[Sequence[bytes]], tuple[np.ndarray, np.ndarray]]:
    """Return the graph of a vocabulary: UTF-8 texts to ids, int32 ``[total]``, and how many each.

    >>> graph = wordpiece_graph(["[UNK]", "a", "##b"], unknown="[UNK]", suffix="##")
    >>> [part.tolist() for part in graph([b"ab a", b"c"])]
    [[1, 2, 1, 0], [3, 1]]
    """
    tokenizer = wordpiece_tokenizer(pieces, unknown=unknown, suffix=suffix)

    def tokenize(texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        ragged = tokenizer.tokenize(texts)
        return ragged.values, ragged.row_lengths()

    graph = tf.function(tokenize, input_signature=[tf.TensorSpec([None], tf.string)])

    def run(texts: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray]:
        values, lengths = graph(tf.constant(texts))
        return values.numpy(), lengths.numpy()

    return run


def wordpiece_tokenizer(
    pieces: Sequence[str], *, unknown: str, suffix: str
) -> tf_text.FastWordpieceTokenizer:
    """Return the TF-Text tokenizer of a vocabulary, for graphs that go on from its ids."""
    return tf_text.FastWordpieceTokenizer(
        vocab=list(pieces),
        suffix_indicator=suffix,
        unknown_token=unknown,
        max_bytes_per_word=LONGEST_WORD,
        token_out_type=tf.int32,
        support_detokenization=False,
    )

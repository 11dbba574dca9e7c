"""The network: token ids to logits, in three parts that training and serving share.

1. ``NormalizedEmbedding``: ids to vectors of zero mean and unit variance over the vocabulary,
   weighted by token frequency, so that the network cannot escape a perturbation of fixed norm by
   making its embeddings larger (Miyato, Dai and Goodfellow 2017).
2. An encoder of the recipe's kind (``encoders.py``): the embeddings of a text to one vector.
3. ``Head``: dropout, one hidden layer, dropout, logits.

Dropout is drawn from an explicit seed: None switches it off, a seed fixes it. The same seed gives
the same masks, so that a training step or a dropout sample can be repeated exactly.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from moddefense.classifier.encoders import make_encoder

__all__ = ["Head", "Network", "NormalizedEmbedding", "dropout"]

VARIANCE_FLOOR = 1e-6


def dropout(values: tf.Tensor, rate: float, seed: tf.Tensor | None, *, salt: int) -> tf.Tensor:
    """Drop values at ``rate`` and scale up the others.

    ``seed`` is int32 ``[2]``; None changes nothing. ``salt`` tells the dropout layers of a network
    apart.
    """
    if seed is None or rate == 0:
        return values
    return tf.nn.experimental.stateless_dropout(values, rate, seed=seed + [0, salt])


class NormalizedEmbedding(keras.layers.Layer):
    """Token ids ``[batch, time]`` to embeddings ``[batch, time, width]``, frequency-normalised.

    ``frequencies`` are the token counts ``[vocabulary]`` of the training texts; id 0 is padding and
    gives zeros. Computed in float32 whatever the policy, for half precision has no room for the
    frequency of a rare token, nor for a perturbation of it.
    """

    def __init__(self, vocabulary: int, width: int, *, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        self.vocabulary, self.width, self.seed = vocabulary, width, seed

    def build(self, input_shape: Any) -> None:
        """Create the raw table and the frequencies, which ``set_frequencies`` fills."""
        self.table = self.add_weight(
            shape=(self.vocabulary, self.width),
            initializer=keras.initializers.RandomNormal(stddev=0.05, seed=self.seed),
            name="table",
        )
        self.frequencies = self.add_weight(
            shape=(self.vocabulary,), initializer="ones", trainable=False, name="frequencies"
        )

    def set_frequencies(self, counts: np.ndarray) -> None:
        """Set token counts ``[vocabulary]``; padding counts nothing."""
        counts = counts.astype(np.float32) + 1e-3
        counts[0] = 0
        self.frequencies.assign(counts / counts.sum())

    def normalized(self) -> tf.Tensor:
        """The whole normalised table ``[vocabulary, width]``."""
        share = self.frequencies.value[:, None]
        table = self.table.value
        mean = tf.reduce_sum(share * table, axis=0)
        variance = tf.reduce_sum(share * tf.square(table - mean), axis=0)
        return (table - mean) * tf.math.rsqrt(variance + VARIANCE_FLOOR)

    def call(self, ids: tf.Tensor) -> tf.Tensor:
        """Look up ids."""
        mask = tf.cast(ids != 0, tf.float32)[..., None]
        return tf.gather(self.normalized(), ids) * mask

    def get_config(self) -> dict[str, Any]:
        """Hyperparameters, from which ``from_config`` makes an equal layer."""
        return super().get_config() | {
            "vocabulary": self.vocabulary, "width": self.width, "seed": self.seed,
        }  # fmt: skip


class Head(keras.layers.Layer):
    """Pooled features ``[batch, features]`` to logits ``[batch, labels]``."""

    def __init__(
        self, hidden: int, labels: int, dropout: float, *, seed: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.hidden, self.labels, self.dropout, self.seed = hidden, labels, dropout, seed

    def build(self, input_shape: Any) -> None:
        """Create the two dense layers."""
        uniform = keras.initializers.GlorotUniform
        self.kernel_in = self.add_weight(
            shape=(input_shape[-1], self.hidden), initializer=uniform(seed=self.seed), name="in"
        )
        self.bias_in = self.add_weight(shape=(self.hidden,), initializer="zeros", name="in_bias")
        self.kernel_out = self.add_weight(
            shape=(self.hidden, self.labels), initializer=uniform(seed=self.seed + 1), name="out"
        )
        self.bias_out = self.add_weight(shape=(self.labels,), initializer="zeros", name="out_bias")

    def call(self, pooled: tf.Tensor, seed: tf.Tensor | None = None) -> tf.Tensor:
        """Classify; dropout is on where a seed is given."""
        pooled = dropout(pooled, self.dropout, seed, salt=1)
        hidden = tf.nn.relu(pooled @ self.kernel_in.value + self.bias_in.value)
        hidden = dropout(hidden, self.dropout, seed, salt=2)
        return hidden @ self.kernel_out.value + self.bias_out.value

    def get_config(self) -> dict[str, Any]:
        """Hyperparameters, from which ``from_config`` makes an equal layer."""
        return super().get_config() | {
            "hidden": self.hidden, "labels": self.labels,
            "dropout": self.dropout, "seed": self.seed,
        }  # fmt: skip


class Network(keras.Model):
    """Token ids ``[batch, time]`` (0 pads) to logits ``[batch, labels]``.

    ``embed`` and ``classify`` are its halves: an adversary perturbs what lies between them.
    """

    def __init__(
        self, *, vocabulary: int, labels: int, embedding: int, channels: int, reach: int,
        hidden: int, embedding_dropout: float, dropout: float, kind: str = "conv", seed: int = 0,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self.settings = {
            "kind": kind, "vocabulary": vocabulary, "labels": labels, "embedding": embedding,
            "channels": channels, "reach": reach, "hidden": hidden,
            "embedding_dropout": embedding_dropout, "dropout": dropout, "seed": seed,
        }  # fmt: skip
        self.embedding_dropout = embedding_dropout
        self.embedding = NormalizedEmbedding(vocabulary, embedding, seed=seed, name="embedding")
        self.encoder = make_encoder(
            kind, width=embedding, channels=channels, reach=reach, seed=seed + 1
        )
        self.head = Head(hidden, labels, dropout, seed=seed + 2, name="head")
        self.embedding.build((None, None))
        self.head.build((None, self.encoder.features))
        self.built = True

    def embed(self, ids: tf.Tensor, *, seed: tf.Tensor | None = None) -> tf.Tensor:
        """Ids to embeddings ``[batch, time, width]``, after embedding dropout."""
        return dropout(self.embedding(ids), self.embedding_dropout, seed, salt=0)

    def classify(
        self, embedded: tf.Tensor, mask: tf.Tensor, *, seed: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Embeddings and mask ``[batch, time]`` to logits ``[batch, labels]``."""
        logits = self.head(self.encoder(embedded, mask), seed=seed)
        return tf.cast(logits, tf.float32)  # losses need it where a policy computes in half

    def call(self, ids: tf.Tensor) -> tf.Tensor:
        """Logits without dropout."""
        return self.classify(self.embed(ids), tf.cast(ids != 0, tf.float32))

    def get_config(self) -> dict[str, Any]:
        """Hyperparameters, from which ``from_config`` makes an equal network."""
        return dict(self.settings)

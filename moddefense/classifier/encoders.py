"""Encoders: embeddings of a text to one vector of features, by the recipe's ``network.kind``.

====  ======================================================================  ===============
kind  what it computes                                                        features
====  ======================================================================  ===============
conv  a narrow convolution, ReLU; its maximum and mean over the text          2 * channels
gru   a GRU in each direction; maximum and mean of both over the text         4 * channels
lstm  an LSTM forwards; its state at the end (Miyato, Dai and Goodfellow 2017)  channels
mean  the mean of the embeddings (deep averaging network, Iyyer 2015)         embedding width
====  ======================================================================  ===============

All are called with embeddings ``[batch, time, width]``, in which padding is zeros and comes last,
and a mask ``[batch, time]``. Padding never changes the features; a text of padding alone has zeros.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

__all__ = [
    "ConvEncoder",
    "Encoder",
    "GruEncoder",
    "LstmEncoder",
    "MeanEncoder",
    "load_encoder",
    "make_encoder",
]


class Encoder(keras.layers.Layer):
    """What all encoders have: ``features``, their number, and the weights by name."""

    features: int

    def named(self) -> dict[str, Any]:
        """The variables by the names that a bundle and serving know them by."""
        return {}

    def arrays(self) -> dict[str, np.ndarray]:
        """The weights by the same names."""
        return {name: np.asarray(variable) for name, variable in self.named().items()}


def make_encoder(
    kind: str, *, width: int, channels: int, reach: int, seed: int, name: str = "encoder"
) -> Encoder:
    """Make and build the encoder of a kind for embeddings of ``width``.

    ``channels`` are the convolution's channels or the units of a recurrent layer.
    """
    made: Encoder
    if kind == "conv":
        made = ConvEncoder(channels, reach, seed=seed, name=name)
    elif kind == "gru":
        made = GruEncoder(channels, seed=seed, name=name)
    elif kind == "lstm":
        made = LstmEncoder(channels, seed=seed, name=name)
    elif kind == "mean":
        made = MeanEncoder(name=name)
    else:
        raise ValueError(f"unknown kind of network {kind!r}")
    made.build((None, None, width))
    return made


def load_encoder(weights: Mapping[str, np.ndarray]) -> Encoder:
    """The encoder whose arrays a bundle's ``weights`` has beside ``embedding``."""
    width, channels, reach, kind = weights["embedding"].shape[1], 1, 1, "mean"
    if "kernel" in weights:
        kind, (reach, _, channels) = "conv", weights["kernel"].shape
    elif "lstm_recurrent" in weights:
        kind, channels = "lstm", len(weights["lstm_recurrent"])
    elif "forward_recurrent" in weights:
        kind, channels = "gru", len(weights["forward_recurrent"])
    encoder = make_encoder(kind, width=width, channels=channels, reach=reach, seed=0)
    for name, variable in encoder.named().items():
        variable.assign(weights[name])
    return encoder


class ConvEncoder(Encoder):
    """A convolution over ``reach`` tokens, ReLU, then the maximum and the mean over the text."""

    def __init__(self, channels: int, reach: int, *, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.channels, self.reach, self.seed = channels, reach, seed
        self.features = 2 * channels

    def build(self, input_shape: Any) -> None:
        """Create kernel ``[reach, width, channels]`` and bias."""
        self.kernel = self.add_weight(
            shape=(self.reach, input_shape[-1], self.channels),
            initializer=keras.initializers.GlorotUniform(seed=self.seed),
            name="kernel",
        )
        self.bias = self.add_weight(shape=(self.channels,), initializer="zeros", name="bias")

    def call(self, embedded: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """Encode to ``[batch, 2 * channels]``."""
        features = tf.nn.conv1d(embedded, self.kernel.value, stride=1, padding="SAME")
        mask = mask[..., None]
        features = tf.nn.relu(features + self.bias.value) * mask
        top = tf.reduce_max(features, axis=1)  # features are >= 0, so padding never wins
        return tf.concat([top, _mean(features, mask)], axis=-1)

    def named(self) -> dict[str, Any]:
        """Kernel and bias."""
        return {"kernel": self.kernel, "bias": self.bias}

    def get_config(self) -> dict[str, Any]:
        """Hyperparameters, from which ``from_config`` makes an equal layer."""
        return super().get_config() | {
            "channels": self.channels, "reach": self.reach, "seed": self.seed,
        }  # fmt: skip


class MeanEncoder(Encoder):
    """The mean of the embeddings; it has no weights of its own."""

    def build(self, input_shape: Any) -> None:
        """Note the width."""
        self.features = input_shape[-1]

    def call(self, embedded: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """Encode to ``[batch, width]``."""
        return _mean(embedded * mask[..., None], mask[..., None])


class GruEncoder(Encoder):
    """A GRU in each direction, then the maximum and the mean of their states over the text."""

    def __init__(self, channels: int, *, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.channels, self.seed = channels, seed
        self.features = 4 * channels
        self.ways = [
            keras.layers.GRU(
                channels, return_sequences=True, go_backwards=backwards, name=name,
                **_initializers(seed + 2 * backwards),
            )
            for name, backwards in (("forward", False), ("backward", True))
        ]  # fmt: skip

    def build(self, input_shape: Any) -> None:
        """Build both directions."""
        for way in self.ways:
            way.build(input_shape)

    def states(self, embedded: tf.Tensor, mask: tf.Tensor) -> list[tf.Tensor]:
        """Each direction's state at each token ``[batch, time, channels]``."""
        forward, backward = (way(embedded, mask=mask > 0) for way in self.ways)
        return [forward, tf.reverse(backward, [1])]

    def call(self, embedded: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """Encode to ``[batch, 4 * channels]``."""
        real = mask[..., None]
        states = tf.concat(self.states(embedded, mask), axis=-1)
        # No state falls below -1, so padding never wins.
        top = tf.reduce_max(tf.where(real > 0, states, -1.0), axis=1)
        top *= tf.reduce_max(mask, axis=1, keepdims=True)
        return tf.concat([top, _mean(states * real, real)], axis=-1)

    def named(self) -> dict[str, Any]:
        """Kernel, recurrent kernel and bias of each direction."""
        return {name: v for way in self.ways for name, v in _recurrent(way, way.name).items()}

    def get_config(self) -> dict[str, Any]:
        """Hyperparameters, from which ``from_config`` makes an equal layer."""
        return super().get_config() | {"channels": self.channels, "seed": self.seed}


class LstmEncoder(Encoder):
    """An LSTM forwards; the features are its state after the last token."""

    def __init__(self, channels: int, *, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.channels, self.seed = channels, seed
        self.features = channels
        self.lstm = keras.layers.LSTM(
            channels, return_sequences=True, name="lstm", **_initializers(seed)
        )

    def build(self, input_shape: Any) -> None:
        """Build the layer."""
        self.lstm.build(input_shape)

    def states(self, embedded: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """The state after each token ``[batch, time, channels]``; in padding the last one."""
        return self.lstm(embedded, mask=mask > 0)

    def call(self, embedded: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        """Encode to ``[batch, channels]``."""
        return self.states(embedded, mask)[:, -1] * tf.reduce_max(mask, axis=1, keepdims=True)

    def named(self) -> dict[str, Any]:
        """Kernel, recurrent kernel and bias."""
        return _recurrent(self.lstm, "lstm")

    def get_config(self) -> dict[str, Any]:
        """Hyperparameters, from which ``from_config`` makes an equal layer."""
        return super().get_config() | {"channels": self.channels, "seed": self.seed}


def _initializers(seed: int) -> dict[str, Any]:
    return {
        "kernel_initializer": keras.initializers.GlorotUniform(seed=seed),
        "recurrent_initializer": keras.initializers.Orthogonal(seed=seed + 1),
    }


def _recurrent(layer: keras.layers.Layer, name: str) -> dict[str, Any]:
    cell = layer.cell
    return {
        f"{name}_kernel": cell.kernel,
        f"{name}_recurrent": cell.recurrent_kernel,
        f"{name}_bias": cell.bias,
    }


def _mean(values: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    count = tf.maximum(tf.reduce_sum(mask, axis=1), 1.0)
    return tf.reduce_sum(values, axis=1) / count

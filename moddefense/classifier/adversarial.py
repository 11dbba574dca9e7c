"""Perturbations of embeddings, as pure functions, and the loss that trains against them.

Sources: Goodfellow, Shlens and Szegedy 2015 (fast gradient methods); Miyato, Dai and Goodfellow
2017 (embeddings of text, L2 over the whole sequence).
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

__all__ = ["PERTURBATIONS", "fgm", "masked_cross_entropy", "random_direction", "unit"]

TINY = 1e-12


def unit(direction: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Scale each text's direction ``[batch, time, width]`` to L2 norm 1 over its whole sequence.

    Padding (``mask`` ``[batch, time]`` 0) gets zeros, and a zero direction stays zero. The largest
    magnitude is divided out first, so that tiny gradients do not underflow when squared.
    """
    direction = direction * mask[..., None]
    largest = tf.reduce_max(tf.abs(direction), axis=[1, 2], keepdims=True)
    scaled = direction / (largest + TINY)
    norm = tf.sqrt(tf.reduce_sum(tf.square(scaled), axis=[1, 2], keepdims=True))
    return scaled / tf.maximum(norm, TINY)


def fgm(gradient: tf.Tensor, mask: tf.Tensor, epsilon: float, seed: tf.Tensor) -> tf.Tensor:
    """Fast gradient method: ``epsilon`` along the gradient of the loss by the embeddings."""
    return epsilon * unit(gradient, mask)


def random_direction(
    gradient: tf.Tensor, mask: tf.Tensor, epsilon: float, seed: tf.Tensor
) -> tf.Tensor:
    """A random direction of norm ``epsilon``: what adversarial directions are compared with."""
    noise = tf.random.stateless_normal(tf.shape(gradient), seed=seed, dtype=gradient.dtype)
    return epsilon * unit(noise, mask)


Perturbation = Callable[[tf.Tensor, tf.Tensor, float, tf.Tensor], tf.Tensor]

PERTURBATIONS: dict[str, Perturbation] = {"fgm": fgm, "random": random_direction}


def masked_cross_entropy(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Mean sigmoid cross-entropy over the known labels; NaN in ``labels`` is unknown.

    Both are ``[batch, labels]``; the result is a scalar, 0 when nothing is known.
    """
    known = tf.math.logical_not(tf.math.is_nan(labels))
    # The replaced value keeps NaN out of the gradient, which a mask on the loss alone would not.
    targets = tf.where(known, labels, tf.zeros_like(labels))
    losses = tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits)
    weight = tf.cast(known, losses.dtype)
    return tf.reduce_sum(losses * weight) / tf.maximum(tf.reduce_sum(weight), 1.0)

"""Perturbations of embeddings and the losses that train against them, as pure functions.

Embeddings and gradients are ``[batch, time, width]``, masks ``[batch, time]`` with 0 for padding,
which is never perturbed. Norms are L2 over the whole sequence of a text, but for fgsm's.

Sources: Goodfellow, Shlens and Szegedy 2015 (fast gradient methods); Miyato, Dai and Goodfellow
2017 (embeddings of text, virtual adversarial training); Madry 2018 (pgd); Zhu 2020 (freelb).
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

__all__ = [
    "PERTURBATIONS",
    "ascend",
    "divergence",
    "fgm",
    "fgsm",
    "masked_cross_entropy",
    "random_direction",
    "unit",
]

TINY = 1e-12


def unit(direction: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Scale each text's direction ``[batch, time, width]`` to L2 norm 1 over its whole sequence.

    Padding (``mask`` ``[batch, time]`` 0) gets zeros, and a zero direction stays zero. The largest
    magnitude is divided out first, so that tiny gradients do not underflow when squared. Half
    precision is computed in float32, and the result in half again.
    """
    given = direction.dtype
    direction = _at_least_single(direction)
    direction = direction * tf.cast(mask[..., None], direction.dtype)
    largest = tf.reduce_max(tf.abs(direction), axis=[1, 2], keepdims=True)
    scaled = direction / tf.where(largest > 0, largest, tf.ones_like(largest))
    norm = tf.sqrt(tf.reduce_sum(tf.square(scaled), axis=[1, 2], keepdims=True))
    # The norm is at least 1, but for a zero direction.
    return tf.cast(scaled / tf.maximum(norm, 1.0), given)


def _at_least_single(values: tf.Tensor) -> tf.Tensor:
    return tf.cast(values, tf.float32) if values.dtype.size < tf.float32.size else values


def fgm(gradient: tf.Tensor, mask: tf.Tensor, epsilon: float, seed: tf.Tensor) -> tf.Tensor:
    """Fast gradient method: ``epsilon`` along the gradient of the loss by the embeddings."""
    return epsilon * unit(gradient, mask)


def fgsm(gradient: tf.Tensor, mask: tf.Tensor, epsilon: float, seed: tf.Tensor) -> tf.Tensor:
    """Fast gradient sign method: each value moves by ``epsilon`` (L-infinity) where it hurts."""
    return epsilon * tf.sign(gradient) * tf.cast(mask[..., None], gradient.dtype)


def random_direction(
    gradient: tf.Tensor, mask: tf.Tensor, epsilon: float, seed: tf.Tensor
) -> tf.Tensor:
    """A random direction of norm ``epsilon``: what adversarial directions are compared with."""
    noise = tf.random.stateless_normal(tf.shape(gradient), seed=seed, dtype=gradient.dtype)
    return epsilon * unit(noise, mask)


Perturbation = Callable[[tf.Tensor, tf.Tensor, float, tf.Tensor], tf.Tensor]

PERTURBATIONS: dict[str, Perturbation] = {"fgm": fgm, "fgsm": fgsm, "random": random_direction}
"""The perturbations that take one step from the gradient of the clean loss."""


def ascend(
    shift: tf.Tensor, gradient: tf.Tensor, mask: tf.Tensor, epsilon: float, step: float
) -> tf.Tensor:
    """One step of projected gradient ascent: ``step`` along the gradient, back into the ball.

    The result has L2 norm ``epsilon`` at most over each text.
    """
    moved = shift * tf.cast(mask[..., None], shift.dtype) + step * unit(gradient, mask)
    norm = tf.sqrt(tf.reduce_sum(tf.square(_at_least_single(moved)), axis=[1, 2], keepdims=True))
    return moved * tf.cast(tf.minimum(1.0, epsilon / tf.maximum(norm, TINY)), moved.dtype)


def divergence(clean_logits: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Mean Kullback-Leibler divergence of sigmoid outputs from the clean ones, a scalar.

    Both are ``[batch, labels]``; each label is a Bernoulli variable of its own. Never negative,
    and 0 where both are equal. No gradient flows into ``clean_logits``.
    """
    clean_logits = tf.stop_gradient(clean_logits)
    probability = tf.sigmoid(clean_logits)
    per_label = probability * (tf.math.log_sigmoid(clean_logits) - tf.math.log_sigmoid(logits)) + (
        1 - probability
    ) * (tf.math.log_sigmoid(-clean_logits) - tf.math.log_sigmoid(-logits))
    return tf.reduce_mean(per_label)


def masked_cross_entropy(
    labels: tf.Tensor, logits: tf.Tensor, label_weights: tf.Tensor | float = 1.0
) -> tf.Tensor:
    """Weighted mean sigmoid cross-entropy over the known labels; NaN in ``labels`` is unknown.

    Both are ``[batch, labels]``, the weights ``[labels]``; the result is a scalar, 0 when nothing
    is known.
    """
    known = tf.math.logical_not(tf.math.is_nan(labels))
    # The replaced value keeps NaN out of the gradient, which a mask on the loss alone would not.
    targets = tf.where(known, labels, tf.zeros_like(labels))
    losses = tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits)
    weight = tf.cast(known, losses.dtype) * tf.cast(label_weights, losses.dtype)
    return tf.math.divide_no_nan(tf.reduce_sum(losses * weight), tf.reduce_sum(weight))

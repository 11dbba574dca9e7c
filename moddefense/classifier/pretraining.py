"""Language-model pretraining: embeddings, and recurrent layers, learnt from texts without labels.

A recurrent network learns to predict each next token, and on its way back each one before, as in
Miyato, Dai and Goodfellow 2017 (after Dai and Le 2015). Where only the embeddings can be learnt,
each token is predicted from the mean of its neighbours (CBOW, Mikolov 2013). Both compare the true
token with a sample of others (sampled softmax, Jean 2015), drawn by frequency; what predicts, a
second table, is thrown away afterwards.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from moddefense.classifier.encoders import GruEncoder, LstmEncoder
from moddefense.classifier.fitting import Progress, epoch_batches, pad
from moddefense.classifier.network import Network
from moddefense.classifier.serving import windows
from moddefense.errors import TrainingError
from moddefense.recipe import Recipe
from moddefense.tokens import Tokens

__all__ = ["pretrain"]

SMOOTHING = 0.75  # the samples follow the frequencies to this power (Mikolov 2013)
CHECK = 100  # steps between two looks at the loss


class _Task(NamedTuple):
    """Vectors ``[batch, places, width]`` and the ids ``[batch, places]`` that they must predict."""

    contexts: tf.Tensor
    targets: tf.Tensor
    real: tf.Tensor


def pretrain(
    network: Network, tokens: Tokens, recipe: Recipe, *, progress: Progress | None = None
) -> list[dict[str, float]]:
    """Train the embeddings of ``network``, and its encoder where it is recurrent, in place.

    Long texts are cut in windows, which all count. Returns a record an epoch, with the mean loss
    in nats a token against the sample. The same recipe and texts give the same weights. Raises
    TrainingError when the loss is not finite.
    """
    keys, longest = recipe.pretraining, recipe.network.window
    cut, _ = windows(tokens, size=longest, overlap=0)
    cut = cut.take(np.flatnonzero(cut.lengths > 1))
    if not len(cut.lengths):
        return []
    step = _make_step(network, cut, recipe)
    batches = recipe.override({"training.batch_size": keys.batch_size})
    history: list[dict[str, float]] = []
    began = time.monotonic()
    for epoch in range(keys.epochs):
        losses = []
        for number, rows in enumerate(epoch_batches(cut.lengths, batches, epoch)):
            seed = tf.constant([recipe.seed * 1000 + epoch, number], tf.int32)
            losses.append(step(pad(cut, rows, longest=longest), seed))
            if number % CHECK == 0:
                _require_finite(float(losses[-1]), epoch)
        loss = float(np.mean([float(loss) for loss in losses]))
        _require_finite(loss, epoch)
        history.append({"epoch": epoch + 1, "loss": loss, "seconds": time.monotonic() - began})
        if progress is not None:
            progress({"kind": "pretraining", "pass": epoch + 1, "of": keys.epochs, "loss": loss,
                      "seconds": history[-1]["seconds"]})  # fmt: skip
    return history


def _require_finite(loss: float, epoch: int) -> None:
    if not np.isfinite(loss):
        raise TrainingError(
            f"pretraining: loss is {loss} in epoch {epoch + 1}; lower pretraining.learning_rate"
        )


def _make_step(
    network: Network, tokens: Tokens, recipe: Recipe
) -> Callable[[np.ndarray, tf.Tensor], tf.Tensor]:
    """Return the step ``(ids [batch, time], seed [2]) -> loss``."""
    keys, vocabulary = recipe.pretraining, network.embedding.vocabulary
    share = np.bincount(tokens.values, minlength=vocabulary) ** SMOOTHING
    share[0] = 0  # padding is no token
    share /= share.sum()
    cumulative = tf.constant(np.cumsum(share), tf.float32)
    expected = tf.constant(share * keys.negatives, tf.float32)
    recurrent = isinstance(network.encoder, GruEncoder | LstmEncoder)
    width = network.encoder.channels if recurrent else network.embedding.width
    ways = 2 if isinstance(network.encoder, GruEncoder) else 1
    tables = [
        keras.Variable(np.zeros((vocabulary, width), np.float32), name=f"predict_{way}")
        for way in range(ways)
    ]
    bias = keras.Variable(np.zeros(vocabulary, np.float32), name="predict_bias")
    learnt: list[Any] = [*network.embedding.trainable_variables, *tables, bias]
    learnt += network.encoder.trainable_variables if recurrent else []
    values = [variable.value for variable in learnt]
    optimizer = keras.optimizers.Adam(keys.learning_rate)
    optimizer.build(learnt)

    @tf.function(
        input_signature=[tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([2], tf.int32)]
    )
    def step(ids: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        drawn = tf.random.stateless_uniform([keys.negatives], seed=seed)
        sampled = tf.minimum(tf.searchsorted(cumulative, drawn, side="right"), vocabulary - 1)
        losses = []
        with tf.GradientTape() as tape:
            for task, table in zip(_tasks(network, ids, keys.side), tables, strict=True):
                targets = tf.boolean_mask(task.targets, task.real)
                losses.append(
                    tf.nn.sampled_softmax_loss(
                        weights=table.value, biases=bias.value, labels=targets[:, None],
                        inputs=tf.boolean_mask(task.contexts, task.real),
                        num_sampled=keys.negatives, num_classes=vocabulary,
                        sampled_values=(
                            tf.cast(sampled, tf.int64),
                            tf.gather(expected, targets)[:, None],
                            tf.gather(expected, sampled),
                        ),
                    )
                )  # fmt: skip
            loss = tf.reduce_mean(tf.concat(losses, axis=0))
        gradients = [tf.convert_to_tensor(g) for g in tape.gradient(loss, values)]
        optimizer.apply_gradients(zip(gradients, learnt, strict=True))
        return loss

    return step


def _tasks(network: Network, ids: tf.Tensor, side: int) -> list[_Task]:
    """What is to be predicted from what, one task for each way through the text."""
    embedded = network.embed(ids)
    mask = tf.cast(ids != 0, tf.float32)
    after = _Task(embedded[:, :-1], tf.cast(ids[:, 1:], tf.int64), ids[:, 1:] != 0)
    encoder = network.encoder
    if isinstance(encoder, LstmEncoder):
        return [after._replace(contexts=encoder.states(embedded, mask)[:, :-1])]
    if isinstance(encoder, GruEncoder):
        forward, backward = encoder.states(embedded, mask)
        before = _Task(backward[:, 1:], tf.cast(ids[:, :-1], tf.int64), ids[:, 1:] != 0)
        return [after._replace(contexts=forward[:, :-1]), before]
    return [_Task(_neighbours(embedded, mask, side), tf.cast(ids, tf.int64), ids != 0)]


def _neighbours(embedded: tf.Tensor, mask: tf.Tensor, side: int) -> tf.Tensor:
    """The mean of the embeddings up to ``side`` tokens before and after each token, without it."""
    stacked = tf.concat([embedded, mask[..., None]], axis=-1)
    total = tf.cumsum(tf.pad(stacked, [[0, 0], [side + 1, side], [0, 0]]), axis=1)
    around = total[:, 2 * side + 1 :] - total[:, : -2 * side - 1] - stacked
    return around[..., :-1] / tf.maximum(around[..., -1:], 1.0)

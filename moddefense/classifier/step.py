"""One training step: the clean loss and, by the recipe's method, the adversarial one.

==========  ==========================================================  ======================
method      what is added to the clean loss                             passes, clean included
==========  ==========================================================  ======================
none        nothing                                                     1
random      the loss under a random shift of the embeddings             2
fgm, fgsm   the loss under a shift along the gradient, or its sign      2
pgd         the loss under the last of several projected steps          1 + steps
freelb      the mean loss over several projected steps                  1 + steps
vat         the divergence from the clean output where it grows most    3
fgm+vat     both                                                        4
==========  ==========================================================  ======================

A pass is one forward and one backward. The gradient by the embeddings comes out of the clean pass
that is needed anyway, so that fgm costs two passes. Shifts are added after embedding dropout and
are constants to the pass that learns from them. All passes share one way back through the table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from moddefense.classifier.adversarial import (
    PERTURBATIONS,
    ascend,
    divergence,
    fgm,
    masked_cross_entropy,
    random_direction,
)
from moddefense.classifier.network import Network
from moddefense.recipe import AdversarialKeys

__all__ = ["make_step"]

PROBE = 0.1  # xi of virtual adversarial training: how far it looks for where the output changes

Objective = Callable[[tf.Tensor], tf.Tensor]
Step = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]


class _Pass(NamedTuple):
    """A loss, its gradient by the embeddings and by the weights behind them, and the logits."""

    loss: tf.Tensor
    by_embedding: tf.Tensor
    by_rest: list[tf.Tensor]
    logits: tf.Tensor


class _Batch(NamedTuple):
    embedded: tf.Tensor
    mask: tf.Tensor
    labels: tf.Tensor
    seed: tf.Tensor


def make_step(
    network: Network, optimizer: keras.optimizers.Optimizer, keys: AdversarialKeys, *,
    label_weights: np.ndarray | None = None,
) -> Step:  # fmt: skip
    """Return the training step ``(ids, labels, seed) -> loss``.

    ``ids`` are int32 ``[batch, time]``, ``labels`` float32 ``[batch, labels]`` with NaN for
    unknown, ``seed`` int32 ``[2]``; ``label_weights`` ``[labels]`` count in the loss. Rows of
    which nothing is known still count for vat.
    """
    weights = 1.0 if label_weights is None else label_weights
    tables = network.embedding.trainable_variables
    rest = network.encoder.trainable_variables + network.head.trainable_variables
    table_values, rest_values = [v.value for v in tables], [v.value for v in rest]

    def run(batch: _Batch, shift: tf.Tensor | None, objective: Objective, salt: int) -> _Pass:
        """One pass at shifted embeddings; ``salt`` tells its dropout from that of other passes."""
        place = batch.embedded if shift is None else tf.stop_gradient(batch.embedded + shift)
        with tf.GradientTape() as tape:
            tape.watch(place)
            logits = network.classify(place, batch.mask, seed=batch.seed + [0, salt])
            loss = objective(logits)
        by_embedding, by_rest = tape.gradient(loss, [place, rest_values])
        return _Pass(loss, by_embedding, by_rest, logits)

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None], tf.int32),
            tf.TensorSpec([None, None], tf.float32),
            tf.TensorSpec([2], tf.int32),
        ]
    )
    def step(ids: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as embedding_tape:
            embedded = network.embed(ids, seed=seed)
        batch = _Batch(embedded, tf.cast(ids != 0, tf.float32), labels, seed)
        loss_of = _cross_entropy(labels, weights)
        clean = run(batch, None, loss_of, 0)
        passes = [(1.0, clean)]
        for name in keys.method.split("+"):
            passes += [
                (keys.weight * share, found)
                for share, found in _passes(name, keys, run, batch, clean, loss_of)
            ]
        by_embedding = tf.add_n([weight * found.by_embedding for weight, found in passes])
        by_rest = [
            tf.add_n([weight * found.by_rest[index] for weight, found in passes])
            for index in range(len(rest))
        ]
        by_table = embedding_tape.gradient(embedded, table_values, output_gradients=by_embedding)
        optimizer.apply_gradients(zip(by_table + by_rest, tables + rest, strict=True))
        return tf.add_n([weight * found.loss for weight, found in passes])

    return step


def _cross_entropy(labels: tf.Tensor, weights: np.ndarray | float) -> Objective:
    return lambda logits: masked_cross_entropy(labels, logits, weights)


def _passes(
    name: str,
    keys: AdversarialKeys,
    run: Callable[[_Batch, tf.Tensor | None, Objective, int], _Pass],
    batch: _Batch,
    clean: _Pass,
    loss_of: Objective,
) -> list[tuple[float, _Pass]]:
    """The adversarial passes of one method, each with its share of the adversarial weight."""
    mask, epsilon = batch.mask, keys.epsilon
    if name == "none":
        return []
    if name in PERTURBATIONS:
        shift = PERTURBATIONS[name](clean.by_embedding, mask, epsilon, batch.seed + [0, 7])
        return [(1.0, run(batch, shift, loss_of, 9))]
    if name == "pgd":
        shift = tf.zeros_like(batch.embedded)
        found = clean
        for number in range(keys.steps):
            shift = ascend(shift, found.by_embedding, mask, epsilon, keys.step * epsilon)
            found = run(batch, shift, loss_of, 9 + 3 * number)
        return [(1.0, found)]
    if name == "freelb":
        shift = random_direction(clean.by_embedding, mask, epsilon / 2, batch.seed + [0, 7])
        shares = []
        for number in range(keys.steps):
            found = run(batch, shift, loss_of, 9 + 3 * number)
            shares.append((1 / keys.steps, found))
            shift = ascend(shift, found.by_embedding, mask, epsilon, keys.step * epsilon)
        return shares

    def differ(logits: tf.Tensor) -> tf.Tensor:
        return divergence(clean.logits, logits)

    # The same dropout as in the clean pass: else the output would differ without any shift.
    probe = random_direction(clean.by_embedding, mask, PROBE, batch.seed + [0, 8])
    towards = run(batch, probe, differ, 0).by_embedding
    return [(1.0, run(batch, fgm(towards, mask, epsilon, batch.seed), differ, 0))]

"""Training the network: epochs of batches, learning rate, early stopping.

Everything random (order, dropout, random perturbation) is a function of the seed and the step, so
that a run can be repeated exactly.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from moddefense.classifier.network import Network
from moddefense.classifier.step import make_step
from moddefense.errors import TrainingError
from moddefense.recipe import Recipe
from moddefense.tokens import Tokens

__all__ = ["Progress", "fit"]

Progress = Callable[[dict[str, Any]], None]
ORDER = 0x0D0E  # tells the generator of the order from others of the same seed
STREAMS = 128  # streams of random numbers that one step may use
POOL = 32  # batches that are sorted by length together


def fit(
    network: Network, tokens: Tokens, labels: np.ndarray, recipe: Recipe,
    validate: Callable[[], float], *, progress: Progress | None = None,
) -> list[dict[str, float]]:  # fmt: skip
    """Train ``network`` in place and return the history, a record an epoch.

    ``validate`` returns the metric to improve, after each epoch; with early stopping the best
    epoch's weights stay. Raises TrainingError when the loss or a weight is not finite.
    """
    settings = recipe.training
    batches = -(-len(tokens.lengths) // settings.batch_size)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0,
        decay_steps=max(1, settings.epochs * batches),
        warmup_target=settings.learning_rate,
        warmup_steps=min(100, batches),
        alpha=0.05,
    )
    optimizer = keras.optimizers.Adam(schedule, clipnorm=1.0)
    optimizer.build(
        network.embedding.trainable_variables
        + network.encoder.trainable_variables
        + network.head.trainable_variables
    )
    step = make_step(network, optimizer, recipe.adversarial)
    history: list[dict[str, float]] = []
    best, best_weights, since = -np.inf, network.get_weights(), 0
    began = time.monotonic()
    for epoch in range(settings.epochs):
        losses = []
        for number, rows in enumerate(epoch_batches(tokens.lengths, recipe, epoch)):
            seed = tf.constant([recipe.seed * 1000 + epoch, number * STREAMS], tf.int32)
            ids = pad(tokens, rows, longest=recipe.network.window)
            losses.append(step(ids, labels[rows], seed))
            if number % 20 == 19 or number == batches - 1:
                loss = float(losses[-1])
                if not np.isfinite(loss):
                    raise _diverged(f"loss is {loss} in epoch {epoch + 1}, step {number + 1}")
                done = epoch * batches + number + 1
                _tell(progress, kind="step", epoch=epoch + 1, epochs=settings.epochs,
                      step=number + 1, steps=batches, loss=loss,
                      seconds_left=(time.monotonic() - began) / done
                      * (settings.epochs * batches - done))  # fmt: skip
        # A maximum over the text can swallow what is not a number, and the loss then looks sound.
        if not all(np.isfinite(weights).all() for weights in network.get_weights()):
            raise _diverged(f"weights are not finite after epoch {epoch + 1}")
        record = {
            "epoch": epoch + 1,
            "loss": float(np.mean([float(loss) for loss in losses])),
            "validation": validate(),
            "seconds": time.monotonic() - began,
        }
        history.append(record)
        _tell(progress, kind="epoch", epochs=settings.epochs, **record)
        if record["validation"] > best:
            best, best_weights, since = record["validation"], network.get_weights(), 0
        else:
            since += 1
            if settings.early_stopping and since >= settings.patience:
                break
    if settings.early_stopping:
        network.set_weights(best_weights)
    return history


def _diverged(what: str) -> TrainingError:
    return TrainingError(f"{what}; lower training.learning_rate or adversarial.epsilon")


def epoch_batches(lengths: np.ndarray, recipe: Recipe, epoch: int) -> Iterator[np.ndarray]:
    """Row indices of each batch of an epoch: shuffled, then grouped by length within pools."""
    generator = np.random.Generator(np.random.PCG64([recipe.seed, ORDER, epoch]))
    order = generator.permutation(len(lengths))
    size = recipe.training.batch_size
    batches = []
    for begin in range(0, len(order), size * POOL):
        pool = order[begin : begin + size * POOL]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        batches += [pool[i : i + size] for i in range(0, len(pool), size)]
    return (batches[i] for i in generator.permutation(len(batches)))


def pad(tokens: Tokens, rows: np.ndarray, *, longest: int) -> np.ndarray:
    """Ids ``[rows, time]`` padded with 0; of a longer text its first ``longest`` tokens."""
    lengths = np.minimum(tokens.lengths[rows], longest)
    width = max(1, int(lengths.max()))
    columns = np.arange(width)
    inside = columns < lengths[:, None]
    index = np.where(inside, tokens.starts[rows][:, None] + columns, 0)
    values = tokens.values if len(tokens.values) else np.zeros(1, np.int32)
    return np.where(inside, values[index], 0).astype(np.int32)


def _tell(progress: Progress | None, **event: Any) -> None:
    if progress is not None:
        progress(event)

"""Training the network: epochs of batches, learning rate, early stopping, checkpoints.

Everything random (order, dropout, random perturbation) is a function of the seed and the step, so
that a run can be repeated exactly, and an interrupted one goes on as if nothing had happened.
"""

from __future__ import annotations

import dataclasses
import hashlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from moddefense.classifier.checkpoint import Checkpoint, Saved
from moddefense.classifier.network import Network
from moddefense.classifier.step import make_step
from moddefense.errors import ConfigurationError, TrainingError
from moddefense.recipe import Recipe
from moddefense.tokens import Tokens

__all__ = ["Progress", "fit"]

Progress = Callable[[dict[str, Any]], None]
ORDER = 0x0D0E  # tells the generator of the order from others of the same seed
ROUND = 0x4E57  # and that of the unlabelled texts
STREAMS = 128  # streams of random numbers that one step may use
POOL = 32  # batches that are sorted by length together
CHECK = 20  # steps between two looks at the loss


@dataclasses.dataclass
class _Run:
    """Where a training is, besides the weights: all of it goes into a checkpoint."""

    epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    best: float | None = None
    since: int = 0
    finished: bool = False
    history: list[dict[str, float]] = dataclasses.field(default_factory=list)
    losses: list[Any] = dataclasses.field(default_factory=list)
    best_weights: list[np.ndarray] = dataclasses.field(default_factory=list)


def fit(
    network: Network, tokens: Tokens, labels: np.ndarray, recipe: Recipe,
    validate: Callable[[], float], *, progress: Progress | None = None,
    checkpoint: Checkpoint | None = None, unlabeled: Tokens | None = None,
    label_weights: np.ndarray | None = None,
) -> list[dict[str, float]]:  # fmt: skip
    """Train ``network`` in place and return the history, a record an epoch.

    ``validate`` returns the metric to improve, after each epoch, NaN where there is none; with
    early stopping the best epoch's weights stay. ``label_weights`` ``[labels]`` count in the loss.
    Of ``unlabeled`` texts each batch gets the recipe's share. A ``checkpoint`` (see
    ``Checkpoint.begin``) is gone on from and kept up to date. Raises TrainingError when the loss,
    a weight or the metric is not finite.
    """
    settings = recipe.training
    batches = -(-len(tokens.lengths) // settings.batch_size)
    optimizer = _optimizer(network, recipe, batches)
    labelled = tokens.lengths
    if unlabeled is not None:
        tokens = tokens.extend(unlabeled)
        unknown = np.full((len(unlabeled.lengths), labels.shape[1]), np.nan, np.float32)
        labels = np.concatenate([labels, unknown])
    inputs = _digest(network, tokens, labels)
    run = _Run(best_weights=network.get_weights())
    saved = checkpoint.restore() if checkpoint is not None else None
    if checkpoint is not None and saved is not None:
        run = _restored(saved, inputs, network, optimizer, checkpoint)
    step = make_step(network, optimizer, recipe.adversarial, label_weights=label_weights)
    began, done_before = time.monotonic() - run.seconds, run.seconds

    def keep() -> None:
        run.seconds = time.monotonic() - began
        if checkpoint is not None:
            run.losses = [float(loss) for loss in run.losses]
            _require_finite(network, run, f"in epoch {run.epoch + 1}, step {run.step}", checkpoint)
            checkpoint.write(*_saved(run, inputs, network, optimizer))

    if saved is None and recipe.pretraining.epochs:
        keep()  # what pretraining came to: it may have taken longer than all that follows
    first, total = run.epoch * batches + run.step, settings.epochs * batches

    def seconds_left(done: int) -> float:
        spent = time.monotonic() - began - done_before
        return spent / (done - first) * (total - done)

    while not run.finished:
        epoch = epoch_batches(labelled, recipe, run.epoch)
        if unlabeled is not None:
            epoch = mixed_batches(list(epoch), tokens.lengths, len(labelled), recipe, run.epoch)
        for number, rows in enumerate(epoch):
            if number < run.step:
                continue
            seed = tf.constant([recipe.seed * 1000 + run.epoch, number * STREAMS], tf.int32)
            ids = pad(tokens, rows, longest=recipe.network.window)
            run.losses.append(step(ids, labels[rows], seed))
            run.step = number + 1
            if run.step % CHECK == 0 or run.step == batches:
                loss = float(run.losses[-1])
                if not np.isfinite(loss):
                    raise _diverged(
                        f"loss is {loss} in epoch {run.epoch + 1}, step {run.step}", checkpoint
                    )
                _tell(progress, kind="step", epoch=run.epoch + 1, epochs=settings.epochs,
                      step=run.step, steps=batches, loss=loss,
                      seconds_left=seconds_left(run.epoch * batches + run.step))  # fmt: skip
            if checkpoint is not None and checkpoint.due and run.step < batches:
                keep()
        _require_finite(network, run, f"after epoch {run.epoch + 1}", checkpoint)
        validation = validate()
        if not np.isfinite(validation):
            raise _diverged(f"validation is {validation} after epoch {run.epoch + 1}", checkpoint)
        _end_epoch(run, network, validation, time.monotonic() - began)
        run.finished = run.epoch == settings.epochs or (
            settings.early_stopping and run.since >= settings.patience
        )
        left = 0.0 if run.finished else seconds_left(run.epoch * batches)
        _tell(progress, kind="epoch", epochs=settings.epochs, **run.history[-1], seconds_left=left)
        keep()
    if settings.early_stopping:
        network.set_weights(run.best_weights)
    return run.history


def _optimizer(network: Network, recipe: Recipe, batches: int) -> keras.optimizers.Optimizer:
    settings = recipe.training
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
    return optimizer


def _end_epoch(run: _Run, network: Network, validation: float, seconds: float) -> None:
    loss = float(np.mean([float(loss) for loss in run.losses]))
    run.epoch, run.step, run.losses = run.epoch + 1, 0, []
    run.history.append(
        {"epoch": run.epoch, "loss": loss, "validation": validation, "seconds": seconds}
    )
    if run.best is None or validation > run.best:
        run.best, run.best_weights, run.since = validation, network.get_weights(), 0
    else:
        run.since += 1


# Checkpoints


def _saved(
    run: _Run, inputs: str, network: Network, optimizer: keras.optimizers.Optimizer
) -> Saved:
    position = {**vars(run), "inputs": inputs}
    arrays = {"losses": np.array(position.pop("losses"), np.float64)}
    groups = {
        "weights": network.get_weights(),
        "best": position.pop("best_weights"),
        "optimizer": [np.asarray(variable) for variable in optimizer.variables],
    }
    for name, values in groups.items():
        arrays |= {f"{name}-{index:03d}": value for index, value in enumerate(values)}
    return Saved(position, arrays)


def _restored(
    saved: Saved, inputs: str, network: Network, optimizer: keras.optimizers.Optimizer,
    checkpoint: Checkpoint,
) -> _Run:  # fmt: skip
    position, arrays = dict(saved.position), saved.arrays
    if position.pop("inputs") != inputs:
        raise ConfigurationError(
            f"{checkpoint.folder}: cannot resume: the tokens, labels or shapes of weights "
            "are others, as after a change of the code or of a library; train without --resume"
        )
    network.set_weights(_group(arrays, "weights"))
    for variable, value in zip(optimizer.variables, _group(arrays, "optimizer"), strict=True):
        variable.assign(value)
    return _Run(**position, losses=arrays["losses"].tolist(), best_weights=_group(arrays, "best"))


def _group(arrays: dict[str, np.ndarray], name: str) -> list[np.ndarray]:
    return [arrays[key] for key in sorted(arrays) if key.startswith(f"{name}-")]


def _digest(network: Network, tokens: Tokens, labels: np.ndarray) -> str:
    """SHA-256 of what is learnt from, and the shapes of what learns."""
    digest = hashlib.sha256(repr([weights.shape for weights in network.weights]).encode())
    for array in (*tokens, labels):
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


# What is not a number


def _require_finite(network: Network, run: _Run, where: str, checkpoint: Checkpoint | None) -> None:
    # A maximum over the text can swallow what is not a number, and the loss then looks sound.
    if not all(np.isfinite(weights).all() for weights in network.get_weights()):
        raise _diverged(f"weights are not finite {where}", checkpoint)
    if not np.isfinite([float(loss) for loss in run.losses]).all():
        raise _diverged(f"a loss is not finite {where}", checkpoint)


def _diverged(what: str, checkpoint: Checkpoint | None) -> TrainingError:
    remedy = "lower training.learning_rate or adversarial.epsilon"
    if checkpoint is not None and checkpoint.diverged(what):
        return TrainingError(
            f"{what}; {checkpoint.folder} keeps the last good weights: {remedy} and go on from "
            "them with --resume"
        )
    return TrainingError(f"{what}; {remedy}")


# Batches


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


def mixed_batches(
    batches: list[np.ndarray], lengths: np.ndarray, labelled: int, recipe: Recipe, epoch: int
) -> Iterator[np.ndarray]:
    """The batches of an epoch, each with unlabelled rows behind its own, of about its length.

    ``lengths`` are of the ``labelled`` rows and the unlabelled ones behind them, which come round
    in permutations: none twice before each was there once.
    """
    extra = max(1, round(recipe.training.batch_size * recipe.adversarial.unlabeled_ratio))
    count, needed = len(lengths) - labelled, extra * len(batches)
    begin, end = epoch * needed, (epoch + 1) * needed
    rounds = range(begin // count, -(-end // count))
    permutations = [
        np.random.Generator(np.random.PCG64([recipe.seed, ROUND, number])).permutation(count)
        for number in rounds
    ]
    skipped = begin - rounds.start * count
    drawn = labelled + np.concatenate(permutations)[skipped : skipped + needed]
    drawn = drawn[np.argsort(lengths[drawn], kind="stable")].reshape(len(batches), extra)
    rank = np.empty(len(batches), np.int64)
    longest = [int(lengths[batch].max()) for batch in batches]
    rank[np.argsort(longest, kind="stable")] = np.arange(len(batches))
    return (
        np.concatenate([batch, drawn[place]]) for batch, place in zip(batches, rank, strict=True)
    )


def pad(tokens: Tokens, rows: np.ndarray, *, longest: int) -> np.ndarray:
    """Ids ``[rows, time]`` padded with 0; of a longer text its first ``longest`` tokens.

    A window drawn anew for each epoch teaches less: the harm of a harmful text may stand elsewhere.
    """
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

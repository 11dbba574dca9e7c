"""Training events as TensorBoard logs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from moddefense.classifier.fitting import Progress
from moddefense.errors import WriteError, at

__all__ = ["tensorboard"]

SCALAR = 1  # DATA_CLASS_SCALAR of TensorBoard's summary.proto


@contextlib.contextmanager
def tensorboard(folder: str | Path) -> Iterator[Progress]:
    """Give a progress callback for ``train`` that logs into ``folder``.

    Steps give ``train/loss``, by the number of the step; epochs ``epoch/loss`` and
    ``epoch/validation``; the end the figures of each split and label. A training that is resumed
    logs on into the same folder. Raises WriteError when it cannot be written.

    >>> with tensorboard("logs/mine") as progress:  # doctest: +SKIP
    ...     train(recipe, corpus, progress=progress)
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)  # its error is shorter than TensorFlow's
        writer = tf.summary.create_file_writer(str(folder))
        writer.init()
    except (OSError, tf.errors.OpError) as error:
        why = error.strerror if isinstance(error, OSError) else error.message
        raise WriteError(f"{at(folder)}cannot be written: {why}") from error

    # What tf.summary.scalar does, which needs the tensorboard package only to write this.
    metadata = tf.compat.v1.SummaryMetadata(data_class=SCALAR)
    metadata.plugin_data.plugin_name = "scalars"

    def tell(event: dict[str, Any]) -> None:
        with writer.as_default():
            for name, value, step in _scalars(event):
                tf.summary.write(name, tf.constant(value, tf.float32), step, metadata)
        if event.get("kind") != "step":
            writer.flush()

    try:
        yield tell
    finally:
        writer.close()


def _scalars(event: Mapping[str, Any]) -> Iterator[tuple[str, float, int]]:
    kind = event.get("kind")
    if kind == "step":
        yield "train/loss", event["loss"], (event["epoch"] - 1) * event["steps"] + event["step"]
    elif kind == "epoch":
        for name in ("loss", "validation"):
            yield f"epoch/{name}", event[name], event["epoch"]
    elif kind == "done":
        for split, found in event["metrics"].items():
            for label, figures in found.items():
                for name, value in figures.items():
                    if isinstance(value, int | float):
                        yield f"{split}/{label}/{name}", value, 0

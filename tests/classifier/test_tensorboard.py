"""Training events as TensorBoard logs."""

from __future__ import annotations

import pytest
import tensorflow as tf

from moddefense.classifier.tensorboard import tensorboard
from moddefense.errors import WriteError


def scalars(folder):
    found = {}
    for path in sorted(folder.glob("events.out.tfevents.*")):
        for record in tf.data.TFRecordDataset(str(path)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                number = float(tf.make_ndarray(value.tensor))
                found.setdefault(value.tag, []).append((event.step, pytest.approx(number)))
    return found


def test_steps_epochs_and_figures_are_logged(tmp_path):
    with tensorboard(tmp_path / "logs") as tell:
        tell({"kind": "start", "texts": {"train": 9}, "notes": []})
        for epoch in (1, 2):
            for step in (20, 25):
                tell({"kind": "step", "epoch": epoch, "steps": 25, "step": step, "loss": 1 / epoch})
            tell({"kind": "epoch", "epoch": epoch, "loss": 1 / epoch, "validation": 0.9})
        tell({"kind": "done", "metrics": {"test": {"harm": {"auc": 0.98, "average": None}}}})
    assert scalars(tmp_path / "logs") == {
        "train/loss": [(20, 1.0), (25, 1.0), (45, 0.5), (50, 0.5)],
        "epoch/loss": [(1, 1.0), (2, 0.5)],
        "epoch/validation": [(1, 0.9), (2, 0.9)],
        "test/harm/auc": [(0, 0.98)],
    }


def test_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(WriteError, match=r"cannot be written: [\w ]+$"),
        tensorboard(tmp_path / "file"),
    ):
        pass

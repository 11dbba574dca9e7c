"""Checkpoints: whenever a training is killed, what goes on ends with the same weights."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moddefense.classifier.checkpoint import STATE, Checkpoint, differences
from moddefense.classifier.fitting import fit
from moddefense.errors import ConfigurationError, ReadError, TrainingError, WriteError
from moddefense.recipe import Recipe

RECIPE = Recipe().override(
    {"seed": 3, "adversarial.method": "none", "network.window": 8, "network.overlap": 2,
     "training.epochs": 3, "training.batch_size": 4, "training.learning_rate": 0.01,
     "training.patience": 1}
)  # fmt: skip
LENGTHS = (3, 5, 1, 8, 0, 12, 2, 4, 6, 7, 3)
LABELS = (np.arange(2 * len(LENGTHS)).reshape(-1, 2) % 3 == 0).astype(np.float32)


WHOLE: list = []


class Killed(BaseException):
    """What stops a training in the midst of it."""


@pytest.fixture
def uninterrupted(fitted):
    """Weights and history of a training without any checkpoint, computed once."""
    if not WHOLE:
        WHOLE.append(fitted())
    return WHOLE[0]


@pytest.fixture
def fitted(make_network, make_tokens):
    """Fit a small network, with a checkpoint at every step; return weights and history."""

    def run(folder=None, *, resume=True, recipe=RECIPE, labels=LABELS, progress=None, scores=None):
        network = make_network(dropout=0.3, embedding_dropout=0.2)

        def validate():  # falls in the last epoch, so that the best weights are earlier ones
            score = float(np.abs(network.get_weights()[0]).mean())
            return score if scores is None else scores(score)

        def train(checkpoint):
            history = fit(
                network, make_tokens(*LENGTHS), labels, recipe, validate, progress=progress,
                checkpoint=checkpoint,
            )  # fmt: skip
            for record in history:
                del record["seconds"]
            return network.get_weights(), history

        if folder is None:
            return train(None)
        with Checkpoint(folder, every=0) as checkpoint:
            checkpoint.begin({"recipe": recipe.as_dict()}, resume=resume)
            result = train(checkpoint)
            checkpoint.remove()
            return result

    return run


def same(one, other):
    assert one[1] == other[1]
    for ours, theirs in zip(one[0], other[0], strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_checkpoint_changes_nothing_and_leaves_nothing(fitted, uninterrupted, tmp_path):
    same(fitted(tmp_path / "kept"), uninterrupted)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "moment", "after"),
    [
        ("fsync", 1, False),  # the first arrays are not on the disk
        ("replace", 2, False),  # the first state has no name
        ("replace", 6, True),  # the third checkpoint, at the end of an epoch, is there
        ("replace", 7, True),  # new arrays, but the state still names the old ones
        ("unlink", 4, False),  # the old arrays are still there
        ("replace", 18, True),  # all epochs are over
    ],
)
def test_killed_wherever_it_writes(
    fitted, uninterrupted, tmp_path, monkeypatch, name, moment, after
):
    call, calls = getattr(os, name), iter(range(1, 1000))

    def stumbling(*arguments, **settings):
        last = next(calls) == moment
        if after or not last:
            call(*arguments, **settings)
        if last:
            raise Killed

    monkeypatch.setattr(os, name, stumbling)
    with pytest.raises(Killed):
        fitted(tmp_path / "kept", resume=False)
    monkeypatch.setattr(os, name, call)
    same(fitted(tmp_path / "kept"), uninterrupted)


def test_early_stopping_goes_on_counting(fitted, tmp_path):
    def falling(best):
        return lambda score: best - score  # the first epoch is the best one

    whole = fitted(scores=falling(1e6))
    assert len(whole[1]) == 2
    epochs = iter([False, True])

    def die(event):
        if event["kind"] == "epoch" and next(epochs):
            raise Killed

    with pytest.raises(Killed):
        fitted(tmp_path / "kept", scores=falling(1e6), progress=die)
    same(fitted(tmp_path / "kept", scores=falling(1e6)), whole)


def stop(fitted, folder, **settings):
    """Leave a training behind that was killed after its first epoch."""

    def die(event):
        raise Killed

    with pytest.raises(Killed):
        fitted(folder, progress=die, **settings)


def test_without_resume_it_starts_anew(fitted, uninterrupted, tmp_path):
    folder = tmp_path / "kept"
    stop(fitted, folder)
    assert (folder / STATE).exists()
    same(fitted(folder, resume=False), uninterrupted)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"recipe": RECIPE.override({"seed": 4})}, "recipe.seed was 3, is 4"),
        ({"recipe": RECIPE.override({"adversarial.method": "vat"})}, 'was "none", is "vat"'),
        ({"labels": 1 - LABELS}, "the tokens, labels or shapes of weights are others"),
    ],
)
def test_another_training_is_not_gone_on_with(fitted, tmp_path, change, says):
    stop(fitted, tmp_path / "kept")
    with pytest.raises(ConfigurationError, match=says) as caught:
        fitted(tmp_path / "kept", **change)
    assert "without --resume" in str(caught.value)
    assert (tmp_path / "kept" / STATE).exists()  # for the former settings


@pytest.mark.parametrize("damage", ["cut", "flip", "lost", "state"])
def test_damage_is_found(fitted, tmp_path, damage):
    folder = tmp_path / "kept"
    stop(fitted, folder)
    path = folder / STATE if damage == "state" else next(folder.glob("*.npz"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    if damage == "lost":
        path.unlink()
    else:
        path.write_bytes(content if damage == "flip" else content[:-9])
    with (
        pytest.raises(ReadError, match=r"damaged; train without|cannot be read"),
        Checkpoint(folder) as checkpoint,
    ):
        checkpoint.begin({"recipe": RECIPE.as_dict()}, resume=True)
    with Checkpoint(folder) as checkpoint:
        checkpoint.begin({"recipe": RECIPE.as_dict()}, resume=False)
        assert checkpoint.restore() is None


def test_one_training_at_a_time(tmp_path):
    with (
        Checkpoint(tmp_path / "kept"),
        pytest.raises(WriteError, match="locked by another training"),
        Checkpoint(tmp_path / "kept"),
    ):
        pass
    with Checkpoint(tmp_path / "kept"):  # the first one let go
        pass
    assert list(tmp_path.iterdir()) == []


# What is not a number


def test_a_training_that_diverged_goes_on_from_the_last_good_weights(fitted, tmp_path):
    folder = tmp_path / "kept"
    wild = RECIPE.override({"training.learning_rate": 1e18, "training.early_stopping": False})
    with pytest.raises(TrainingError, match="keeps the last good weights: lower training"):
        fitted(folder, recipe=wild)
    state = json.loads((folder / STATE).read_text())
    with np.load(folder / state["arrays"]) as arrays:
        assert all(np.isfinite(arrays[name]).all() for name in arrays.files)

    for recipe in (wild, wild.override({"seed": 9, "training.learning_rate": 0.001})):
        with pytest.raises(ConfigurationError, match=r"needs a lower training|recipe.seed was 3"):
            fitted(folder, recipe=recipe)

    calm = wild.override({"training.learning_rate": 0.001})
    with Checkpoint(folder, every=0) as checkpoint:
        checkpoint.begin({"recipe": calm.as_dict()}, resume=True)
        assert len(checkpoint.changes) == 1
        assert "learning_rate was 1e+18, is 0.001" in checkpoint.changes[0]


# Settings that differ


VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.lists(st.integers())
NESTED = st.dictionaries(
    st.text("abc", min_size=1, max_size=2),
    VALUES | st.dictionaries(st.text("de", min_size=1, max_size=2), VALUES, min_size=1),
    max_size=4,
)


@given(NESTED, NESTED)
def test_nothing_differs_from_itself_and_all_that_differs_is_named(one, other):
    assert differences(one, one) == {}
    assert set(differences(one, other)) == set(differences(other, one))
    assert (one == other) == (not differences(one, other))

"""Fitting: repeatable, stopped when it must be, and the best epoch kept."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moddefense.classifier.fitting import epoch_batches, fit, pad
from moddefense.errors import TrainingError
from moddefense.recipe import Recipe
from moddefense.tokens import Tokens

RECIPE = Recipe().override(
    {"seed": 3, "training.epochs": 2, "training.batch_size": 4, "training.learning_rate": 0.01,
     "network.window": 8, "network.overlap": 2, "adversarial.epsilon": 0.5}
)  # fmt: skip
LENGTHS = (3, 5, 1, 8, 0, 12, 2, 4, 6, 7, 3)


@pytest.fixture
def run(make_network, make_tokens):
    """Fit a small network with overrides; return it, its history and what the events said."""

    def fitted(validate=lambda network: 0.5, *, labels=None, **overrides):
        network = make_network(dropout=0.3, embedding_dropout=0.2)
        events = []
        if labels is None:
            labels = np.arange(2 * len(LENGTHS)).reshape(-1, 2) % 3 == 0
        history = fit(
            network, make_tokens(*LENGTHS), labels.astype(np.float32),
            RECIPE.override({key.replace("__", "."): v for key, v in overrides.items()}),
            lambda: validate(network), progress=events.append,
        )  # fmt: skip
        return network, history, events

    return fitted


def digest(network):
    return hashlib.sha256(b"".join(w.tobytes() for w in network.get_weights())).hexdigest()


@pytest.mark.parametrize("method", ["fgm", "random"])
def test_the_same_seed_gives_the_same_weights(run, method):
    first, again = (run(adversarial__method=method)[0] for _ in range(2))
    assert digest(first) == digest(again)


def test_another_seed_gives_others(run):
    assert digest(run()[0]) != digest(run(seed=4)[0])


def test_the_largest_seed_fits(run):
    _, history, _ = run(seed=2_000_000, training__epochs=1)
    assert np.isfinite(history[0]["loss"])


def test_it_learns(make_network):
    rows = [[1, 2, 3], [4, 2, 3]] * 40
    tokens = Tokens(np.array(rows, np.int32).ravel(), np.full(80, 3))
    labels = np.repeat(np.array([[1, 0], [0, 1]], np.float32)[None], 40, axis=0).reshape(-1, 2)
    network = make_network()
    recipe = RECIPE.override({"training.epochs": 8, "training.early_stopping": False})
    history = fit(network, tokens, labels, recipe, lambda: 0.0)
    logits = network(np.array(rows[:2], np.int32)).numpy()
    assert history[-1]["loss"] < 0.3 * history[0]["loss"]
    assert (logits > 0).tolist() == [[True, False], [False, True]]


def test_a_loss_that_is_no_number_stops(run):
    with pytest.raises(TrainingError, match=r"loss is -?(nan|inf) in epoch 1, step 3; lower"):
        run(labels=np.full((len(LENGTHS), 2), np.inf))


def test_weights_that_are_no_numbers_stop_even_where_the_loss_is_one(run):
    with pytest.raises(TrainingError, match=r"in epoch 1|after epoch 1"):
        run(training__learning_rate=1e38)


# Early stopping


def test_the_best_epoch_stays(run):
    seen = []

    def validate(network):
        seen.append(network.get_weights())
        return [0.5, 0.9, 0.8, 0.9, 0.99][len(seen) - 1]

    network, history, _ = run(validate, training__epochs=5, training__patience=2)
    assert [record["validation"] for record in history] == [0.5, 0.9, 0.8, 0.9]
    for kept, best in zip(network.get_weights(), seen[1], strict=True):
        np.testing.assert_array_equal(kept, best)


def test_without_early_stopping_all_epochs_run_and_the_last_stays(run):
    seen = []

    def validate(network):
        seen.append(network.get_weights())
        return -len(seen)

    network, history, _ = run(
        validate, training__epochs=4, training__patience=1, training__early_stopping=False
    )
    assert len(history) == 4
    for kept, last in zip(network.get_weights(), seen[-1], strict=True):
        np.testing.assert_array_equal(kept, last)


def test_history_and_events(run):
    _, history, events = run()
    assert [record["epoch"] for record in history] == [1, 2]
    assert all({"loss", "validation", "seconds"} <= set(record) for record in history)
    steps = [event for event in events if event["kind"] == "step"]
    assert [(e["epoch"], e["step"], e["steps"]) for e in steps] == [(1, 3, 3), (2, 3, 3)]
    assert all(event["seconds_left"] >= 0 for event in steps)
    assert [e["epoch"] for e in events if e["kind"] == "epoch"] == [1, 2]


# Batches


@given(
    lengths=st.lists(st.integers(0, 300), max_size=400),
    seed=st.integers(0, 100),
    epoch=st.integers(0, 3),
)
def test_an_epoch_sees_every_text_once_in_an_order_of_its_own(lengths, seed, epoch):
    recipe = RECIPE.override({"seed": seed})
    counts = np.array(lengths, np.int64)
    batches = list(epoch_batches(counts, recipe, epoch))
    assert sorted(row for batch in batches for row in batch.tolist()) == list(range(len(lengths)))
    assert all(0 < len(batch) <= 4 for batch in batches)
    again = list(epoch_batches(counts, recipe, epoch))
    assert [b.tolist() for b in batches] == [b.tolist() for b in again]
    if len(lengths) > 50:
        other = list(epoch_batches(counts, recipe, epoch + 1))
        assert [b.tolist() for b in batches] != [b.tolist() for b in other]


def test_texts_of_a_batch_are_about_equally_long():
    lengths = np.random.Generator(np.random.PCG64(0)).integers(1, 200, 512)
    spans = [np.ptp(lengths[batch]) for batch in epoch_batches(lengths, RECIPE, 0)]
    assert np.mean(spans) < 20


@given(st.lists(st.integers(0, 12), min_size=1, max_size=8), st.integers(1, 9))
def test_padding(lengths, longest):
    tokens = Tokens(np.arange(1, sum(lengths) + 1, dtype=np.int32), np.array(lengths, np.int64))
    ids = pad(tokens, np.arange(len(lengths)), longest=longest)
    assert ids.shape == (len(lengths), max(1, min(longest, max(lengths))))
    for row, start, length in zip(ids.tolist(), tokens.starts, lengths, strict=True):
        kept = list(range(start + 1, start + 1 + min(length, longest)))
        assert row == kept + [0] * (len(row) - len(kept))

"""Pretraining: the loss falls, the weights are taken over, and the seed fixes everything."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from moddefense.classifier.pretraining import _neighbours, pretrain
from moddefense.errors import TrainingError
from moddefense.recipe import KINDS, Recipe
from moddefense.tokens import Tokens
from moddefense.training import train
from moddefense.unlabeled import Unlabeled

RECIPE = Recipe().override(
    {
        "seed": 3, "network.window": 12, "network.overlap": 4,
        "pretraining.epochs": 6, "pretraining.batch_size": 16, "pretraining.learning_rate": 0.03,
        "pretraining.negatives": 8, "pretraining.side": 2,
    }
)  # fmt: skip


def chains(count=80, length=12):
    """Texts in which each token but the first follows from the one before."""
    first = np.random.Generator(np.random.PCG64(1)).integers(0, 20, count)
    rows = (first[:, None] + 3 * np.arange(length)) % 20 + 1
    return Tokens(rows.astype(np.int32).ravel(), np.full(count, length))


@pytest.mark.parametrize("kind", KINDS)
def test_what_can_be_predicted_is_learnt(make_network, kind):
    network = make_network(kind=kind, channels=12, embedding=12)
    before = {v.path: v.numpy() for v in network.trainable_variables}
    told = []
    history = pretrain(network, chains(), RECIPE, progress=told.append)
    assert [record["epoch"] for record in history] == [1, 2, 3, 4, 5, 6]
    assert history[-1]["loss"] < 0.5 * history[0]["loss"]
    changed = {v.path for v in network.trainable_variables if (v.numpy() != before[v.path]).any()}
    wanted = {v.path for v in network.embedding.trainable_variables}
    if kind in ("gru", "lstm"):
        wanted |= {v.path for v in network.encoder.trainable_variables}
    assert changed == wanted
    assert [(event["kind"], event["pass"], event["of"]) for event in told] == [
        ("pretraining", number, 6) for number in range(1, 7)
    ]


@pytest.mark.parametrize("kind", ["mean", "lstm"])
def test_the_seed_fixes_the_weights(make_network, kind):
    def weights(seed):
        network = make_network(kind=kind)
        pretrain(network, chains(), RECIPE.override({"seed": seed, "pretraining.epochs": 1}))
        return network.get_weights()

    one, same, other = weights(1), weights(1), weights(2)
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not np.array_equal(one[0], other[0])


def test_words_of_the_same_company_become_neighbours(make_network):
    rng = np.random.Generator(np.random.PCG64(2))
    # Tokens 1 and 2 stand between 5..9, tokens 3 and 4 between 10..14.
    group = rng.integers(0, 2, (300, 1))
    company = rng.integers(5, 10, (300, 9)) + 5 * group
    company[:, 4] = rng.integers(1, 3, 300) + 2 * group[:, 0]
    network = make_network(kind="mean", embedding=8)
    network.embedding.set_frequencies(np.bincount(company.ravel(), minlength=30))
    pretrain(network, Tokens(company.astype(np.int32).ravel(), np.full(300, 9)), RECIPE)
    table = network.embedding.normalized().numpy()[:5]
    table /= np.linalg.norm(table, axis=1, keepdims=True)
    near = table @ table.T
    assert near[1, 2] > max(near[1, 3], near[1, 4])
    assert near[3, 4] > max(near[1, 3], near[2, 3])


def test_nothing_to_predict(make_network):
    network = make_network(kind="mean")
    before = network.get_weights()
    assert pretrain(network, Tokens(np.array([4], np.int32), np.array([0, 1])), RECIPE) == []
    assert all(np.array_equal(a, b) for a, b in zip(before, network.get_weights(), strict=True))


def test_a_loss_that_is_no_number_stops(make_network):
    with pytest.raises(TrainingError, match=r"^pretraining: loss is .* in epoch \d; lower"):
        pretrain(
            make_network(kind="mean"), chains(),
            RECIPE.override({"pretraining.learning_rate": 1e38}),
        )  # fmt: skip


def test_neighbours_are_averaged_without_the_token_itself():
    values = np.array([[1, 2, 3, 4, 0], [7, 5, 0, 0, 0]], np.float32)
    mask = (values != 0).astype(np.float32)
    found = _neighbours(tf.constant(values[..., None]), tf.constant(mask), 1).numpy()[..., 0]
    np.testing.assert_allclose(found[0, :4], [2, 2, 3, 3], atol=1e-6)
    np.testing.assert_allclose(found[1, :2], [5, 7], atol=1e-6)


def test_a_training_that_pretrains_learns_from_unlabelled_texts_too(
    toy_recipe, toy_corpus, monkeypatch
):
    recipe = toy_recipe.override(
        {"pretraining.epochs": 1, "training.epochs": 1, "wide.enabled": False}
    )
    seen = []

    def watched(network, tokens, recipe, **settings):
        before = network.embedding.table.numpy()
        history = pretrain(network, tokens, recipe, **settings)
        seen.append((len(tokens.lengths), before, network.embedding.table.numpy(), history))
        return history

    monkeypatch.setattr("moddefense.training.pretrain", watched)
    more = Unlabeled(("look at this garden, what a sea", "an old bridge and a clown"), "more.txt")
    events = []
    result = train(recipe, toy_corpus, unlabeled=more, progress=events.append)
    ((count, before, after, history),) = seen
    assert count == result.report["corpus"]["texts"]["train"] + 2
    assert not np.array_equal(before, after)
    assert len(history) == sum(event["kind"] == "pretraining" for event in events) == 1
    assert not result.bundle.classifier.weights["wide"].any()

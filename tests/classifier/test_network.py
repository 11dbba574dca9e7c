"""The network: its parts, its seeds, and that padding does not count."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from moddefense.classifier.encoders import ConvEncoder, GruEncoder, LstmEncoder, MeanEncoder
from moddefense.classifier.network import Head, Network, NormalizedEmbedding, dropout
from moddefense.recipe import KINDS

IDS = np.array([[3, 9, 1, 4, 0], [8, 8, 0, 0, 0], [0, 0, 0, 0, 0]], np.int32)
SEED = tf.constant([5, 6], tf.int32)


@pytest.mark.parametrize("kind", KINDS)
def test_the_configuration_makes_an_equal_network(make_network, kind):
    network = make_network(dropout=0.3, kind=kind)
    again = Network.from_config(network.get_config())
    assert again.get_config() == network.get_config()
    again.set_weights(network.get_weights())
    np.testing.assert_array_equal(again(IDS), network(IDS))


@pytest.mark.parametrize(
    "layer",
    [
        NormalizedEmbedding(9, 4, seed=2),
        ConvEncoder(5, 3, seed=2),
        GruEncoder(5, seed=2),
        LstmEncoder(5, seed=2),
        MeanEncoder(),
        Head(6, 2, 0.1, seed=2),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_the_configuration_makes_an_equal_layer(layer):
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()


@pytest.mark.parametrize("kind", KINDS)
def test_the_seed_fixes_the_initial_weights(make_network, kind):
    one, same, other = (make_network(seed=seed, kind=kind).trainable_weights for seed in (1, 1, 2))
    for a, b, c in zip(one, same, other, strict=True):
        np.testing.assert_array_equal(a, b)
        assert "bias" in a.name or not np.array_equal(a, c)


@pytest.mark.parametrize(
    ("kind", "features"), [("conv", 10), ("gru", 20), ("lstm", 5), ("mean", 4)]
)
def test_shapes(make_network, kind, features):
    network = make_network(labels=3, kind=kind)
    embedded = network.embed(IDS)
    assert embedded.shape == (3, 5, 4)
    mask = tf.cast(IDS != 0, tf.float32)
    assert network.encoder(embedded, mask).shape == (3, features)
    assert network.encoder.features == features
    assert network(IDS).shape == (3, 3)


def test_an_unknown_kind_is_refused(make_network):
    with pytest.raises(ValueError, match="transformer"):
        make_network(kind="transformer")


# Dropout


def test_without_a_seed_nothing_is_dropped(make_network):
    network, whole = make_network(dropout=0.5, embedding_dropout=0.5), make_network()
    np.testing.assert_array_equal(network(IDS), network(IDS))
    np.testing.assert_array_equal(network(IDS), whole(IDS))


def test_a_seed_fixes_what_is_dropped(make_network):
    network = make_network(dropout=0.5, embedding_dropout=0.5)
    mask = tf.cast(IDS != 0, tf.float32)

    def run(seed):
        return network.classify(network.embed(IDS, seed=seed), mask, seed=seed).numpy()

    np.testing.assert_array_equal(run(SEED), run(SEED))
    assert not np.array_equal(run(SEED), run(SEED + [0, 16]))
    assert not np.array_equal(run(SEED), network(IDS).numpy())


def test_the_layers_of_a_network_drop_different_values():
    ones = tf.ones([40, 50])
    first, second = (dropout(ones, 0.5, SEED, salt=salt).numpy() for salt in (1, 2))
    assert not np.array_equal(first, second)
    assert set(np.unique(first)) == {0.0, 2.0}
    assert first.mean() == pytest.approx(1, abs=0.1)
    assert dropout(ones, 0, SEED, salt=1) is ones


# Embeddings


def test_embeddings_have_mean_0_and_variance_1_under_the_frequencies(make_network):
    embedding = make_network().embedding
    counts = np.arange(30)
    embedding.set_frequencies(counts)
    table, share = embedding.normalized().numpy().astype(np.float64), counts / counts.sum()
    mean = share @ table
    np.testing.assert_allclose(mean, 0, atol=1e-5)
    np.testing.assert_allclose(share @ (table - mean) ** 2, 1, rtol=2e-3)


def test_larger_raw_embeddings_are_no_way_out(make_network):
    embedding = make_network().embedding
    before = embedding.normalized().numpy()
    embedding.table.assign(embedding.table * 50 + 3)
    np.testing.assert_allclose(embedding.normalized(), before, rtol=1e-2, atol=1e-2)


def test_padding_counts_nothing_and_embeds_to_zero(make_network):
    embedding = make_network().embedding
    counts = np.arange(30)
    embedding.set_frequencies(counts)
    before = embedding.normalized().numpy()
    embedding.set_frequencies(np.where(counts == 0, 10**6, counts))
    np.testing.assert_array_equal(embedding.normalized(), before)
    assert not embedding(IDS).numpy()[IDS == 0].any()


def test_counts_are_not_changed(make_network):
    counts = np.arange(30)
    make_network().embedding.set_frequencies(counts)
    assert counts.tolist() == list(range(30))


@pytest.mark.parametrize(
    "settings", [{"reach": 1}, {"reach": 5}, *({"kind": kind} for kind in KINDS)], ids=str
)
@pytest.mark.parametrize("more", [1, 7])
def test_padding_does_not_change_logits(make_network, settings, more):
    network = make_network(**settings)
    wider = np.pad(IDS, ((0, 0), (0, more)))
    np.testing.assert_allclose(network(wider), network(IDS), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_of_padding_alone_has_no_features_but_of_the_bias(make_network, kind):
    network = make_network(kind=kind)
    mask = tf.cast(IDS != 0, tf.float32)
    assert not network.encoder(network.embed(IDS), mask).numpy()[2].any()
    assert np.isfinite(network(IDS).numpy()[2]).all()


@pytest.mark.parametrize(("kind", "ordered"), [("gru", True), ("lstm", True), ("mean", False)])
def test_recurrent_networks_see_order_and_the_mean_does_not(make_network, kind, ordered):
    network = make_network(kind=kind)
    differ = np.abs(network(IDS[:1, :4]) - network(IDS[:1, 3::-1].copy())).max()
    assert (differ > 1e-3) == ordered


def test_an_lstm_ends_in_what_it_knows_after_the_last_token(make_network):
    network = make_network(kind="lstm")
    mask = tf.cast(IDS != 0, tf.float32)
    states = network.encoder.states(network.embed(IDS), mask)
    expected = [states[0, 3], states[1, 1], tf.zeros(5)]
    found = network.encoder(network.embed(IDS), mask)
    np.testing.assert_allclose(found, np.stack(expected), atol=1e-6)


def test_neighbours_within_reach_count_and_order_matters(make_network):
    one = make_network(reach=1)
    np.testing.assert_allclose(one(IDS[:1, :4]), one(IDS[:1, 3::-1].copy()), rtol=1e-5)
    three = make_network(reach=3)
    assert not np.allclose(three(IDS[:1, :4]), three(IDS[:1, 3::-1].copy()), rtol=1e-3)

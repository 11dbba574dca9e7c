"""The network: its parts, its seeds, and that padding does not count."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from moddefense.classifier.network import ConvEncoder, Head, Network, NormalizedEmbedding, dropout

IDS = np.array([[3, 9, 1, 4, 0], [8, 8, 0, 0, 0], [0, 0, 0, 0, 0]], np.int32)
SEED = tf.constant([5, 6], tf.int32)


def test_the_configuration_makes_an_equal_network(make_network):
    network = make_network(dropout=0.3)
    again = Network.from_config(network.get_config())
    assert again.get_config() == network.get_config()
    again.set_weights(network.get_weights())
    np.testing.assert_array_equal(again(IDS), network(IDS))


@pytest.mark.parametrize(
    "layer",
    [NormalizedEmbedding(9, 4, seed=2), ConvEncoder(5, 3, seed=2), Head(6, 2, 0.1, seed=2)],
    ids=lambda layer: type(layer).__name__,
)
def test_the_configuration_makes_an_equal_layer(layer):
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()


def test_the_seed_fixes_the_initial_weights(make_network):
    one, same, other = (make_network(seed=seed).get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not np.array_equal(one[0], other[0])


def test_shapes(make_network):
    network = make_network(labels=3)
    embedded = network.embed(IDS)
    assert embedded.shape == (3, 5, 4)
    mask = tf.cast(IDS != 0, tf.float32)
    assert network.encoder(embedded, mask).shape == (3, 10)
    assert network(IDS).shape == (3, 3)


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


@pytest.mark.parametrize("reach", [1, 3, 5])
@pytest.mark.parametrize("more", [1, 7])
def test_padding_does_not_change_logits(make_network, reach, more):
    network = make_network(reach=reach)
    wider = np.pad(IDS, ((0, 0), (0, more)))
    np.testing.assert_allclose(network(wider), network(IDS), rtol=1e-5, atol=1e-6)


def test_a_text_of_padding_alone_has_finite_logits(make_network):
    assert np.isfinite(make_network()(IDS).numpy()[2]).all()


def test_neighbours_within_reach_count_and_order_matters(make_network):
    one = make_network(reach=1)
    np.testing.assert_allclose(one(IDS[:1, :4]), one(IDS[:1, 3::-1].copy()), rtol=1e-5)
    three = make_network(reach=3)
    assert not np.allclose(three(IDS[:1, :4]), three(IDS[:1, 3::-1].copy()), rtol=1e-3)

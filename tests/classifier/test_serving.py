"""The compiled network: equal to the Keras network, and blind to the batch."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moddefense.classifier import pooling
from moddefense.classifier.fitting import pad
from moddefense.classifier.model import network_weights
from moddefense.classifier.serving import CompiledNetwork, windows
from moddefense.classifier.uncertainty import dropout_masks
from moddefense.recipe import KINDS
from moddefense.tokens import Tokens

LENGTHS = (3, 0, 1, 12, 2, 64, 7, 0, 31, 5)


@pytest.mark.parametrize(
    "sizes", [{"reach": 1}, {"reach": 5}, *({"kind": kind} for kind in KINDS)], ids=str
)
@pytest.mark.parametrize("labels", [1, 3])
def test_it_equals_the_keras_network(make_network, make_tokens, sizes, labels):
    network = make_network(**sizes, labels=labels, channels=7, hidden=9)
    tokens = make_tokens(*LENGTHS)
    compiled = CompiledNetwork(network_weights(network))
    found = compiled.logits(compiled.pool(tokens))
    ids = pad(tokens, np.arange(len(LENGTHS)), longest=100)
    np.testing.assert_allclose(found, network(ids).numpy(), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", ["conv", "mean"])
@pytest.mark.parametrize("chunk", [1, 2, 10, 63, 10**6])
def test_pieces_of_any_size_give_the_same(make_network, make_tokens, monkeypatch, kind, chunk):
    compiled = CompiledNetwork(network_weights(make_network(kind=kind)))
    tokens = make_tokens(*LENGTHS)
    expected = compiled.pool(tokens)
    monkeypatch.setattr(pooling, "CHUNK", chunk)
    np.testing.assert_array_equal(compiled.pool(tokens), expected)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25)
@given(
    rows=st.lists(st.lists(st.integers(1, 29), max_size=20), min_size=1, max_size=150),
    data=st.data(),
)
def test_a_row_is_the_same_to_the_last_bit_in_any_company(make_network, kind, rows, data):
    compiled = CompiledNetwork(network_weights(make_network(kind=kind, channels=13)))

    def logits(some):
        values = np.array([v for row in some for v in row], np.int32)
        pooled = compiled.pool(Tokens(values, np.array([len(row) for row in some], np.int64)))
        return compiled.logits(pooled)

    together = logits(rows)
    order = data.draw(st.permutations(range(len(rows))))
    np.testing.assert_array_equal(logits([rows[i] for i in order]), together[list(order)])
    row = data.draw(st.integers(0, len(rows) - 1))
    np.testing.assert_array_equal(logits([rows[row]])[0], together[row])


@pytest.mark.parametrize("rate", [0.0, 0.4, 0.9])
def test_a_committee_is_the_head_with_masks(make_network, make_tokens, rate):
    weights = network_weights(make_network())
    compiled = CompiledNetwork(weights)
    pooled = compiled.pool(make_tokens(*LENGTHS))
    masks = dropout_masks(10, 6, rate=rate, samples=40, seed=2)
    found = compiled.committee(masks).logits(pooled)
    assert found.shape == (len(LENGTHS), 40)
    for features, hidden in masks:
        units = np.maximum((pooled * features) @ weights["in"] + weights["in_bias"], 0) * hidden
        logits = units @ weights["out"] + weights["out_bias"]
        np.testing.assert_allclose(found[:, 0], logits[:, 0], rtol=0, atol=1e-5)
        found = found[:, 1:]


def test_masks_drop_features_and_hidden_units(make_network, make_tokens):
    compiled = CompiledNetwork(network_weights(make_network()))
    pooled = compiled.pool(make_tokens(*LENGTHS))
    features, hidden = np.ones(10, np.float32), np.ones(6, np.float32)
    masks = [(features, hidden), (0 * features, hidden), (features, 0 * hidden)]
    whole, blind, silent = compiled.committee(masks).logits(pooled).T
    np.testing.assert_allclose(whole, compiled.logits(pooled)[:, 0], rtol=0, atol=1e-5)
    assert (blind == blind[0]).all()
    assert (silent == network_weights(make_network())["out_bias"][0]).all()


def test_a_committee_judges_a_row_the_same_in_any_company(make_network):
    draw = np.random.default_rng(3)
    compiled = CompiledNetwork(network_weights(make_network(channels=13)))
    pooled = draw.normal(size=(150, 26)).astype(np.float32)
    committee = compiled.committee(dropout_masks(26, 6, rate=0.3, samples=35, seed=2))
    together = committee.logits(pooled)
    order = draw.permutation(150)
    np.testing.assert_array_equal(committee.logits(pooled[order]), together[order])
    for row in range(0, 150, 7):
        np.testing.assert_array_equal(committee.logits(pooled[row : row + 1])[0], together[row])


@pytest.mark.parametrize("kind", KINDS)
def test_no_texts_and_no_tokens(make_network, kind):
    compiled = CompiledNetwork(network_weights(make_network(kind=kind)))
    none = Tokens(np.empty(0, np.int32), np.empty(0, np.int64))
    assert compiled.logits(compiled.pool(none)).shape == (0, 2)
    empty = Tokens(np.empty(0, np.int32), np.zeros(3, np.int64))
    assert not compiled.pool(empty).any()


@given(
    lengths=st.lists(st.integers(0, 60), max_size=6),
    size=st.integers(2, 20),
    overlap=st.integers(0, 19),
)
def test_windows_cover_every_token_and_overlap(lengths, size, overlap):
    overlap = min(overlap, size - 1)
    values = np.arange(sum(lengths), dtype=np.int32)
    tokens = Tokens(values, np.array(lengths, np.int64))
    cut, owner = windows(tokens, size=size, overlap=overlap)
    assert sorted(set(owner.tolist())) == list(range(len(lengths)))
    assert (np.diff(owner) >= 0).all()
    pieces = np.split(cut.values, np.cumsum(cut.lengths)[:-1])
    for text, (start, length) in enumerate(zip(tokens.starts, lengths, strict=True)):
        mine = [pieces[i].tolist() for i in np.flatnonzero(owner == text)]
        assert all(len(piece) <= size for piece in mine)
        assert sorted({t for piece in mine for t in piece}) == list(range(start, start + length))
        assert all(piece == list(range(piece[0], piece[0] + len(piece))) for piece in mine if piece)
        for before, after in itertools.pairwise(mine):
            assert before[len(before) - overlap :] == after[:overlap]
        if length <= size:
            assert len(mine) == 1

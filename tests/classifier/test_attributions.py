"""Attributions: complete, exact where the model is linear, and on the words of the original."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import moddefense as md
from moddefense.classifier.attributions import (
    attribute,
    integrated_gradients,
    left_out,
    network_logit,
)
from moddefense.classifier.highlighting import gathered, highlights, marked, word_attributions
from moddefense.classifier.model import network_weights
from moddefense.errors import ConfigurationError
from moddefense.folding import fold
from moddefense.ngrams import NgramModel
from moddefense.tokens import Tokens


@pytest.mark.parametrize("kind", ["conv", "mean"])
@pytest.mark.parametrize("length", [1, 2, 3, 9, 40])
def test_the_shares_add_up_to_what_the_text_changes(make_network, make_tokens, kind, length):
    weights = network_weights(make_network(kind=kind))
    for seed in range(5):
        ids = make_tokens(length, seed=seed).values
        difference = network_logit(weights, ids) - network_logit(weights, ids, 0.0)
        found = integrated_gradients(weights, ids)
        assert found.shape == (length,)
        assert found.sum() == pytest.approx(difference, rel=0.01, abs=1e-4)


def test_the_logit_is_the_networks(make_network, make_tokens):
    import tensorflow as tf

    network = make_network()
    weights = network_weights(network)
    ids = make_tokens(7).values
    assert network_logit(weights, ids) == pytest.approx(
        float(network(tf.constant(ids[None]))[0, 0]), abs=1e-4
    )


def test_a_linear_network_gives_each_token_its_own_share(make_network, make_tokens):
    """Without a bent layer, a mean network's logit is a sum over tokens."""
    weights = network_weights(make_network(kind="mean"))
    weights["in_bias"] = np.full_like(weights["in_bias"], 1e3)  # far from where the ReLU bends
    ids = make_tokens(6).values
    slope = weights["in"] @ weights["out"][:, 0] / len(ids)
    np.testing.assert_allclose(
        integrated_gradients(weights, ids), weights["embedding"][ids] @ slope, atol=1e-4
    )


def test_padding_adds_nothing(make_network, make_tokens):
    weights = network_weights(make_network())
    ids = np.append(make_tokens(4).values, [0])
    assert integrated_gradients(weights, ids)[-1] == 0


def test_recurrent_networks_are_refused(make_network, make_tokens):
    weights = network_weights(make_network(kind="gru"))
    with pytest.raises(ConfigurationError, match="recurrent"):
        integrated_gradients(weights, make_tokens(3).values)


@given(st.lists(st.integers(1, 500), min_size=1, max_size=30))
def test_the_linear_models_shares_are_exact(ids):
    weights = np.random.default_rng(2).normal(size=64).astype(np.float32)
    model = NgramModel(weights, -0.7)
    values = np.array(ids, np.int32)
    shares = model.contributions(values)
    whole = model.log_odds(Tokens(values, np.array([len(ids)])))[0]
    assert shares.sum() + model.intercept == pytest.approx(whole, abs=1e-9)


def test_a_texts_attributions_add_up_to_its_logit(toy):
    bundle = toy.bundle
    texts = ["you are a jerk", "look at the cat, thank you", "he is only an idiot " * 8]
    tokens = bundle.tokenizer(texts)
    logits = bundle.classifier.logits(tokens)[:, 0]
    for row, shares in enumerate(attribute(bundle.classifier, tokens)):
        used = tokens.take(np.array([row])).values[shares != 0]
        empty = network_logit(bundle.classifier.weights, used, 0.0)
        baseline = empty + bundle.classifier.wide.intercept
        assert shares.sum() + baseline == pytest.approx(logits[row], rel=0.02, abs=0.02)


PARTS = [
    "you are", "a jerk", "an idiot", "the cat,", "🙂", "e\u0301l", "ＦＯＯＬ", "x\u200by", "\ud800",
    "youareajerkandanidiot", "\u202etoidi\u202c", "i\U0001f1e9iot", "i\u00a1d\u00a1i\u00a1ot",
    "\u202eno\nff",
]  # fmt: skip


@given(st.text(max_size=30) | st.lists(st.sampled_from(PARTS)).map(" ".join))
def test_words_lie_in_the_original_in_order(toy, text):
    words = word_attributions(toy.bundle.classifier, toy.bundle.tokenizer, text)
    last = 0
    for word in words:
        assert last <= word["start"] < word["end"] <= len(text)
        assert word["text"] == text[word["start"] : word["end"]]
        last = word["end"]
    read = "".join(fold(word["text"]) for word in words)
    assert "".join(read.split()) == "".join(c for c in fold(text) if not c.isspace() and (
        c in read))  # fmt: skip


def test_a_disguised_term_has_the_span_of_its_disguise(toy, toy_guard):
    screening = toy_guard.screen(["well, a 1d1ot", "the cat"], explain=True)
    words = {word["text"]: word for word in screening.attributions[0]}
    assert (words["1d1ot"]["start"], words["1d1ot"]["end"]) == (8, 13)
    assert [word["text"] for word in words.values() if word["marked"]] == ["1d1ot"]
    table = screening.to_arrow()
    assert table["attributions"].to_pylist() == list(screening.attributions.values())
    edits = [(4, 13, "big idiot")]
    words = word_attributions(toy.bundle.classifier, toy.bundle.tokenizer, "you big 1diot", edits)
    assert [word["text"] for word in words] == ["you", "big", "1diot"]
    assert "attributions" not in toy_guard.screen(["x"]).to_arrow().column_names


def test_an_explanation_has_them_and_rude_words_weigh_more(toy_guard):
    text = "stop being a fool in summer"
    words = toy_guard.explain(text)["evidence"]["classifier"]["attributions"]
    assert "".join(word["text"] for word in words) == text.replace(" ", "")

    def weight(rude):
        start, end = text.index(rude), text.index(rude) + len(rude)
        return sum(word["weight"] for word in words if start <= word["start"] < end)

    assert weight("fool") > weight("summer")


def test_what_is_marked():
    spans = [(0, 3, 2.0), (4, 6, 0.5), (7, 9, 0.2), (9, 12, -3.0)]
    words = [{"start": start, "end": end, "weight": weight} for start, end, weight in spans]
    assert marked(words, least=0.1, share=0.2) == [(0, 3), (4, 6)]
    assert marked(words, least=1, share=0.0) == [(0, 3)]
    assert marked(words, [(8, 11)]) == [(7, 9), (9, 12)]
    assert marked([]) == []


@pytest.mark.parametrize(
    "text",
    [
        "you are a jerk",
        "he is only an idiot, go away!!! 🙂",
        "the cat\u200b and a fool " * 9,
        "...",
    ],
)
def test_the_weights_of_words_add_up_to_the_logit(toy, text):
    bundle = toy.bundle
    words = word_attributions(bundle.classifier, bundle.tokenizer, text)
    (shares,) = attribute(bundle.classifier, bundle.tokenizer([text]))
    assert shares.size
    whole = shares.sum()
    assert sum(word["weight"] for word in words) == pytest.approx(whole, rel=0.01, abs=2e-3)


def test_what_context_adds_is_counted_with_the_nearest_reason():
    weights = np.array([0.5, 2.0, 0.4, 0.3, -1.0, -0.1, 0.6])
    lost = np.array([0.1, 3.0, -1.0, 0.2, -0.9, -0.1, 1.0])
    found = gathered(weights, lost)
    assert found.tolist() == pytest.approx([0, 3.2, 0, 0, -1.1, 0, 0.6])
    assert gathered(weights, lost / 100).tolist() == weights.tolist()
    assert gathered(weights, -lost)[2] == pytest.approx(weights.sum())
    assert gathered(np.array([]), np.array([])).size == 0


def test_what_is_left_out_is_what_the_text_without_it_scores(toy):
    bundle = toy.bundle
    ids = bundle.tokenizer(["he is only an idiot, go away"])
    places = [[0], [1, 2], [*range(len(ids.values))]]
    found = left_out(bundle.classifier, ids, places)
    for group, lost in zip(places, found, strict=True):
        rest = np.delete(ids.values, group)
        logits = [
            bundle.classifier.logits(Tokens(values, np.array([len(values)])))[0, 0]
            for values in (ids.values, rest)
        ]
        assert lost == pytest.approx(logits[0] - logits[1], abs=1e-5)


def test_of_a_long_text_only_the_worst_window_is_looked_at(toy):
    bundle = toy.bundle
    ids = bundle.tokenizer(["the cat and a garden " * 9 + "you idiot"])
    found = left_out(bundle.classifier, ids, [[n] for n in range(len(ids.values))])
    size = bundle.classifier.settings.window
    assert not found[:-size].any()
    assert found[-size:].any()


def test_highlights_are_the_marked_words_joined():
    text = "you  utter, silly\ngoose."
    spans = [(0, 3, False), (5, 10, True), (10, 11, False), (12, 17, True), (18, 23, True)]
    words = [{"start": b, "end": e, "marked": m} for b, e, m in spans]
    assert [(s["start"], s["end"]) for s in highlights(text, words)] == [(5, 10), (12, 23)]


def test_no_stage_no_attributions(toy_bundle):
    screening = md.load(toy_bundle, stages=["lexicon"]).screen(["damn"], explain=True)
    assert screening.to_arrow()["attributions"].to_pylist() == [None]

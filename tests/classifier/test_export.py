"""The exported classifier: equal to the library, and blind to the batch."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from moddefense.bundle import read_manifest, read_models
from moddefense.classifier.calibration import Calibration, Curve
from moddefense.classifier.export import ServedClassifier, _calibrated, export_saved_model
from moddefense.classifier.folding_graph import FoldingGraph
from moddefense.classifier.model import Classifier, network_weights
from moddefense.errors import WriteError
from moddefense.folding import fold
from moddefense.recipe import KINDS
from moddefense.segmentation import Segmenter

TEXTS = [
    "You are an IDIOT, go away", "", "look at the cat", "п\u0430роль", "you are \u0430n idi\u043et",
    "the garden and the old bridge and the sea in summer, see you soon! " * 9,
    "ｆｏｏｌ\u200b!", "what a \U0001f600 day", "\n\t", "crap" * 40,
    "yuo are an 1D10T!! adn a sily gosse", "wh\u0430t a gradne, h264: #1d10t", "idoit" * 9,
]  # fmt: skip


def served(module, texts):
    found = module(texts=tf.constant([text.encode("utf-8", "replace") for text in texts]))
    return np.column_stack([found["score"], found["labels"]])


@pytest.fixture(scope="module")
def exported(toy_bundle, tmp_path_factory):
    folder = tmp_path_factory.mktemp("served") / "1"
    export_saved_model(toy_bundle, folder)
    return folder


def test_what_is_loaded_again_equals_the_library(toy_bundle, exported):
    module = tf.saved_model.load(str(exported)).signatures["serving_default"]
    tokenizer, _, classifier = read_models(toy_bundle)
    expected = classifier.score(tokenizer(TEXTS))
    np.testing.assert_allclose(served(module, TEXTS), expected, atol=2e-6)
    np.testing.assert_allclose(served(module, TEXTS[2:3])[0], expected[2], atol=2e-6)
    assert module(texts=tf.constant([], tf.string))["labels"].shape == (0, 2)


def test_misspelt_words_are_read_as_known_ones(toy, exported):
    module = tf.saved_model.load(str(exported)).signatures["serving_default"]
    meant, misspelt = "you are an idiot in this garden", "you are an 1d1ot in this gadren"
    first, second = served(module, [meant, misspelt])
    np.testing.assert_array_equal(first, second)
    tokenizer, classifier = toy.bundle.tokenizer.as_written, toy.bundle.classifier
    expected = classifier.score(tokenizer([misspelt]))
    assert np.abs(expected - second).max() > 1e-3
    unread = ServedClassifier(tokenizer, classifier)  # of a language without usual words, say
    np.testing.assert_allclose(served(unread.serve, [misspelt]), expected, atol=2e-6)


def test_it_says_what_it_is(toy_bundle, exported):
    about = json.loads((exported / "assets.extra" / "moddefense.json").read_text())
    manifest = read_manifest(toy_bundle)
    assert about["labels"] == ["toxic", "insult"]
    assert about["bundle"] == {"name": manifest["name"], "sha256": manifest["sha256"]}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "conv"])
def test_every_kind_of_network(toy, make_network, kind):
    tokenizer, trained = toy.bundle.tokenizer, toy.bundle.classifier
    network = make_network(kind=kind, labels=3, vocabulary=tokenizer.size)
    weights = {name: trained.weights[name] for name in ("wide", "wide_intercept")}
    classifier = Classifier(
        {**network_weights(network), **weights}, trained.calibration, trained.settings
    )
    expected = classifier.score(tokenizer(TEXTS))
    module = ServedClassifier(tokenizer, classifier)
    np.testing.assert_allclose(served(module.serve, TEXTS), expected, atol=2e-6)


def test_calibration_curves():
    curve = Curve(np.array([-1.0, 0.0, 2.0]), np.array([0.1, 0.3, 0.8]))
    flat = Curve(np.array([0.5]), np.array([0.4]))
    calibration = Calibration(np.ones(3), np.zeros(3), (curve, None, flat))
    logits = np.random.Generator(np.random.PCG64(0)).normal(size=(50, 3)).astype(np.float32) * 2
    found = _calibrated(calibration, tf.constant(logits))
    np.testing.assert_allclose(found, calibration.probabilities(logits), atol=1e-12)


def test_a_folder_with_something_in_it_is_left_alone(toy_bundle, tmp_path):
    (tmp_path / "mine.txt").write_text("")
    with pytest.raises(WriteError, match="not an empty folder"):
        export_saved_model(toy_bundle, tmp_path)


# The fold


@pytest.fixture(scope="module")
def graph():
    """The fold alone, without what makes it ready for the tokeniser."""
    folding = FoldingGraph("", Segmenter([]))
    return tf.function(
        lambda texts: folding.fold(texts).encode(),
        input_signature=[tf.TensorSpec([None], tf.string)],
    )


LETTERS = st.one_of(
    st.characters(max_codepoint=0x600, exclude_categories=["Cs", "Cn"]),
    st.characters(max_codepoint=0x1FFFF, exclude_categories=["Cs", "Cn"]),
    st.sampled_from("abe \u0433\u0434\u0414\u039d\u0397\u03bd\u03f2"),
    st.sampled_from("abeo \u0430\u0435\u043e\u0440\u0441\u0456\u03b7\u03bf\u0301\u200b1"),
)


@settings(max_examples=40)
@given(st.lists(st.text(LETTERS, max_size=12), min_size=1, max_size=30))
@example(["\u0456", "\u03b7", "\u01bf0 \u03b7", "a \u0456", "\u0915\u093e \u1112\u1161\u11ab"])
def test_the_graph_folds_as_the_library_does(graph, texts):
    found = [text.decode() for text in graph(tf.constant(texts)).numpy()]
    assert found == [fold(text) for text in texts]


def test_what_the_vocabulary_cannot_spell_stands_apart():
    found = FoldingGraph("abc", Segmenter([]))(tf.constant(["ab\u20acc d"])).numpy()[0].decode()
    assert found == "ab \u20ac c  d "


# Runs of words


WORDS = ["the", "you", "are", "a", "goose", "go", "i", "see", "garden", "day", "nice", "жук"]


@pytest.fixture(scope="module")
def cutting():
    segmenter = Segmenter(WORDS)
    spelt = set("abcdefghijklmnopqrstuvwxyzжук0123456789")
    graph = FoldingGraph(spelt, segmenter)
    return segmenter, tf.function(graph, input_signature=[tf.TensorSpec([None], tf.string)])


@settings(max_examples=25)
@given(
    st.lists(
        st.lists(st.sampled_from([*WORDS, "x", "qz", " ", "1", "goos"]), max_size=40).map("".join),
        min_size=1, max_size=6,
    )
)  # fmt: skip
@example(["youareagoose" * 70, "x" * 19, "x" * 20, "aiaiaiaiaiaiaiaiaiaiaiai", ""])
@example(
    ["youareanicegardengoose1iseeyouareagoosegoose", "ok", "ж" * 30 + " жукжукжукжукжукжукжук"]
)
def test_the_graph_cuts_runs_as_the_library_does(cutting, texts):
    segmenter, graph = cutting
    found = [text.decode() for text in graph(tf.constant(texts)).numpy()]
    assert found == [segmenter.spread(fold(text)) for text in texts]

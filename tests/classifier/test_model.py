"""The classifier as the pipeline uses it: windows, labels, probabilities and spread."""

from __future__ import annotations

import numpy as np
import pytest

from moddefense.classifier.calibration import Calibration
from moddefense.classifier.model import Classifier, Settings, network_weights
from moddefense.classifier.uncertainty import dropout_masks
from moddefense.ngrams import NgramModel
from moddefense.tokens import Tokens

LENGTHS = (3, 0, 1, 30, 2, 12, 13)
SETTINGS = Settings(
    label_names=("rude", "loud"), window=12, overlap=4, dropout=0.5, samples=8, seed=1
)


@pytest.fixture
def classifier(make_network):
    """A classifier of harm and two labels; keyword arguments replace settings."""

    def make(*, wide=0.0, slope=(1.0, 1.0, 1.0), **settings):
        generator = np.random.Generator(np.random.PCG64(2))
        weights = {
            **network_weights(make_network(labels=3)),
            "wide": (generator.normal(size=64) * wide).astype(np.float32),
            "wide_intercept": np.array(0.25 * wide),
        }
        calibration = Calibration(np.array(slope), np.array([-0.5, 0.0, 0.5]))
        return Classifier(weights, calibration, Settings(**{**vars(SETTINGS), **settings}))

    return make


def test_a_score_is_that_of_the_worst_window(classifier, make_tokens):
    model, tokens = classifier(wide=1.0), make_tokens(30)
    windows = [tokens.values[begin : begin + 12] for begin in (0, 8, 16, 24)]
    each = [model.score(Tokens(w, np.array([len(w)])))[0] for w in windows]
    np.testing.assert_array_equal(model.score(tokens)[0], np.max(each, axis=0))


def test_probabilities_are_calibrated_logits(classifier, make_tokens):
    model, tokens = classifier(slope=(2.0, 1.0, 0.5)), make_tokens(*LENGTHS)
    logits = model.logits(tokens).astype(np.float64)
    expected = 1 / (1 + np.exp(-(logits * [2, 1, 0.5] + [-0.5, 0, 0.5])))
    np.testing.assert_allclose(model.score(tokens), expected, rtol=1e-9)
    assert model.label_names == ("rude", "loud")


def test_the_linear_model_adds_to_harm_alone(classifier, make_tokens):
    tokens = make_tokens(3, 0, 5, 2)
    plain, wide = classifier(), classifier(wide=1.0)
    model = NgramModel(wide.weights["wide"], float(wide.weights["wide_intercept"]))
    added = wide.logits(tokens) - plain.logits(tokens)
    np.testing.assert_allclose(added[:, 0], model.log_odds(tokens), atol=1e-5)
    np.testing.assert_array_equal(added[:, 1:], 0)


def test_a_text_is_the_same_to_the_last_bit_in_any_company(classifier, make_tokens):
    model, tokens = classifier(wide=1.0), make_tokens(*LENGTHS * 30)
    scores, spreads = model.score(tokens), model.score_spread(tokens)
    for row in range(len(LENGTHS)):
        alone = tokens.take(np.array([row]))
        np.testing.assert_array_equal(model.score(alone)[0], scores[row])
        assert model.score_spread(alone)[0] == spreads[row]


def test_nothing_to_score(classifier):
    none = Tokens(np.empty(0, np.int32), np.empty(0, np.int64))
    assert classifier().score(none).shape == (0, 3)
    assert classifier().score_spread(none).shape == (0,)


# Spread


def test_without_dropout_there_is_no_spread(classifier, make_tokens):
    spread = classifier(dropout=0.0, samples=33).score_spread(make_tokens(*LENGTHS))
    np.testing.assert_allclose(spread, 0, atol=1e-7)


def test_the_spread_is_the_standard_deviation_over_thinned_networks(classifier, make_tokens):
    tokens = make_tokens(3, 5, 2)
    model = classifier(wide=1.0)
    pooled, _ = model.pool(tokens)
    samples = []
    head = [model.weights[name] for name in ("in", "in_bias", "out", "out_bias")]
    settings = model.settings
    for features, hidden in dropout_masks(
        model.network.features, len(head[1]), rate=settings.dropout, samples=settings.samples,
        seed=settings.seed,
    ):  # fmt: skip
        units = np.maximum((pooled[:, :-1] * features) @ head[0] + head[1], 0) * hidden
        logits = units @ head[2] + head[3]
        logits[:, 0] += pooled[:, -1]
        samples.append(model.calibration.probabilities(logits)[:, 0])
    expected = np.std(samples, axis=0)
    assert (expected > 0.01).all()
    np.testing.assert_allclose(model.score_spread(tokens), expected, rtol=1e-5)


def test_the_spread_is_fixed_by_the_seed_and_bounded(classifier, make_tokens):
    tokens = make_tokens(*LENGTHS)
    one, same, other = (classifier(seed=s).score_spread(tokens) for s in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)
    assert ((one >= 0) & (one <= 0.5)).all()

"""Dropout sampling: the masks, and the spread that they give."""

from __future__ import annotations

import numpy as np
import pytest

from moddefense.classifier.uncertainty import binary_entropy, dropout_masks, spread_of


def test_masks_are_fixed_by_the_seed():
    one, same, other = (dropout_masks(40, 20, rate=0.5, samples=3, seed=s) for s in (1, 1, 2))
    for (a, b), (c, d) in zip(one, same, strict=True):
        np.testing.assert_array_equal(a, c)
        np.testing.assert_array_equal(b, d)
    assert not np.array_equal(one[0][0], other[0][0])
    assert not np.array_equal(one[0][0], one[1][0])


def test_more_samples_begin_with_the_same_ones():
    few, many = (dropout_masks(40, 20, rate=0.5, samples=n, seed=1) for n in (2, 5))
    np.testing.assert_array_equal(few[1][1], many[1][1])


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_masks_drop_their_share_and_keep_the_mean(rate):
    masks = dropout_masks(4000, 10, rate=rate, samples=5, seed=1)
    features = np.concatenate([features for features, _ in masks])
    assert set(np.unique(features)) == {np.float32(0), np.float32(1 / (1 - rate))}
    assert np.mean(features == 0) == pytest.approx(rate, abs=0.02)
    assert features.mean() == pytest.approx(1, abs=0.1)
    assert features.dtype == np.float32


def test_rate_zero_drops_nothing():
    for features, hidden in dropout_masks(7, 3, rate=0.0, samples=4, seed=1):
        assert (features == 1).all()
        assert (hidden == 1).all()


# Measures of the samples


def test_samples_that_agree_leave_the_entropy_and_nothing_to_disagree_on():
    found = spread_of([np.array([0.0, 0.3, 0.5, 1.0])] * 7)
    np.testing.assert_allclose(found.deviation, 0, atol=1e-8)
    np.testing.assert_allclose(found.information, 0, atol=1e-12)
    np.testing.assert_allclose(found.entropy, [0, 0.610864, np.log(2), 0], atol=1e-6)


def test_sure_samples_that_contradict_each_other_are_all_information():
    found = spread_of([np.array([0.0]), np.array([1.0])])
    assert found.deviation[0] == pytest.approx(0.5)
    assert found.information[0] == pytest.approx(np.log(2))
    assert found.entropy[0] == pytest.approx(np.log(2))


def test_measures_agree_with_numpy_and_with_each_other():
    samples = np.random.Generator(np.random.PCG64(3)).random((9, 50))
    found = spread_of(samples)
    np.testing.assert_allclose(found.mean, samples.mean(axis=0))
    np.testing.assert_allclose(found.deviation, samples.std(axis=0), atol=1e-9)
    expected = binary_entropy(samples.mean(axis=0)) - binary_entropy(samples).mean(axis=0)
    np.testing.assert_allclose(found.information, expected, atol=1e-12)
    assert (found.information <= found.entropy).all()


def test_the_caller_chooses_samples_and_seed(toy):
    classifier, tokens = toy.bundle.classifier, toy.bundle.tokenizer(["a jerk", "the cat", ""])
    usual = classifier.sample(tokens)
    np.testing.assert_array_equal(usual.deviation, classifier.score_spread(tokens))
    one = classifier.sample(tokens, samples=1)
    assert (one.deviation == 0).all()
    assert (one.information < 1e-12).all()
    many, again = (classifier.sample(tokens, samples=50, seed=4) for _ in range(2))
    np.testing.assert_array_equal(many.information, again.information)
    assert (many.mean != classifier.sample(tokens, samples=50, seed=5).mean).any()
    alone = classifier.sample(tokens.take(np.array([1])), samples=50, seed=4)
    assert alone.entropy[0] == many.entropy[1]
    assert (many.entropy >= many.information).all()
    assert classifier.settings.samples == toy.bundle.classifier.settings.samples == 6


def test_without_dropout_there_is_no_spread(toy):
    import dataclasses

    from moddefense.classifier.model import Classifier

    whole = toy.bundle.classifier
    settings = dataclasses.replace(whole.settings, dropout=0.0)
    plain = Classifier(whole.weights, whole.calibration, settings, whole.letters.spelling)
    tokens = toy.bundle.tokenizer(["a jerk", "the cat"])
    found = plain.sample(tokens, samples=9, seed=2)
    np.testing.assert_allclose(found.deviation, 0, atol=1e-7)
    np.testing.assert_allclose(found.information, 0, atol=1e-12)
    np.testing.assert_allclose(found.mean, whole.score(tokens)[:, 0], rtol=1e-12)

"""Conformal sets: the promise in finite samples, limit cases, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moddefense.errors import ConfigurationError
from moddefense.evaluation.conformal import (
    conformal_thresholds,
    least_calibration,
    set_figures,
)


def noisy(generator, n, prevalence=0.3):
    labels = (generator.random(n) < prevalence).astype(int)
    return np.clip(generator.normal(0.3 + 0.3 * labels, 0.2), 0, 1), labels


@pytest.mark.parametrize("alpha", [0.02, 0.1, 0.3])
def test_each_class_is_covered_as_promised(alpha):
    generator = np.random.Generator(np.random.PCG64(1))
    found = []
    for _ in range(300):
        scores, labels = noisy(generator, 400)
        thresholds = conformal_thresholds(scores, labels, alpha)
        new_scores, new_labels = noisy(generator, 400)
        figures = set_figures(thresholds.sets(new_scores), new_labels)
        found.append((figures["coverage_harmless"], figures["coverage_harmful"]))
    for coverage in np.mean(found, axis=0):
        # At least 1 - alpha, and hardly more: 1 - alpha + 1 / (n + 1).
        assert 1 - alpha - 0.006 < coverage < 1 - alpha + 1 / 80


def test_classes_may_have_promises_of_their_own():
    generator = np.random.Generator(np.random.PCG64(2))
    scores, labels = noisy(generator, 20_000)
    thresholds = conformal_thresholds(scores, labels, (0.2, 0.01))
    figures = set_figures(thresholds.sets(scores), labels)
    assert figures["coverage_harmless"] == pytest.approx(0.8, abs=0.001)
    assert figures["coverage_harmful"] == pytest.approx(0.99, abs=0.001)


@given(alpha=st.floats(0.01, 0.6), extra=st.integers(0, 5))
def test_the_least_sample_is_just_enough(alpha, extra):
    n = least_calibration(alpha) + extra
    labels = np.repeat([0, 1], [n, n])
    scores = np.linspace(0, 1, 2 * n)
    enough = conformal_thresholds(scores, labels, alpha)
    assert math.isfinite(enough.harmless_up_to)
    assert math.isfinite(enough.harmful_from)
    few = least_calibration(alpha) - 1
    labels = np.repeat([0, 1], [few, n])
    lacking = conformal_thresholds(np.linspace(0, 1, few + n), labels, alpha)
    assert lacking.harmless_up_to == math.inf
    assert lacking.sets(np.array([0.0, 1.0]))[:, 0].all()  # nothing promised, nothing left out


@given(
    scores=st.lists(st.floats(0, 1), min_size=4, max_size=60),
    seed=st.integers(0, 99),
    alphas=st.tuples(st.floats(0.01, 0.99), st.floats(0.01, 0.99)),
)
def test_a_stricter_promise_gives_larger_sets_whatever_the_order(scores, seed, alphas):
    scores = np.array(scores)
    labels = np.arange(len(scores)) % 2
    order = np.random.Generator(np.random.PCG64(seed)).permutation(len(scores))
    strict = conformal_thresholds(scores, labels, min(alphas))
    loose = conformal_thresholds(scores[order], labels[order], max(alphas))
    assert (strict.sets(scores) >= loose.sets(scores)).all()


def test_figures_by_hand():
    sets = np.array([[1, 0], [1, 1], [0, 0], [0, 1]], bool)
    labels = np.array([0, 1, 1, 0])
    assert set_figures(sets, labels) == {
        "coverage": 0.5, "coverage_harmless": 0.5, "coverage_harmful": 0.5,
        "single": 0.5, "both": 0.25, "none": 0.25, "accuracy": 0.5,
    }  # fmt: skip
    weighted = set_figures(sets, labels, np.array([3.0, 1, 1, 1]))
    assert weighted["accuracy"] == 0.75
    assert weighted["coverage"] == pytest.approx(4 / 6)


def test_ambiguous_sets_are_those_without_exactly_one_label():
    wide = conformal_thresholds(np.array([0.8, 0.2] * 20), np.array([0, 1] * 20), 0.1)
    assert wide.ambiguous(np.array([0.1, 0.5, 0.9])).tolist() == [False, True, False]
    narrow = conformal_thresholds(np.array([0.2, 0.8] * 20), np.array([0, 1] * 20), 0.1)
    assert narrow.ambiguous(np.array([0.1, 0.5, 0.9])).tolist() == [False, True, False]
    assert narrow.sets(np.array([0.5])).tolist() == [[False, False]]


def test_no_text_of_a_class_gives_none_and_no_error():
    figures = set_figures(np.ones((2, 2), bool), np.zeros(2))
    assert figures["coverage_harmful"] is None
    assert figures["accuracy"] is None
    assert figures["coverage"] == 1


@pytest.mark.parametrize("alpha", [0, 1, -0.1, math.nan, (0.1, 2)])
def test_what_cannot_be_promised_is_refused(alpha):
    with pytest.raises(ConfigurationError, match="is not between 0 and 1"):
        conformal_thresholds(np.array([0.1]), np.array([0]), alpha)


def test_neither_are_scores_that_are_no_numbers():
    with pytest.raises(ConfigurationError, match="not a number"):
        conformal_thresholds(np.array([0.1, math.nan]), np.array([0, 1]), 0.1)

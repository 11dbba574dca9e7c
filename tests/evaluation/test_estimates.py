"""Intervals: against published values, by coverage, and at the ends."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from moddefense.evaluation.estimates import (
    auc_estimate,
    effective_share,
    exact_share,
    missing,
    percentiles,
    resamples,
)

SCORES = st.lists(st.integers(0, 8).map(lambda n: n / 8), min_size=1, max_size=40).map(np.array)


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [(0, 10, 0, 0.3085), (10, 10, 0.6915, 1), (5, 10, 0.1871, 0.8129), (81, 263, 0.2527, 0.3676)],
)
def test_exact_intervals_are_those_of_the_tables(part, whole, low, high):
    found = exact_share(part, whole, of="texts")
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))
    assert found.value == part / whole


def test_nothing_to_take_a_share_of_is_said():
    assert exact_share(0, 0, of="harmful texts") == missing("there are no harmful texts")
    assert missing("x").as_dict() == {"value": None, "reason": "x"}
    assert effective_share(np.zeros(0), np.zeros(0), of="texts").value is None
    assert str(missing("x")) == "–"


def test_equal_weights_change_no_share():
    mask = np.arange(40) < 8
    one, three = (effective_share(mask, np.full(40, w), of="texts") for w in (1.0, 3.0))
    assert one[:3] == pytest.approx(three[:3])
    assert one[:3] == pytest.approx((0.2, 0.1050, 0.3476), abs=1e-4)  # Wilson


@given(positive=SCORES, negative=SCORES)
def test_the_area_agrees_with_scikit_learn_and_lies_in_its_interval(positive, negative):
    found = auc_estimate(positive, negative)
    labels = np.repeat([1, 0], [len(positive), len(negative)])
    expected = roc_auc_score(labels, np.concatenate([positive, negative]))
    assert found.value == pytest.approx(expected)
    assert 0 <= found.low <= found.value <= found.high <= 1
    mirrored = auc_estimate(-positive, -negative)
    assert mirrored.value == pytest.approx(1 - found.value)
    assert mirrored.low == pytest.approx(1 - found.high, abs=1e-6)


def test_a_perfect_ranking_of_few_texts_is_not_certain():
    few, many = (auc_estimate(np.full(n, 0.9), np.full(n, 0.1)) for n in (10, 1000))
    assert few.value == many.value == 1
    assert few.low < 0.85
    assert 0.99 < many.low < 1


@pytest.mark.parametrize(("shift", "n"), [(0.5, 40), (2.0, 60)])
def test_delong_intervals_hold_the_true_area(shift, n):
    from scipy.stats import norm

    generator = np.random.Generator(np.random.PCG64(4))
    true = norm.cdf(shift / np.sqrt(2))
    inside = 0
    for _ in range(400):
        found = auc_estimate(generator.normal(shift, 1, n), generator.normal(0, 1, n))
        assert found.method == "delong"
        inside += found.low <= true <= found.high
    assert 0.92 <= inside / 400 <= 0.985


def test_resamples_keep_the_classes_and_repeat_with_their_seed():
    labels = np.array([1, 0, 0, 1, 0])
    (drawn,) = resamples(labels, count=50, seed=1)
    assert drawn.shape == (50, 5)
    assert (drawn[:, labels == 1].sum(axis=1) == 2).all()
    assert (drawn[:, labels == 0].sum(axis=1) == 3).all()
    assert (drawn == next(resamples(labels, count=50, seed=1))).all()
    assert (drawn != next(resamples(labels, count=50, seed=2))).any()


def test_percentiles_leave_out_what_could_not_be_computed():
    replicates = np.append(np.arange(1001) / 1000, np.nan)
    found = percentiles(0.4, replicates)
    assert (found.low, found.high) == (pytest.approx(0.025), pytest.approx(0.975))
    assert percentiles(0.4, np.array([np.nan]))[:3] == (0.4, None, None)

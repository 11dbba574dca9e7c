"""Selective prediction: limit cases with known areas, ties, weights, and what is compared."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moddefense.evaluation.selective import (
    best_aurc,
    score_distance,
    selective_figures,
)

ROWS = st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=40)


def figures(measures, errors, weights=None, resampled=20):
    errors = np.asarray(errors, bool)
    weights = np.ones(len(errors)) if weights is None else weights
    labels = np.arange(len(errors)) % 2
    return selective_figures(measures, labels, errors, weights, resampled=resampled)


def values(one, name="aurc"):
    return one[name]["value"]


def test_a_measure_that_knows_every_error_is_best_and_one_that_says_nothing_is_random():
    errors = np.arange(1000) % 10 == 3
    knows, silent, wrong = errors.astype(float), np.zeros(1000), -errors.astype(float)
    found = figures({"knows": knows, "silent": silent, "wrong": wrong}, errors)
    measures = found["measures"]
    assert values(measures["knows"]) == pytest.approx(best_aurc(0.1), abs=1e-6)
    assert values(measures["knows"], "error_auc") == 1
    assert values(measures["silent"]) == pytest.approx(0.1) == found["random"]["aurc"]
    assert values(measures["silent"], "error_auc") == pytest.approx(0.5)
    assert values(measures["wrong"], "error_auc") == 0
    for share, reviewed in found["random"]["accuracy_after_review"].items():
        assert measures["silent"]["accuracy_after_review"][share]["value"] == pytest.approx(
            reviewed
        )
        assert measures["silent"]["gain_over_random"][share]["value"] == pytest.approx(0, abs=1e-6)
        assert (
            measures["knows"]["accuracy_after_review"][share]["value"]
            == (found["best"]["accuracy_after_review"][share])
        )
    assert measures["knows"]["accuracy_after_review"]["0.1"]["value"] == 1


@given(rows=ROWS, seed=st.integers(0, 9))
def test_the_area_is_what_random_order_among_equals_gives_on_average(rows, seed):
    uncertainty = np.array([row[0] for row in rows], float)
    errors = np.array([row[1] for row in rows])
    found = figures({"score_distance": uncertainty}, errors, resampled=0)["measures"]
    one = found["score_distance"]
    # A fine staircase: every text in many equal parts, its errors spread over its equals.
    parts = 400
    order = np.argsort(uncertainty, kind="stable")
    level = uncertainty[order]
    mean = {v: errors[uncertainty == v].mean() for v in set(uncertainty.tolist())}
    smooth = np.repeat([mean[v] for v in level.tolist()], parts)
    risks = np.cumsum(smooth) / np.arange(1, len(smooth) + 1)
    assert values(one) == pytest.approx(risks.mean(), abs=3e-3)
    if 0 < errors.mean() < 1:
        wrong, right = uncertainty[errors], uncertainty[~errors]
        pairs = (wrong[:, None] > right) + 0.5 * (wrong[:, None] == right)
        assert values(one, "error_auc") == pytest.approx(pairs.mean(), abs=2e-6)
    shuffled = np.random.Generator(np.random.PCG64(seed)).permutation(len(rows))
    again = figures({"score_distance": uncertainty[shuffled]}, errors[shuffled], resampled=0)
    assert again["measures"]["score_distance"]["aurc"] == one["aurc"]


def test_weights_count_like_repeated_texts():
    uncertainty, errors = np.array([0.1, 0.2, 0.3, 0.4]), np.array([0, 1, 0, 1], bool)
    weights = np.array([3.0, 1.0, 2.0, 1.0])
    times = weights.astype(int)
    once = figures({"m": uncertainty}, errors, weights, resampled=0)
    often = figures({"m": np.repeat(uncertainty, times)}, np.repeat(errors, times), resampled=0)
    # Equal values are interpolated, and a heavier text is one text: the ends agree.
    assert once["random"] == often["random"]
    assert once["accuracy"]["value"] == pytest.approx(often["accuracy"]["value"])
    assert values(once["measures"]["m"]) == pytest.approx(values(often["measures"]["m"]))


def test_bins_are_tenths_from_certain_to_uncertain():
    errors = np.arange(200) >= 180
    bins = figures({"m": np.arange(200.0)}, errors)["measures"]["m"]["bins"]
    assert [one["texts"] for one in bins] == [20] * 10
    assert [one["accuracy"]["value"] for one in bins] == [1] * 9 + [0]
    assert (bins[0]["from"], bins[9]["to"]) == (0, 199)
    tied = figures({"m": np.zeros(200)}, errors)["measures"]["m"]["bins"]
    assert sum(one["texts"] for one in tied) == 200
    assert tied[0]["accuracy"] == {"value": None, "reason": "there are no texts in this bin"}


def test_differences_are_paired():
    generator = np.random.Generator(np.random.PCG64(3))
    errors = generator.random(2000) < 0.2
    good = errors + generator.normal(0, 0.5, 2000)
    found = figures({"score_distance": good, "same": good * 2}, errors, resampled=100)["measures"]
    gain = found["same"]["gain_over_score_distance"]["0.1"]
    assert (gain["value"], gain["low"], gain["high"]) == (0, 0, 0)
    reviewed = found["same"]["accuracy_after_review"]["0.1"]
    assert reviewed["low"] < reviewed["value"] < reviewed["high"]
    assert "gain_over_score_distance" not in found["score_distance"]


@pytest.mark.parametrize("errors", [[], [True, True], [False, False]])
def test_all_right_or_all_wrong_or_nothing_is_no_crash(errors):
    found = figures({"m": np.arange(float(len(errors)))}, errors)
    json.dumps(found, allow_nan=False)
    if errors:
        assert found["measures"]["m"]["error_auc"]["value"] is None
        reason = found["measures"]["m"]["error_auc"]["reason"]
        assert ("all wrong" in reason) == errors[0]
        assert values(found["measures"]["m"]) == float(errors[0])


def test_score_distance_is_largest_at_the_threshold_and_even_on_both_sides():
    found = score_distance(np.array([0.0, 0.1, 0.3, 0.9, 1.0]), 0.3)
    assert found.argmax() == 2
    assert found[2] == 0
    assert np.isfinite(found).all()
    assert score_distance(np.array([0.2, 0.8]), 0.5).tolist() == pytest.approx(
        [-1.386, -1.386], 1e-3
    )

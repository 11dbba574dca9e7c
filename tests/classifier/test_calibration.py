"""Calibration: logits to probabilities, weights for prevalence, and the calibration error."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moddefense.classifier.calibration import (
    Calibration,
    Curve,
    expected_calibration_error,
    prevalence_weights,
)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def both_classes(logits, probabilities):
    """Every logit once as harmful and once as not, weighted so that frequencies are exact."""
    return (
        np.concatenate([logits, logits]),
        np.repeat([1.0, 0.0], len(logits)),
        np.concatenate([probabilities, 1 - probabilities]) * 1000,
    )


@pytest.mark.parametrize(("slope", "intercept"), [(1.0, 0.0), (0.4, -2.0), (3.0, 1.5)])
def test_platt_scaling_recovers_its_parameters(slope, intercept):
    grid = np.linspace(-4, 4, 8001)
    logits, labels, weights = both_classes(grid, sigmoid(slope * grid + intercept))
    found = Calibration.fit(logits[:, None], labels[:, None], weights)
    assert found.slope[0] == pytest.approx(slope, rel=0.01)
    assert found.intercept[0] == pytest.approx(intercept, abs=0.02)
    np.testing.assert_allclose(
        found.probabilities(grid[:, None])[:, 0], sigmoid(slope * grid + intercept), atol=5e-3
    )


def test_each_label_is_fitted_on_what_is_known_of_it():
    grid = np.linspace(-4, 4, 4001)
    logits, labels, weights = both_classes(grid, sigmoid(2 * grid))
    misleading = np.full_like(labels, np.nan)
    one_class = np.where(np.arange(len(labels)) % 2, 1.0, np.nan)
    backwards = 1 - labels
    columns = np.stack([labels, misleading, one_class, backwards], axis=1)
    found = Calibration.fit(np.repeat(logits[:, None], 4, axis=1), columns, weights)
    assert found.slope.tolist() == [pytest.approx(2, rel=0.01), 1.0, 1.0, 1.0]
    assert found.intercept[1:].tolist() == [0.0, 0.0, 0.0]


def test_texts_that_are_well_apart_do_not_make_a_step():
    logits = np.concatenate([np.linspace(-9, -7, 500), np.linspace(7, 9, 50)])
    labels = (logits > 0).astype(float)
    found = Calibration.fit(logits[:, None], labels[:, None], np.ones(550))
    low, high = found.probabilities(np.array([[-8.0], [8.0]]))[:, 0]
    # Laplace's rule: as if there were one text more of each kind.
    assert low == pytest.approx(1 / 502, rel=0.05)
    assert high == pytest.approx(51 / 52, rel=0.05)


def test_temperature_is_a_slope_alone():
    grid = np.linspace(-4, 4, 8001)
    logits, labels, weights = both_classes(grid, sigmoid(0.5 * grid))
    found = Calibration.fit(logits[:, None], labels[:, None], weights, method="temperature")
    assert found.slope[0] == pytest.approx(0.5, rel=0.01)
    assert found.intercept[0] == 0
    assert found.methods == ("temperature",)


def sampled(probability, texts=6000, seed=0):
    """Logits and labels of texts whose harm has the probability that a function of the logit is."""
    generator = np.random.Generator(np.random.PCG64(seed))
    logits = generator.normal(0, 2, texts)
    return logits[:, None], (generator.random(texts) < probability(logits)).astype(float)[:, None]


def test_the_isotonic_curve_finds_any_rising_shape():
    def steps(z):
        return np.where(z < 0, 0.1, 0.8)

    found = Calibration.fit(*sampled(steps), np.ones(6000), method="isotonic")
    assert found.methods == ("isotonic",)
    grid = np.array([[-5.0], [-3.0], [-1.0], [1.0], [3.0], [5.0]])
    np.testing.assert_allclose(found.probabilities(grid)[:, 0], steps(grid[:, 0]), atol=0.06)
    assert found.problem(1) is None


@pytest.mark.parametrize(
    ("shape", "methods"),
    [
        (lambda z: sigmoid(1.5 * z - 2), ("platt",)),
        (lambda z: np.where(z < 0, 0.1, 0.8), ("isotonic",)),
        (lambda z: sigmoid(0.5 * z), ("platt", "temperature")),
    ],
)
def test_the_best_method_is_chosen_for_each_label(shape, methods):
    logits, labels = sampled(shape)
    positive = np.cumsum(labels == 1).reshape(labels.shape)
    few, some = (np.where((labels == 1) & (positive > n), np.nan, labels) for n in (15, 150))
    found = Calibration.fit(
        np.repeat(logits, 3, axis=1), np.concatenate([labels, few, some], axis=1),
        np.ones(len(logits)), method="auto",
    )  # fmt: skip
    assert found.methods[0] in methods
    assert found.methods[1] == "platt"  # too few to choose by
    assert found.methods[2] != "isotonic"  # too few for steps


@given(
    points=st.lists(st.tuples(st.integers(-50, 50), st.floats(0, 1)), min_size=1, max_size=9,
                    unique_by=lambda point: point[0]),
    logits=st.lists(st.floats(-60, 60, width=32), min_size=1, max_size=30),
)  # fmt: skip
def test_a_curve_is_linear_between_its_points_and_a_text_does_not_depend_on_others(points, logits):
    x = np.array(sorted(point[0] for point in points), float)
    y = np.array(sorted(point[1] for point in points))
    curve = Calibration(np.ones(1), np.zeros(1), (Curve(x, y),), ("isotonic",))
    assert curve.problem(1) is None
    found = curve.probabilities(np.array(logits, np.float32)[:, None])[:, 0]
    np.testing.assert_allclose(found, np.interp(logits, x, y), atol=1e-12)
    assert ((found >= 0) & (found <= 1)).all()
    alone = [curve.probabilities(np.array([[z]], np.float32))[0, 0] for z in logits]
    assert found.tolist() == alone
    stored = json.loads(json.dumps(curve.as_dict()))
    again = Calibration.from_dict(stored).probabilities(np.array(logits, np.float32)[:, None])
    assert again[:, 0].tolist() == alone


@pytest.mark.parametrize(
    ("x", "y", "says"),
    [
        ([0.0, 0.0], [0.1, 0.2], "does not rise"),
        ([0.0, 1.0], [0.3, 0.2], "does not rise"),
        ([0.0, 1.0], [0.3, 1.2], "leaves the range"),
        ([0.0, 1.0], [-0.3, 0.2], "leaves the range"),
        ([0.0, np.nan], [0.1, 0.2], "equally many numbers"),
        ([0.0, 1.0], [0.1, np.nan], "does not rise"),
        ([0.0], [0.1, 0.2], "equally many numbers"),
        ([], [], "equally many numbers"),
    ],
)
def test_what_is_no_curve(x, y, says):
    curve = Curve(np.array(x, float), np.array(y, float))
    found = Calibration(np.ones(1), np.zeros(1), (curve,)).problem(1)
    assert found is not None
    assert says in found


@given(
    logits=st.lists(st.floats(-1e6, 1e6, width=32), min_size=2, max_size=20),
    slope=st.floats(0.01, 10),
    intercept=st.floats(-10, 10),
)
def test_probabilities_keep_the_order_and_their_range(logits, slope, intercept):
    calibration = Calibration(np.array([slope]), np.array([intercept]))
    found = calibration.probabilities(np.sort(np.array(logits, np.float32))[:, None])[:, 0]
    assert ((found >= 0) & (found <= 1)).all()
    assert (np.diff(found) >= 0).all()


@given(harmful=st.lists(st.booleans(), min_size=2, max_size=50), prevalence=st.floats(0.01, 0.99))
def test_weights_give_the_prevalence_and_keep_the_total(harmful, prevalence):
    labels = np.array(harmful, float)
    weights = prevalence_weights(labels, prevalence)
    if 0 < labels.mean() < 1:
        assert np.average(labels, weights=weights) == pytest.approx(prevalence)
        assert weights.sum() == pytest.approx(len(labels))
    else:
        assert weights.tolist() == [1.0] * len(labels)


def test_prevalence_zero_keeps_the_corpus():
    assert prevalence_weights(np.array([1.0, 0.0, 0.0]), 0).tolist() == [1, 1, 1]


# Calibration error


def test_the_limit_cases_of_the_calibration_error():
    ones = np.ones(4)
    assert expected_calibration_error(np.array([1.0, 1, 0, 0]), np.array([1, 1, 0, 0]), ones) == 0
    assert expected_calibration_error(np.array([1.0, 1, 0, 0]), np.array([0, 0, 1, 1]), ones) == 1
    half = expected_calibration_error(np.full(4, 0.5), np.array([1, 0, 1, 0]), ones)
    assert half == pytest.approx(0)
    sure = expected_calibration_error(np.full(4, 0.9), np.array([1, 0, 1, 0]), ones)
    assert sure == pytest.approx(0.4)


def test_the_calibration_error_is_weighted():
    probabilities, labels = np.array([0.9, 0.1]), np.array([1, 1])
    for weights, expected in (([1, 0], 0.1), ([0, 1], 0.9), ([3, 1], 0.3)):
        found = expected_calibration_error(probabilities, labels, np.array(weights, float))
        assert found == pytest.approx(expected)


def test_one_bin_is_the_gap_of_the_means():
    probabilities, labels = np.array([0.1, 0.4, 0.9]), np.array([1, 0, 1])
    found = expected_calibration_error(probabilities, labels, np.ones(3), bins=1)
    assert found == pytest.approx(abs(probabilities.mean() - labels.mean()))

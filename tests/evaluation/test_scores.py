"""Figures of a score: against scikit-learn and by hand, intervals, and classes that lack."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    f1_score,
    precision_recall_curve,
    precision_score,
)

from moddefense.classifier.calibration import expected_calibration_error, prevalence_weights
from moddefense.evaluation.metrics import binary_metrics, recall_at
from moddefense.evaluation.reliability import reliability
from moddefense.evaluation.scores import Settings, curves, score_figures

ROWS = st.lists(st.tuples(st.booleans(), st.integers(0, 20)), min_size=1, max_size=60)
QUICK = Settings(resamples=20)


def numbers(node):
    if isinstance(node, dict):
        return [n for value in node.values() for n in numbers(value)]
    return [node] if isinstance(node, float) else []


@given(
    rows=ROWS, prevalence=st.sampled_from([0.0, 0.1, 0.6]), threshold=st.sampled_from([0.3, 0.8])
)
def test_figures_agree_with_scikit_learn(rows, prevalence, threshold):
    labels = np.array([int(row[0]) for row in rows])
    scores = np.array([row[1] / 20 for row in rows])
    weights = prevalence_weights(labels, prevalence)
    found = score_figures(labels, scores, weights, threshold=threshold, settings=QUICK)
    assert found["calibration_error"]["value"] == pytest.approx(
        expected_calibration_error(scores, labels, weights), abs=2e-6
    )
    at, flagged = found["at_threshold"], scores >= threshold
    assert at["accuracy"]["value"] == pytest.approx(
        accuracy_score(labels, flagged, sample_weight=weights), abs=2e-6
    )
    if len(set(labels)) < 2:
        assert found["average_precision"]["value"] is None
        assert "there are no harm" in found["average_precision"]["reason"]
        return
    assert found["average_precision"]["value"] == pytest.approx(
        average_precision_score(labels, scores, sample_weight=weights), abs=2e-6
    )
    assert at["f1"]["value"] == pytest.approx(
        f1_score(labels, flagged, sample_weight=weights), abs=2e-6
    )
    if flagged.any():
        assert at["precision"]["value"] == pytest.approx(
            precision_score(labels, flagged, sample_weight=weights), abs=2e-6
        )
    else:
        assert at["precision"] == {"value": None, "reason": "no text reaches the threshold"}
    precision, recall, _ = precision_recall_curve(labels, scores, sample_weight=weights)
    for target, figure in found["precision_at_recall"].items():
        reached = recall >= float(target) - 1e-9
        assert figure["value"] == pytest.approx(precision[:-1][reached[:-1]].max(), abs=2e-6)
    for target, figure in found["recall_at_precision"].items():
        good = precision[:-1] >= float(target) - 1e-9
        if good.any():
            assert figure["value"] == pytest.approx(recall[:-1][good].max(), abs=2e-6)
            assert (scores >= figure["threshold"]).any()
        else:
            assert figure == {"value": None, "reason": "no threshold has this precision"}
    best = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
    assert found["f1_best"]["value"] == pytest.approx(best.max(), abs=2e-6)
    for share, figure in found["recall_at_false_positives"].items():
        reached = [
            (labels[scores >= t] == 1).sum() / labels.sum()
            for t in np.append(scores, 2)
            if (scores[labels == 0] >= t).mean() <= float(share)
        ]
        assert figure["value"] == pytest.approx(max(reached), abs=2e-6)
        assert figure["value"] == pytest.approx(recall_at(labels, scores, float(share)), abs=2e-6)
    for figure in [*found["precision_at_recall"].values(), found["f1_best"]]:
        flags = scores >= figure["threshold"]
        assert flags.any()  # the threshold that is named gives the figure
    assert np.isfinite(numbers(found)).all()


def test_intervals_narrow_with_more_texts_and_hold_the_value():
    generator = np.random.Generator(np.random.PCG64(2))
    width = []
    for n in (200, 5000):
        labels = (generator.random(n) < 0.3).astype(int)
        scores = 1 / (1 + np.exp(-generator.normal(3 * labels - 2, 1.5)))
        found = score_figures(labels, scores, np.ones(n), threshold=0.5)
        for name in ("auc", "average_precision", "f1_best"):
            assert found[name]["low"] < found[name]["value"] < found[name]["high"]
        width.append(found["average_precision"]["high"] - found["average_precision"]["low"])
    assert width[1] < width[0] / 3
    again = score_figures(labels, scores, np.ones(n), threshold=0.5)
    assert again == found
    other = score_figures(labels, scores, np.ones(n), threshold=0.5, settings=Settings(seed=1))
    assert other["average_precision"]["low"] != found["average_precision"]["low"]


@pytest.mark.parametrize("labels", [[], [0, 0], [1, 1]])
def test_a_class_that_is_not_there_gives_reasons_and_valid_json(labels):
    labels = np.array(labels, float)
    found = score_figures(labels, np.full(len(labels), 0.7), np.ones(len(labels)), threshold=0.5)
    assert found["auc"]["value"] is None
    assert found["auc"]["reason"]
    assert found["texts"] == len(labels)
    json.dumps(found, allow_nan=False)
    assert curves(labels, np.full(len(labels), 0.7), np.ones(len(labels)))["roc"] == []
    if len(labels):
        assert found["calibration_error"]["value"] == pytest.approx(abs(0.7 - labels[0]))


def test_the_highest_score_may_already_be_a_false_positive():
    found = score_figures(
        np.array([0, 1, 0, 1]), np.array([0.9, 0.8, 0.2, 0.1]), np.ones(4), threshold=0.5
    )
    lowest = found["recall_at_false_positives"]["0.01"]
    assert lowest["value"] == 0
    assert "threshold" not in lowest


def test_curves_are_thinned_between_the_ends():
    generator = np.random.Generator(np.random.PCG64(2))
    labels = np.arange(3000) % 2
    found = curves(labels, generator.random(3000) / 2 + labels / 4, np.ones(3000))
    assert found["roc"][0] == [0, 0]
    assert found["roc"][-1] == [1, 1]
    assert len(found["roc"]) <= 201
    assert found["precision_recall"][-1][0] == 1
    assert (np.diff(found["roc"], axis=0) >= 0).all()


def test_the_bins_of_a_reliability_diagram():
    labels, scores = np.array([1, 0, 1, 1]), np.array([0.0, 0.05, 0.95, 1.0])
    low, high = reliability(labels, scores, np.array([1.0, 3, 1, 1]), bins=10)
    assert (low["low"], low["high"], low["texts"]) == (0, 0.1, 2)
    assert low["frequency"]["value"] == 0.25
    assert low["score"] == pytest.approx(0.0375)
    assert (high["low"], high["frequency"]["value"]) == (0.9, 1)
    assert low["share"] + high["share"] == pytest.approx(1)


def test_figures_of_training_are_the_same_points():
    generator = np.random.Generator(np.random.PCG64(7))
    labels = np.arange(500) % 2
    scores = np.clip(generator.normal(0.4 + 0.2 * labels, 0.2), 0, 1)
    found = score_figures(labels, scores, np.ones(500), threshold=0.5, settings=QUICK)
    short = binary_metrics(labels, scores, np.ones(500))
    assert short["auc"] == round(found["auc"]["value"], 4)
    assert short["average_precision"] == round(found["average_precision"]["value"], 4)
    assert short["recall_at_5pct_false_positives"] == round(
        found["recall_at_false_positives"]["0.05"]["value"], 4
    )

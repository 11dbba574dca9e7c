"""The trigger: a logistic model over hashed n-grams, and its threshold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moddefense.classifier.calibration import expected_calibration_error, prevalence_weights
from moddefense.tokens import Tokens
from moddefense.trigger import Trigger, recall_threshold

ROWS = st.lists(st.lists(st.integers(1, 50), max_size=12), min_size=1, max_size=8)


def ragged(rows):
    return Tokens(
        np.array([v for row in rows for v in row], np.int32),
        np.array([len(row) for row in rows], np.int64),
    )


def trigger(buckets=64):
    generator = np.random.Generator(np.random.PCG64(1))
    return Trigger(generator.normal(size=buckets).astype(np.float32), -0.5)


@given(ROWS)
def test_a_text_scores_the_same_in_any_company(rows):
    together = trigger().probabilities(ragged(rows))
    alone = [trigger().probabilities(ragged([row]))[0] for row in rows]
    assert together.tolist() == alone
    assert together[::-1].tolist() == trigger().probabilities(ragged(rows[::-1])).tolist()


def test_a_text_without_tokens_scores_the_intercept():
    found = trigger().probabilities(ragged([[], [1], []]))
    assert found[0] == found[2] == pytest.approx(1 / (1 + np.exp(0.5)))
    assert trigger().probabilities(ragged([])).tolist() == []


def test_pairs_of_tokens_have_an_order_and_a_weight_of_their_own():
    found = trigger(1 << 16).probabilities(ragged([[1, 2], [2, 1], [1], [2]]))
    assert len(set(found.tolist())) == 4


def test_repeating_a_text_does_not_trigger_by_length_alone():
    weights = np.full(64, 0.1, np.float32)
    found = Trigger(weights, 0.0).probabilities(ragged([[1], [1] * 100]))
    # 199 n-grams of equal weight count as their root.
    assert np.log(found / (1 - found)).tolist() == pytest.approx([0.1, 0.1 * 199**0.5], rel=1e-5)


def test_fitting_finds_a_telling_token_and_a_telling_pair():
    generator = np.random.Generator(np.random.PCG64(2))
    rows = [generator.integers(10, 40, 6).tolist() for _ in range(300)]
    target = np.array([number % 2 for number in range(300)])
    for number in range(1, 300, 2):
        rows[number][2:4] = [5, 6] if number % 4 == 1 else [7, 8]
    fitted = Trigger.fit(ragged(rows), target, np.ones(300), buckets=4096, inverse_penalty=1.0)
    again = Trigger.fit(ragged(rows), target, np.ones(300), buckets=4096, inverse_penalty=1.0)
    np.testing.assert_array_equal(fitted.weights, again.weights)
    found = fitted.probabilities(ragged([[11, 5, 6, 12], [11, 7, 8, 12], [11, 12, 13, 14]]))
    assert (found > 0.5).tolist() == [True, True, False]


@pytest.mark.parametrize(("target", "likely"), [(0, False), (1, True)])
def test_a_target_of_one_class_is_a_constant(target, likely):
    rows = ragged([[1, 2], [3], [4, 5, 6]])
    fitted = Trigger.fit(rows, np.full(3, target), np.ones(3), buckets=16, inverse_penalty=1.0)
    found = fitted.probabilities(ragged([[1], [], [9, 9]]))
    assert len(set(found.tolist())) == 1
    assert (found[0] > 0.5) == likely


def balanced_texts(seed, texts=3000):
    """Texts of which half are wanted, more likely so the more often they say 1."""
    generator = np.random.Generator(np.random.PCG64(seed))
    rows = [generator.integers(1, 9, size=generator.integers(1, 9)).tolist() for _ in range(texts)]
    odds = np.array([2.0 * row.count(1) - 1 for row in rows])
    wanted = generator.random(texts) < 1 / (1 + np.exp(-odds))
    return ragged(rows), wanted.astype(float)


def test_calibrated_it_says_how_often_the_classifier_is_wanted_at_the_prevalence():
    tokens, wanted = balanced_texts(3)
    fitted = Trigger.fit(tokens, wanted, np.ones(3000), buckets=1024, inverse_penalty=1.0)
    tokens, wanted = balanced_texts(4)
    calibrated = fitted.calibrated(tokens, wanted, prevalence_weights(wanted, 0.1))
    tokens, wanted = balanced_texts(5)
    weights = prevalence_weights(wanted, 0.1)
    before, after = (
        expected_calibration_error(one.probabilities(tokens), wanted, weights)
        for one in (fitted, calibrated)
    )
    assert before > 0.2
    assert after < 0.02


def test_calibrating_changes_no_order_and_no_recall():
    tokens, wanted = balanced_texts(6)
    fitted = trigger(1024)
    calibrated = Trigger.fit(
        tokens, wanted, np.ones(3000), buckets=1024, inverse_penalty=1.0
    ).calibrated(tokens, wanted, np.ones(3000))
    again = calibrated.calibrated(tokens, wanted, np.ones(3000))
    assert again.log_odds(tokens) == pytest.approx(calibrated.log_odds(tokens), abs=0.01)
    # What only rises where wanted texts fall would turn the order around: it stays as it is.
    inverted = Trigger(-calibrated.weights, -calibrated.intercept)
    assert inverted.calibrated(tokens, wanted, np.ones(3000)).intercept == inverted.intercept
    for one in (fitted, calibrated):
        rows = wanted == 1
        other = one.calibrated(tokens, wanted, prevalence_weights(wanted, 0.1))
        values = [t.log_odds(tokens) for t in (one, other)]
        ranks = [np.argsort(np.argsort(np.round(v, 4), kind="stable")) for v in values]
        passed = [v >= np.sort(v[rows])[15] for v in values]
        assert np.mean(abs(ranks[0] - ranks[1])) < 1
        assert (passed[0] == passed[1]).mean() > 0.999


@given(
    probabilities=st.lists(st.floats(0, 1), min_size=1, max_size=60),
    recall=st.floats(0.5, 1),
    data=st.data(),
)
def test_the_threshold_keeps_the_recall_and_no_higher_one_does(probabilities, recall, data):
    values = np.array(probabilities)
    wanted = np.array(
        data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values)))
    )
    threshold = recall_threshold(values, wanted, recall)
    if not wanted.any():
        assert threshold == 0.0
        return
    assert np.mean(values[wanted] >= threshold) >= recall - 1e-9
    assert np.mean(values[wanted] > threshold + 1e-6) < recall + 1e-9

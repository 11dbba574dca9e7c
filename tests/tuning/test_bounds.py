"""Exact bounds: what they allow, and that choosing by the same sample keeps the promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from moddefense.tuning.bounds import (
    allowed_misses,
    certified_threshold,
    lower_bound,
    repeatable_misses,
    rows_needed,
)

RECALLS = st.floats(0.5, 0.999)
DELTAS = st.floats(0.001, 0.5)


@given(rows=st.integers(1, 3000), recall=RECALLS, delta=DELTAS)
def test_misses_are_allowed_as_long_as_a_lower_recall_would_hardly_give_so_few(rows, recall, delta):
    most = allowed_misses(rows, recall=recall, delta=delta)
    assert -1 <= most < rows
    if most >= 0:
        assert binom.cdf(most, rows, 1 - recall) <= delta
        assert lower_bound(rows - most, rows, delta=delta) >= recall - 1e-9
    assert binom.cdf(most + 1, rows, 1 - recall) > delta


@given(recall=RECALLS, delta=DELTAS)
def test_the_rows_that_it_takes_are_just_enough(recall, delta):
    needed = rows_needed(recall=recall, delta=delta)
    assert recall**needed <= delta * (1 + 1e-6)
    assert needed == 1 or recall ** (needed - 1) > delta * (1 - 1e-6)


def test_a_recall_of_one_cannot_be_shown():
    assert allowed_misses(10**6, recall=1.0, delta=0.05) == -1
    assert certified_threshold(np.ones(10**4), recall=1.0, delta=0.05) is None


@given(
    values=st.lists(st.floats(0, 1) | st.just(math.inf), max_size=200),
    recall=st.floats(0.5, 0.95),
    delta=st.floats(0.05, 0.5),
)
def test_the_threshold_is_the_highest_of_the_grid_that_misses_no_more_than_allowed(
    values, recall, delta
):
    values = np.array(values)
    most = allowed_misses(len(values), recall=recall, delta=delta)
    found = certified_threshold(values, recall=recall, delta=delta)
    if most < 0:
        assert found is None
        return
    most = min(most, max(0, repeatable_misses(len(values), recall=recall, delta=delta)))
    assert np.sum(values < found) <= most
    assert found == 1 or np.sum(values < found + 1e-6) > most


@pytest.mark.parametrize(("rows", "recall", "delta"), [(400, 0.95, 0.1), (1200, 0.99, 0.05)])
def test_the_promise_fails_as_rarely_as_was_said(rows, recall, delta):
    """Values are uniform, so that the true recall of a threshold t is 1 - t."""
    generator = np.random.default_rng(3)
    thresholds = [
        certified_threshold(generator.random(rows), recall=recall, delta=delta) for _ in range(2000)
    ]
    kept = [1 - threshold >= recall for threshold in thresholds]
    again = [np.mean(generator.random(rows) >= threshold) >= recall for threshold in thresholds]
    # On as many new texts, exact but for the steps of counting: neither broken nor far too careful.
    assert 1 - delta - 0.015 <= np.mean(again) <= 1 - delta / 3
    assert np.mean(kept) >= np.mean(again)

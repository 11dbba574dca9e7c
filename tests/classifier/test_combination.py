"""The combination of several opinions into one score."""

from __future__ import annotations

import numpy as np
import pytest

from moddefense.classifier.combination import balanced_weights, combine


@pytest.fixture(scope="module")
def opinions() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.Generator(np.random.PCG64(1))
    both = generator.normal(size=(4000, 2))
    chance = 1 / (1 + np.exp(-2 * both[:, 0] - both[:, 1]))
    return both, (generator.random(4000) < chance).astype(float)


def test_an_opinion_counts_as_much_as_it_helps(opinions):
    both, target = opinions
    found = combine(both, target, np.ones(4000))
    assert found[1] / found[0] == pytest.approx(0.5, abs=0.1)


def test_a_contrary_opinion_counts_nothing(opinions):
    both, target = opinions
    assert combine(both * [1, -1], target, np.ones(4000))[1] == 0


def test_the_first_opinion_is_never_ignored(opinions):
    both, target = opinions
    found = combine(both * [-1, 1], target, np.ones(4000))
    assert found[0] == pytest.approx(found[1] / 100)


def test_nothing_to_learn_leaves_the_first_opinion_alone(opinions):
    both, target = opinions
    assert combine(-both, target, np.ones(4000)).tolist() == [1, 0]


def test_texts_without_weight_teach_nothing(opinions):
    both, target = opinions
    weights = np.repeat([1.0, 0.0], 2000)
    turned = np.where(weights == 0, 1 - target, target)
    expected = combine(both[:2000], target[:2000], np.ones(2000))
    assert combine(both, turned, weights) == pytest.approx(expected, rel=1e-3)


def test_groups_share_what_the_first_leaves():
    weights = balanced_weights(np.array([0, 1, 1, 3, 0, 0]), first=0.5)
    assert weights.sum() == pytest.approx(1)
    assert weights[[0, 4, 5]].sum() == pytest.approx(0.5)
    assert weights[[1, 2]].sum() == pytest.approx(weights[3])
    assert weights[3] == pytest.approx(0.25)


def test_one_group_alone_has_all_the_weight():
    assert balanced_weights(np.zeros(4, int), first=0.3).tolist() == [0.25] * 4

"""Thresholds for a target of recall or precision, label by label."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moddefense.corpus import Corpus
from moddefense.policy import Policy, read_policy
from moddefense.thresholds import label_rules, recall_score
from moddefense.training import train


@given(
    scores=st.lists(st.floats(0, 1), min_size=1, max_size=30), recall=st.floats(0.01, 1),
    seed=st.integers(0, 9),
)  # fmt: skip
def test_the_recall_is_reached_and_by_no_higher_score(scores, recall, seed):
    values = np.array(scores)
    labels = np.random.Generator(np.random.PCG64(seed)).integers(0, 2, len(values))
    found = recall_score(labels, values, recall)
    positive = values[labels == 1]
    if not positive.size:
        assert found == 1
        return
    assert (positive >= found).mean() >= recall - 1e-9
    for higher in positive[positive > found]:
        assert (positive >= higher).mean() < recall


@pytest.fixture
def corpus():
    labels = np.array([[1, 1], [1, 0], [0, 0], [0, np.nan], [1, np.nan]], np.float32)
    return Corpus(tuple("abcde"), labels, ("one", "two"), None, "corpus.csv")


SCORES = np.array([[0.9, 0.55555], [0.8, 0.2], [0.85, 0.3], [0.1, 0.99], [0.3, 0.9]])


def test_each_label_gets_what_its_known_texts_support(corpus):
    rules, report = label_rules(corpus, SCORES, np.ones(5), recall=0.6, precision=0.9)
    assert (rules["one"].review, rules["one"].block) == (0.8, 0.9)
    assert (rules["two"].review, rules["two"].block) == (0.5555, 0.5556)
    assert report["one"]["review"] == {"threshold": 0.8, "recall": 0.6667, "precision": 0.6667}
    assert report["two"]["review"] == {"threshold": 0.5555, "recall": 1.0, "precision": 1.0}


def test_what_is_not_asked_for_or_not_to_be_had_is_not_set(corpus):
    rules, report = label_rules(corpus, SCORES, np.ones(5), recall=0.6, precision=0)
    assert rules["one"].block is None
    assert set(report["one"]) == {"review"}
    backwards = 1 - SCORES  # the highest score is that of a harmless text
    assert label_rules(corpus, backwards, np.ones(5), recall=0, precision=1) == ({}, {})
    nothing = Corpus(("a",), np.zeros((1, 1), np.float32), ("one",), None, "corpus.csv")
    assert label_rules(nothing, np.ones((1, 1)), np.ones(1), recall=1, precision=1) == ({}, {})


def test_training_writes_them_into_policy_and_report(toy_recipe, toy_corpus, tmp_path):
    settings = {"training.epochs": 1, "policy.label_recall": 0.9, "policy.label_precision": 0.9}
    result = train(toy_recipe.override(settings), toy_corpus)
    report = result.report["label_thresholds"]
    assert set(report) == {"toxic", "insult"}
    assert all(entry["review"]["recall"] >= 0.9 for entry in report.values())
    result.bundle.save(tmp_path / "bundle")
    policy = read_policy(tmp_path / "bundle" / "policy.toml")
    rules = dict(policy.labels)
    assert rules["toxic"].review == report["toxic"]["review"]["threshold"]
    assert policy != Policy()

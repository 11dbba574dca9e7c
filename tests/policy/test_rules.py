"""Rules of their own for categories and labels."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from canned import POLICY, Canned, outcome

import moddefense as md
from moddefense.errors import PolicyError
from moddefense.lexicon import Match, Term
from moddefense.pipeline import Guard


def in_category(severity, category):
    return Match(Term(f"x-{category}", "crap", severity=severity, category=category), 0, 4, "crap",
                 ())  # fmt: skip


@pytest.mark.parametrize(
    ("category", "severity", "expected"),
    [("threat", 2, "block"), ("threat", 1, "review"), ("insult", 4, "allow"), ("spam", 4, "block")],
)
def test_a_category_may_have_severities_of_its_own(category, severity, expected):
    rules = {"threat": {"block_severity": 2, "review_severity": 1},
             "insult": {"block_severity": 5, "review_severity": 5}}  # fmt: skip
    policy = dataclasses.replace(POLICY, categories=rules)
    assert outcome(policy, matches=[in_category(severity, category)], score=0.1)[0] == expected


class Labelled(Canned):
    """A classifier with a label."""

    def examine(self, screening, rows):
        super().examine(screening, rows)
        screening.label_names = ("threat",)
        screening.labels = np.full((len(screening), 1), self.table["threat"])


@pytest.mark.parametrize(
    ("score", "threat", "expected"),
    [
        (0.1, 0.29, "allow"), (0.1, 0.3, "review"), (0.1, 0.7, "block"), (0.9, 0.0, "block"),
        (0.5, 0.3, "review"), (0.1, math.nan, "allow"),
    ],
)  # fmt: skip
def test_a_label_raises_a_decision_and_never_lowers_it(score, threat, expected):
    policy = dataclasses.replace(POLICY, labels={"threat": {"review": 0.3, "block": 0.7}})
    stage = Labelled("classifier", {"hm": (score, math.nan), "threat": threat})
    verdict = Guard([stage], policy, fingerprints={}).screen_one("hm")
    assert verdict.decision == expected
    assert ("label threat" in verdict.reason) == (expected != "allow" and score < 0.4)


@pytest.mark.parametrize(
    "settings",
    [
        {"shadow_stages": ["lexikon"]}, {"shadow_stages": "lexicon"},
        {"categories": {"x": {"block_severity": 1}}}, {"categories": {"x": {"block": 1}}},
        {"categories": {"x": {"block_severity": 6}}}, {"categories": {"x": 3}},
        {"labels": {"x": {"review": 0.5, "block": 0.4}}}, {"labels": {"x": {"block": 1.5}}},
    ],
    ids=str,
)  # fmt: skip
def test_rules_that_cannot_be_are_refused(settings):
    with pytest.raises(PolicyError, match=r"^policy: [a-z]+\.[a-z_.]+: ."):
        md.Policy(**settings)


def test_rules_survive_the_file(tmp_path):
    policy = md.Policy(
        categories={"self-harm": {"trigger_severity": 1, "review_severity": 2}, "x y": {}},
        labels={"threat": {"block": 0.5}}, shadow_stages=("trigger",), trigger_obfuscated=False,
    )  # fmt: skip
    path = tmp_path / "policy.toml"
    path.write_text(policy.to_toml({"": "two\nlines", "trigger.threshold": "promised"}))
    assert path.read_text().startswith("# two\n# lines\n")
    assert "  # promised" in path.read_text()
    assert md.read_policy(path) == policy
    path.write_text("[labels.threat]\nblock = 'x'\n")
    with pytest.raises(PolicyError, match=r"policy\.toml:2: labels\.threat\.block: 'x' is not"):
        md.read_policy(path)


def test_a_label_that_the_bundle_does_not_have_is_refused(toy_bundle):
    with pytest.raises(PolicyError, match=r"labels\.rude: .* known are toxic, insult"):
        md.load(toy_bundle, policy=md.Policy(labels={"rude": {"block": 0.5}}))

"""Which evidence leads to which decision, and in which order."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from canned import LADDER, POLICY, decide, hit, outcome
from hypothesis import given
from hypothesis import strategies as st

from moddefense.policy import DECISIONS


@pytest.mark.parametrize(("evidence", "expected"), LADDER, ids=lambda v: str(v)[:40])
def test_precedence(evidence, expected):
    assert outcome(**evidence) == expected


def test_an_allow_term_inside_a_text_never_silences_the_classifier():
    allow = hit(kind="allow", match="text")
    assert outcome(matches=[allow], score=0.9)[1] == "whitelist"
    # What the matcher cancels inside a longer text leaves no hit: the classifier decides alone.
    assert outcome(matches=[], score=0.9) == ("block", "classifier")


# What the lexicon decides


@pytest.mark.parametrize("others", [[], [hit(4)]])
def test_an_allowed_whole_text_comes_before_everything(others):
    allow = hit(kind="allow", match="text")
    assert outcome(matches=[allow, *others], trigger=1, score=1) == ("allow", "whitelist")


@pytest.mark.parametrize(
    ("severity", "score", "decision", "decided_by"),
    [
        (4, 0.0, "block", "blacklist"),
        (4, 1.0, "block", "blacklist"),
        (3, 0.0, "review", "blacklist"),
        (3, 0.5, "review", "classifier"),
        (3, 1.0, "block", "classifier"),
        (2, 0.0, "allow", "classifier"),
        (2, 1.0, "block", "classifier"),
    ],
)
def test_severity_blocks_or_sets_a_floor_or_leaves_it_to_the_classifier(
    severity, score, decision, decided_by
):
    assert outcome(matches=[hit(severity)], trigger=0.0, score=score) == (decision, decided_by)


def test_the_severest_of_several_hits_counts():
    assert outcome(matches=[hit(1), hit(4), hit(2)]) == ("block", "blacklist")


def test_what_is_blacklisted_reaches_no_model():
    verdict = decide(matches=[hit(4)])
    assert (verdict.trigger, verdict.score) == (None, None)


def test_a_hit_below_trigger_severity_does_not_force_the_classifier():
    policy = dataclasses.replace(POLICY, lexicon_trigger_severity=2)
    assert outcome(policy, matches=[hit(1)], trigger=0.1) == ("allow", "trigger")
    assert outcome(policy, matches=[hit(2)], trigger=0.1) == ("review", "classifier")


def test_a_hit_under_review_is_classified_even_where_hits_do_not_trigger():
    policy = dataclasses.replace(POLICY, lexicon_trigger_severity=5)
    assert outcome(policy, matches=[hit(3)], trigger=0.0, score=0.9) == ("block", "classifier")


def test_severity_five_switches_an_action_off():
    policy = dataclasses.replace(POLICY, lexicon_block_severity=5, lexicon_review_severity=5)
    assert outcome(policy, matches=[hit(4)], score=0.1) == ("allow", "classifier")


# What trigger and classifier decide


@pytest.mark.parametrize(
    ("trigger", "expected"),
    [
        (0.2, ("review", "classifier")),
        (0.1999996, ("review", "classifier")),
        (0.199999, ("allow", "trigger")),
        (0.1999994, ("allow", "trigger")),
    ],
)
def test_the_trigger_threshold_is_inclusive(trigger, expected):
    assert outcome(trigger=trigger) == expected


@pytest.mark.parametrize(
    ("score", "decision"),
    [
        (0.0, "allow"), (0.399999, "allow"), (0.4, "review"), (0.799999, "review"), (0.8, "block"),
        (1.0, "block"), (0.3999994, "allow"), (0.3999996, "review"), (0.7999996, "block"),
    ],
)  # fmt: skip
def test_score_thresholds_are_inclusive_of_scores_as_they_are_printed(score, decision):
    verdict = decide(score=score)
    assert (verdict.decision, verdict.decided_by) == (decision, "classifier")
    assert (verdict.score >= 0.4, verdict.score >= 0.8) == (
        decision != "allow",
        decision == "block",
    )


@pytest.mark.parametrize(
    ("score", "spread", "decision"),
    [
        (0.30, 0.05, "allow"), (0.30, 0.15, "review"), (0.50, 0.60, "review"),
        (0.90, 0.15, "review"), (0.90, 0.05, "block"), (0.90, math.nan, "block"),
    ],
)  # fmt: skip
def test_a_score_must_keep_its_distance_when_unsure(score, spread, decision):
    assert outcome(score=score, spread=spread) == (decision, "classifier")


def test_reach_zero_lets_the_score_alone_decide():
    policy = dataclasses.replace(POLICY, uncertainty_reach=0)
    assert outcome(policy, score=0.9, spread=0.5) == ("block", "classifier")
    assert not policy.needs_sampling(np.array([0.4, 0.8])).any()


def test_sampling_is_needed_near_a_threshold_only():
    scores = np.array([0.0, 0.4, 0.79, 0.8, 1.0])
    policy = dataclasses.replace(POLICY, uncertainty_margin=0.5)
    assert policy.needs_sampling(scores).tolist() == [False, True, True, True, False]


@given(
    score=st.floats(0, 1), spread=st.floats(0, 0.5), lower=st.floats(0, 1), raised=st.floats(0, 1)
)
def test_a_lower_threshold_never_relaxes_a_decision(score, spread, lower, raised):
    lower, raised = sorted((lower, raised))
    strict = dataclasses.replace(POLICY, classifier_review=lower, classifier_block=raised)
    lax = dataclasses.replace(POLICY, classifier_review=raised, classifier_block=raised)
    decisions = [decide(p, score=score, spread=spread).decision for p in (lax, strict)]
    assert DECISIONS.index(decisions[0]) <= DECISIONS.index(decisions[1])


# What nobody decides


@pytest.mark.parametrize("default", DECISIONS)
@pytest.mark.parametrize("stages", [["lexicon"], ["trigger"], ["lexicon", "trigger"]])
def test_the_default_decides_what_no_stage_does(default, stages):
    policy = dataclasses.replace(POLICY, default_decision=default)
    assert outcome(policy, stages=stages) == (default, "default")


def test_the_floor_holds_without_a_classifier():
    assert outcome(matches=[hit(3)], stages=["lexicon"]) == ("review", "blacklist")
    strict = dataclasses.replace(POLICY, default_decision="block")
    assert outcome(strict, matches=[hit(3)], stages=["lexicon"]) == ("block", "default")


@pytest.mark.parametrize("text", ["", "  \n", "\u200b\u2060"])
def test_a_text_that_shows_nothing_gets_the_default(text):
    verdict = decide(text=text, score=1.0)
    assert (verdict.decision, verdict.decided_by) == ("allow", "default")
    assert "nothing to read" in verdict.reason


# Severity


@given(
    severities=st.lists(st.integers(1, 4), min_size=1, max_size=3),
    which=st.integers(0, 2),
    trigger=st.floats(0, 1),
    score=st.floats(0, 1),
    spread=st.one_of(st.just(math.nan), st.floats(0, 0.5)),
    bounds=st.lists(st.integers(1, 5), min_size=3, max_size=3).map(sorted),
    stages=st.sets(st.sampled_from(["trigger", "classifier"])),
    default=st.sampled_from(DECISIONS),
    audit=st.sampled_from([0.0, 0.5, 1.0]),
)
def test_raising_a_severity_never_relaxes_a_decision(
    severities, which, trigger, score, spread, bounds, stages, default, audit
):
    policy = dataclasses.replace(
        POLICY, lexicon_trigger_severity=bounds[0], lexicon_review_severity=bounds[1],
        lexicon_block_severity=bounds[2], default_decision=default, audit_rate=audit,
    )  # fmt: skip
    raised = list(severities)
    raised[which % len(raised)] = min(4, raised[which % len(raised)] + 1)
    names = [name for name in ("lexicon", "trigger", "classifier") if name in {"lexicon", *stages}]
    before, after = (
        DECISIONS.index(
            decide(
                policy, matches=[hit(s) for s in each], trigger=trigger, score=score,
                spread=spread, stages=names,
            ).decision
        )
        for each in (severities, raised)
    )  # fmt: skip
    assert after >= before

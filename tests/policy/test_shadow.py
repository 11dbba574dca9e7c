"""Stages in shadow: heard, and without a say."""

from __future__ import annotations

import dataclasses

import pytest
from canned import LADDER, POLICY, decide, hit, outcome


@pytest.mark.parametrize(
    ("stage", "evidence", "expected", "says"),
    [
        ("lexicon", {"matches": [hit(4)], "score": 0.1}, ("allow", "classifier"),
         "in shadow: lexicon would block (x-4)"),
        ("lexicon", {"matches": [hit(kind="allow", match="text")], "score": 0.9},
         ("block", "classifier"), "in shadow: lexicon would allow (x-text)"),
        ("trigger", {"trigger": 0.0, "score": 0.9}, ("block", "classifier"),
         "in shadow: trigger would keep it from the classifier"),
        ("classifier", {"score": 0.9}, ("allow", "default"),
         "in shadow: classifier would block (score 0.900)"),
        ("classifier", {"matches": [hit(3)], "score": 0.9}, ("review", "blacklist"),
         "in shadow: classifier would block"),
    ],
)  # fmt: skip
def test_a_stage_in_shadow_is_heard_and_has_no_say(stage, evidence, expected, says):
    policy = dataclasses.replace(POLICY, shadow_stages=[stage])
    verdict = decide(policy, **evidence)
    assert (verdict.decision, verdict.decided_by) == expected
    assert says in verdict.reason
    assert len(verdict.reason.splitlines()) == 1
    if stage == "lexicon":
        assert len(verdict.matches) == 1


def test_a_stage_in_shadow_decides_as_if_it_were_not_there():
    for stage, others in (("lexicon", ["trigger", "classifier"]), ("trigger", ["lexicon",
                          "classifier"]), ("classifier", ["lexicon", "trigger"])):  # fmt: skip
        policy = dataclasses.replace(POLICY, shadow_stages=[stage])
        for evidence, _ in LADDER:
            assert outcome(policy, **evidence) == outcome(stages=others, **evidence)

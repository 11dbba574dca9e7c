"""Reasons: one line that a moderator can read."""

from __future__ import annotations

import dataclasses

import pytest
from canned import POLICY, decide, hit

from moddefense.lexicon import Match, Term


@pytest.mark.parametrize(
    ("evidence", "parts"),
    [
        ({"matches": [hit(kind="allow", match="text")]}, ["whole text", "x-text"]),
        ({"matches": [hit(4)]}, ["profanity", "x-4", "severity 4", "“crap”"]),
        ({"matches": [hit(4), hit(1)]}, ["x-4", "and 1 more"]),
        ({"matches": [hit(3)], "score": 0.1}, ["x-3", "severity 3"]),
        ({"trigger": 0.1}, ["trigger 0.100", "below 0.200"]),
        ({"score": 0.1}, ["score 0.100", "below review threshold 0.400"]),
        ({"score": 0.35, "spread": 0.1}, ["0.350 ± 0.100", "not surely below review", "0.400"]),
        ({"score": 0.5}, ["score 0.500", "at or above review threshold 0.400"]),
        ({"score": 0.85, "spread": 0.1}, ["0.850 ± 0.100", "not surely at block", "0.800"]),
        ({"score": 0.9}, ["score 0.900", "at or above block threshold 0.800"]),
        ({"stages": ["lexicon"]}, ["no stage decided", "allow"]),
    ],
)
def test_a_reason_is_one_line_that_names_the_evidence_and_the_threshold(evidence, parts):
    reason = decide(**evidence).reason
    assert len(reason.splitlines()) == 1
    assert [part for part in parts if part not in reason] == []


def test_a_reason_of_the_audit_says_so():
    policy = dataclasses.replace(POLICY, audit_rate=1)
    reason = decide(policy, trigger=0.0, score=0.9).reason
    assert reason == "audit sample: score 0.900 at or above block threshold 0.800"


def test_a_reason_shortens_and_flattens_what_it_quotes():
    term = Term("x-long", "crap", severity=4)
    long = Match(term, 0, 90, "c\nr " + "a" * 90 + "p", ("repetition",))
    reason = decide(matches=[long]).reason
    assert "“c r aaa" in reason
    assert "…” through repetition" in reason
    assert len(reason) < 120

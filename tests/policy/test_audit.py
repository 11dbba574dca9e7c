"""The audit: a seeded share of what the trigger keeps back is classified all the same."""

from __future__ import annotations

import dataclasses
import math

import pytest
from canned import POLICY, Canned, hit

from moddefense.pipeline import Guard


def audited(policy, texts, *, matches=()):
    stages = [
        Canned("lexicon", dict.fromkeys(texts, matches)),
        Canned("trigger", dict.fromkeys(texts, 0.0)),
        Canned("classifier", dict.fromkeys(texts, (0.9, math.nan))),
    ]
    screening = Guard(stages, policy, fingerprints={}).screen(texts)
    return {v.text: v.decision for v in screening if v.decided_by == "audit"}


def test_the_audit_takes_its_share_and_the_classifier_decides_on_it():
    texts = [f"text {number}" for number in range(4000)]
    found = audited(dataclasses.replace(POLICY, audit_rate=0.1), texts)
    assert 0.08 < len(found) / len(texts) < 0.12
    assert set(found.values()) == {"block"}


def test_the_audit_draws_by_text_and_seed_alone():
    texts = [f"text {number}" for number in range(300)]
    policy = dataclasses.replace(POLICY, audit_rate=0.3)
    found = audited(policy, texts)
    assert audited(policy, texts[::-1]) == found
    assert set(audited(policy, texts[:150])) == set(found) & set(texts[:150])
    assert audited(dataclasses.replace(policy, audit_seed=1), texts) != found


@pytest.mark.parametrize(("rate", "share"), [(0, 0), (1, 1)])
def test_audit_of_nothing_and_of_everything(rate, share):
    texts = [f"text {number}" for number in range(50)]
    assert len(audited(dataclasses.replace(POLICY, audit_rate=rate), texts)) == share * 50


def test_the_audit_leaves_alone_what_goes_to_the_classifier_anyway():
    assert audited(dataclasses.replace(POLICY, audit_rate=1), ["a", "b"], matches=[hit(1)]) == {}


def test_a_larger_audit_contains_the_smaller():
    texts = [f"text {number}" for number in range(200)]
    small, large = (audited(dataclasses.replace(POLICY, audit_rate=r), texts) for r in (0.1, 0.4))
    assert set(small) < set(large)

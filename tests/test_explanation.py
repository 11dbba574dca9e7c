"""Explanations: what they print is enough to arrive at the decision oneself."""

from __future__ import annotations

import json

import pytest

import moddefense as md
from moddefense.folding import fold

TEXTS = [
    "", "\u200b", "the cat", "you are a jerk", "he is only an idiot", "an 1d1ot", "the idiot",
    "stop being a fool", "a fool", "crap", "a g.a.r.d.e.n", "damn garden", "a silly goose",
    "you are a clown!!!", "beef jerk", "an idiot " * 60,
    *(f"look at this recipe {n}" for n in range(6)),
]  # fmt: skip
POLICIES = {
    "as in other tests": {"trigger_threshold": 0.2, "classifier_review": 0.3,
                          "classifier_block": 0.53, "uncertainty_margin": 4.0, "audit_rate": 0.3},
    "lists count little": {"lexicon_block_severity": 5, "lexicon_review_severity": 4,
                           "lexicon_trigger_severity": 3, "classifier_review": 0.2,
                           "classifier_block": 0.5, "uncertainty_reach": 2},
    "all is read": {"trigger_threshold": 0, "uncertainty_reach": 0, "default_decision": "block"},
    "rules of their own": {
        "categories": {"insult": {"block_severity": 5, "review_severity": 4},
                       "profanity": {"block_severity": 2, "review_severity": 1}},
        "labels": {"insult": {"review": 0.05, "block": 0.3}, "toxic": {"block": 0.6}},
        "trigger_threshold": 0.3, "classifier_review": 0.6,
    },
    "lists in shadow": {"shadow_stages": ["lexicon"], "trigger_threshold": 0.5},
    "trigger in shadow": {"shadow_stages": ["trigger"], "trigger_threshold": 0.9},
    "classifier in shadow": {"shadow_stages": ["classifier"], "trigger_threshold": 0.2},
    "nothing is read": {"trigger_threshold": 1, "lexicon_trigger_severity": 5, "audit_rate": 0,
                        "default_decision": "review"},
}  # fmt: skip
STAGES = [["lexicon", "trigger", "classifier"], ["lexicon"], ["trigger", "classifier"],
          ["lexicon", "trigger"], ["classifier"]]  # fmt: skip


def decide(found):
    """Decide again from what an explanation prints, by the rules as they are documented."""
    evidence, policy = found["evidence"], found["policy"]
    matches = evidence.get("lexicon", {}).get("matches", [])
    shadow = policy["shadow"]["stages"]
    if "lexicon" in shadow:
        matches = []
    if not fold(found["text"]).strip():
        return policy["default"]["decision"], "default"
    if any(match["kind"] == "allow" for match in matches):
        return "allow", "whitelist"

    def reaches(action):
        rules = evidence.get("lexicon", {})
        return any(
            match["severity"] >= rules["categories"].get(match["category"], rules)[action]
            for match in matches
        )

    if reaches("block_severity"):
        return "block", "blacklist"
    floor = reaches("review_severity")
    forced = floor or reaches("trigger_severity")
    audited = False
    if "trigger" in evidence and "trigger" not in shadow:
        trigger = evidence["trigger"]
        forced = forced or bool(trigger["obfuscated"] and trigger["obfuscation"])
    if "trigger" in evidence and "trigger" not in shadow and not forced:
        below = trigger["probability"] < trigger["threshold"]
        if below and not trigger["audited"]:
            return "allow", "trigger"
        audited = below
    if "classifier" not in evidence or "classifier" in shadow:
        default = policy["default"]["decision"]
        return ("review", "blacklist") if floor and default == "allow" else (default, "default")
    classifier = evidence["classifier"]
    reach = classifier["reach"] * (classifier["uncertainty"] or 0)
    decision = "review"
    if classifier["score"] + reach < classifier["review"]:
        decision = "allow"
    elif classifier["score"] - reach >= classifier["block"]:
        decision = "block"
    order = ("allow", "review", "block")
    for label, rule in classifier["label_rules"].items():
        for wanted, threshold in rule.items():
            if classifier["labels"].get(label, 0) >= threshold:
                decision = max(decision, wanted, key=order.index)
    if floor and decision == "allow":
        return "review", "blacklist"
    return decision, "audit" if audited else "classifier"


@pytest.mark.parametrize("stages", STAGES, ids="+".join)
@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_the_printed_evidence_suffices(toy_bundle, toy_lexicon, policy, stages):
    guard = md.load(toy_bundle, lexicon=toy_lexicon, policy=md.Policy(**policy), stages=stages)
    decided = set()
    for text in TEXTS:
        found = json.loads(json.dumps(guard.explain(text)))
        record = found["decided"]
        assert decide(found) == (record["decision"], record["decided_by"]), text
        assert record == json.loads(json.dumps(guard.screen_one(text).as_dict()))
        decided.add(record["decided_by"])
    assert len(decided) >= 2 or set(stages) <= {"trigger", *policy.get("shadow_stages", ())}


def edges(record):
    """Policies whose thresholds are what a record prints, and the numbers next to it."""
    score, trigger = record["score"], record["trigger"]
    spread = record["uncertainty"] or 0
    common = {"uncertainty_margin": 10, "audit_rate": 0, "trigger_obfuscated": False}
    for step in (-1, 0, 1):
        near = [min(max(value + step * 1e-6, 0), 1) for value in (score, trigger)]
        yield common | {"trigger_threshold": near[1], "classifier_review": 0.5}
        yield common | {"trigger_threshold": 0, "uncertainty_reach": 0,
                        "classifier_review": near[0], "classifier_block": near[0]}  # fmt: skip
        for edge in (score + 0.5 * spread, score - 0.5 * spread):
            edge = min(max(edge + step * 1e-6, 0), 1)
            yield common | {"trigger_threshold": 0, "uncertainty_reach": 0.5,
                            "classifier_review": edge, "classifier_block": 1.0}  # fmt: skip
            yield common | {"trigger_threshold": 0, "uncertainty_reach": 0.5,
                            "classifier_review": 0.0, "classifier_block": edge}  # fmt: skip
        for label, value in record["labels"].items():
            rule = {label: {"block": min(max(value + step * 1e-6, 0), 1)}}
            yield common | {"trigger_threshold": 0, "classifier_review": 1.0,
                            "classifier_block": 1.0, "labels": rule}  # fmt: skip


def test_the_printed_evidence_suffices_at_the_edge_too(toy_bundle):
    wide = md.Policy(trigger_threshold=0, uncertainty_margin=10, audit_rate=0)
    guard = md.load(toy_bundle, policy=wide, stages=["trigger", "classifier"])
    decisions = set()
    for text in ("the cat", "you are a clown!!!", "a silly goose", "he is only an idiot"):
        for policy in edges(guard.screen_one(text).as_dict()):
            found = json.loads(json.dumps(guard.with_policy(md.Policy(**policy)).explain(text)))
            record = found["decided"]
            assert decide(found) == (record["decision"], record["decided_by"]), (text, policy)
            decisions.add((record["decision"], record["decided_by"]))
    assert len(decisions) == 4


def test_every_stage_is_heard_even_where_an_earlier_one_decided(toy_guard):
    found = toy_guard.explain("you are a jerk")
    assert found["decided"]["decided_by"] == "blacklist"
    evidence = found["evidence"]
    assert list(evidence) == ["lexicon", "trigger", "classifier"]
    assert [e["reached"] for e in evidence.values()] == [True, False, False]
    assert evidence["trigger"]["probability"] > 0
    assert evidence["classifier"]["labels"].keys() == {"toxic", "insult"}
    assert found["policy"] == toy_guard.policy.as_dict()
    assert found["fingerprints"] == toy_guard.fingerprints


def test_a_match_says_what_it_was_read_through(toy_guard):
    (match,) = toy_guard.explain("an 1diot")["evidence"]["lexicon"]["matches"]
    assert match["through"] == ["leet"]
    assert match["text"] == "1diot"


def test_disguised_terms_are_read_by_the_models_as_they_are_meant(toy_guard):
    plain, disguised = (toy_guard.explain(text) for text in ("crap, a fool", "cr@p, a fool"))
    assert disguised["evidence"]["classifier"]["read"] == "crap, a fool"
    for stage, key in (("trigger", "probability"), ("classifier", "score")):
        assert disguised["evidence"][stage][key] == plain["evidence"][stage][key]

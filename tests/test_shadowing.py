"""Lists and bundles on trial: seen beside every decision, and without a say."""

from __future__ import annotations

import json

import pytest

import moddefense as md
from moddefense.batch.replica import describe, rebuild
from moddefense.errors import ConfigurationError
from moddefense.lexicon import Lexicon, Term
from moddefense.policy.comparing import compare
from moddefense.shadowing import on_trial

TEXTS = [
    "the cat",
    "you are a jerk",
    "a garden in summer",
    "what a crap",
    "a silly goose",
    "",
    "😀",
]
NEW = Lexicon(
    [Term("y-garden", "garden summer", severity=4), Term("y-silly", "silly", severity=4),
     Term("x-crap", "crap", severity=4)], name="new",
)  # fmt: skip


@pytest.fixture(scope="module")
def tried(toy_guard):
    return toy_guard.shadowing(on_trial(toy_guard, lexicon=NEW))


def test_a_list_on_trial_is_recorded_and_has_no_say(toy_guard, toy_bundle, toy_lexicon, tried):
    plain = toy_guard.screen(TEXTS).to_arrow().to_pylist()
    found = tried.screen(TEXTS).to_arrow().to_pylist()
    shadows = [record.pop("shadow") for record in found]
    assert found == plain
    goose, crap = (TEXTS.index(text) for text in ("a silly goose", "what a crap"))
    assert found[goose]["decision"] != shadows[goose]["decision"] == "block"
    assert [records[crap]["decided_by"] for records in (found, shadows)] == [
        "classifier", "blacklist",
    ]  # fmt: skip
    own = [term for term in toy_lexicon if term.id != "x-crap"]
    both = md.load(toy_bundle, lexicon=Lexicon([*own, *NEW]), policy=toy_guard.policy)
    wanted = both.screen(TEXTS).to_arrow().to_pylist()
    assert shadows == [{name: record[name] for name in shadows[0]} for record in wanted]


def test_rows_and_columns_say_the_same(tried):
    screening = tried.screen(TEXTS)
    rows = [verdict.as_dict() for verdict in screening]
    for row, record in zip(rows, screening.to_arrow().to_pylist(), strict=True):
        assert json.dumps(row["shadow"]) == json.dumps(record["shadow"])
    assert tried.screen([]).to_arrow()["shadow"].to_pylist() == []
    assert "shadow" not in md.Guard([], tried.policy, fingerprints={}).screen_one("x").as_dict()


def test_a_bundle_on_trial_decides_by_its_own_policy(toy_guard, toy_bundle, toy_lexicon):
    trial = on_trial(toy_guard, bundle=toy_bundle)
    assert trial.policy == md.read_policy(toy_bundle / "policy.toml") != toy_guard.policy
    shadow = toy_guard.shadowing(trial).screen(TEXTS).shadow
    wanted = md.load(toy_bundle, lexicon=toy_lexicon).screen(TEXTS)
    assert shadow.decision.tolist() == wanted.decision.tolist()
    found = compare(toy_guard, trial, TEXTS)
    assert found["decisions"]["after"] == wanted.counts()["decision"]
    assert found["settings"]["classifier.block"] == [0.53, trial.policy.classifier_block]


def test_what_is_on_trial_is_part_of_the_fingerprint_and_of_a_copy(toy_guard, tried):
    assert tried.fingerprints != toy_guard.fingerprints
    again = rebuild(json.loads(json.dumps(describe(tried.explaining()))))
    assert again.fingerprints == tried.explaining().fingerprints
    screening = again.screen(TEXTS)
    assert screening.to_arrow().select(["shadow"]) == tried.screen(TEXTS).to_arrow().select(
        ["shadow"]
    )
    assert screening.shadow.attributions is None
    other = tried.with_policy(md.Policy(default_decision="block"))
    assert other.shadow.policy == toy_guard.policy


def test_an_explanation_has_what_would_be_decided(tried):
    found = tried.explain("a silly goose")
    assert found["decided"]["decision"] != found["shadow"]["decided"]["decision"] == "block"
    assert found["shadow"]["evidence"]["lexicon"]["matches"][0]["term"] == "y-silly"
    assert found["evidence"]["lexicon"]["matches"] == []


def test_what_cannot_be_tried_is_refused(toy_guard, toy_bundle):
    models = md.load(toy_bundle, stages=["classifier"])
    with pytest.raises(ConfigurationError, match="needs the lexicon stage"):
        on_trial(models, lexicon=NEW)
    with pytest.raises(ConfigurationError, match="give a list or a bundle"):
        on_trial(toy_guard)
    assert on_trial(models, bundle=toy_bundle).screen_one("the cat").decided_by == "classifier"

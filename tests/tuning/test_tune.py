"""Tuning: what is promised holds on the corpus, budgets are kept, too little data is refused."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import moddefense as md
from moddefense.cli import main
from moddefense.corpus import Corpus
from moddefense.errors import ConfigurationError
from moddefense.policy import DECISIONS
from moddefense.tuning import tune
from moddefense.tuning.choosing import validation_rows
from moddefense.tuning.evidence import flagged, gather, replay, trigger_values
from moddefense.tuning.reviewing import conformal_band, errors, spend_budget


@pytest.fixture(scope="module")
def evidence(toy_guard, toy_corpus):
    return gather(toy_guard, toy_corpus, prevalence=0.2)


def columns(screening):
    return [screening.decision, screening.decided_by, screening.trigger, screening.score,
            screening.uncertainty, screening.labels]  # fmt: skip


@pytest.mark.parametrize(
    "settings",
    [
        {}, {"trigger_threshold": 0.9, "audit_rate": 0.5}, {"shadow_stages": ["trigger"]},
        {"uncertainty_reach": 3, "uncertainty_margin": 10.0}, {"lexicon_block_severity": 5},
        {"labels": {"insult": {"review": 0.1, "block": 0.4}}},
        {"categories": {"insult": {"review_severity": 5, "block_severity": 5}}},
    ],
    ids=str,
)  # fmt: skip
def test_a_replay_is_what_the_pipeline_gives(toy_guard, toy_corpus, evidence, settings):
    policy = dataclasses.replace(toy_guard.policy, **settings)
    played = replay(policy, evidence)
    screened = toy_guard.with_policy(policy).screen(toy_corpus.texts)
    for ours, theirs in zip(columns(played), columns(screened), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_promise_holds_on_the_rows_that_it_was_made_from(toy_guard, toy_corpus, evidence):
    tuned = tune(toy_guard, toy_corpus, target_recall=0.9, delta=0.1, prevalence=0)
    policy, promise = tuned.policy, tuned.report["promise"]
    wanted = flagged(policy, evidence)
    assert promise["rows"] == wanted.sum() >= promise["needed"]
    values = trigger_values(policy, evidence)[wanted]
    assert promise["missed"] == (values < policy.trigger_threshold).sum()
    assert promise["at_least"] >= 0.9
    played = replay(policy, evidence)
    reached = ~np.isnan(played.score) | ~np.isnan(toy_guard.with_policy(policy).screen(
        toy_corpus.texts).score)  # fmt: skip
    assert reached[wanted].mean() >= 0.9
    # And it costs: nothing else than the threshold has changed.
    assert dataclasses.replace(policy, trigger_threshold=0.2) == toy_guard.policy


def test_a_higher_recall_and_a_smaller_delta_never_raise_the_threshold(toy_guard, toy_corpus):
    def threshold(recall, delta):
        tuned = tune(toy_guard, toy_corpus, target_recall=recall, delta=delta, prevalence=0)
        return tuned.policy.trigger_threshold

    assert threshold(0.6, 0.2) >= threshold(0.8, 0.2) >= threshold(0.9, 0.2) > 0
    assert threshold(0.8, 0.4) >= threshold(0.8, 0.05)


def test_too_little_data_is_refused_with_the_number_it_takes(toy_guard, toy_corpus):
    with pytest.raises(ConfigurationError, match=r"cannot show .* at least 4,603 of them: give"):
        tune(toy_guard, toy_corpus, target_recall=0.999, delta=0.01)
    with pytest.raises(ConfigurationError, match=r"too few for conformal sets .* at least 999"):
        tune(toy_guard, toy_corpus, conformal=0.001)


@pytest.mark.parametrize("budget", [0.0, 0.02, 0.05, 0.1, 0.3, 0.9])
def test_a_review_budget_is_kept_and_more_of_it_prevents_more(toy_guard, evidence, budget):
    policy = dataclasses.replace(
        toy_guard.policy, trigger_threshold=0, lexicon_review_severity=4, lexicon_block_severity=5
    )
    found = errors(spend_budget(policy, evidence, budget=budget), evidence)
    assert found["reviewed"] <= budget + 1e-6
    more = errors(spend_budget(policy, evidence, budget=budget + 0.05), evidence)
    assert more["errors"] <= found["errors"]
    assert found["errors"] <= errors(policy, evidence)["errors"] + max(
        0.0, errors(policy, evidence)["reviewed"] - budget
    )


def test_a_budget_is_spent_better_than_at_random(toy_guard, evidence):
    policy = dataclasses.replace(toy_guard.policy, trigger_threshold=0)
    without = errors(spend_budget(policy, evidence, budget=0.0), evidence)
    with_people = errors(spend_budget(policy, evidence, budget=0.1), evidence)
    assert without["errors"] > 0
    assert with_people["errors"] < 0.9 * without["errors"]


@given(alpha=st.floats(0.02, 0.5))
def test_a_conformal_band_keeps_each_label_in_the_set_on_its_own_rows(toy_guard, evidence, alpha):
    policy = conformal_band(toy_guard.policy, evidence, alpha=alpha)
    score, harmful = evidence.screening.score, evidence.harmful == 1
    seen = ~np.isnan(replay(dataclasses.replace(policy, trigger_threshold=0), evidence).score)
    assert policy.classifier_review <= policy.classifier_block
    # The sets themselves have tests of their own: here, that the band wrongs no more than they do.
    assert np.mean(score[harmful & seen] < policy.classifier_review) <= alpha + 1e-9
    assert np.mean(score[~harmful & seen] >= policy.classifier_block) <= alpha + 1e-9


def test_the_report_adds_up(toy_guard, toy_corpus):
    report = tune(toy_guard, toy_corpus, target_recall=0.8, delta=0.2, review_budget=0.2).report
    cost = report["cost"]
    shares = [stage["share"] for stage in cost["stages"].values()]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] == 1
    assert cost["seconds_per_1000"] == pytest.approx(
        sum(stage["seconds_per_1000"] for stage in cost["stages"].values()), abs=1e-5
    )
    runs = [point["share_run"] for point in cost["curve"]]
    recalls = [point["recall_of_flagged"] for point in cost["curve"]]
    assert runs == sorted(runs, reverse=True)
    assert recalls == sorted(recalls, reverse=True)
    assert recalls[0] == 1
    assert report["review"]["errors"] <= report["review"]["errors_without_review"]
    assert json.loads(json.dumps(report)) == report


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "nothing to tune"),
        ({"review_budget": 0.1, "conformal": 0.1}, "give one of them"),
        ({"target_recall": 1.0}, "--target-recall 1 is not between"),
        ({"target_recall": 0.9, "delta": 0.0}, "--delta 0 is not between"),
        ({"review_budget": 1.0}, "--review-budget 1 is not a share"),
        ({"target_recall": 0.9, "of": "all"}, "'all' is none of flagged, harmful"),
    ],
)
def test_what_cannot_be_is_refused(toy_guard, toy_corpus, settings, says):
    with pytest.raises(ConfigurationError, match=says):
        tune(toy_guard, toy_corpus, **settings)


def test_a_corpus_of_one_label_is_refused(toy_guard, toy_corpus):
    with pytest.raises(ConfigurationError, match="one label"):
        tune(toy_guard, toy_corpus.take(np.flatnonzero(toy_corpus.harmful)), target_recall=0.9)


def test_the_validation_split_counts_unless_another_is_named():
    corpus = Corpus(tuple("abcd"), np.zeros((4, 1)), ("label",), ("train", "dev", "test", "dev"),
                    "x.csv")  # fmt: skip
    assert validation_rows(corpus).texts == ("b", "d")
    assert validation_rows(corpus, "test").texts == ("c",)
    assert validation_rows(dataclasses.replace(corpus, splits=None)).texts == corpus.texts
    with pytest.raises(ConfigurationError, match="no row of split 'other'; there are dev, test"):
        validation_rows(corpus, "other")
    with pytest.raises(ConfigurationError, match="no column 'split'"):
        validation_rows(dataclasses.replace(corpus, splits=None), "val")


def command(toy_bundle, toy_file, out, *options):
    labels = ["--label-column", "toxic", "--label-column", "insult"]
    arguments = ["tune", str(toy_bundle), str(toy_file), *labels, "-o", str(out), *options]
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return ended.value.code


def test_the_command_writes_a_policy_that_says_what_was_promised(
    toy_bundle, toy_file, tmp_path, capsys
):
    out = tmp_path / "policy.toml"
    options = ("--target-recall", "0.8", "--delta", "0.2", "--json")
    assert command(toy_bundle, toy_file, out, *options) == 0
    report = json.loads(capsys.readouterr().out)
    policy = md.read_policy(out)
    assert policy.as_dict() == report["policy"]
    head = out.read_text().split("[lexicon]")[0]
    assert "with probability 0.8, at least 0.8 of the rows that the classifier would flag" in head
    assert report["from"]["corpus_sha256"][:16] in head
    assert command(toy_bundle, toy_file, out, *options) == 0
    assert md.read_policy(out) == policy


def test_the_command_shows_tables(toy_bundle, toy_file, tmp_path, capsys):
    out = tmp_path / "policy.toml"
    assert command(toy_bundle, toy_file, out, "--review-budget", "0.1") == 0
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("classifier on every row", "speed-up", "budget: 0.1"))


def test_the_command_refuses_with_one_line_and_writes_nothing(
    toy_bundle, toy_file, tmp_path, capsys
):
    out = tmp_path / "policy.toml"
    assert command(toy_bundle, toy_file, out, "--target-recall", "0.9999") == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("moddefense: error: ")
    assert "at least 29,956 of them" in said
    assert not out.exists()
    assert command(toy_bundle, toy_file, tmp_path / "no" / "p.toml", "--conformal", "0.2") == 3
    assert command(toy_bundle, toy_file, tmp_path, "--conformal", "0.2") == 3


def test_the_policy_does_not_replace_the_corpus(toy_bundle, toy_file, capsys):
    before = toy_file.read_bytes()
    assert command(toy_bundle, toy_file, toy_file, "--conformal", "0.2") == 2
    assert "is the corpus" in capsys.readouterr().err
    assert toy_file.read_bytes() == before


def test_decisions_are_named_in_the_order_that_tuning_relies_on():
    assert DECISIONS == ("allow", "review", "block")

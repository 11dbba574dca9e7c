"""Training: the same from the same, each split for what it may be seen for, errors in one line."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys

import numpy as np
import pytest

import moddefense as md
from moddefense.augmentation import augmented, harmless_texts, noisy_texts
from moddefense.bundle import CARD, FILES, MANIFEST, read_manifest, verify
from moddefense.classifier.calibration import prevalence_weights
from moddefense.corpus import Corpus, Split
from moddefense.errors import TrainingError
from moddefense.evaluation.identities import read_identities
from moddefense.lexicon import Matcher, load_lexicon
from moddefense.thresholds import flagged_by
from moddefense.training import train

ALL = (*FILES, CARD, MANIFEST)
QUICK = {"training.epochs": 1}


def contents(folder):
    return {name: (folder / name).read_bytes() for name in ALL}


def part(corpus, splits):
    """The corpus with a split column; ``splits`` are repeated over its rows."""
    names = tuple(splits[i % len(splits)] for i in range(len(corpus)))
    return dataclasses.replace(corpus, splits=names)


# The same from the same


def test_the_same_recipe_and_corpus_give_the_same_bytes_in_another_process(
    toy_bundle, toy_file, toy_recipe_file, tmp_path
):
    command = [
        sys.executable, "-m", "moddefense", "train", str(toy_file),
        "--recipe", str(toy_recipe_file), "--out", str(tmp_path / "again"),
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert contents(tmp_path / "again") == contents(toy_bundle)


def test_and_again_in_the_same_process_which_keeps_its_random_state(
    toy_bundle, toy_recipe, toy_corpus, tmp_path
):
    np.random.seed(5)  # the state that training must leave alone
    before = np.random.get_state()[1].copy()
    train(toy_recipe, toy_corpus).bundle.save(tmp_path / "again")
    assert contents(tmp_path / "again") == contents(toy_bundle)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


def test_another_seed_gives_another_bundle(toy, toy_recipe, toy_corpus):
    other = train(toy_recipe.override({"seed": 4, **QUICK}), toy_corpus)
    assert other.report["corpus"]["sha256"] == toy.report["corpus"]["sha256"]
    assert not np.array_equal(
        other.bundle.classifier.weights["kernel"], toy.bundle.classifier.weights["kernel"]
    )


# What it learns and reports


def test_it_learns_what_there_is_to_learn(toy):
    figures = toy.report["metrics"]["test"]
    assert figures["harm"]["auc"] > 0.9
    assert figures["insult"]["auc"] > 0.9
    assert figures["harm"]["texts"] == toy.report["corpus"]["texts"]["test"]
    assert figures["insult"]["texts"] < figures["harm"]["texts"]  # where it is known


def test_the_thresholds_are_those_that_validation_supports(toy, toy_recipe, toy_corpus):
    from moddefense.corpus import Split

    keys, bundle = toy_recipe, toy.bundle
    val = Split.of(toy_corpus, seed=keys.seed, validation_share=keys.corpus.validation_share,
                   test_share=keys.corpus.test_share).val  # fmt: skip
    tokens = bundle.tokenizer(val.texts)
    guard_score = bundle.classifier.score(tokens)[:, 0]
    near = bundle.policy.needs_sampling(guard_score)
    spread = np.where(near, bundle.classifier.score_spread(tokens), np.nan)
    flagged = bundle.policy.bounds(guard_score, spread)[1] >= bundle.policy.classifier_review
    triggered = bundle.trigger.probabilities(tokens) >= bundle.policy.trigger_threshold
    assert flagged.any()
    assert triggered[flagged].mean() >= keys.trigger.target_recall
    assert flagged[val.harmful == 0].mean() <= keys.policy.review_false_positives + 1 / 20


def test_the_report(toy, toy_recipe):
    report = toy.report
    assert [record["epoch"] for record in report["history"]] == [1, 2, 3, 4]
    assert report["recipe"] == toy_recipe.as_dict()
    assert sum(report["corpus"]["texts"].values()) == 288
    assert set(report["metrics"]) == {"val", "test"}


def test_events(toy_recipe, toy_corpus):
    events = []
    train(toy_recipe.override(QUICK), toy_corpus, progress=events.append)
    kinds = [event["kind"] for event in events]
    assert kinds[0] == "start"
    assert kinds[-1] == "done"
    assert {"step", "epoch"} <= set(kinds)
    assert sum(events[0]["texts"].values()) == 288


# Labels and splits


def test_one_label_is_harm_itself(toy_recipe, toy_file, tmp_path):
    corpus = Corpus.read(toy_file, label_columns=("toxic",))
    result = train(toy_recipe.override({**QUICK, "corpus.label_columns": ["toxic"]}), corpus)
    result.bundle.save(tmp_path / "one")
    verdict = md.load(tmp_path / "one", stages=["classifier"]).screen_one("you are a fool")
    assert verdict.labels == {"toxic": verdict.score}
    assert set(result.report["metrics"]["test"]) == {"harm", "trigger"}


def test_a_label_that_validation_does_not_know_is_left_as_it_is(toy_recipe, toy_corpus):
    corpus = part(toy_corpus, ["train", "train", "train", "val", "test"])
    labels = corpus.labels.copy()
    labels[[name != "train" for name in corpus.splits], 1] = np.nan
    result = train(toy_recipe.override(QUICK), dataclasses.replace(corpus, labels=labels))
    calibration = result.bundle.classifier.calibration
    assert (calibration.slope[2], calibration.intercept[2]) == (1.0, 0.0)
    assert result.report["metrics"]["test"]["insult"]["auc"] is None


def test_the_split_column_is_followed(toy_recipe, toy_corpus):
    corpus = part(toy_corpus, ["train", "train", "dev", "other"])
    result = train(toy_recipe.override(QUICK), corpus)
    assert result.report["corpus"]["texts"] == {"train": 144, "val": 72, "test": 0}
    assert result.report["corpus"]["notes"] == ["72 rows of split 'other' left out"]
    assert set(result.report["metrics"]) == {"val"}


def test_given_validation_and_test_are_used_and_named(toy_recipe, toy_corpus, tmp_path):
    rows = np.arange(len(toy_corpus))
    val, test = toy_corpus.take(rows[::4]), toy_corpus.take(rows[1::4])
    corpus = toy_corpus.take(rows[::2])  # half of it stands in val as well
    result = train(toy_recipe.override(QUICK), corpus, val=val, test=test)
    assert result.report["corpus"]["texts"] == {"train": 72, "val": 72, "test": 72}
    assert result.report["corpus"]["notes"] == [
        "train: 72 texts left out that also stand in a later split"
    ]
    result.bundle.save(tmp_path / "bundle")
    stored = read_manifest(tmp_path / "bundle")["corpus"]
    assert stored["val_sha256"] == val.fingerprint
    assert stored["test_sha256"] == test.fingerprint
    assert verify(tmp_path / "bundle") == []


def test_a_model_that_flags_everything_has_a_trigger_that_runs_always(toy_recipe, toy_corpus):
    words = [f"word{number}" for number in range(len(toy_corpus))]
    coin = np.random.Generator(np.random.PCG64(0)).integers(0, 2, (len(words), 1))
    noise = Corpus(tuple(words), coin.astype(np.float32), ("label",), None, "noise.csv")
    overrides = {
        **QUICK,
        "policy.review_false_positives": 1.0,
        "training.learning_rate": 0.0,
        "calibration.method": "platt",
    }
    result = train(toy_recipe.override(overrides), noise)
    figures = result.report["metrics"]["test"]["trigger"]
    assert (figures["recall_of_flagged"], figures["share_run"]) == (1.0, 1.0)


def test_the_trigger_says_how_often_the_classifier_is_wanted(toy, toy_recipe, toy_corpus):
    keys = toy_recipe.corpus
    val = Split.of(
        toy_corpus, seed=toy_recipe.seed, validation_share=keys.validation_share,
        test_share=keys.test_share,
    ).val  # fmt: skip
    bundle = toy.bundle
    tokens = bundle.tokenizer(val.texts)
    score = bundle.classifier.score(tokens)[:, 0]
    wanted = (val.harmful == 1) | flagged_by(bundle.policy, bundle.classifier, tokens, score)
    weights = prevalence_weights(val.harmful, toy_recipe.calibration.prevalence)
    found = np.average(bundle.trigger.probabilities(tokens), weights=weights)
    assert found == pytest.approx(np.average(wanted, weights=weights), abs=0.03)
    assert 0 <= toy.report["metrics"]["val"]["trigger"]["calibration_error"] < 0.3


# What cannot be learnt


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (np.zeros, "train has .* texts, 0 of them harmful; both classes are needed"),
        (np.ones, "of them harmful; both classes are needed"),
    ],
)
def test_one_class_is_not_enough(toy_recipe, toy_corpus, labels, says):
    corpus = dataclasses.replace(toy_corpus, labels=labels(toy_corpus.labels.shape, np.float32))
    with pytest.raises(TrainingError, match=says) as caught:
        train(toy_recipe, corpus)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("count", [0, 1, 3])
def test_neither_are_next_to_no_texts(toy_recipe, toy_corpus, count):
    with pytest.raises(TrainingError, match=r"toy\.csv: (train|val) has \d texts"):
        train(toy_recipe, toy_corpus.take(np.arange(count)))


def test_validation_needs_both_classes_too(toy_recipe, toy_corpus):
    rude = toy_corpus.take(np.flatnonzero(toy_corpus.harmful == 1)[:9])
    val = dataclasses.replace(rude, source="val.csv")
    with pytest.raises(TrainingError, match=r"val\.csv: val has 9 texts, 9 of them harmful"):
        train(toy_recipe, toy_corpus, val=val)


def test_texts_without_any_known_label_are_refused(toy_recipe, toy_corpus):
    labels = toy_corpus.labels.copy()
    labels[:5] = np.nan
    with pytest.raises(TrainingError, match=r"\d texts of \w+ have no known label"):
        train(toy_recipe, dataclasses.replace(toy_corpus, labels=labels))


# Added texts


def test_added_texts_are_harmless_unknown_words():
    corpus = ["The garden, the bridge", "a house"]
    added = harmless_texts(corpus, count=300, lang="en", seed=1)
    assert len(added) == 300
    assert harmless_texts(corpus, count=300, lang="en", seed=1) == added
    assert harmless_texts(corpus, count=300, lang="en", seed=2) != added
    groups = {word for forms in read_identities().values() for f in forms for word in f.split()}
    words = {word for text in added for word in text.split()} - groups
    assert words.isdisjoint({"the", "garden", "bridge", "house"})
    assert not any(Matcher(load_lexicon("en")).find_many(sorted(words)))
    assert max(len(set(text.split()) - groups) for text in added) == 3
    named = sum(not groups.isdisjoint(text.split()) for text in added)
    assert 40 < named < 110
    assert harmless_texts(corpus, count=3, lang="xx", seed=1) == []


def test_training_with_added_texts(toy, toy_recipe, toy_corpus):
    more = train(toy_recipe.override({**QUICK, "augmentation.harmless_words": 50}), toy_corpus)
    assert more.report["corpus"]["texts"] == toy.report["corpus"]["texts"]
    assert more.report["corpus"]["notes"][-1] == "train: 50 texts added, see augmentation"
    assert more.report["metrics"]["test"]["harm"]["auc"] is not None


def test_disguised_texts_are_drawn_by_the_seed():
    texts = [f"you silly old goose number {n}" for n in range(400)]
    kinds = {"leet": 1.0, "no-spaces": 1.0}
    rows, noisy = noisy_texts(texts, share=0.25, kinds=kinds, seed=1)
    assert 60 < len(rows) == len(noisy) < 140
    assert noisy == noisy_texts(texts, share=0.25, kinds=kinds, seed=1)[1]
    assert noisy != noisy_texts(texts, share=0.25, kinds=kinds, seed=2)[1]
    changed = sum(texts[row] != text for row, text in zip(rows.tolist(), noisy, strict=True))
    assert changed > 0.8 * len(rows)
    assert noisy_texts(texts, share=0, kinds=kinds, seed=1)[1] == []


def test_disguised_texts_keep_their_labels(toy_recipe, toy_corpus):
    recipe = toy_recipe.override({"noise.share": 0.5, "augmentation.harmless_words": 20})
    more = augmented(recipe, toy_corpus)
    n = len(toy_corpus)
    assert more.texts[:n] == toy_corpus.texts
    assert (more.labels[n : n + 20] == 0).all()
    rows, noisy = noisy_texts(
        more.texts[: n + 20], share=0.5, kinds=recipe.noise.kinds, seed=recipe.seed
    )
    assert list(more.texts[n + 20 :]) == noisy
    np.testing.assert_array_equal(more.labels[n + 20 :], more.labels[rows])


# Interrupted


def test_pretraining_is_not_done_again(toy_recipe, toy_corpus, tmp_path):
    from moddefense.classifier.checkpoint import Checkpoint

    class Killed(BaseException):
        pass

    recipe = toy_recipe.override({**QUICK, "pretraining.epochs": 1})
    kinds = []

    def die(event):
        kinds.append(event["kind"])
        if event["kind"] == "step":
            raise Killed

    with pytest.raises(Killed), Checkpoint(tmp_path / "kept") as checkpoint:
        train(recipe, toy_corpus, progress=die, checkpoint=checkpoint)
    assert len(set(kinds)) > 2  # start, pretraining, step

    again = []
    with Checkpoint(tmp_path / "kept") as checkpoint:
        resumed = train(recipe, toy_corpus, checkpoint=checkpoint, resume=True,
                        progress=lambda event: again.append(event["kind"]))  # fmt: skip
        checkpoint.remove()
    assert set(again) == {"start", "step", "epoch", "done"}
    resumed.bundle.save(tmp_path / "resumed")
    train(recipe, toy_corpus).bundle.save(tmp_path / "whole")
    assert contents(tmp_path / "resumed") == contents(tmp_path / "whole")

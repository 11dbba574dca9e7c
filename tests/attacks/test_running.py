"""Runs on a toy bundle: targets, defences, cache, processes, substitutions, the page."""

from __future__ import annotations

import functools
import hashlib
import json
import random
import re
import shutil

import numpy as np
import pytest

from moddefense.attacks import perturb, word_spans
from moddefense.attacks.page import render
from moddefense.attacks.running import Plan, System, names_of, run
from moddefense.attacks.search import Tactics
from moddefense.attacks.substitution import gradient, substitutions
from moddefense.attacks.targets import DEFENCES, TARGETS, load_target
from moddefense.errors import ConfigurationError, ReadError, WriteError

HARMFUL = [f"{who} {what}" for who in ("you are", "he is only", "stop being")
           for what in ("a jerk", "an idiot", "a fool, go away")]  # fmt: skip
HARMLESS = [f"{who} {what}" for who in ("we all like", "they found", "look at")
            for what in ("a garden", "the cat again", "this recipe")]  # fmt: skip
PLAN = Plan(targets=("lexicon",), attacks=("leet", "fullwidth"), strengths=(0.5, 1.0))


@pytest.fixture
def systems(toy_bundle):
    return [System("toy", str(toy_bundle))]


@pytest.fixture(scope="session")
def models(toy_bundle):
    import moddefense as md

    return md.load(toy_bundle, stages=["classifier"]).stages[0].models


@pytest.fixture(scope="session")
def target_of(toy_bundle):
    """``load_target`` for the toy bundle, each at most once."""
    return functools.cache(lambda name, *without: load_target(name, toy_bundle, without=without))


@pytest.mark.parametrize("name", TARGETS)
def test_every_stage_and_the_whole_are_targets(target_of, name):
    target = target_of(name)
    scores = target.score([*HARMFUL, *HARMLESS])
    assert scores[: len(HARMFUL)].mean() > scores[len(HARMFUL) :].mean()
    assert [target.score([text])[0] for text in HARMFUL] == scores[: len(HARMFUL)].tolist()
    assert target.score([]).tolist() == []
    if target.decided is not None:
        assert len(target.decided(HARMFUL)) == len(HARMFUL)


@pytest.mark.parametrize(
    ("text", "told"),
    [("you idiot", "lexicon"), ("you ｉｄｉｏｔ", "folding"), ("you 1di0t", "matching"),
     ("hello", "nothing")],
)  # fmt: skip
def test_the_lexicon_says_which_defence_held(target_of, text, told):
    assert target_of("lexicon").decided([text]) == [told]


@pytest.mark.parametrize(
    ("text", "defence"), [("you ｉｄｉｏｔ", "folding"), ("you 1di0t", "matching")]
)
def test_a_defence_that_is_off_does_not_hold(target_of, text, defence):
    on, off = target_of("lexicon"), target_of("lexicon", defence)
    assert on.score([text])[0] >= on.threshold > off.score([text])[0]


def test_without_folding_the_models_read_what_is_there(target_of):
    on, off = target_of("trigger"), target_of("trigger", "folding")
    plain, disguised = "you are a jerk", "you are a ｊｅｒｋ"
    assert on.score([plain, disguised])[0] == on.score([disguised])[0]
    assert off.score([plain])[0] == on.score([plain])[0] != off.score([disguised])[0]


def test_without_matching_the_models_read_words_as_they_are_written(target_of):
    on, off = target_of("classifier"), target_of("classifier", "matching")
    plain, joined = "you are a jerk", "stopbeingthatidiotstopbeingthatidiot"
    assert on.score([plain])[0] == off.score([plain])[0]
    assert on.score([joined])[0] != off.score([joined])[0]
    fullwidth = "you are a ｊｅｒｋ"
    assert off.score([fullwidth])[0] == off.score([plain])[0]


def test_a_stage_that_is_off_is_no_target(toy_bundle):
    with pytest.raises(ConfigurationError, match="lexicon"):
        load_target("lexicon", toy_bundle, without=("lexicon",))
    assert load_target("pipeline", toy_bundle, without=DEFENCES).score(["you jerk"]).size == 1


def test_the_report_has_every_cell_adds_up_and_is_the_same_again(systems):
    found = run(systems, PLAN, HARMFUL, HARMLESS)
    (row,) = found["results"]
    assert [(a["family"], a["strength"]) for a in row["attacks"]] == [
        ("leet", 0.5), ("leet", 1.0), ("fullwidth", 0.5), ("fullwidth", 1.0)
    ]  # fmt: skip
    for one in row["attacks"]:
        assert one["texts"] == len(HARMFUL)
        assert one["recall"] == pytest.approx(one["flagged"] / one["texts"], abs=1e-4)
        assert sum(one["decided"].values()) == one["flagged"]
    fullwidth = row["attacks"][-1]
    assert fullwidth["flagged"] == fullwidth["flagged_clean"]
    assert row["false_positives"] == 0
    assert found == run(systems, PLAN, HARMFUL, HARMLESS)


def test_processes_change_nothing(systems):
    plan = Plan(targets=("lexicon",), attacks=("leet",), strengths=(0.5,))
    assert run(systems, plan, HARMFUL, HARMLESS, workers=2) == run(systems, plan, HARMFUL, HARMLESS)


def test_an_interrupted_run_goes_on(systems, tmp_path):
    cache = tmp_path / "cache.jsonl"
    whole = run(systems, PLAN, HARMFUL, HARMLESS)

    def stop(done, total):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(systems, PLAN, HARMFUL, HARMLESS, cache=cache, progress=stop)
    assert len(cache.read_text().splitlines()) == 3
    with cache.open("a") as file:
        file.write('{"key": "cut sh')
    told = []
    again = run(systems, PLAN, HARMFUL, HARMLESS, cache=cache,
                progress=lambda done, total: told.append((done, total)))  # fmt: skip
    assert again == whole
    assert told == [(3, 5), (4, 5), (5, 5)]
    other = Plan(attacks=PLAN.attacks, strengths=PLAN.strengths, seed=1)
    told.clear()
    run(systems, other, HARMFUL, HARMLESS, cache=cache,
        progress=lambda done, total: told.append(done))  # fmt: skip
    assert told[0] == 0


def test_a_file_that_is_no_cache_is_refused(systems, tmp_path):
    (tmp_path / "notes.txt").write_text("hello\n")
    with pytest.raises(ReadError, match=r"notes\.txt:1"):
        run(systems, PLAN, HARMFUL, HARMLESS, cache=tmp_path / "notes.txt")
    (tmp_path / "line.txt").write_text("no end of line")
    with pytest.raises(ReadError, match=r"line\.txt:1"):
        run(systems, PLAN, HARMFUL, HARMLESS, cache=tmp_path / "line.txt")
    assert (tmp_path / "line.txt").read_text() == "no end of line"
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\n")
    with pytest.raises(ReadError, match="not a cache"):
        run(systems, PLAN, HARMFUL, HARMLESS, cache=tmp_path / "bytes")
    with pytest.raises(WriteError, match="nowhere"):
        run(systems, PLAN, HARMFUL, HARMLESS, cache=tmp_path / "nowhere" / "cache")


def test_the_gradient_is_that_of_the_network(models):
    weights = {k: v.astype(np.float64) for k, v in models.classifier.weights.items()}
    tokens = models.tokenizer(["you are such an idiot, go away"])
    embedded = weights["embedding"][tokens.values]

    def logit(values):
        side = len(weights["kernel"]) // 2
        padded = np.pad(values, ((side, side), (0, 0)))
        features = weights["bias"] + sum(
            padded[o : o + len(values)] @ part for o, part in enumerate(weights["kernel"])
        )
        features = np.maximum(features, 0)
        pooled = np.concatenate([features.max(axis=0), features.mean(axis=0)])
        hidden = np.maximum(pooled @ weights["in"] + weights["in_bias"], 0)
        return (hidden @ weights["out"] + weights["out_bias"])[0]

    slope = gradient(weights, embedded)
    direction = np.random.Generator(np.random.PCG64(0)).normal(size=embedded.shape)
    step = 1e-6
    measured = (logit(embedded + step * direction) - logit(embedded - step * direction)) / 2 / step
    assert (slope * direction).sum() == pytest.approx(measured, rel=1e-4)


def test_substitutions_put_words_for_words(models):
    text = "You are an idiot, they found a garden"
    for name, family in substitutions(models).items():
        new, edits = perturb(text, family, strength=1, rng=random.Random(1))
        assert len(word_spans(new)) == len(word_spans(text)), name
        assert len(edits) == len(word_spans(text))
        _, edits = perturb(text, family, strength=0.3, rng=random.Random(1), words=[3])
        assert [text[edit.start : edit.end] for edit in edits] == ["idiot"]
        # The fold leaves nothing of the second word: there is nothing to replace.
        assert not perturb("a \u115f", family, strength=1, rng=random.Random(1), words=[1]).edits


def test_hotflip_lowers_the_score_more_than_chance(toy_bundle, systems):
    plan = Plan(targets=("classifier",), attacks=("substitution",), strengths=(1.0,),
                tactics=Tactics("greedy", budget=30))  # fmt: skip
    (row,) = run(systems, plan, HARMFUL, HARMLESS)["results"]
    success = {one["family"]: one["success"] for one in row["attacks"]}
    assert success["hotflip"] >= success["synonym"]
    assert success["hotflip"] > 0


def test_the_page_shows_every_family_and_escapes_texts(systems):
    harmful = [*HARMFUL, "you <script>idiot</script> jerk"]
    plan = Plan(targets=("pipeline", "lexicon"), attacks=("leet", "love"), strengths=(1.0,),
                examples=20)  # fmt: skip
    weak = System("weak", systems[0].bundle, ("folding",))
    page = render(run([*systems, weak], plan, harmful, HARMLESS))
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert page.count("<svg") == 2
    for shown in ("weak", "leet", "love", "pipeline", "color-scheme: light dark"):
        assert shown in page
    assert not re.search(r"""(src|href)=["'](?!#)""", page)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"targets": ("nonsense",)}, "nonsense"),
        ({"attacks": ("nonsense",)}, "nonsense.*hotflip"),
        ({"strengths": (0.0,)}, "strength"),
        ({"false_positives": 1.0}, "false positives"),
        ({"tactics": Tactics("nonsense")}, "nonsense"),
    ],
)
def test_a_plan_names_its_mistakes(settings, named):
    with pytest.raises(ConfigurationError, match=named):
        Plan(**settings)


def test_a_corpus_without_harmful_texts_is_refused(systems):
    with pytest.raises(ConfigurationError, match="harmful"):
        run(systems, PLAN, [], HARMLESS)


def test_what_is_named_twice_is_measured_once(systems):
    plan = Plan(targets=("lexicon", "lexicon"), attacks=("leet",), strengths=(1.0, 1.0))
    (row,) = run(systems, plan, HARMFUL, HARMLESS)["results"]
    assert [one["family"] for one in row["attacks"]] == ["leet"]


def test_hotflip_wants_a_convolution(systems, toy_bundle, tmp_path):
    other = tmp_path / "mean"
    shutil.copytree(toy_bundle, other)
    manifest = json.loads((other / "manifest.json").read_text())
    manifest["recipe"]["network"]["kind"] = "mean"
    content = {key: value for key, value in manifest.items() if key != "sha256"}
    canonical = json.dumps(content, sort_keys=True).encode()
    content["sha256"] = hashlib.sha256(canonical).hexdigest()
    (other / "manifest.json").write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")
    both = [*systems, System("mean", str(other))]
    plan = Plan(targets=("classifier",), attacks=("substitution",), strengths=(1.0,))
    found = run(both, plan, HARMFUL[:2], HARMLESS)
    families = [[one["family"] for one in row["attacks"]] for row in found["results"]]
    assert families == [["synonym", "hotflip"], ["synonym"]]
    assert "hotflip" in render(found)
    assert "synonym" in render({**found, "results": found["results"][::-1]})
    with pytest.raises(ConfigurationError, match="hotflip: the network of mean is mean"):
        run(both, Plan(attacks=("hotflip",)), HARMFUL, HARMLESS)


def test_names_of_groups():
    assert names_of(["substitution", "typing", "swap"]) == [
        "synonym", "hotflip", "keyboard", "swap", "delete", "insert"
    ]  # fmt: skip

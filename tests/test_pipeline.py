"""The pipeline: the result for a text is its own, whatever else is screened with it."""

from __future__ import annotations

import csv
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import moddefense as md
from moddefense.errors import ConfigurationError
from moddefense.pipeline import check_stages
from moddefense.policy import STAGES
from moddefense.resources import bundle_names

COLUMNS = ("decision", "decided_by", "trigger", "score", "uncertainty", "labels")
WORDS = st.sampled_from(
    ["you are", "a jerk", "an idiot", "a fool", "crap", "a garden", "the cat", "i.d.i.o.t",
     "j\u0435rk", "🙂", "fool🙂", "\ud800", "", " ", "\n", "beef jerk", "The Idiot", "in summer"]
)  # fmt: skip
TEXTS = st.lists(WORDS, max_size=25).map(" ".join) | st.text(max_size=12)
SAMPLES = [
    "", "\u200b", "you are a jerk", "he is only an idiot", "stop being a fool", "the idiot",
    "look at the cat", "we all like this recipe in summer", "🙂" * 50, "crap", "damn garden",
    "an idiot " * 400, "x" * 20_000, "idi\ud800ot", "beef jerk with a garden",
]  # fmt: skip


def assert_alone_as_together(guard, texts):
    together = guard.screen(texts)
    for index, text in enumerate(texts):
        alone = guard.screen([text])
        assert guard.screen_one(text) == together.row(index)
        for name in COLUMNS[:-1]:
            ours, theirs = getattr(alone, name)[0], getattr(together, name)[index]
            assert ours == theirs or (np.isnan(ours) and np.isnan(theirs)), (name, text)
        if alone.label_names:
            np.testing.assert_array_equal(alone.labels[0], together.labels[index])


@settings(max_examples=40)
@given(st.lists(TEXTS, max_size=12))
@example(SAMPLES)
@example(SAMPLES[::-1] * 3)
def test_a_batch_is_exactly_its_texts_one_by_one(toy_guard, texts):
    assert_alone_as_together(toy_guard, texts)


def test_the_shipped_bundle_too_decides_each_text_by_itself(request):
    if "default" not in bundle_names():
        pytest.skip("no shipped bundle")
    path = request.config.rootpath / "examples" / "comments.csv"
    with path.open(encoding="utf-8", newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file) if row["text"]]
    policy = md.Policy(trigger_threshold=0.0, uncertainty_margin=10.0)
    assert_alone_as_together(md.load(policy=policy), texts + SAMPLES)


@given(st.lists(TEXTS, max_size=12), st.randoms(use_true_random=False))
def test_the_order_does_not_matter_and_twice_is_the_same(toy_guard, texts, random):
    order = list(range(len(texts)))
    random.shuffle(order)
    first, shuffled = toy_guard.screen(texts), toy_guard.screen([texts[i] for i in order])
    assert list(shuffled) == [first.row(i) for i in order]
    assert list(toy_guard.screen(tuple(texts))) == list(first)


def test_all_ways_of_deciding_occur(toy_guard):
    texts = SAMPLES + [f"look at this recipe {number}" for number in range(20)]
    teasing = (
        "a clown",
        "a silly goose",
        "a clown again",
        "a silly goose!!!",
        "a clown, thank you",
    )
    texts += [f"{who} {what}" for who in ("you are", "what", "they are") for what in teasing]
    counts = toy_guard.screen(texts).counts()
    assert all(counts["decided_by"].values()), counts
    assert all(counts["decision"].values()), counts
    assert sum(counts["decision"].values()) == sum(counts["decided_by"].values()) == len(texts)


# Stages


@pytest.mark.parametrize(
    "stages",
    [[*names] for k in range(1, 8) if (names := [n for i, n in enumerate(STAGES) if k >> i & 1])],
    ids="+".join,
)
def test_only_the_named_stages_run(toy_bundle, toy_lexicon, stages):
    guard = md.load(toy_bundle, lexicon=toy_lexicon, stages=stages[::-1])
    found = list(guard.screen(SAMPLES))
    assert guard.fingerprints["stages"] == stages
    if "lexicon" not in stages:
        assert not any(v.matches for v in found)
        assert not {"blacklist", "whitelist"} & {v.decided_by for v in found}
    if "trigger" not in stages:
        assert {v.trigger for v in found} == {None}
    if "classifier" not in stages:
        assert {v.score for v in found} == {v.labels and 0 for v in found} == {None}
    if stages == ["lexicon"]:
        assert {v.decided_by for v in found} == {"blacklist", "whitelist", "default"}


def test_the_classifier_alone_gives_every_row_a_score_and_an_uncertainty(toy_bundle):
    guard = md.load(toy_bundle, stages=["classifier"])
    for verdict in guard.screen(SAMPLES):
        assert 0 <= verdict.score <= 1
        assert 0 <= verdict.uncertainty <= 0.5
        assert set(verdict.labels) == {"toxic", "insult"}


def test_otherwise_sampling_runs_near_thresholds_only(toy_bundle, toy_lexicon):
    policy = md.Policy(
        trigger_threshold=0, classifier_review=0.4, classifier_block=0.6, uncertainty_margin=0.5
    )
    screening = md.load(toy_bundle, lexicon=toy_lexicon, policy=policy).screen(SAMPLES * 2)
    scored = ~np.isnan(screening.score)
    sampled = ~np.isnan(screening.uncertainty)
    np.testing.assert_array_equal(sampled[scored], policy.needs_sampling(screening.score[scored]))
    assert not sampled[~scored].any()
    assert 0 < scored.sum() < len(scored)


def test_stage_names_are_checked(toy_bundle):
    assert check_stages(["classifier", "trigger"]) == ("trigger", "classifier")
    for stages, says in ((["lexikon"], "unknown stage 'lexikon'"), ([], "no stage named")):
        with pytest.raises(ConfigurationError, match=says):
            md.load(toy_bundle, stages=stages)


def test_an_allow_term_that_is_not_the_whole_text_silences_nothing(
    toy_guard, toy_bundle, toy_lexicon
):
    texts = ["stop being a fool in the garden", "a fool! garden", "a garden", "jerk garden"]
    without = md.Lexicon([term for term in toy_lexicon if term.id != "x-garden"])
    bare = md.load(toy_bundle, lexicon=without, policy=toy_guard.policy)
    found = list(toy_guard.screen(texts))
    assert found == list(bare.screen(texts))
    assert {"classifier", "blacklist"} <= {v.decided_by for v in found}


@pytest.mark.parametrize(
    ("text", "decided_by"),
    [("The  IDIOT", "whitelist"), ("the idiot!", "blacklist"), ("beef jerk", "trigger")],
)
def test_a_whole_text_is_allowed_and_more_than_it_is_not(toy_guard, text, decided_by):
    policy = md.Policy(
        trigger_threshold=1, lexicon_review_severity=3, classifier_review=1, classifier_block=1,
        audit_rate=0,
    )  # fmt: skip
    screening = md.Guard(toy_guard.stages, policy, fingerprints={}).screen([text])
    assert screening.row(0).decided_by == decided_by


# What may be screened


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        ("one text", "use screen_one"),
        (["a", None], r"texts\[1\] is a NoneType"),
        ([b"bytes"], r"texts\[0\] is a bytes"),
        ([1.5], r"texts\[0\] is a float"),
    ],
)
def test_what_is_no_sequence_of_texts_is_refused(toy_guard, texts, says):
    with pytest.raises(TypeError, match=says):
        toy_guard.screen(texts)


def test_nothing_is_a_screening_too(toy_guard):
    screening = toy_guard.screen([])
    assert list(screening) == []
    assert screening.to_arrow(include_text=True, mask=True).num_rows == 0
    assert set(screening.counts()["decision"].values()) == {0}


def test_any_iterable_of_texts_will_do_and_is_not_kept(toy_guard):
    texts = ["a jerk", "the cat"]
    screening = toy_guard.screen(texts)
    texts[0] = "changed"
    assert screening.row(0).text == "a jerk"
    assert list(toy_guard.screen(t for t in ("a jerk", "the cat"))) == list(screening)
    assert list(toy_guard.screen(np.array(["a jerk", "the cat"]))) == list(screening)


# Sharing, and what is loaded


def test_threads_share_a_guard(toy_bundle, toy_lexicon, toy_guard):
    guard = md.load(toy_bundle, lexicon=toy_lexicon, policy=toy_guard.policy)
    expected = toy_guard.screen(SAMPLES * 8)
    with ThreadPoolExecutor(6) as pool:
        for found in pool.map(lambda _: guard.screen(SAMPLES * 8), range(12)):
            assert list(found) == list(expected)
            for name in COLUMNS:  # unrounded
                np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


LOADED = """
import sys
import moddefense as md
lexicon = md.Lexicon([md.Term("x-jerk", "jerk", severity=4)])
guard = md.load(sys.argv[1], lexicon=lexicon, stages=sys.argv[2].split(","))
assert guard.screen_one(sys.argv[3]).decision == sys.argv[4]
heavy = ("tensorflow", "keras", "sklearn", "tensorflow_text", "scipy")
print(",".join(name for name in heavy if name in sys.modules))
"""


@pytest.mark.parametrize(
    "arguments",
    [["lexicon", "a nice day", "allow"], [",".join(STAGES), "a jerk", "block"]],
    ids=["lexicon alone", "decided by the lexicon"],
)
def test_what_the_lexicon_decides_loads_no_model(toy_bundle, arguments):
    command = [sys.executable, "-c", LOADED, str(toy_bundle), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("\n", 0), done.stderr


def test_fingerprints_name_everything_that_decides(toy_bundle, toy_lexicon, toy_guard):
    base = toy_guard.fingerprints
    assert set(base) == {"version", "stages", "bundle", "policy", "lexicon"}
    again = md.load(toy_bundle, lexicon=toy_lexicon, policy=toy_guard.policy).fingerprints
    assert again == base
    other = md.load(toy_bundle, lexicon=toy_lexicon).fingerprints
    assert {key for key in base if base[key] != other[key]} == {"policy"}
    shorter = md.load(
        toy_bundle, lexicon=md.Lexicon(list(toy_lexicon)[1:]), policy=toy_guard.policy
    )
    assert shorter.fingerprints["lexicon"] != base["lexicon"]


def test_a_policy_may_be_an_object_or_a_file(toy_bundle, toy_lexicon, tmp_path):
    policy = md.Policy(classifier_block=0.99)
    path = tmp_path / "policy.toml"
    path.write_text(policy.to_toml())
    for given_policy in (policy, path, str(path)):
        assert md.load(toy_bundle, lexicon=toy_lexicon, policy=given_policy).policy == policy


def test_the_models_do_not_read_an_allowed_phrase_and_read_all_the_rest(toy_guard, toy_bundle):
    def term(id, text, kind, **more):
        return md.Term(id, text, kind=kind, **more)

    block = term("x-jerk", "jerk", "block", severity=1)
    phrase = term("x-jerk-chicken", "jerk chicken", "allow", category="food")
    word = term("x-word", "jerk", "allow", category="food")

    def read(*terms):
        guard = md.load(toy_bundle, lexicon=md.Lexicon(terms), policy=toy_guard.policy)
        explained = [guard.explain(t) for t in ("a jerk chicken in the garden", "you jerk")]
        return [found["evidence"]["classifier"]["read"] for found in explained]

    assert read(block) == ["a jerk chicken in the garden", "you jerk"]
    assert read(block, phrase) == ["a  in the garden", "you jerk"]
    assert read(block, word) == ["a jerk chicken in the garden", "you jerk"]

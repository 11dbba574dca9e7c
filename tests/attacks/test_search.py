"""Searches and limits against targets that are simple enough to know what must come out."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moddefense.attacks import FAMILIES, apply_edits, perturb, word_spans
from moddefense.attacks.edits import Change, assemble
from moddefense.attacks.limits import Limits, readability
from moddefense.attacks.measuring import attack, baseline, threshold_at
from moddefense.attacks.search import SEARCHES, Subject, Tactics, drive
from moddefense.attacks.targets import Target
from moddefense.errors import ConfigurationError

RUDE = ("you jerk", "what a jerk he is, a jerk", "the jerk and the damn idiot")
KIND = ("what a day", "the cat sleeps", "you are here", "a garden in summer")


def share_of_rude_words(texts):
    words = [text.lower().split() for text in texts]
    return [sum(w.strip(",") in ("jerk", "idiot", "damn") for w in ws) / 10 for ws in words]


class Counting:
    """A target that says how many texts it was asked for."""

    def __init__(self):
        self.asked = 0
        self.batches = 0
        self.target = Target("rude words", self.scores)

    def scores(self, texts):
        self.asked += len(texts)
        self.batches += 1
        return share_of_rude_words(texts)


def measure(search="once", family="masking", texts=RUDE, strength=1.0, examples=0, **tactics):
    target = Target("rude words", share_of_rude_words)
    before = baseline(target, texts, KIND, false_positives=0.05)
    return attack(
        target, before, FAMILIES[family],
        strength=strength, tactics=Tactics(search, **tactics), examples=examples,
    )  # fmt: skip


@pytest.mark.parametrize("search", SEARCHES)
def test_every_search_gets_through_what_reads_words(search):
    found = measure(search)
    assert (found.flagged_clean, found.flagged, found.got_through) == (3, 0, 3)
    assert (found.kept, found.success, found.recall_clean) == (0, 1, 1)


@pytest.mark.parametrize("search", ["greedy", "beam"])
def test_a_word_that_may_not_be_changed_is_left_for_the_next(search):
    def scores(texts):
        return [text.count("a") / 10 + text.count("jerk") / 8 for text in texts]

    text = "aaaaaaaaaaaa jerk"
    subject = Subject(
        text, FAMILIES["fullwidth"], 1.0, scores([text])[0], 1.25,
        Tactics(search, budget=40, limits=Limits(edits=0.5)), random.Random(0),
    )  # fmt: skip
    (found,) = drive([SEARCHES[search](subject)], lambda texts: np.array(scores(texts)))
    assert found.attacked.text == "aaaaaaaaaaaa ｊｅｒｋ"
    assert found.void > 0


@pytest.mark.parametrize("search", ["greedy", "beam"])
def test_a_search_led_by_importance_changes_only_what_matters(search):
    (example,) = measure(search, texts=("what a nice day for a jerk",), examples=3).examples
    assert example["after"].startswith("what a nice day for a j")
    assert example["got_through"]


@given(
    st.sampled_from(sorted(SEARCHES)), st.integers(1, 30), st.sampled_from(sorted(FAMILIES)),
    st.sampled_from(["you jerk", "what a jerk he is, a jerk", "?!", ""]), st.booleans(),
)  # fmt: skip
def test_no_search_asks_more_than_its_budget(search, budget, family, text, aimed):
    counting = Counting()
    found = attack(
        counting.target,
        baseline(counting.target, [text], KIND, false_positives=0.05),
        FAMILIES[family], strength=0.5, tactics=Tactics(search, budget, aimed=aimed),
    )  # fmt: skip
    asked = counting.asked - len(KIND) - 1 - 1  # one harmless text is attacked as well
    assert asked == found.queries <= budget


def test_all_texts_are_asked_for_in_one_batch():
    counting = Counting()
    before = baseline(counting.target, RUDE, KIND, false_positives=0.05)
    batches = counting.batches
    attack(counting.target, before, FAMILIES["leet"], strength=1)
    assert counting.batches == batches + 2  # the harmful and the harmless texts


def test_a_text_is_attacked_in_the_same_way_whatever_else_is_there():
    alone = [measure("greedy", texts=(text,), examples=1).examples[0]["after"] for text in RUDE]
    together = measure("greedy", examples=3).examples
    assert [example["after"] for example in together] == alone


@pytest.mark.parametrize("search", ["once", "random"])
def test_who_aims_hits_what_matters(search):
    text = "what a nice day it is for a jerk"
    (example,) = measure(search, texts=(text,), examples=1, words=0.1, aimed=True).examples
    assert example["after"].startswith("what a nice day it is for a j")
    assert example["got_through"]


def test_alarms_on_harmless_texts_are_seen():
    target = Target("odd", lambda texts: ["jerk" in text for text in texts])
    before = baseline(target, RUDE, KIND, false_positives=0.05)
    found = attack(target, before, FAMILIES["casing"], strength=0.1)
    assert (found.kept, found.false_alarms) == (0.0, 0.0)
    everything = Target("odd", lambda texts: [text not in KIND for text in texts])
    before = baseline(everything, RUDE, KIND, false_positives=0.05)
    found = attack(everything, before, FAMILIES["casing"], strength=1)
    assert (found.kept, found.false_alarms) == (1.0, 1.0)


def test_what_breaks_a_limit_is_counted_and_is_no_attack():
    found = measure("once", limits=Limits(edits=0.01))
    assert (found.void, found.flagged, found.unchanged) == (3, 3, 3)
    found = measure("random", budget=5, limits=Limits(edits=0.01))
    assert found.void > 0
    assert found.got_through == 0


def test_limits_name_what_is_broken():
    text = "what a stupid jerk"
    masked = assemble(text, [Change(15, 18, "***")])
    assert Limits().broken(text, masked) is None
    assert Limits(edits=0.1).broken(text, masked) == "edits"
    assert Limits(words=0.2).broken(text, masked) == "words"
    assert Limits(words=0.25).broken(text, masked) is None
    assert Limits(readability=0.9).broken(text, masked) == "readability"
    assert Limits(readability=0.9).broken(text, masked, visual=True) is None


@given(st.sampled_from(sorted(FAMILIES)), st.integers(0, 50))
def test_readability_is_a_share(family, seed):
    text = "What a stupid jerk you are"
    attacked = perturb(text, family, strength=1, rng=random.Random(seed))
    assert 0 <= readability(text, attacked) <= 1


@pytest.mark.parametrize("family", ["fullwidth", "zero-width", "homoglyph", "love", "casing"])
def test_what_folding_undoes_is_readable(family):
    text = "what a stupid jerk"
    for seed in range(5):
        attacked = perturb(text, family, strength=1, rng=random.Random(seed))
        assert readability(text, attacked) > 0.85  # a lookalike may be that of two letters


@given(st.lists(st.sampled_from([0.0, 0.1, 0.2, 0.5, 1.0]), min_size=1), st.floats(0.01, 0.99))
def test_the_threshold_keeps_the_rate_and_is_the_lowest_that_does(scores, rate):
    scores = np.array(scores)
    threshold = threshold_at(scores, rate)
    assert np.mean(scores >= threshold) <= rate
    lower = scores[scores < threshold]
    if lower.size:
        assert np.mean(scores >= lower.max()) > rate


def test_the_greedy_search_composes_edits_of_the_original():
    text = RUDE[1]
    subject = Subject(
        text, FAMILIES["spacing"], 1.0, 0.2, 0.05, Tactics("greedy"), random.Random(1)
    )
    (found,) = drive([SEARCHES["greedy"](subject)], Target("x", share_of_rude_words).score)
    assert apply_edits(text, found.attacked.edits) == found.attacked.text
    assert found.attacked.text.count("j e r k") == 2
    assert len(word_spans(text)) < found.queries <= 50


@pytest.mark.parametrize(
    ("scores", "named"),
    [(lambda texts: [1.0], "scores"), (lambda texts: [float("nan")] * len(texts), "number")],
)
def test_a_target_must_give_numbers(scores, named):
    with pytest.raises(ConfigurationError, match=named):
        Target("mine", scores).score(["a", "b"])


def test_a_threshold_wants_harmless_texts():
    with pytest.raises(ConfigurationError, match="harmless"):
        baseline(Target("mine", share_of_rude_words), RUDE, [], false_positives=0.05)

"""Signs of obfuscation: seen where somebody hides something, hardly ever elsewhere."""

from __future__ import annotations

import csv
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import moddefense as md
from moddefense import native
from moddefense.obfuscation import SIGNS, obfuscated, signs


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        ("what a s i l l y thing", "spacing"), ("s.i.l.l.y", "spacing"), ("s-i-l-l-y", "spacing"),
        ("a si**y thing", "masking"), ("s#lly", "masking"), ("si$$y", "masking"),
        ("s@lly thing.", "masking"), ("s1lly", "digits"), ("si11y", "digits"),
        ("sillyyyyyy", "repetition"), ("whatasillythingthisisaltogetheryouknow", "joining"),
        ("s\u0456lly", "folding"), ("s\u200billy", "folding"), ("ｓｉｌｌｙ", "folding"),
        ("𝐬𝐢𝐥𝐥𝐲", "folding"), ("s\u0335\u0336\u0337illy", "marks"),
        ("S I L L Y", "spacing"), ("SI11Y", "digits"), ("one\ns i l l y\ntwo", "spacing"),
    ],
)  # fmt: skip
def test_a_disguise_shows(text, sign):
    assert sign in signs(text)
    assert set(signs(text)) <= set(SIGNS)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "\n", "\x00", "have a nice day", "A. B. Carter, U.S.A.", "café, naïve, Ångström",
        "“quoted” — and dashed… for 5 €", "https://example.org/a1b2c3?x=y#part", "me@example.org",
        "12 monkeys, 3rd time, 50% off, 100 km³", "#hashtag @someone", "* one\n* two\n** three",
        "2x2 = 4", "sooo good!!!!!!", "пароль и слово", "日本語のテキスト", "a1", "x = y * z",
        "日本語のテキスト" * 9, "it's 8:30am", "good morning 🙂👩‍👩‍👧", "== Heading ==", "l\u00a0m",
    ],
)  # fmt: skip
def test_plain_writing_does_not(text):
    assert signs(text) == ()


@given(st.lists(st.text(max_size=40) | st.text("ab1* \n", max_size=60), max_size=12))
def test_each_text_is_judged_by_itself(texts):
    assert obfuscated(texts).tolist() == [bool(signs(text)) for text in texts]


@given(st.lists(
    st.text("aAbw1*#@%._/&= \n\t\x00é€", max_size=70)
    | st.lists(st.sampled_from(["a" * 29, "b", "www.", " ", "1", "*", "@", ".", "&#", " c"]))
    .map("".join),
    max_size=8,
))  # fmt: skip
def test_the_compiled_search_finds_what_the_reference_finds(texts):
    assert native.library() is not None
    found = [signs(text) for text in texts]
    assert [bool(each) for each in found] == obfuscated(texts).tolist()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "library", lambda: None)
        assert [signs(text) for text in texts] == found


def test_long_runs_take_no_longer_than_their_length():
    began = time.process_time()
    for text in ("a*" * 200_000, "a1" * 200_000, "a" * 400_000, "a " * 200_000):
        assert obfuscated([text]).all()
    assert time.process_time() - began < 20  # minutes, were it quadratic


def test_it_sends_on_what_the_trigger_would_keep_back(toy_bundle, toy_lexicon):
    text, plain = "look at the g.a.r.d.e.n", "look at the garden"
    settings = {"trigger_threshold": 1.0, "audit_rate": 0}
    guard = md.load(toy_bundle, lexicon=toy_lexicon, policy=md.Policy(**settings))
    assert [v.decided_by for v in guard.screen([text, plain])] == ["classifier", "trigger"]
    off = guard.with_policy(md.Policy(**settings, trigger_obfuscated=False))
    assert [v.decided_by for v in off.screen([text, plain])] == ["trigger", "trigger"]


def test_few_harmless_comments_show_any(data_dir):
    import pyarrow.parquet as pq

    table = pq.read_table(data_dir / "wiki_cat_large.parquet", columns=["text", "label"])
    texts = [t for t, y in zip(*table.to_pydict().values(), strict=True) if y == 0][:5000]
    assert 0 < np.mean(obfuscated(texts)) < 0.02


def test_the_example_comments_show_some(request):
    path = request.config.rootpath / "examples" / "comments.csv"
    with path.open(encoding="utf-8", newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    assert 0 < obfuscated(texts).sum() < len(texts) / 2

"""Words run together are cut apart, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moddefense.segmentation import Segmenter

WORDS = (
    "the", "you", "are", "an", "a", "idiot", "silly", "old", "goose", "go", "away", "and", "house",
    "garden", "i", "is", "it", "at", "on",
)  # fmt: skip


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    return Segmenter(WORDS)


@pytest.mark.parametrize(
    ("text", "spread"),
    [
        ("youareasillyoldgoose", "you are a silly old goose"),
        ("so: youareasillyoldgoose!", "so: you are a silly old goose!"),
        ("youareasillyoldgoose9", "you are a silly old goose9"),
        ("youareasillyoldqqqgoose", "you are a silly old qqq goose"),
    ],
)
def test_runs_are_cut_into_words(segmenter, text, spread):
    assert segmenter.spread(text) == spread


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yousillygoose",  # words may be as long as this
        "you are a silly old goose in the old garden",
        "donaudampfschifffahrtsgesellschaft",
        "a" * 5000,
        "12345678901234567890123456789",
        "https://example.org/a/b/c?d=e&f=g-h-i-j-k-l-m-n-o",
    ],
)
def test_everything_else_stays(segmenter, text):
    assert segmenter.spread(text) == text


def test_a_run_of_any_length_is_cut(segmenter):
    found = segmenter.spread("thesillygoose" * 2000).split()
    assert found.count("goose") > 1900


@given(st.text(alphabet="abcdegilorstuy 1!", max_size=80))
def test_only_spaces_are_added(text):
    spread = Segmenter(WORDS, least=8).spread(text)
    assert spread.replace(" ", "") == text.replace(" ", "")
    assert Segmenter(WORDS, least=8).spread(text) == spread

"""What a reader is shown, where that is not the order or the letters of the text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moddefense.display import shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("you \u202etoidi\u202c, you", "you idiot, you"),
        ("\u202etoidi uoy", "you idiot"),
        ("\u202etoidi\nfine", "idiot\nfine"),
        ("\u202eno\u202c\u202eff\u202c", "onff"),
        ("\U0001f1ec\U0001f1f4\U0001f1f4\U0001f1f8\U0001f1ea", "goose"),
        ("\U0001f1e9\U0001f1ea", "\U0001f1e9\U0001f1ea"),  # one flag
        ("s\U0001f1f9u\U0001f1f5id", "stupid"),
        ("hello\U0001f1e9\U0001f1ea", "hello\U0001f1e9\U0001f1ea"),
        ("sil\u202ely goose", "sil\u202ely goose"),  # hides a word, and reorders nothing it says
        ("g\U0001f642o\U0001f642o\U0001f642s\U0001f642e", "goose"),
        ("tea\U0001f642cake\U0001f642please", "tea\U0001f642cake\U0001f642please"),
        ("fine\U0001f642then", "fine\U0001f642then"),
    ],
)
def test_shown(text, expected):
    assert shown(text) == expected


@given(st.text())
def test_other_texts_stay(text):
    if all(char.isalnum() or char.isspace() for char in text):
        assert shown(text) == text


@given(st.text(alphabet="ab \u202e\u202c\U0001f1e6\U0001f1e7\n"))
def test_showing_is_total_and_settles(text):
    assert set(shown(text)) <= set(text) | {"a", "b"}
    if "\u202e" not in text:
        assert shown(shown(text)) == shown(text)

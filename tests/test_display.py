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
    ],
)
def test_shown(text, expected):
    assert shown(text) == expected


@given(st.text())
def test_other_texts_stay(text):
    if "\u202e" not in text and not any("\U0001f1e6" <= char <= "\U0001f1ff" for char in text):
        assert shown(text) == text


@given(st.text(alphabet="ab \u202e\u202c\U0001f1e6\U0001f1e7\n"))
def test_showing_is_total_and_settles(text):
    once = shown(text)
    assert "\u202e" not in once
    assert shown(once) == once

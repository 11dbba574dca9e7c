"""The reader's fold: what each step does, and what holds for any text."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moddefense.errors import ConfigurationError
from moddefense.folding import FOLD_STEPS, fold, fold_many, fold_map, fold_signs

_TRICKY = (
    "aAbIıİſßſ1 .\u0301\u0308\u200b\u00ad\ufe0f\u0345ᾳΐΒβсурᎪⅼɡ🅰🇦Ａ𝐚ﬁﷺ"
    "\u1100\u1161\u11a8각ㅏｶﾞか\u3099ำคิि\u093cनﾡ\u3164\u064b\u0654ا\u0640\u05b4"
    "\ud800\u2028\u2800\ufffe\U000e0061\x00\x07\t\n"
)
texts = st.text(st.one_of(st.characters(), st.sampled_from(_TRICKY)), max_size=30)
offs = st.frozensets(st.sampled_from(FOLD_STEPS))


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Hello, World", "hello, world"),
        ("ｄａｍｎ", "damn"),
        ("𝒹𝕒𝗺𝚗", "damn"),
        ("🅳🄰Ⓜ⒩", "damn"),
        ("ᴅᴀᴍɴ", "damn"),
        ("d\u00e1m\u0303n\u0334\u0335", "damn"),
        ("ḍåm\u1e45", "damn"),
        ("łøđħŧ", "lodht"),
        ("d\u200ba\u00adm\u2060n\ufeff", "damn"),
        ("da\u202emn", "damn"),
        ("d\u3164a\u115fm\ufe0fn", "damn"),
        ("d\U000e0061amn", "damn"),
        ("d\x00a\x7fmn", "damn"),
        ("p\u0430ssword", "password"),
        ("the \u0455\u0441\u043e\u0440\u0435 of it", "the scope of it"),
        ("\u0455\u0441\u043e\u0440\u0435", "\u0455\u0441\u043e\u0440\u0435"),
        ("мама мыла раму", "мама мыла раму"),
        ("он сказал hello нет", "он сказал hello нет"),
        ("καλημέρα", "καλημερα"),
        ("straße", "strasse"),
        ("İstanbul ısı", "istanbul isi"),
        ("it\u2019s \u201cso\u201d \u2013 \u2026", 'it\'s "so" - ...'),
        ("हिन्दी", "हिन्दी"),
        ("مُحَمَّـــد", "محمد"),
        ("שָׁלוֹם", "שלום"),
        ("\u1112\u1161\u11ab", "한"),
        ("ｶﾞ", "ガ"),
        ("a\u3000b\u00a0c\u2800d", "a b c d"),
        ("a\ud800b", "a\ufffdb"),
    ],
)
def test_fold(text: str, folded: str) -> None:
    assert fold(text) == folded


@pytest.mark.parametrize(
    ("step", "text", "kept"),
    [
        ("invisible", "d\u200bamn", "d\u200bamn"),
        ("invisible", "d\x07amn", "d\x07amn"),
        ("styled", "ｄamn", "ｄamn"),
        ("accents", "DÁMN", "dámn"),
        ("homoglyph", "p\u0430ss", "p\u0430ss"),
    ],
)
def test_each_step_can_be_switched_off(step: str, text: str, kept: str) -> None:
    assert fold(text) != kept
    assert fold(text, off={step}) == kept


def test_an_unknown_step_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"'leets'.*invisible"):
        fold("é", off={"leets"})


@given(texts)
def test_folding_twice_is_folding_once(text: str) -> None:
    once = fold(text)
    assert fold(once) == once


@given(texts, offs)
def test_map_is_monotone_and_in_range(text: str, off: frozenset[str]) -> None:
    folded, starts, ends = fold_map(text, off=off)
    assert folded == fold(text, off=off)
    assert len(folded) == len(starts) == len(ends)
    assert list(starts) == sorted(starts)
    assert list(ends) == sorted(ends)
    assert all(0 <= start < end <= len(text) for start, end in zip(starts, ends, strict=True))


@given(st.lists(texts, max_size=5), offs)
def test_a_batch_equals_one_by_one(batch: list[str], off: frozenset[str]) -> None:
    assert fold_many(batch, off=off) == [fold(text, off=off) for text in batch]


@given(st.text(string.printable))
def test_ascii_is_only_lowered(text: str) -> None:
    kept = "".join(char for char in text if char.isprintable() or char in "\t\n\v\f\r")
    assert fold(text) == kept.lower()


@given(st.text("абвгдежзийклмнопрстуфхцчшщъыьэюя \n,."))
def test_cyrillic_text_stays_cyrillic(text: str) -> None:
    assert not any("a" <= char <= "z" for char in fold(text))


@given(texts)
def test_folded_text_can_be_encoded(text: str) -> None:
    fold(text).encode()


@pytest.mark.parametrize("unit", ["\u0301", "\ufdfa", "\u093c\u0951", "\u200b", "\u1161", "\u0430"])
def test_long_runs_are_linear(unit: str) -> None:
    folded = fold("a" + unit * 50_000)  # a quadratic fold would take minutes
    assert len(folded) <= 18 * 50_000 + 1


def test_signs_name_the_steps() -> None:
    assert fold_signs("plain") == frozenset()
    assert fold_signs("Plain\u2026") == frozenset()
    assert fold_signs("d\u200ba") == {"invisible"}
    assert fold_signs("dá") == {"accents"}
    assert fold_signs("\U0001d41da") == {"styled"}
    assert fold_signs("d\u0430") == {"homoglyph"}
    assert fold_signs("привет") == frozenset()

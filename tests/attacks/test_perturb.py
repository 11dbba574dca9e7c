"""The families of attacks through their one door."""

from __future__ import annotations

import random
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moddefense.attacks import FAMILIES, GROUPS, apply_edits, families_of, perturb, word_spans
from moddefense.errors import ConfigurationError
from moddefense.folding import fold

RUDE = "You are such a stupid idiot, why don't you go to hell, losers!"
NAMES = sorted(FAMILIES)

texts = st.one_of(
    st.text(max_size=60),
    st.lists(st.sampled_from([*RUDE.split(), "Ünïcödé", "слово", "𝓭", "it's", "x"])).map(" ".join),
)
strengths = st.floats(0.01, 1)
shares = st.floats(0.01, 1)


def attacked(
    text: str, family: str, strength: float = 1.0, seed: int = 0, **options: object
) -> str:
    return perturb(text, family, strength=strength, rng=random.Random(seed), **options).text


@given(texts, st.sampled_from(NAMES), strengths, shares, st.integers(0, 99))
def test_edits_tell_exactly_what_changed(text, family, strength, share, seed):
    new, edits = perturb(text, family, strength=strength, rng=random.Random(seed), words=share)
    assert apply_edits(text, edits) == new
    last = new_last = 0
    for edit in edits:
        assert text[last : edit.start] == new[new_last : edit.new_start]
        assert new[edit.new_start : edit.new_end] == edit.text != text[edit.start : edit.end]
        last, new_last = edit.end, edit.new_end
    assert text[last:] == new[new_last:]


@given(texts, st.sampled_from(NAMES), st.integers(0, 99))
def test_no_strength_changes_nothing(text, family, seed):
    assert perturb(text, family, strength=0, rng=random.Random(seed)) == (text, ())


@given(texts, st.sampled_from(NAMES), strengths, st.integers(0, 99))
def test_the_seed_decides_what_is_drawn(text, family, strength, seed):
    first, second = (attacked(text, family, strength, seed, words=0.5) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("family", NAMES)
def test_every_family_changes_a_sentence(family):
    assert {attacked(RUDE, family, strength, 3) for strength in (0.1, 1)}.isdisjoint({RUDE})


@pytest.mark.parametrize("family", [name for name in NAMES if FAMILIES[name].local])
def test_words_that_are_not_under_attack_stay(family):
    start, end = word_spans(RUDE)[5]
    _, edits = perturb(RUDE, family, strength=1, rng=random.Random(2), words=[5])
    assert all(start <= edit.start <= edit.end <= end for edit in edits)


INVISIBLE_TO_READERS = [name for name in NAMES if FAMILIES[name].group == "visual"]
INVISIBLE_TO_READERS.remove("reorder")


@pytest.mark.parametrize("family", INVISIBLE_TO_READERS)
@pytest.mark.parametrize("seed", range(5))
def test_visual_families_leave_the_sentence_readable(family, seed):
    read = fold(attacked("what a stupid jerk", family, 0.5, seed))
    same = sum(a == b for a, b in zip(read, "what a stupid jerk", strict=False))
    assert same >= 14


@pytest.mark.parametrize(
    ("family", "seen"),
    [
        ("fullwidth", "ｊｅｒｋ"),
        ("spacing", "j e r k"),
        ("soft-hyphen", "j\xade\xadr\xadk"),
        ("casing", "JERK"),
        ("reorder", "\u202ekrej\u202c"),
    ],
)
def test_full_strength(family, seen):
    assert attacked("you jerk", family, words=[1]) == f"you {seen}"


@pytest.mark.parametrize(
    ("word", "people_write"),
    [
        ("stupid", {"stoopid", "stupd", "stuupid", "stupit"}),
        ("loser", {"looser", "loozer", "losa", "lozer"}),
        ("damn", {"damm", "dam", "d4mn", "d*mn"}),
        ("jerk", {"jurk", "j3rk", "jerrk", "j-erk"}),
        ("ass", {"azz", "as", "a$s", "asss"}),
        ("crap", {"krap", "crapp", "cr4p", "crahp"}),
    ],
)
def test_people_misspell_like_this(word, people_write):
    written = {attacked(word, family, 0.3, seed) for seed in range(1500)
               for family in ("misspelling", "phonetic")}  # fmt: skip
    assert people_write <= written


def test_capitals_stay_capitals():
    assert all(attacked("JERK", "keyboard", 1, seed).isupper() for seed in range(20))


def test_diacritics_are_composed_where_that_is_possible():
    for seed in range(20):
        written = attacked("resume", "diacritics", 1, seed)
        assert written == unicodedata.normalize("NFC", written)


def test_love_is_appended_once_at_low_strength():
    assert attacked(RUDE, "love", 0.1) == f"{RUDE} love"


def test_no_spaces_leaves_no_space():
    assert attacked("you  silly\ngoose ", "no-spaces", 0.01) == "yousillygoose"


def test_families_are_named_by_group_or_name():
    named = [family.name for family in families_of(["leet", "typing", "leet"])]
    assert named == ["leet", "keyboard", "swap", "delete", "insert"]
    assert len(families_of(["all"])) == len(FAMILIES)
    assert not set(GROUPS) & set(FAMILIES)


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: attacked("x", "nonsense"), "nonsense"),
        (lambda: attacked("x", "leet", 1.5), "1.5"),
        (lambda: attacked("x", "leet", float("nan")), "nan"),
        (lambda: attacked("x", "leet", words=0.0), "0.0"),
    ],
)
def test_mistakes_are_named(call, named):
    with pytest.raises(ConfigurationError, match=named):
        call()

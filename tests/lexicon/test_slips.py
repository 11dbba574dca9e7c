"""Misspelt severe words: found one slip away, and what is no slip."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moddefense.lexicon import Lexicon, Matcher, Term

TERMS = ("crapface", "dimwits", "jackass", "blockhead", "nitwits", "idiot")
LEXICON = Lexicon(
    [
        *(Term(f"b-{term}", term, severity=2) for term in TERMS),
        Term("b-dunces", "duncecap", severity=1), Term("a-nitwits", "nitwisds", "allow"),
        Term("b-clod", "clodface", "block", "prefix", severity=2),
        Term("b-dim", "dimw", "block", "prefix", severity=1),
    ]
)  # fmt: skip
MATCHER = Matcher(LEXICON)
ALPHABET = "qzwxjkvbgpymfldhsrnoaiutec"
LONG = Matcher(Lexicon(Term(f"l-{n}", ALPHABET[:n], severity=2) for n in range(7, 24, 4)))


@pytest.mark.parametrize(
    ("text", "hit"),
    [
        ("you carpface!", "crapface"), ("crapfasce", "crapface"), ("crpface", "crapface"),
        ("blockjead", "blockhead"), ("jakcass", "jackass"), ("jckass", "jackass"),
        ("BLOCHKEAD", "blockhead"),
        ("bl\u043echkead", "blockhead"), ("b\u200blokhead", "blockhead"),
    ],
)  # fmt: skip
def test_slips_are_found_and_explained(text: str, hit: str) -> None:
    (found,) = MATCHER.find(text)
    assert found.term.term == hit
    assert found.through[-1] == "spelling"
    assert MATCHER.find_many([text, "x"]) == [[found], []]
    assert not Matcher(LEXICON, off=["spelling"]).find(text)
    assert not Matcher(Lexicon(LEXICON.terms, off={f"b-{hit}": ["spelling"]})).find_many([text])[0]


@pytest.mark.parametrize(
    "text",
    ["brapface", "jackasz", "idoit", "duncacap", "clotface", "nitwisds", "crpfcae",
     "http://x.org/carpface", "crabface", "crapfaces",
     "carpface2", "carpface\u00df", "package", "bookhead1"],
)  # fmt: skip
def test_other_words_are_left_alone(text: str) -> None:
    assert MATCHER.find(text) == []
    assert MATCHER.find_many([text]) == [[]]


def test_a_word_that_is_hit_already_is_no_slip() -> None:
    assert [hit.term.term for hit in MATCHER.find("dimwist")] == ["dimw"]


@settings(max_examples=150)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(TERMS), st.integers(0, 9),
            st.sampled_from(["", "x", "e", "ck", " ", "\u0435", "_", "1"]), st.integers(0, 2),
        ),
        max_size=5,
    )
)  # fmt: skip
def test_the_compiled_search_finds_the_same(
    edits: list[tuple[str, int, str, int]],
) -> None:
    text = " ".join(word[:at] + new + word[at + gone :] for word, at, new, gone in edits)
    assert MATCHER.find_many([text, "and", text.upper()]) == [
        MATCHER.find(text), [], MATCHER.find(text.upper()),
    ]  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(range(7, 24, 4)),
    st.integers(0, 22),
    st.sampled_from(["", "x", "e"]),
    st.integers(0, 2),
)
def test_slips_of_terms_of_any_length_are_the_same_compiled(
    size: int, at: int, new: str, gone: int
) -> None:
    term = ALPHABET[:size]
    word = term[:at] + new + term[at + gone :]
    swapped = term[:at] + term[at : at + 2][::-1] + term[at + 2 :]
    batch = [word, swapped, f"{swapped}!"]
    assert LONG.find_many(batch) == [LONG.find(text) for text in batch]
    assert LONG.find(swapped) or at == 0 or at >= size - 2

"""The compiled search: it finds what the reference finds, in any text; results read as lists."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moddefense.lexicon import Lexicon, Matcher, Term, compiled, matching

TERMS = [
    Term(f"t{place}", word, kind, match, severity=1 if kind == "block" else None)
    for place, (word, kind, match) in enumerate(
        [
            ("damn", "block", "word"), ("moron", "block", "word"), ("you moron", "block", "word"),
            ("ass", "block", "suffix"), ("butt", "block", "prefix"),
            ("skull", "block", "substring"),
            ("you're damn", "block", "word"), ("a$$", "block", "word"), ("болван", "block", "word"),
            ("傻瓜", "block", "word"), ("go to hell", "block", "word"),
            ("damn good", "allow", "word"),
            ("idiot", "block", "word"), ("hello", "allow", "text"),
        ]
    )
]  # fmt: skip
MATCHER = Matcher(Lexicon(TERMS))
SIGNS = " .-_*~+!|@$()[]{}#%&^=?/\\:;,'\"<>\n\t\x00\x0b€£¥§¢·•→😂🔥\u200b\u0301\u00ad\u20dd"
LETTERS = "abcdeghiklmnorstuvxyzABDIMNORSTU0123456789áéñßıмоrопгцaеьбвлнυοαｄａｍｎⓓ🇩🇦傻瓜ก\u0e34"
pieces = st.one_of(
    st.sampled_from([term.term for term in TERMS]),
    st.sampled_from(["d@mn", "m0r0n", "d a m n", "d.a.m.n", "d*mn", "m**on", "<b></b>", "www.",
                     ".com", "http://", "&", "_"]),
    st.sampled_from(SIGNS + LETTERS),
    st.sampled_from(SIGNS).map(lambda sign: sign * 3),
    st.sampled_from(LETTERS).map(lambda letter: letter * 3),
)  # fmt: skip
texts = st.lists(pieces, max_size=16).map("".join)


def test_the_library_is_there() -> None:
    assert compiled.library() is not None


@settings(max_examples=500, deadline=None)
@given(st.lists(texts, min_size=1, max_size=5))
def test_a_batch_of_anything_equals_one_by_one(batch: list[str]) -> None:
    assert MATCHER.find_many(batch) == [MATCHER.find(text) for text in batch]
    also = {"t11", "t13"}
    found = MATCHER.find_many(batch, also=also)
    assert found == [MATCHER.find(text, also=also) for text in batch]
    assert list(found.hits()) == [
        (place, tuple(hits), any(hit.through or hit.term.id in also for hit in hits))
        for place, hits in enumerate(found)
        if hits
    ]


@pytest.mark.parametrize(
    ("terms", "text"),
    [
        ({"aah": "substring"}, "oops aaahhhh, aahn"), ({"ass": "substring"}, "assubu xassy"),
        ({"x": "suffix"}, "u2x haa"), ({"4": "prefix", "u": "word"}, "4ß 4 u 4u"),
        ({"o'hell": "prefix"}, "o ' h e l l, o'hello"), ({"etc.": "word"}, "et(. et(.. etc. etc"),
        ({"bo <b>": "word"}, "y8o <b>bo <b>"), ({"i4accmm": "word"}, "a+1i4accmm"),
        ({"bca.": "word", "b.s": "word"}, "bc#. bca. b.s. b.s"), ({"aa": "word"}, "a a, aa aaaa"),
        ({"go u": "prefix", "go us": "prefix"}, "go usually, go un, go  to, go"),
        ({"ab": "prefix", "ban": "word"}, "abbey, bann bannn aab x" * 9),
        ({"a" * 20: "word", "abcdefgh" * 3: "word"}, f"{'a' * 70} {'abcdefgh' * 3} {'b' * 66}"),
    ],
)  # fmt: skip
def test_no_place_where_a_term_begins_is_passed_over(terms: dict[str, str], text: str) -> None:
    listed = [
        Term(f"t{place}", term, match=match, severity=1)
        for place, (term, match) in enumerate(terms.items())
    ]
    matcher = Matcher(Lexicon(listed))
    batch = [text, text.upper(), f"é{text}", text.replace(" ", "\n"), f"{text}!"]
    assert any(matcher.find(each) for each in batch)
    assert matcher.find_many(batch) == [matcher.find(each) for each in batch]


def test_allow_terms_that_are_asked_for_are_returned_beside_the_block_terms() -> None:
    text = "a damn good damn"
    assert [hit.start for hit in MATCHER.find(text)] == [12]
    for found in (MATCHER.find(text, also=["t11"]), MATCHER.find_many([text], also=["t11"])[0]):
        assert [(hit.term.id, hit.text) for hit in found] == [("t11", "damn good"), ("t0", "damn")]
    assert MATCHER.find("damn good", also=["unknown", "t0"]) == []


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60), st.sets(st.sampled_from(["leet", "masking", "accents", "homoglyph"])))
def test_any_characters_with_steps_left_out(text: str, off: set[str]) -> None:
    matcher = Matcher(Lexicon(TERMS), off=off)
    batch = [text, f"{text}d@mn", "dámn m*ron"]
    assert matcher.find_many(batch) == [matcher.find(each) for each in batch]


def test_without_the_library_results_are_the_same(monkeypatch) -> None:
    batch = ["d@mn", "hello", "", "you moron \U0001f1e9amn", "damn good", "é мorоn"] * 3
    wanted = list(MATCHER.find_many(batch))
    monkeypatch.setattr(matching, "library", lambda: None)
    assert MATCHER.find_many(batch) == wanted


def test_many_chunks_in_threads_keep_their_order(monkeypatch) -> None:
    batch = [f"{'x' * (place % 7)} damn {'moron ' * (place % 3)}" for place in range(200)]
    wanted = [MATCHER.find(text) for text in batch]
    monkeypatch.setattr(matching, "_CHUNK", 100)
    monkeypatch.setattr(matching, "_THREADS", 3)
    assert MATCHER.find_many(batch) == wanted


def test_the_result_reads_as_a_list_of_lists() -> None:
    batch = ["damn", "fine", "d@mn moron"]
    found = MATCHER.find_many(batch)
    batch[0] = "changed"  # matches are made late, but of the texts as they were
    assert len(found) == 3
    assert [hit.text for hit in found[0]] == ["damn"]
    assert [hit.text for hit in found[-1]] == ["d@mn", "moron"]
    assert found[1:] == [[], found[2]]
    assert found == list(found)
    assert found != [[], [], []]


def test_hits_of_many_terms_at_one_place_and_long_runs() -> None:
    same = Matcher(Lexicon(Term(f"t{n}", "moron", severity=1) for n in range(600)))
    assert len(same.find_many(["a moron", ""])[0]) == 600
    for text in ("! " * 3000, "i|1!" * 2000, "m" * 9000, "*m" * 5000, "moron" * 4000, "m@" * 4000):
        assert MATCHER.find_many([text, "damn"])[1][0].text == "damn"

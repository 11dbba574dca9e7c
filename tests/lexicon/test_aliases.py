"""Aliases of severe words: one space inside, letters that look like the right ones."""

from __future__ import annotations

import pytest

from moddefense.lexicon import Lexicon, Matcher, Term

WORDS = ("idiot", "moron", "stupid", "crapface", "jackass", "dumbass", "shouter", "wuss", "spitall")
LEXICON = Lexicon(
    [
        *(Term(f"b-{word}", word, severity=2) for word in WORDS),
        Term("b-ass", "ass", severity=1), Term("b-mild", "bugger", severity=1),
        Term("b-foreign", "idiots", severity=2, lang="tlh"),
        Term("b-phrase", "fat head", severity=2),
    ]
)  # fmt: skip
MATCHER = Matcher(LEXICON)


@pytest.mark.parametrize(
    ("text", "term", "through"),
    [
        ("you idi ot!", "idiot", ("separators",)),
        ("what a moro n, i diot", "moron idiot", ("separators",)),
        ("stu  pid", "stupid", ("separators",)),
        ("cra pface", "crapface", ("separators",)),
        ("s tu pid id io t", "stupid idiot", ("separators",)),
        ("j ack a ss", "jackass", ("separators",)),
        ("a dumb ass", "dumbass", ("separators",)),
        ("that id\u0456 ot", "idiot", ("homoglyph", "separators")),
        ("you ldlot", "idiot", ("leet",)),
        ("how stvpid", "stupid", ("leet",)),
        ("wvss", "wuss", ("leet",)),
        ("w.v.s.s", "wuss", ("leet", "separators")),
        ("spitaii", "spitall", ("leet",)),
    ],
)  # fmt: skip
def test_they_are_found_and_explained(text: str, term: str, through: tuple[str]) -> None:
    hits = [hit for hit in MATCHER.find(text) if hit.term.term != "ass"]
    assert " ".join(hit.term.term for hit in hits) == term
    assert {hit.through for hit in hits} == {through}
    assert MATCHER.find_many([text]) == [MATCHER.find(text)]


@pytest.mark.parametrize(
    "text",
    ["shout er", "bvgger", "bu gger", "idio ts", "fa thead",
     "it's pitall", "jack as such", "stup, id", "http://x.org/stvpid", "CVN-77", "mo or on"],
)  # fmt: skip
def test_words_side_by_side_are_left_alone(text: str) -> None:
    assert [hit.term.term for hit in MATCHER.find(text)] == []
    assert MATCHER.find_many([text]) == [[]]


def test_they_can_be_switched_off() -> None:
    for off, text in (("separators", "you idi ot"), ("leet", "how stvpid")):
        assert MATCHER.find(text)
        assert not Matcher(LEXICON, off=[off]).find(text)
        by_term = Lexicon(LEXICON.terms, off={f"b-{word}": [off] for word in WORDS})
        assert not Matcher(by_term).find(text)
        assert not Matcher(by_term).find_many([text])[0]


def test_the_longer_reading_is_masked() -> None:
    assert MATCHER.mask("you idi ot!") == "you ******!"

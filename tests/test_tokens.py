"""Tokens: strings to ids, openings, the vocabulary, and tokenising a text once."""

from __future__ import annotations

import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moddefense.folding import fold_many
from moddefense.tokens import (
    OPENING,
    PAD,
    UNKNOWN,
    TokenColumn,
    Tokenizer,
    Tokens,
    learn_vocabulary,
)

LETTERS = [*string.ascii_lowercase, *string.digits, "é"]
PIECES = [
    "[PAD]", "[UNK]", "[OPEN]", *LETTERS, *(f"##{letter}" for letter in LETTERS), "!", ".", "#",
    "ass", "damn", "idiot", "##ume", "##ist", "##ation",
]  # fmt: skip
TOKENIZER = Tokenizer(PIECES, ["ass", "damn"])
TEXT = st.text(st.characters(codec="utf-8"), max_size=40)


def pieces(text, tokenizer=TOKENIZER):
    return [tokenizer.piece(token) for token in tokenizer([text]).values.tolist()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("damn", ["damn"]),
        ("damnation", ["damn-", "##ation"]),
        ("Ass, assume!", ["ass", "[UNK]", "ass-", "##ume", "!"]),
        ("damn ##ation", ["damn", "#", "#", "a-", "##t", "##i", "##o", "##n"]),
        ("", []),
        (" \n\t", []),
    ],
)
def test_a_word_and_the_beginning_of_a_longer_word_differ(text, expected):
    rare = [piece if piece != "a-" else "[OPEN]" for piece in expected]
    assert pieces(text) == rare


def test_an_opening_at_the_end_of_a_text_does_not_see_the_next_text():
    found = TOKENIZER(["ass", "ume", "assume"])
    assert found.lengths.tolist() == [1, 3, 2]
    assert [TOKENIZER.piece(t) for t in found.values.tolist()][:2] == ["ass", "[OPEN]"]
    assert found.values[0] != found.values[-2]


@pytest.mark.parametrize(
    "text",
    ["🙂idiot🙂", "idiot🙂", "漢idiot", "idiotж!", "idiot\ufffd", "🙂🙂🙂idiot", "id\u200biot🙂"],
)
def test_what_the_vocabulary_cannot_spell_does_not_hide_a_word(text):
    assert "idiot" in pieces(text)


@pytest.mark.parametrize("letter", ["z", "0", "_", "~"])
def test_neither_does_an_ascii_letter_that_it_lacks(letter):
    small = Tokenizer(["[PAD]", "[UNK]", "[OPEN]", *"idot", *(f"##{c}" for c in "idot"), "idiot"])
    assert pieces(f"idiot{letter}", small) == ["idiot", "[UNK]"]


def test_special_pieces_cannot_be_typed():
    assert pieces("[PAD]")[0] == pieces("[UNK]")[0] == pieces("[")[0] == "[UNK]"
    assert PAD not in TOKENIZER(["[PAD]", "[pad] damn"]).values
    assert pieces("damn-") == ["damn", "[UNK]"]


def test_one_endless_word_is_read_letter_by_letter():
    found = pieces("xy" * 5000)
    assert len(found) == 10_000
    assert found[:3] == ["[OPEN]", "##y", "##x"]


@given(st.lists(TEXT, max_size=5))
def test_every_id_is_in_range_and_texts_do_not_mix(texts):
    found = TOKENIZER(texts)
    assert found.values.dtype == np.int32
    assert found.lengths.sum() == len(found.values)
    assert ((found.values > 0) & (found.values < TOKENIZER.size)).all()
    alone = [TOKENIZER([text]).values for text in texts]
    np.testing.assert_array_equal(found.values, np.concatenate([[], *alone]))


@given(st.lists(st.lists(st.integers(1, 9), max_size=4), min_size=1, max_size=6), st.data())
def test_taking_rows(rows, data):
    tokens = Tokens(
        np.array([v for row in rows for v in row], np.int32), np.array([len(row) for row in rows])
    )
    wanted = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=8))
    taken = tokens.take(np.array(wanted, np.int64))
    assert taken.values.tolist() == [v for row in wanted for v in rows[row]]
    assert taken.lengths.tolist() == [len(rows[row]) for row in wanted]
    assert tokens.starts.tolist() == [sum(map(len, rows[:i])) for i in range(len(rows))]


def test_lone_surrogates_are_read_as_something():
    found = TOKENIZER(["\ud800", "damn\udfff"])
    assert found.lengths.min() >= 1


def test_written_and_read_back(tmp_path):
    TOKENIZER.save(tmp_path / "v.json")
    again = Tokenizer.load(tmp_path / "v.json")
    assert (again.pieces, again.openings) == (TOKENIZER.pieces, TOKENIZER.openings)
    assert [again.piece(i) for i in range(again.size)] == [
        TOKENIZER.piece(i) for i in range(TOKENIZER.size)
    ]


# A row is tokenised once


class Counting:
    def __init__(self):
        self.texts = []

    def __call__(self, texts):
        self.texts += texts
        return TOKENIZER(texts)


@given(st.lists(st.lists(st.integers(0, 5), max_size=6, unique=True), max_size=4))
def test_a_column_tokenises_each_row_once_and_only_when_asked(requests):
    texts = ["damn", "", "assume damnation", "idiot!", "a b c", "x"]
    counting = Counting()
    column = TokenColumn(counting, texts)
    for request in requests:
        rows = np.array(request, np.int64)
        taken, expected = column.take(rows), TOKENIZER([texts[row] for row in request])
        np.testing.assert_array_equal(taken.values, expected.values)
        np.testing.assert_array_equal(taken.lengths, expected.lengths)
    asked = {texts[row] for request in requests for row in request}
    assert sorted(counting.texts) == sorted(asked)


# Learning a vocabulary

CORPUS = fold_many(
    ["Damn this garden", "damnation!", "the garden grows", "a gardener's damn garden"] * 3
)


def test_the_same_texts_give_the_same_vocabulary():
    first = learn_vocabulary(CORPUS, size=200, min_frequency=1)
    for _ in range(5):
        assert learn_vocabulary(CORPUS, size=200, min_frequency=1).pieces == first.pieces
    assert learn_vocabulary(CORPUS[::-1], size=200, min_frequency=1).pieces == first.pieces


def test_a_vocabulary_spells_its_corpus_and_keeps_its_size():
    learnt = learn_vocabulary(CORPUS, size=60, min_frequency=1)
    assert learnt.pieces[:3] == ("[PAD]", "[UNK]", "[OPEN]")
    assert len(set(learnt.pieces)) == len(learnt.pieces) <= 60
    assert UNKNOWN not in learnt(CORPUS).values
    assert "garden" in learn_vocabulary(CORPUS, size=200, min_frequency=1).pieces


def test_a_frequent_endless_word_makes_no_endless_piece():
    learnt = learn_vocabulary(["damn" * 500] * 9, size=5000, min_frequency=1)
    assert max(len(piece.encode()) for piece in learnt.pieces) <= 100
    assert learnt(["damn" * 500]).lengths[0] > 10


def test_openings_are_those_that_occur_often_enough():
    learnt = learn_vocabulary(CORPUS, size=200, min_frequency=20)
    everything = learnt.with_openings(CORPUS, min_frequency=1)
    some = learnt.with_openings(CORPUS, min_frequency=9)
    none = learnt.with_openings(CORPUS, min_frequency=1000)
    assert set(none.openings) < set(some.openings) < set(everything.openings)
    assert none.size == len(learnt.pieces)
    assert OPENING in none(["garden"]).values
    assert OPENING not in everything(CORPUS).values

"""The linear model over the letters of words."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moddefense import native
from moddefense.letters import LetterModel, Spelling
from moddefense.tokens import Tokenizer, Tokens

PIECES = [
    "[PAD]",
    "[UNK]",
    "[OPEN]",
    "##a",
    "##b",
    "##x",
    "##ab",
    "a",
    "b",
    "x",
    "cat",
    "jerk",
    ".",
]
TOKENIZER = Tokenizer(PIECES, ["a", "jerk"])
SPELLING = Spelling.of(TOKENIZER)
IDS = st.integers(0, TOKENIZER.size - 1)
TEXTS = st.lists(st.lists(IDS, max_size=12), max_size=6)


def ragged(texts):
    values = [token for text in texts for token in text]
    return Tokens(np.array(values, np.int32), np.array([len(text) for text in texts], np.int64))


def model(buckets=64, seed=1):
    weights = np.random.default_rng(seed).normal(size=buckets).astype(np.float32)
    return LetterModel(weights, -0.5, SPELLING)


def naive(texts, letters):
    """Log-odds by definition, with the weight of an n-gram asked for one at a time."""
    found = []
    for text in texts:
        words, word = set(), ()
        for place, token in enumerate(text):
            if place and SPELLING.continues[token]:
                word += (token,)
            else:
                words.add(word)
                word = (token,)
        words.add(word)
        total, count = 0.0, 0
        for word in sorted(words - {()}):
            spelt = "\0" + "".join(spelling_of(token) for token in word) + "\0"
            grams = [spelt[i : i + n] for n in range(2, 6) for i in range(len(spelt) - n + 1)]
            total += sum(weight_of(gram, letters) for gram in grams)
            count += len(grams)
        found.append(total / max(1, count) ** 0.5 + letters.intercept)
    return found


def spelling_of(token):
    begin, end = SPELLING.begins[token : token + 2]
    return "".join(map(chr, SPELLING.codes[begin:end]))


def weight_of(gram, letters):
    key = 0
    for letter in gram:
        key = (key + ord(letter) + 1) * 0x9E3779B97F4A7C15 % 2**64
    mixed = (key ^ (key >> 29)) * 0xC2B2AE3D27D4EB4F % 2**64
    return float(letters.weights[(mixed >> 32) % len(letters.weights)])


@given(TEXTS, st.sampled_from([1, 60, 64]))
def test_log_odds_are_those_of_the_definition(monkeypatch, texts, buckets):
    letters, tokens = model(buckets), ragged(texts)
    expected = naive(texts, letters)
    np.testing.assert_allclose(letters.log_odds(tokens), expected, rtol=0, atol=1e-9)
    with monkeypatch.context() as patched:
        patched.setattr(native, "library", lambda: None)
        np.testing.assert_allclose(letters.log_odds(tokens), expected, rtol=0, atol=1e-9)


@given(st.lists(IDS, max_size=12))
def test_contributions_add_up_to_the_log_odds(text):
    letters = model()
    shares = letters.contributions(np.array(text, np.int32))
    whole = letters.log_odds(ragged([text]))[0]
    assert len(shares) == len(text)
    assert shares.sum() + letters.intercept == pytest.approx(whole, abs=1e-9)


def test_a_word_counts_once_however_often_it_is_said():
    letters = model()
    once, often = letters.log_odds(TOKENIZER(["cat jerk", "cat jerk jerk cat jerk"]))
    assert once == pytest.approx(often)


def test_unknown_ids_are_refused():
    with pytest.raises(IndexError, match=f"token {TOKENIZER.size} is not in a vocabulary"):
        model().log_odds(ragged([[TOKENIZER.size]]))


def test_a_word_is_known_by_its_letters():
    pieces = [
        *PIECES,
        *(c for c in "cdefghijklmnopqrstuvwyz"),
        *(f"##{c}" for c in "cdefghijklmnopqrstuvwyz"),
    ]
    tokenizer = Tokenizer(pieces)
    harmful = ["you idiot", "idiots all", "such idiocy", "idiot"] * 5
    harmless = ["good day", "my friend", "thank you", "idle hours"] * 5
    tokens = tokenizer(harmful + harmless)
    letters = LetterModel.fit(
        tokens, np.repeat([1, 0], 20), np.ones(40), Spelling.of(tokenizer), buckets=1 << 12,
        inverse_penalty=1.0,
    )  # fmt: skip
    misspelt, other = letters.log_odds(tokenizer(["idiiot", "ideas"]))
    assert misspelt > other

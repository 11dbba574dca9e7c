"""Nearest neighbours in a bundle's embedding."""

from __future__ import annotations

import numpy as np
import pytest

import moddefense as md
from moddefense.bundle import read_models
from moddefense.classifier.neighbors import ranked
from moddefense.errors import BundleError, ConfigurationError


def test_they_are_the_nearest_by_cosine(toy_bundle):
    tokenizer, _, classifier = read_models(toy_bundle)
    table = classifier.weights["embedding"].astype(np.float64)
    words = [p for p in tokenizer.pieces if p[:2] != "##" and p[0] != "["]
    vector = {word: table[tokenizer.pieces.index(word)] for word in words}

    def cosine(word):
        a, b = vector["idiot"], vector[word]
        return a @ b / np.linalg.norm(a) / np.linalg.norm(b)

    expected = sorted((word for word in words if word != "idiot"), key=cosine, reverse=True)[:4]
    found = md.neighbors(toy_bundle, ["Idiot", "garden"], k=4)
    assert list(found) == ["Idiot", "garden"]
    assert [word for word, _ in found["Idiot"]] == expected
    assert [c for _, c in found["Idiot"]] == pytest.approx([cosine(w) for w in expected], abs=1e-4)


def test_parts_of_words_count_when_asked_for(toy_bundle):
    tokenizer, *_ = read_models(toy_bundle)
    everything = md.neighbors(toy_bundle, ["idiot"], k=10**6, pieces=True)["idiot"]
    assert len(everything) == tokenizer.size - 3 - 1  # special pieces, and the word itself
    whole = md.neighbors(toy_bundle, ["idiot"], k=10**6)["idiot"]
    assert {w for w, _ in everything} > {w for w, _ in whole}
    assert not any(w.startswith("##") or w.endswith("-") for w, _ in whole if len(w) > 1)


def test_ranked_orders_by_direction_and_not_by_length():
    table = np.array([[0, 0], [1, 0], [9, 9], [0.1, 0], [-3, 0], [0, 0]], np.float32)
    found = ranked(table, 1, np.arange(1, 6))
    assert [token for token, _ in found] == [3, 2, 5, 4]
    assert [cosine for _, cosine in found] == pytest.approx([1, 0.5**0.5, 0, -1], abs=1e-6)


@pytest.mark.parametrize(
    ("word", "why"),
    [("gardenia", r"read as \[OPEN\] ##i"), ("", "nothing of it"), ("[UNK]", r"read as \["),
     ("##s", "read as"), ("the cat", "read as the cat")],
)  # fmt: skip
def test_a_word_that_is_not_one_piece_is_explained(toy_bundle, word, why):
    with pytest.raises(ConfigurationError, match=f"not a whole word of the vocabulary; .*{why}"):
        md.neighbors(toy_bundle, [word])


def test_no_bundle(tmp_path):
    with pytest.raises(BundleError):
        md.neighbors(tmp_path, ["cat"])

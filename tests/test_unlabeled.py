"""Texts without labels: read, kept apart from the splits, learnt from by who can."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moddefense.classifier.fitting import epoch_batches, mixed_batches
from moddefense.corpus import Corpus, Split
from moddefense.errors import ConfigurationError, ReadError, RecipeError
from moddefense.recipe import METHODS, Recipe
from moddefense.training import train
from moddefense.unlabeled import Unlabeled, require_use


def test_any_format_is_read_and_what_is_left_out_counted(tmp_path):
    (tmp_path / "a.txt").write_text("one\n\ntwo\n")
    (tmp_path / "b.jsonl").write_text('{"text": "three"}\n{"text": null}\nbroken\n')
    (tmp_path / "c.csv.gz").write_bytes(gzip.compress(b"text,label\nfour,1\n"))
    found = Unlabeled.read(tmp_path / "a.txt", tmp_path / "b.jsonl", tmp_path / "c.csv.gz")
    assert found.texts == ("one", "two", "three", "four")
    assert found.notes == (
        "a.txt, b.jsonl, c.csv.gz: 2 unreadable rows left out",
        "a.txt, b.jsonl, c.csv.gz: 1 empty texts left out",
    )
    assert found.fingerprint != Unlabeled.read(tmp_path / "a.txt").fingerprint


def test_what_cannot_be_read(tmp_path):
    (tmp_path / "a.csv").write_text("body\nhello\n")
    (tmp_path / "b.txt").write_text("\n \n")
    with pytest.raises(ConfigurationError, match="'text'"):
        Unlabeled.read(tmp_path / "a.csv")
    assert Unlabeled.read(tmp_path / "a.csv", text_column="body").texts == ("hello",)
    with pytest.raises(ConfigurationError, match=r"b\.txt: no text to learn from"):
        Unlabeled.read(tmp_path / "b.txt")
    with pytest.raises(ReadError):
        Unlabeled.read(tmp_path / "none.txt")


def test_no_text_of_a_split_remains_nor_any_twice():
    texts = ("a cat", "a dog", "a cow")
    labels = np.array([[0], [1], [0]], np.float32)
    corpus = Corpus(texts, labels, ("label",), ("train", "val", "test"), "corpus.csv")
    split = Split.of(corpus, seed=0, validation_share=0.1, test_share=0.1)
    more = Unlabeled(("A  CAT", "a hen", "A dog", "a cow", "A hen", "a fox"), "more.txt")
    apart = more.apart_from(split)
    assert apart.texts == ("a hen", "a fox")
    assert apart.notes == ("unlabelled: 4 texts left out that stand twice or in a split",)


@pytest.mark.parametrize("method", METHODS)
def test_only_virtual_adversarial_training_has_a_use_for_them(method):
    recipe = Recipe().override({"adversarial.method": method})
    if "vat" in method:
        require_use(recipe)
        with pytest.raises(RecipeError, match="unlabeled_ratio: 0 leaves no place"):
            require_use(recipe.override({"adversarial.unlabeled_ratio": 0.0}))
    else:
        with pytest.raises(RecipeError, match=f"{method}' cannot learn .* choose vat or fgm"):
            require_use(recipe)


@given(
    labelled=st.integers(1, 60), unlabelled=st.integers(1, 60), ratio=st.floats(0.1, 3),
    epochs=st.integers(1, 4),
)  # fmt: skip
def test_each_batch_gets_its_share_and_all_come_round_equally(labelled, unlabelled, ratio, epochs):
    recipe = Recipe().override({"training.batch_size": 8, "adversarial.unlabeled_ratio": ratio})
    lengths = np.random.Generator(np.random.PCG64(1)).integers(0, 50, labelled + unlabelled)
    extra = max(1, round(8 * ratio))
    seen = np.zeros(labelled + unlabelled, int)
    for epoch in range(epochs):
        alone = list(epoch_batches(lengths[:labelled], recipe, epoch))
        mixed = list(mixed_batches(alone, lengths, labelled, recipe, epoch))
        for batch, rows in zip(mixed, alone, strict=True):
            assert batch[: len(rows)].tolist() == rows.tolist()
            assert len(batch) == len(rows) + extra
            np.add.at(seen, batch, 1)
    assert (seen[:labelled] == epochs).all()
    assert np.ptp(seen[labelled:]) <= 1


def test_they_are_of_about_the_length_of_their_batch():
    recipe = Recipe().override({"training.batch_size": 16})
    lengths = np.random.Generator(np.random.PCG64(0)).integers(1, 200, 1024)
    alone = list(epoch_batches(lengths[:512], recipe, 0))
    mixed = mixed_batches(alone, lengths, 512, recipe, 0)
    assert np.mean([np.ptp(lengths[batch]) for batch in mixed]) < 40


def test_training_with_them(toy_recipe, toy_corpus):
    recipe = toy_recipe.override({"adversarial.method": "vat", "training.epochs": 1})
    more = Unlabeled((*toy_corpus.texts[:5], "a garden and an idiot", "the sea!"), "more.txt")
    without, with_them = train(recipe, toy_corpus), train(recipe, toy_corpus, unlabeled=more)
    assert with_them.report["corpus"]["unlabeled_sha256"] == more.fingerprint
    assert with_them.report["corpus"]["notes"][-2:] == [
        "unlabelled: 5 texts left out that stand twice or in a split",
        "2 texts without label",
    ]
    kernels = [r.bundle.classifier.weights["kernel"] for r in (without, with_them)]
    assert not np.array_equal(*kernels)
    with pytest.raises(RecipeError, match="cannot learn from unlabelled"):
        train(toy_recipe, toy_corpus, unlabeled=more)

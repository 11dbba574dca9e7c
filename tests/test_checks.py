"""Notes on what is doubtful about a corpus."""

from __future__ import annotations

import numpy as np
import pytest

from moddefense.checks import contradictions, few_texts
from moddefense.corpus import Corpus, Split
from moddefense.errors import ConfigurationError
from moddefense.training import train


def corpus(texts, labels):
    array = np.array(labels, np.float32).reshape(len(texts), -1)
    names = tuple("abc"[: array.shape[1]])
    return Corpus(tuple(texts), array, names, None, "corpus.csv")


@pytest.mark.parametrize(
    ("texts", "labels", "count"),
    [
        (["a cat", "a dog"], [0, 1], 0),
        (["a cat", "A  cat", "a cat"], [0, 0, 0], 0),
        (["a cat", "A  cat", "a cat"], [0, 1, 0], 1),
        (["a cat", "A  cat", "a cat"], [0, 1, 1], 2),
        (["a cat", "a cat"], [[0, np.nan], [0, 1]], 0),
        (["a cat", "a cat", "a cat"], [[0, np.nan], [np.nan, 1], [0, 0]], 1),
    ],
)
def test_equal_texts_with_other_labels_are_counted(texts, labels, count):
    expected = f"{count} texts have other labels than the same text before; the first one counts"
    assert contradictions(corpus(texts, labels)) == [expected] * (count > 0)


def test_a_class_with_next_to_no_texts_is_named():
    part = corpus([f"text {n}" for n in range(60)], [n % 3 == 0 for n in range(60)])
    few = part.take(np.flatnonzero(part.harmful == 1)[:19])
    nothing = part.take(np.arange(0))
    assert few_texts(Split(part, part, nothing, ())) == []
    assert few_texts(Split(part, few, few, ())) == [
        "val: only 19 harmful texts: calibration and thresholds are guesses",
        "val: only 0 harmless texts: calibration and thresholds are guesses",
        "test: only 19 harmful texts: its figures say little",
        "test: only 0 harmless texts: its figures say little",
    ]


def test_reading_counts_repeated_ids_and_wrong_labels(tmp_path):
    path = tmp_path / "corpus.csv"
    path.write_text("id,text,label\nx,one,1\ny,two,0\nx,three,0\nx,,1\n")
    assert Corpus.read(path).notes == (
        "corpus.csv: 1 rows without text left out",
        "corpus.csv: 2 rows have the id of another row",
    )
    path.write_text("text,label\none,1\ntwo,spam\nthree,2\nfour,0\n")
    with pytest.raises(ConfigurationError, match=r"row 1: label is 'spam' \(and 1 more rows\);"):
        Corpus.read(path)
    path.write_text("text,label\none,1\ntwo,0\n")
    assert Corpus.read(path, path).notes == ()


def test_training_tells_all_of_it(toy_recipe, toy_corpus, tmp_path):
    rows = np.concatenate([np.arange(len(toy_corpus)), [0, 1]])
    doubled = toy_corpus.take(rows)
    doubled.labels[-2:] = 1 - doubled.labels[:2]
    settings = {"training.epochs": 1, "corpus.test_share": 0.05}
    notes = train(toy_recipe.override(settings), doubled).report["corpus"]["notes"]
    assert notes[0].startswith("2 texts have other labels")
    assert notes[-1].startswith("test: only ")

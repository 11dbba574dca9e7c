"""Described corpora, and several of them in one training."""

from __future__ import annotations

import numpy as np
import pytest

from moddefense.corpora import join, read_corpora, read_described, read_description
from moddefense.corpus import Corpus, Split
from moddefense.errors import ConfigurationError, ReadError, TrainingError
from moddefense.resources import corpora_dir
from moddefense.training import train

DRAW = {"seed": 1, "validation_share": 0.2, "test_share": 0.2}


def described(folder, name="forum", extra="", rows="text,label\nso nice,0\nyou jerk,1\n"):
    (folder / f"{name}.csv").write_text(rows)
    path = folder / f"{name}.toml"
    path.write_text(f'file = "{name}.csv"\n{extra}')
    return path


def corpus(*rows, names=("toxic",), source="ours.csv"):
    labels = np.array([[*row[1:]] for row in rows], np.float32)
    return Corpus(tuple(row[0] for row in rows), labels, names, None, source)


@pytest.mark.parametrize("path", sorted(corpora_dir().glob("*.toml")), ids=lambda path: path.stem)
def test_shipped_descriptions_are_complete(path):
    found = read_description(path.stem)
    assert found.name == path.stem
    assert found.licence
    assert found.title
    assert len(found.sha256) == 64
    assert found.rows > 0


def test_shipped_descriptions_fit_their_files(data_dir, monkeypatch):
    monkeypatch.setenv("MODDEFENSE_DATA", str(data_dir))
    about, found = read_described("stormfront")
    assert not any("hash" in note for note in found.notes)
    assert set(found.splits) == {"train", "test"}
    assert len(found) <= about.rows


def test_splits_are_mapped(tmp_path):
    extra = 'split_column = "part"\n[splits]\nrest = "train"\nheld = "test"\n'
    rows = "text,label,part\na,0,rest\nb,1,held\nc,1,rest\n"
    _, found = read_described(described(tmp_path, extra=extra, rows=rows))
    assert found.splits == ("train", "test", "train")


def test_another_file_is_noted(tmp_path):
    _, found = read_described(described(tmp_path, extra=f'sha256 = "{"0" * 64}"\n'))
    assert "not the file that forum describes" in found.notes[0]


def test_a_file_is_looked_for_in_the_data_folder(tmp_path, monkeypatch):
    path = described(tmp_path)
    elsewhere = tmp_path / "data"
    elsewhere.mkdir()
    (tmp_path / "forum.csv").rename(elsewhere / "forum.csv")
    with pytest.raises(ReadError, match=r"forum\.csv: no such file.*MODDEFENSE_DATA"):
        read_described(path)
    monkeypatch.setenv("MODDEFENSE_DATA", str(elsewhere))
    assert read_described(path)[1].texts == ("so nice", "you jerk")


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ("colour = 1", "unknown key 'colour'"),
        ("weight = 0", "weight: 0.0 is out of range"),
        ('weight = "2"', "weight: '2' is not a float"),
        ("label_columns = []", "not a list of column names"),
        ('[splits]\nrest = "practice"', "'practice' is none of train, val and test"),
        ("name =", "not valid TOML"),
    ],
)
def test_a_bad_description_names_what_is_wrong(tmp_path, extra, message):
    path = described(tmp_path, extra=extra)
    with pytest.raises(ConfigurationError, match=message) as caught:
        read_description(path)
    assert str(path) in str(caught.value)


def test_a_description_needs_a_file(tmp_path):
    path = tmp_path / "c.toml"
    path.write_text('title = "x"')
    with pytest.raises(ConfigurationError, match="no key 'file'"):
        read_description(path)


def test_definitions_become_labels_that_others_do_not_know(tmp_path):
    main = corpus(("so nice", 0, 0), ("you jerk", 1, 0), names=("toxic", "threat"))
    forum = read_described(described(tmp_path, extra="weight = 3\n"))
    found = join([(None, main), forum], **DRAW)
    assert found.label_names == ("toxic", "threat", "forum")
    assert found.label_weights == (1, 1, 3)
    nan = np.nan
    np.testing.assert_array_equal(
        found.labels, [[0, 0, nan], [1, 0, nan], [nan, nan, 0], [nan, nan, 1]]
    )
    np.testing.assert_array_equal(found.main, [0, 1, nan, nan])
    np.testing.assert_array_equal(found.harmful, [0, 1, 0, 1])
    assert found.columns["corpus"] == ("ours", "ours", "forum", "forum")


def test_a_corpus_of_the_same_definition_adds_to_the_score(tmp_path):
    first = read_described(described(tmp_path, "first", 'definition = "toxic"\n'))
    second = read_described(described(tmp_path, "second", 'definition = "toxic"\n'))
    found = join([first, second], **DRAW)
    assert found.label_names == ("label",)
    np.testing.assert_array_equal(found.main, [0, 1, 0, 1])
    np.testing.assert_array_equal(found.harmful, [0, 1, 0, 1])


def test_training_on_two_corpora_of_one_definition(tmp_path, toy_recipe):
    def rows(*things):
        return "text,label\n" + "".join(
            f"{thing} {n} is {'daft' if n % 2 else 'lovely'},{n % 2}\n"
            for n in range(60) for thing in things
        )  # fmt: skip

    same = 'definition = "toxic"\n'
    paths = [described(tmp_path, "first", same, rows("tea", "rain")),
             described(tmp_path, "second", same, rows("snow"))]  # fmt: skip
    result = train(toy_recipe, read_corpora(paths, toy_recipe))
    report = result.report
    assert result.bundle.classifier.label_names == ("label",)
    assert sum(report["corpus"]["texts"].values()) == 180
    assert report["metrics"]["test"]["harm"]["texts"] == report["corpus"]["texts"]["test"]


def test_a_definition_may_not_have_the_name_of_a_label(tmp_path):
    forum = read_described(described(tmp_path, extra='definition = "toxic"\n'))
    with pytest.raises(ConfigurationError, match="has the name of a label"):
        join([(None, corpus(("a", 1))), forum], **DRAW)


def test_leaks_between_corpora_are_counted_by_corpus(tmp_path):
    rows = "text,label,split\nSO NICE,0,train\nother,1,train\nlast,0,val\nyou jerk,1,test\n"
    forum = read_described(described(tmp_path, rows=rows))
    texts = [("so nice", 0), ("you jerk", 1), ("you jerk!", 1), ("fine", 0)]
    main = Corpus(
        tuple(t for t, _ in texts), np.array([[y] for _, y in texts], np.float32), ("toxic",),
        ("test", "test", "train", "val"), "ours.csv",
    )  # fmt: skip
    split = Split.of(join([(None, main), forum], **DRAW), **DRAW)
    assert "train: 1 (forum 1) texts left out that also stand in a later split" in split.notes
    assert "test: 1 (forum 1) duplicate texts left out" in split.notes
    assert split.train.texts == ("you jerk!", "other")


def test_training_on_two_definitions(tmp_path, toy_recipe, toy_corpus, toy_file):
    rows = "".join(
        f"{word} {n} is {'daft' if n % 2 else 'lovely'},{n % 2}\n"
        for n in range(60) for word in ("tea", "rain")
    )  # fmt: skip
    path = described(tmp_path, rows=f"text,label\n{rows}")
    recipe = toy_recipe.override({"noise.share": 0.2})
    both = read_corpora([str(toy_file), str(path)], recipe)
    result = train(recipe, both)
    assert set(result.report["metrics"]["test"]) == {"harm", "toxic", "insult", "forum", "trigger"}
    assert result.report["metrics"]["test"]["forum"]["auc"] > 0.9
    assert result.bundle.classifier.label_names == ("toxic", "insult", "forum")
    again = train(recipe, both)
    for name, weights in result.bundle.classifier.weights.items():
        np.testing.assert_array_equal(weights, again.bundle.classifier.weights[name])


def test_the_first_corpus_needs_both_classes_and_no_test(tmp_path, toy_recipe):
    def rows(name, things, splits):
        body = "".join(
            f"{thing} {n} is {'daft' if n % 2 else 'lovely'},{n % 2},{split}\n"
            for split, count in splits.items() for n in range(count) for thing in things[split]
        )  # fmt: skip
        return described(tmp_path, name, rows=f"text,label,split\n{body}")

    things = {"train": ("tea", "rain"), "val": ("snow",), "test": ("ice",)}
    others = {"train": ("cat", "dog"), "val": ("cow",), "test": ("hen",)}
    second = rows("second", others, {"train": 40, "val": 20, "test": 20})
    first = rows("first", things, {"train": 40, "val": 1})
    with pytest.raises(TrainingError, match="val has 1 texts of the first corpus, 0 of them harm"):
        train(toy_recipe, read_corpora([first, second], toy_recipe))
    first = rows("first", things, {"train": 40, "val": 20})
    report = train(toy_recipe, read_corpora([first, second], toy_recipe)).report
    assert report["metrics"]["test"]["harm"]["texts"] == 0
    assert report["metrics"]["test"]["harm"]["calibration_error"] is None
    assert report["metrics"]["test"]["trigger"]["share_run"] is None
    assert report["metrics"]["test"]["second"]["texts"] == 20


def test_one_corpus_alone_is_not_joined(toy_file, toy_recipe, toy_corpus):
    found = read_corpora([str(toy_file)], toy_recipe)
    assert found.fingerprint == toy_corpus.fingerprint
    assert found.main is None

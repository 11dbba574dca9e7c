"""Labelled corpora: what is read, what is refused, and how splits are kept from leaking."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import moddefense as md
from moddefense.corpus import Corpus, Split, column_names
from moddefense.errors import ConfigurationError, ReadError
from moddefense.folding import fold

ROWS = [("so nice", 0, None), ("you jerk", 1, 1), ("crap, that", 1, 0), ("ok", 0, -1)]
EXPECTED = np.array([[0, np.nan], [1, 1], [1, 0], [0, np.nan]], np.float32)


def write(path, rows=ROWS, names=("text", "toxic", "insult")):
    if path.suffix == ".parquet":
        pq.write_table(pa.table({n: [row[i] for row in rows] for i, n in enumerate(names)}), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(dict(zip(names, row, strict=True))) + "\n"
                                for row in rows))  # fmt: skip
    else:
        comma = "\t" if path.suffix == ".tsv" else ","
        cells = [["" if v is None else f'"{v}"' for v in row] for row in rows]
        path.write_text("\n".join(comma.join(row) for row in [names, *cells]) + "\n")
    return path


def corpus(*texts, labels=None, splits=None):
    values = np.array(labels or [i % 2 for i in range(len(texts))], np.float32)[:, None]
    return Corpus(texts, values, ("toxic",), splits, "ours.csv")


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_every_format_reads_the_same(tmp_path, suffix):
    found = md.Corpus.read(write(tmp_path / f"c{suffix}"), label_columns=("toxic", "insult"))
    assert found.texts == tuple(row[0] for row in ROWS)
    np.testing.assert_array_equal(found.labels, EXPECTED)
    assert found.label_names == ("toxic", "insult")
    assert found.splits is None
    assert found.notes == ()


def test_labels_may_be_written_as_words_and_decimals(tmp_path):
    rows = [("a", "0.0"), ("b", "1.0"), ("c", "false"), ("d", "TRUE"), ("e", "-1"), ("f", " 1 ")]
    path = write(tmp_path / "c.csv", rows, ("text", "label"))
    found = Corpus.read(path)
    assert found.texts == ("a", "b", "c", "d", "f")
    assert found.labels[:, 0].tolist() == [0, 1, 0, 1, 1]
    assert found.notes == ("c.csv: 1 rows without any known label left out",)


def test_rows_without_text_or_label_are_counted(tmp_path):
    rows = [("a", 0), ("", 1), (None, 1), (" \n", 0), ("b", None), ("c", 1)]
    found = Corpus.read(write(tmp_path / "c.parquet", rows, ("text", "label")))
    assert found.texts == ("a", "c")
    assert found.notes == (
        "c.parquet: 3 rows without text left out",
        "c.parquet: 1 rows without any known label left out",
    )


def test_several_files_are_one_corpus(tmp_path):
    one = write(tmp_path / "one.csv", [("a", 0)], ("text", "label"))
    two = write(tmp_path / "two.jsonl", [("b", 1)], ("text", "label"))
    found = Corpus.read(one, two)
    assert found.texts == ("a", "b")
    assert found.source == f"{one}, {two}"


def test_harm_is_any_label_and_unknown_where_nothing_is_known():
    labels = np.array([[0, np.nan], [0, 1], [np.nan, np.nan], [1, 0]], np.float32)
    found = Corpus(tuple("abcd"), labels, ("x", "y"), None, "c")
    np.testing.assert_array_equal(found.harmful, [0, 1, np.nan, 1])


def test_the_fingerprint_sees_texts_labels_and_splits():
    base = corpus("a", "b")
    others = [
        corpus("ab", ""), corpus("b", "a"), corpus("a", "b", labels=[1, 1]),
        corpus("a", "b", splits=("train", "test")),
    ]  # fmt: skip
    assert len({c.fingerprint for c in (base, *others)}) == 5
    assert corpus("a", "b").fingerprint == base.fingerprint
    assert dataclasses.replace(base, source="elsewhere.csv").fingerprint == base.fingerprint


@pytest.mark.parametrize(
    ("name", "content", "error", "says"),
    [
        ("c.csv", "texts,label\na,1\n", ConfigurationError, "no column 'text'; there are texts"),
        ("c.csv", "text,toxic\na,1\n", ConfigurationError, "no column 'label'"),
        ("c.csv", "text,label\na,1\nb,2\n", ConfigurationError, "row 1: label is '2'; labels are"),
        ("c.csv", "text,label\na,yes\n", ConfigurationError, "row 0: label is 'yes'"),
        ("c.csv", "text,text,label\na,b,1\n", ConfigurationError, "two columns are named 'text'"),
        ("c.csv", "text,label,id,id\na,1,2,3\n", ConfigurationError, "two columns are named 'id'"),
        ("c.csv", "", ReadError, "cannot be read"),
        ("c.csv", "text,label\na,1\nb\n", ReadError, "cannot be read"),
        ("c.csv", b"text,label\n\xff,1\n", ReadError, "cannot be read"),
        ("c.jsonl", '{"text": "a", "label": 1}\n{"text": \n', ReadError, "cannot be read"),
        ("c.parquet", "not parquet", ReadError, "cannot be read"),
        ("c.xlsx", "", ConfigurationError, "unknown extension '.xlsx'"),
        ("c.csv", None, ReadError, "no such file"),
        ("c.parquet", None, ReadError, "no such file"),
        ("c.jsonl", None, ReadError, "no such file"),
    ],
)
def test_what_cannot_be_read_is_named_in_one_line(tmp_path, name, content, error, says):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(error) as caught:
        Corpus.read(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert says in message
    assert len(message.splitlines()) == 1


def test_no_file_and_no_label_column(tmp_path):
    with pytest.raises(ConfigurationError, match="no file named"):
        Corpus.read()
    path = write(tmp_path / "c.csv")
    with pytest.raises(ConfigurationError, match="no label column named"):
        Corpus.read(path, label_columns=())
    with pytest.raises(ConfigurationError, match="'toxic' is named twice"):
        Corpus.read(path, label_columns=("toxic", "toxic"))


def test_a_split_column_must_be_in_all_files_or_none(tmp_path):
    one = write(tmp_path / "one.csv", [("a", 0, "train")], ("text", "label", "split"))
    two = write(tmp_path / "two.csv", [("b", 1)], ("text", "label"))
    with pytest.raises(ConfigurationError, match=r"two\.csv: no column 'split'"):
        Corpus.read(one, two)


# Splitting


def split(data, **settings):
    defaults = {"seed": 1, "validation_share": 0.2, "test_share": 0.2}
    return Split.of(data, **{**defaults, **settings})


def texts(parts):
    return [set(part.texts) for part in (parts.train, parts.val, parts.test)]


def test_the_split_column_is_followed_and_what_it_does_not_know_is_counted():
    data = corpus(
        *"abcdefg", splits=("train", "Train", "dev", "validation", "test", "extra", "None")
    )
    found = split(data)
    assert texts(found) == [{"a", "b"}, {"c", "d"}, {"e"}]
    assert found.notes == ("2 rows of split 'None', 'extra' left out",)


def test_validation_is_drawn_from_train_where_the_corpus_has_none():
    data = corpus(*map(str, range(200)), splits=("train",) * 150 + ("test",) * 50)
    found = split(data)
    assert 10 < len(found.val) < 60
    assert len(found.train) + len(found.val) == 150
    assert len(found.test) == 50


def test_a_split_column_without_train_is_refused():
    with pytest.raises(ConfigurationError, match=r"ours\.csv: .*no 'train' row; found learn, test"):
        split(corpus("a", "b", splits=("learn", "test")))


@given(
    words=st.lists(
        st.sampled_from(["Hello", "hello", " HELLO ", "hell\u00f6", "damn", "d\u200bamn"])
        | st.text(max_size=3),
        max_size=30,
    ),
    seed=st.integers(0, 2**31 - 1),
    named=st.booleans(),
    data=st.data(),
)
def test_no_folded_text_is_in_two_splits_or_twice_in_one(words, seed, named, data):
    names = None
    if named:
        each = st.sampled_from(["train", "val", "test"])
        names = ("train", *data.draw(st.lists(each, min_size=len(words), max_size=len(words))))
        words = ["first", *words]
    given_corpus = corpus(*words, labels=[0] * len(words), splits=names)
    found = split(given_corpus, seed=seed)
    folded = [[" ".join(fold(t).split()) for t in part] for part in texts(found)]
    flat = [text for part in folded for text in part]
    assert len(flat) == len(set(flat))
    assert set(flat) == {" ".join(fold(t).split()) for t in words}
    kept = sum(map(len, (found.train, found.val, found.test)))
    left_out = sum(int(note.split(": ")[1].split()[0]) for note in found.notes)
    assert kept + left_out == len(words)


def test_duplicates_and_leaks_are_left_out_of_the_earlier_split_and_counted():
    data = corpus(
        "Damn", "damn", "fine", "ok", "OK!", "ok", "fine",
        splits=("train", "train", "train", "train", "val", "test", "val"),
    )  # fmt: skip
    found = split(data)
    assert texts(found) == [{"Damn"}, {"OK!", "fine"}, {"ok"}]
    assert found.notes == (
        "train: 1 duplicate texts left out",
        "train: 2 texts left out that also stand in a later split",
    )


def test_the_draw_depends_on_seed_and_text_alone():
    words = [f"text {i}" for i in range(300)]
    first, again = split(corpus(*words)), split(corpus(*words[::-1]))
    assert texts(first) == texts(again)
    assert texts(split(corpus(*words), seed=2)) != texts(first)
    shares = [len(part) / 300 for part in (first.train, first.val, first.test)]
    assert shares == pytest.approx([0.6, 0.2, 0.2], abs=0.08)


def test_given_parts_are_used_and_cost_no_training_text():
    words = [f"text {i}" for i in range(100)]
    ours, theirs = corpus("new one", "text 3"), corpus("new two", "text 4", "new one")
    found = split(corpus(*words), val=ours, test=theirs)
    assert texts(found)[1:] == [{"text 3"}, {"new two", "text 4", "new one"}]
    assert set(found.train.texts) == set(words) - {"text 3", "text 4"}
    assert "val: 1 texts left out that also stand in a later split" in found.notes
    only = split(corpus(*words), test=theirs)
    assert len(only.val) > 5
    assert len(only.train) + len(only.val) == 99


def test_given_parts_must_have_the_same_labels():
    other = Corpus(("a", "b"), np.zeros((2, 1), np.float32), ("rude",), None, "val.csv")
    with pytest.raises(ConfigurationError, match=r"val\.csv: labels are rude.*toxic"):
        split(corpus("a", "b", "c"), val=other)


# Ids and other columns


def test_ids_and_kept_columns_follow_their_rows(tmp_path):
    rows = [("ok", 0, "a", 1), ("", 0, "b", 2), ("you jerk", 1, None, 3)]
    names = ("text", "label", "site", "age")
    path = write(tmp_path / "c.parquet", rows, names)
    found = md.Corpus.read(path, keep=("site", "age"))
    assert found.ids == ("0", "2")  # rows of the file, though one is left out
    assert found.columns == {"site": ("a", None), "age": (1, 3)}
    taken = found.take(np.array([1]))
    assert (taken.ids, taken.columns) == (("2",), {"site": (None,), "age": (3,)})
    named = write(tmp_path / "n.csv", [("ok", 0, "x7")], ("text", "label", "id"))
    assert md.Corpus.read(named).ids == ("x7",)
    assert md.Corpus.read(named).columns == {}
    both = md.Corpus.read(path, path, keep=("age",))
    assert both.columns["age"] == (1, 3, 1, 3)
    assert md.Corpus.read(path, keep=("age",)).fingerprint == md.Corpus.read(path).fingerprint


def test_a_column_to_keep_must_be_there(tmp_path):
    path = write(tmp_path / "c.parquet")
    with pytest.raises(ConfigurationError, match="no column 'site'; there are text, toxic, insult"):
        md.Corpus.read(path, label_columns=("toxic",), keep=("site",))


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_column_names(tmp_path, suffix):
    path = write(tmp_path / f"c{suffix}")
    assert column_names(path) == ["text", "toxic", "insult"]
    with pytest.raises(ReadError, match="no such file"):
        column_names(tmp_path / f"none{suffix}")
    path.write_bytes(b"PAR1 cut short" if suffix == ".parquet" else b'{"text": ')
    if suffix != ".csv":
        with pytest.raises(ReadError, match="cannot be read"):
            column_names(path)

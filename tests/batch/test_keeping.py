"""Other columns carried through: from every format to every format, and from several at once."""

from __future__ import annotations

import csv
import datetime
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import moddefense as md
from moddefense.batch.job import Job
from moddefense.batch.local import screen_files
from moddefense.errors import ConfigurationError

DAY = datetime.date(2024, 5, 1)


@pytest.fixture(scope="module")
def guard(toy_lexicon):
    return md.load(lexicon=toy_lexicon, stages=["lexicon"])


@pytest.fixture
def files(tmp_path):
    (tmp_path / "a.csv").write_text("n,id,text,score\n1,x,you jerk,9\nbroken\n,y,hi,8\n")
    rows = ['{"id":"q","likes":5,"text":"hi","tags":["a"],"s":"x"}', "{", '{"text":"ho","new":1.5}']
    (tmp_path / "a.jsonl").write_text("\n".join(rows) + "\n")
    table = pa.table({"text": ["a", None, "b"], "when": [DAY] * 3, "n": [1, 2, 3]})
    pq.write_table(table, tmp_path / "a.parquet")
    (tmp_path / "a.txt").write_text("one\ntwo\n")
    return tmp_path


def kept(guard, files, names, kind, **settings):
    """Screen and return the kept columns of each record."""
    out = files / f"out.{kind}"
    job = Job(tuple(str(files / name) for name in names), keep_columns=True, **settings)
    screen_files(guard, job, out)
    if kind == "parquet":
        records = pq.read_table(out).to_pylist()
    elif kind == "jsonl":
        records = [json.loads(line) for line in out.read_bytes().splitlines()]
    else:
        with open(out, newline="", encoding="utf-8") as file:
            records = list(csv.DictReader(file))
    return [dict(list(record.items())[9:]) for record in records]


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("a.csv", "jsonl", [{"n": "1", "input_score": "9"}, {"n": "", "input_score": "8"}]),
        ("a.csv", "parquet", [{"n": "1", "input_score": "9"}, {"n": "", "input_score": "8"}]),
        (
            "a.jsonl",
            "jsonl",
            [
                {"likes": 5, "tags": ["a"], "s": "x", "new": None},
                {"likes": None, "tags": None, "s": None, "new": 1.5},
            ],
        ),
        (
            "a.jsonl",
            "csv",
            [
                {"likes": "5", "tags": '["a"]', "s": "x", "new": ""},
                {"likes": "", "tags": "", "s": "", "new": "1.5"},
            ],
        ),
        ("a.parquet", "parquet", [{"when": DAY, "n": 1}, {"when": DAY, "n": 3}]),
        ("a.parquet", "jsonl", [{"when": "2024-05-01", "n": n} for n in (1, 3)]),
    ],
)
def test_columns_come_through(guard, files, name, kind, expected):
    assert kept(guard, files, [name], kind) == expected


@pytest.mark.parametrize("batch_size", [1, 3, 1024])
def test_several_inputs_have_the_columns_of_all(guard, files, batch_size):
    names = ["a.csv", "a.txt", "a.jsonl", "a.parquet"]
    rows = kept(guard, files, names, "parquet", batch_size=batch_size)
    assert list(rows[0]) == ["n", "input_score", "likes", "tags", "s", "new", "when"]
    assert [row["n"] for row in rows] == ["1", "", None, None, None, None, "1", "3"]
    assert [row["likes"] for row in rows] == [None] * 4 + ["5"] + [None] * 3
    assert [row["when"] for row in rows] == [None] * 6 + [DAY] * 2


def test_a_resumed_run_keeps_them_too(guard, files, make_guard, monkeypatch):
    monkeypatch.setattr("moddefense.batch.local.PART_ROWS", 1)
    whole = kept(guard, files, ["a.parquet"], "csv", batch_size=1)
    job = Job((str(files / "a.parquet"),), keep_columns=True, batch_size=1)
    out = files / "again.csv"
    with pytest.raises(KeyboardInterrupt):
        screen_files(make_guard(fail_at=1), job, out)
    screen_files(make_guard(), job, out, resume=True)
    assert [row.split(",")[-2:] for row in out.read_text().splitlines()[1:]] == [
        [row["when"], row["n"]] for row in whole
    ]


def test_a_pipe_beside_files_is_refused(guard, files):
    job = Job((str(files / "a.csv"), "-"), keep_columns=True, input_format="csv")
    with pytest.raises(ConfigurationError, match="can be read only once"):
        screen_files(guard, job, files / "out.csv")

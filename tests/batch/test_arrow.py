"""Screening Arrow data: rows in, as many rows out, from the frames of other libraries too."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import moddefense as md
from moddefense.batch.job import Job
from moddefense.batch.local import screen_files
from moddefense.errors import ConfigurationError

TEXTS = ["you jerk", None, "a nice day", ""]
ROWS = {"id": ["a", "b", None, "d"], "text": TEXTS, "n": [1, 2, 3, 4]}


@pytest.fixture(scope="module")
def guard(toy_lexicon):
    return md.load(lexicon=toy_lexicon, stages=["lexicon"])


def decisions(batches):
    return pa.Table.from_batches(list(batches)).column("decision").to_pylist()


def test_a_row_for_each_row(guard):
    [found] = guard.screen_batches(pa.record_batch(ROWS), keep_columns=True, include_text=True)
    assert found.column("id").to_pylist() == ["a", "b", "2", "d"]
    assert found.column("decision").to_pylist() == ["block", None, "allow", "allow"]
    assert found.column("reason").to_pylist()[1] == "text is null"
    assert found.column("text").to_pylist() == TEXTS
    assert found.column("n").to_pylist() == [1, 2, 3, 4]


def test_an_undecidable_row_says_why(make_guard):
    class Fails(type(make_guard())):
        def screen(self, texts, /):
            if "bad" in texts:
                raise ValueError("cannot")
            return super().screen(texts)

    from moddefense.batch.arrow import screen_batches

    batch = pa.record_batch({"text": ["jerk", "bad", None, "crap"]})
    [found] = screen_batches(Fails(), [batch])
    assert found.column("decision").to_pylist() == ["block", None, None, "review"]
    assert found.column("reason").to_pylist()[1] == "cannot be decided: ValueError: cannot"


@pytest.mark.parametrize("workers", [1, 2])
def test_batches_and_workers_change_nothing(guard, workers):
    texts = ["you jerk", "hello", None, "what crap"] * 50
    table = pa.table({"text": texts})
    expected = decisions(guard.screen_batches(table))
    assert expected[:4] == ["block", "allow", None, "allow"]
    found = list(guard.screen_batches(table.to_batches(7), batch_size=5, workers=workers))
    assert decisions(found) == expected
    assert max(batch.num_rows for batch in found) <= 5
    assert [i for batch in found for i in batch.column("id").to_pylist()] == [
        str(n) for n in range(200)
    ]


def test_the_records_are_those_of_a_file(guard, tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["you jerk", "1d10t", "damn"]}), path)
    screen_files(guard, Job((str(path),)), tmp_path / "out.parquet")
    [found] = guard.screen_batches(pq.read_table(path))
    assert pa.Table.from_batches([found]) == pq.read_table(tmp_path / "out.parquet")


@pytest.mark.parametrize(
    ("data", "settings", "says"),
    [
        ({"body": ["x"]}, {}, "no one column 'text'; there are 'body'"),
        ({"text": [1]}, {}, "holds int64"),
        ({"text": ["x"]}, {"id_column": "key"}, "'key'"),
    ],
)
def test_what_cannot_be_screened(guard, data, settings, says):
    with pytest.raises(ConfigurationError, match=says):
        list(guard.screen_batches(pa.record_batch(data), **settings))
    with pytest.raises(ConfigurationError, match="no Arrow data"):
        list(guard.screen_batches(["a text"]))


def test_polars(guard):
    """A data frame in, a data frame out."""
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"text": ["you jerk", "hello", None]})
    found = polars.from_arrow(pa.Table.from_batches(guard.screen_batches(frame)))
    assert frame.hstack(found.select("decision"))["decision"].to_list() == ["block", "allow", None]


def test_duckdb(guard):
    """A query in, a table to query out."""
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as database:
        query = database.sql("select 'you jerk' as text union all select 'hello' order by text")
        found = pa.Table.from_batches(guard.screen_batches(query.to_arrow_reader(1024)))
        database.register("found", found)
        counted = database.sql("select decision, count(*) from found group by all order by all")
        assert counted.fetchall() == [("allow", 1), ("block", 1)]


def test_pandas(guard):
    """A data frame in, a data frame out."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"text": ["you jerk", "hello"], "n": [1, 2]})
    found = pa.Table.from_batches(guard.screen_batches(frame, keep_columns=True)).to_pandas()
    assert found[["decision", "n"]].values.tolist() == [["block", 1], ["allow", 2]]

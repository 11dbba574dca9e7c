"""Quarantined rows once more: mended, read in another encoding, or from their source again."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import moddefense as md
from moddefense.batch.job import Job
from moddefense.batch.local import screen_files
from moddefense.errors import ConfigurationError, ReadError


@pytest.fixture(scope="module")
def guard(toy_lexicon):
    return md.load(lexicon=toy_lexicon, stages=["lexicon"])


@pytest.fixture
def again(tmp_path, guard):
    """Screen a file, let ``mend`` change its quarantine, and retry; (id, text)s and what is left"""

    def run(path, mend=lambda entries: entries, guards=None, **settings):
        first, second = guards or (guard, guard)
        screen_files(first, Job((str(path),)), tmp_path / "o.jsonl")
        quarantine = tmp_path / "o.jsonl.quarantine.jsonl"
        entries = mend([json.loads(line) for line in quarantine.read_bytes().splitlines()])
        quarantine.write_text("".join(json.dumps(entry) + "\n" for entry in entries), "utf-8")
        out = tmp_path / "again.jsonl"
        job = Job((str(quarantine),), retry=True, include_text=True, **settings)
        screen_files(second, job, out)
        records = [json.loads(line) for line in out.read_bytes().splitlines()]
        left = tmp_path / "again.jsonl.quarantine.jsonl"
        lines = left.read_bytes().splitlines() if left.exists() else []
        return [(r["id"], r["text"]) for r in records], [json.loads(line) for line in lines]

    return run


def test_csv(again, tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b'text,id\nyou jerk,a\nb\ncaf\xe9,c\n"x" y,d\nfine,e\n')

    def mend(entries):
        entries[0]["raw"] = '"mended, at last",b'
        return entries

    records, left = again(path, mend, encoding="latin-1")
    assert records == [("b", "mended, at last"), ("c", "café")]
    assert [(e["source"], e["row"], e["raw"]) for e in left] == [(str(path), 3, '"x" y,d')]


def test_json_lines_and_text(again, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text":"a"}\n{"id":"k","text":null}\n{"text":"caf\xe9"}\n{"text":3}\n')

    def mend(entries):
        entries[0]["raw"] = '{"id":"k","text":"now"}'
        return entries

    records, left = again(path, mend, encoding="latin-1")
    assert records == [("k", "now"), ("2", "café")]
    assert [(e["row"], e["error_type"]) for e in left] == [(3, "type")]
    (tmp_path / "b.txt").write_bytes(b"a\\b\xe9\nfine\n")
    assert again(tmp_path / "b.txt", encoding="latin-1") == ([("0", "a\\bé")], [])


def test_a_row_of_which_nothing_was_kept_is_read_again(again, tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"id": ["x", "y", "z"], "text": ["a", None, None]}), path)

    def mend(entries):
        pq.write_table(pa.table({"id": ["x", "y", "z"], "text": ["a", "found", None]}), path)
        return entries

    records, left = again(path, mend)
    assert records == [("y", "found")]
    assert [(e["row"], e["error_type"]) for e in left] == [(2, "missing")]


def test_what_could_not_be_decided_is_decided_now(again, tmp_path, guard, make_guard):
    class Fails(type(make_guard())):
        def screen(self, texts, /):
            if "bad" in texts:
                raise ValueError("cannot")
            return super().screen(texts)

    path = tmp_path / "a.csv"
    path.write_text("id,text\na,good\nb,bad\nc,fine\n")
    records, left = again(path, guards=(Fails(), guard))
    assert records == [("b", "bad")]
    assert left == []
    path.unlink()
    records, left = again_from(path, tmp_path, guard)
    assert records == [("1", "bad")]  # the id is gone with the source


def again_from(path, tmp_path, guard):
    quarantine = tmp_path / "q.jsonl"
    entry = {"source": str(path), "row": 1, "error": "", "error_type": "decision", "raw": "bad"}
    quarantine.write_text(json.dumps(entry) + "\n")
    job = Job((str(quarantine),), retry=True, include_text=True)
    screen_files(guard, job, tmp_path / "q.out.jsonl")
    lines = (tmp_path / "q.out.jsonl").read_bytes().splitlines()
    return [(r["id"], r["text"]) for r in map(json.loads, lines)], []


@pytest.mark.parametrize("line", ["{", "[]", '{"source":1,"row":0,"raw":null}', '{"source":"a"}'])
def test_what_is_no_quarantine_file(guard, tmp_path, line):
    path = tmp_path / "q.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(ReadError, match=r"q.jsonl:1: no quarantine entry"):
        screen_files(guard, Job((str(path),), retry=True), tmp_path / "o.jsonl")
    with pytest.raises(ConfigurationError, match="one file"):
        Job((str(path), "b.csv"), retry=True)


def test_no_source_is_written_over(tmp_path, guard):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text":"a"}\n{"text":null}\n')
    screen_files(guard, Job((str(path),)), tmp_path / "o.jsonl")
    retry = Job((str(tmp_path / "o.jsonl.quarantine.jsonl"),), retry=True)
    for names in ({"out": path}, {"out": tmp_path / "p.jsonl", "quarantine": path}):
        with pytest.raises(ConfigurationError, match="is an input too"):
            screen_files(guard, retry, **names)
    assert path.read_bytes() == b'{"text":"a"}\n{"text":null}\n'

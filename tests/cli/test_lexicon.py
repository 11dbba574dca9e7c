"""``lexicon list`` and ``lexicon match``."""

from __future__ import annotations

import json

import pytest

from moddefense.lexicon import list_names


def test_list(run):
    result = run("lexicon", "list")
    assert result.exit_code == 0
    assert all(name in result.stdout for name in list_names())


def test_list_as_json(run):
    found = {entry["name"]: entry for entry in json.loads(run("lexicon", "list", "--json").stdout)}
    assert set(found) == set(list_names())
    assert sum(entry["block"] for entry in found.values()) >= 300
    assert sum(entry["allow"] for entry in found.values()) >= 100


def test_match(run, comments, terms, tmp_path):
    out = tmp_path / "out.jsonl"
    result = run("lexicon", "match", "--lexicon", terms, comments, "-o", out)
    assert result.exit_code == 4
    assert result.stdout == ""
    records = [json.loads(line) for line in out.read_text().splitlines()]
    jerk = {
        "term": "x-jerk", "kind": "block", "category": "insult", "severity": 4,
        "start": 4, "end": 8, "text": "jerk",
    }  # fmt: skip
    assert records[:2] == [{"id": "a", "matches": []}, {"id": "b", "matches": [jerk]}]
    assert [record["id"] for record in records] == ["a", "b", "d", "e"]
    assert [len(record["matches"]) for record in records] == [0, 1, 1, 0]


def test_match_to_stdout(run, terms):
    result = run(
        "lexicon", "match", "--lexicon", terms, "-", "--input-format", "txt", input="what crap\n\n"
    )
    assert result.exit_code == 0
    assert [json.loads(line)["id"] for line in result.stdout.splitlines()] == ["0", "1"]
    assert "2 of 2 rows decided" in result.stderr


def test_several_lists(run, terms, tmp_path):
    more = tmp_path / "more.csv"
    more.write_text(
        terms.read_text().splitlines()[0] + "\ny-hello,hello,block,word,spam,1,en,active,,\n"
    )
    result = run(
        "lexicon", "match", "--lexicon", terms, "--lexicon", more, "-", "--input-format", "txt",
        input="hello jerk",
    )  # fmt: skip
    found = json.loads(result.stdout)["matches"]
    assert [match["term"] for match in found] == ["y-hello", "x-jerk"]


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [(None, 3, "cannot be read"), ("id,term\n", 2, "first line must be")],
)
def test_a_list_that_is_none(fails, comments, tmp_path, content, code, says):
    path = tmp_path / "bad.csv"
    if content is not None:
        path.write_text(content)
    assert says in fails(code, "lexicon", "match", "--lexicon", path, comments)

"""``screen``: inputs, outputs and exit codes; lexicon stage alone unless a test says otherwise."""

from __future__ import annotations

import gzip
import json
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest


@pytest.fixture
def screen(run, terms, shipped):
    def invoke(*arguments, **settings):
        options = ["--lexicon", terms, "--stages", "lexicon"]
        return run("screen", *options, *arguments, **settings)

    return invoke


@pytest.fixture
def refuses(fails, terms, shipped):
    def invoke(code, *arguments, **settings):
        return fails(
            code, "screen", "--lexicon", terms, "--stages", "lexicon", *arguments, **settings
        )

    return invoke


def records_of(text):
    return [json.loads(line) for line in text.splitlines()]


FIELDS = [
    "id", "decision", "decided_by", "trigger", "score", "uncertainty", "labels", "matches",
    "reason",
]  # fmt: skip


def test_stdout_has_data_and_nothing_else(screen, comments):
    result = screen(comments)
    assert result.exit_code == 4
    records = records_of(result.stdout)
    assert [list(record) for record in records] == [FIELDS] * 4
    assert [(r["id"], r["decision"]) for r in records] == [
        ("a", "allow"), ("b", "block"), ("d", "review"), ("e", "allow"),
    ]  # fmt: skip
    assert "1 row could not be decided" in result.stderr
    assert f"{comments} row 2" in result.stderr


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
def test_output_files(screen, comments, tmp_path, kind):
    out = tmp_path / f"out.{kind}"
    result = screen(comments, "-o", out, "--mask", "--include-text")
    assert result.exit_code == 4
    assert result.stdout == ""
    manifest = json.loads((tmp_path / f"out.{kind}.manifest.json").read_text())
    assert manifest["counts"]["decision"] == {"allow": 2, "review": 1, "block": 1}
    assert {"bundle", "lexicon", "policy", "inputs"} <= set(manifest["fingerprints"])
    (entry,) = records_of((tmp_path / f"out.{kind}.quarantine.jsonl").read_text())
    assert (entry["row"], entry["raw"]) == (2, "c")
    if kind == "parquet":
        table = pq.read_table(out)
        assert table.column_names == [*FIELDS, "text", "masked"]
        assert table.column("masked").to_pylist()[1] == "you ****"


def test_twice_the_same(screen, comments, tmp_path):
    for name in ("one.jsonl", "two.jsonl"):
        screen(comments, "-o", tmp_path / name)
    assert (tmp_path / "one.jsonl").read_bytes() == (tmp_path / "two.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("fail_on", "text", "code"),
    [
        ("block", "you jerk", 1),
        ("block", "what crap", 0),
        ("review", "what crap", 1),
        ("review", "you jerk", 1),
        ("review", "hello", 0),
    ],
)
def test_fail_on(screen, fail_on, text, code):
    result = screen("-", "--input-format", "txt", "--fail-on", fail_on, input=text)
    assert result.exit_code == code


def test_fail_on_comes_before_quarantine(screen, comments):
    assert screen(comments, "--fail-on", "block").exit_code == 1


def test_no_input_means_stdin(screen):
    assert records_of(screen("--input-format", "txt", input="hello\n").stdout)[0]["id"] == "0"


def test_limit_and_columns(screen, tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text("key\tbody\nx\thello\ny\tyou jerk\n")
    result = screen(path, "--text-column", "body", "--id-column", "key", "--limit", "1")
    assert [record["id"] for record in records_of(result.stdout)] == ["x"]


def test_an_empty_text_file_is_a_warning(screen, tmp_path):
    (tmp_path / "a.txt").write_bytes(b"")
    result = screen(tmp_path / "a.txt")
    assert result.exit_code == 0
    assert "warning: " in result.stderr
    assert "empty file: no rows" in result.stderr


def damaged(kind):
    if kind == "parquet":
        sink = pa.BufferOutputStream()
        pq.write_table(pa.table({"text": ["a"] * 99}), sink)
        return sink.getvalue().to_pybytes()[:-20]
    return gzip.compress(b"text\n" + os.urandom(5000).hex().encode())[:-500]


@pytest.mark.parametrize(
    ("name", "content", "arguments", "code", "says"),
    [
        ("a.csv", b"id,body\n1,x\n", [], 2, "there are 'id', 'body'"),
        ("a.csv", b"id,text\n1,x\n", ["--id-column", "key"], 2, "no column 'key'"),
        ("a.csv", b"", [], 3, "empty file: no header line"),
        ("a.tsv", b"", [], 3, "empty file: no header line"),
        ("a.parquet", b"", [], 3, "empty file"),
        ("a.foo", b"x", [], 2, "unknown extension"),
        ("none.csv", None, [], 3, "No such file"),
        ("", None, [], 3, "is a directory"),
        ("a.parquet", damaged("parquet"), [], 3, "truncated or damaged Parquet"),
        ("a.csv.gz", damaged("gz"), [], 3, "truncated or damaged gzip"),
        ("a.csv", b"text\nx\n", ["--stages", "lexicon,magic"], 2, "unknown stage 'magic'"),
        ("a.csv", b"text\nx\n", ["--stages", ","], 2, "no stage"),
        ("a.csv", b"text\nx\n", ["--encoding", "klingon"], 2, "no such text encoding"),
        ("a.csv", b"text\nx\n", ["--bundle", "no/such"], 3, "no bundle here"),
        ("a.csv", b"text\nx\n", ["--policy", "none.toml"], 3, "none.toml"),
        ("a.csv", b"text\nx\n", ["-o", "out.xml"], 2, "unknown output extension"),
        ("a.csv", b"text\nx\n", ["-o", "no/dir/out.csv"], 3, "no directory"),
        ("a.csv", b"text\nx\n", ["--resume"], 2, "--resume needs an output"),
        ("a.csv", b"text\nx,y\n", ["--max-errors", "0"], 3, "over --max-errors 0"),
        ("-", None, [], 2, "--input-format"),
    ],
)  # fmt: skip
def test_what_cannot_be_screened(refuses, tmp_path, name, content, arguments, code, says):
    path = name if name == "-" else tmp_path / name
    if content is not None:
        path.write_bytes(content)
    assert says in refuses(code, path, *arguments)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_permission_denied(refuses, comments):
    comments.chmod(0)
    assert "Permission denied" in refuses(3, comments)


def test_resume(screen, refuses, comments, tmp_path):
    out = tmp_path / "out.jsonl"
    assert screen(comments, "-o", out, "--resume").exit_code == 4
    before = out.read_bytes()
    again = screen(comments, "-o", out, "--resume")
    assert again.exit_code == 0
    assert "nothing to do" in again.stderr
    assert out.read_bytes() == before
    assert "mask was false, is true" in refuses(2, comments, "-o", out, "--resume", "--mask")
    assert "only once" in refuses(2, "-", "--input-format", "txt", "-o", out, "--resume", input="a")


def test_all_stages(run, shipped, checkout, tmp_path):
    """One pass with the trained models over the shipped example."""
    out = tmp_path / "out.jsonl"
    result = run("screen", checkout / "examples" / "comments.csv", "-o", out)
    assert result.exit_code == 0, result.stderr
    records = records_of(out.read_text())
    assert len(records) > 50
    assert {record["decision"] for record in records} == {"allow", "review", "block"}
    assert "classifier" in {record["decided_by"] for record in records}
    assert all(list(record) == FIELDS for record in records)


def test_models_start_silently(spawn, shipped):
    process = spawn("-m", "moddefense", "explain", "--json", "Have a nice day")
    output, errors = process.communicate()
    assert process.returncode == 0
    assert errors == b""
    assert "decided" in json.loads(output)


def test_events_for_machines(screen, comments, tmp_path):
    """JSON lines on stderr and in the log; nothing else on stderr."""
    out, log = tmp_path / "out.jsonl", tmp_path / "events.jsonl"
    result = screen(comments, "-o", out, "--json-progress", "--log", log)
    assert result.exit_code == 4
    events = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    assert records_of(result.stderr) == events
    assert [events[0]["event"], events[-1]["event"]] == ["start", "done"]
    assert (events[-1]["rows"], events[-1]["quarantined"]) == (5, 1)
    assert events[-1]["decision"] == {"allow": 2, "review": 1, "block": 1}
    assert screen(tmp_path / "none.csv", "--log", log).exit_code == 3
    assert json.loads(log.read_text("utf-8").splitlines()[-1])["event"] == "failed"


def test_devices_are_written_as_they_come(screen, comments):
    assert screen(comments, "-o", "/dev/null").exit_code == 4
    assert not os.path.exists("/dev/null.manifest.json")
    assert screen(comments, "-o", "/dev/null", "--resume").exit_code == 2


def test_retrying_and_verifying(screen, run, terms, comments, tmp_path):
    out, rest = tmp_path / "out.csv", tmp_path / "rest.jsonl"
    assert screen(comments, "-o", out, "--keep-columns").exit_code == 4
    verify = ["verify", out, "--lexicon", terms]
    assert run(*verify).exit_code == 0
    assert run("verify", tmp_path / "none.csv").exit_code == 3
    quarantine = tmp_path / "out.csv.quarantine.jsonl"
    entry = json.loads(quarantine.read_text("utf-8"))
    entry["raw"] = "c,mended"
    quarantine.write_text(json.dumps(entry) + "\n", "utf-8")
    assert screen("--retry-quarantine", quarantine, "-o", rest).exit_code == 0
    assert records_of(rest.read_text("utf-8"))[0]["id"] == "c"
    assert screen(comments, "--retry-quarantine", quarantine, "-o", rest).exit_code == 2
    out.write_text(out.read_text("utf-8").replace("block", "allow"), "utf-8")
    result = run(*verify)
    assert result.exit_code == 1
    assert "has changed since" in result.stdout
    assert "differences" in result.stderr


@pytest.mark.parametrize("log", ["comments.csv", "out.jsonl", "q.jsonl", "out.jsonl.manifest.json"])
def test_events_are_not_written_into_other_files(refuses, comments, tmp_path, log):
    before = comments.read_bytes()
    paths = ["-o", tmp_path / "out.jsonl", "--quarantine", tmp_path / "q.jsonl"]
    assert "is an input or output too" in refuses(2, comments, *paths, "--log", tmp_path / log)
    assert comments.read_bytes() == before
    assert not (tmp_path / "out.jsonl").exists()


def test_the_manifest_is_no_quarantine(refuses, comments, tmp_path):
    out = tmp_path / "out.jsonl"
    says = refuses(2, comments, "-o", out, "--quarantine", f"{out}.manifest.json")
    assert "both output and quarantine" in says


def test_patterns_name_files(screen, refuses, tmp_path):
    for name in ("b", "a", "[c]"):
        (tmp_path / f"{name}.csv").write_text(f"id,text\n{name},x\n")
    found = records_of(screen(f"{tmp_path}/?.csv", tmp_path / "[c].csv").stdout)
    assert [record["id"] for record in found] == ["a", "b", "[c]"]
    assert "No such file" in refuses(3, tmp_path / "*.tsv")

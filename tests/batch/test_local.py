"""The engine: what comes out, what is left behind, and that an interrupted run loses nothing."""

from __future__ import annotations

import csv
import fcntl
import hashlib
import io
import json
import os

import pyarrow.parquet as pq
import pytest

from moddefense.batch.job import Job
from moddefense.batch.local import screen_files, screen_stream
from moddefense.errors import ConfigurationError, ReadError, WriteError

KINDS = ["jsonl", "csv", "parquet"]


@pytest.fixture
def comments(tmp_path):
    """Forty rows: harmless, rude, two unreadable, one with everything that CSV must quote."""
    words = ["hello", "you jerk", "crap, really", "näh 😀", 'a "quote"\nand more', ""]
    lines = [
        json.dumps({"id": f"c{i}", "text": words[i % 6]}, ensure_ascii=False) for i in range(38)
    ]
    lines.insert(5, '{"id": "broken"')
    lines.insert(30, '{"id": "null", "text": null}')
    path = tmp_path / "comments.jsonl"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr("moddefense.batch.local.PART_ROWS", 8)


def records_of(path):
    if path.suffix == ".parquet":
        rows = pq.read_table(path).to_pylist()
        for row in rows:
            row["labels"] = None if row["labels"] is None else dict(row["labels"])
        return rows
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_bytes().splitlines()]
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        for name in ("labels", "matches", "trigger", "score", "uncertainty"):
            row[name] = json.loads(row[name]) if row[name] else None
    return rows


def job(path, **settings):
    return Job((str(path),), **{"batch_size": 4, **settings})


def test_the_formats_say_the_same(comments, make_guard, tmp_path, small_parts):
    found = {}
    for kind in KINDS:
        out = tmp_path / f"out.{kind}"
        summary = screen_files(make_guard(), job(comments, include_text=True, mask=True), out)
        found[kind] = records_of(out)
        assert (summary.rows, summary.records, summary.quarantined) == (40, 38, 2)
    assert found["jsonl"] == found["csv"] == found["parquet"]
    first = found["jsonl"][0]
    assert list(first) == [
        "id", "decision", "decided_by", "trigger", "score", "uncertainty", "labels", "matches",
        "reason", "text", "masked",
    ]  # fmt: skip
    assert [row["id"] for row in found["jsonl"]] == [f"c{i}" for i in range(38)]
    assert first["labels"] == {"toxic": 0.25}
    assert found["jsonl"][1]["labels"] is None
    assert found["jsonl"][1]["matches"] == [{"term": "jerk", "start": 4, "end": 8}]


def test_jsonl_is_plain_utf8(comments, make_guard, tmp_path):
    screen_files(make_guard(), job(comments, include_text=True), tmp_path / "o.jsonl")
    assert "näh 😀" in (tmp_path / "o.jsonl").read_text("utf-8")


def test_manifest(comments, make_guard, tmp_path):
    out = tmp_path / "out.jsonl"
    screen_files(make_guard(), job(comments), out)
    manifest = json.loads((tmp_path / "out.jsonl.manifest.json").read_bytes())
    digest = hashlib.sha256(comments.read_bytes()).hexdigest()
    assert manifest["fingerprints"]["bundle"] == "fake"
    assert manifest["fingerprints"]["inputs"] == [
        {"path": str(comments), "bytes": comments.stat().st_size, "sha256": digest}
    ]
    assert manifest["counts"]["decision"] == {"allow": 25, "block": 7, "review": 6}
    assert sum(manifest["counts"]["decided_by"].values()) == 38
    assert (manifest["rows"], manifest["records"], manifest["quarantined"]) == (40, 38, 2)
    assert manifest["output"]["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    assert manifest["version"]
    assert manifest["seconds"] >= 0
    assert manifest["texts_per_second"] > 0


def test_quarantine(comments, make_guard, tmp_path, small_parts):
    summary = screen_files(make_guard(), job(comments), tmp_path / "out.jsonl")
    lines = (tmp_path / "out.jsonl.quarantine.jsonl").read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    assert [list(entry) for entry in entries] == [
        ["source", "row", "error", "error_type", "raw"]
    ] * 2
    assert [(e["row"], e["error_type"]) for e in entries] == [(5, "syntax"), (30, "missing")]
    assert entries[0]["source"] == str(comments)
    assert entries[0]["raw"] == '{"id": "broken"'
    assert summary.first_error.startswith(f"{comments} row 5: not JSON")


def test_nothing_is_left_but_the_output(make_guard, tmp_path):
    (tmp_path / "a.txt").write_text("one\ntwo\n")
    (tmp_path / "out.jsonl.quarantine.jsonl").write_text("of an earlier run")
    screen_files(make_guard(), job(tmp_path / "a.txt"), tmp_path / "out.jsonl")
    assert sorted(os.listdir(tmp_path)) == ["a.txt", "out.jsonl", "out.jsonl.manifest.json"]


@pytest.mark.parametrize("kind", KINDS)
def test_no_rows_give_an_empty_output(make_guard, tmp_path, kind):
    (tmp_path / "a.csv").write_text("id,text\n")
    out = tmp_path / f"out.{kind}"
    summary = screen_files(make_guard(), job(tmp_path / "a.csv"), out)
    assert summary.rows == 0
    assert records_of(out) == []
    if kind == "csv":
        assert out.read_text().startswith("id,decision,decided_by,")


@pytest.mark.parametrize("kind", KINDS)
def test_resuming_after_a_kill_anywhere_changes_nothing(
    comments, make_guard, tmp_path, small_parts, kind
):
    whole = tmp_path / f"whole.{kind}"
    guard = make_guard()
    screen_files(guard, job(comments), whole)
    for fail_at in range(guard.calls):
        out = tmp_path / f"out{fail_at}.{kind}"
        with pytest.raises(KeyboardInterrupt):
            screen_files(make_guard(fail_at=fail_at), job(comments), out)
        assert not out.exists()
        second = make_guard()
        summary = screen_files(second, job(comments), out, resume=True)
        assert out.read_bytes() == whole.read_bytes()
        assert (summary.rows, summary.quarantined) == (40, 2)
        rejected = [path.with_name(path.name + ".quarantine.jsonl") for path in (out, whole)]
        assert rejected[0].read_bytes() == rejected[1].read_bytes()
        assert len(second.seen) == 38 - sum(
            len([r for r in range(start, start + 8) if r not in (5, 30)])
            for start in range(0, fail_at * 4 // 8 * 8, 8)
        )
        assert not os.path.exists(f"{out}.parts")


def test_resuming_step_by_step(comments, make_guard, tmp_path, small_parts):
    """KeyboardInterrupt again and again, one part further each time."""
    whole, out = tmp_path / "whole.jsonl", tmp_path / "out.jsonl"
    screen_files(make_guard(), job(comments), whole)
    attempts = 0
    while not out.exists():
        attempts += 1
        try:
            screen_files(make_guard(fail_at=3), job(comments), out, resume=True)
        except KeyboardInterrupt:
            continue
    assert attempts == 5
    assert out.read_bytes() == whole.read_bytes()


def test_interrupt_while_publishing(comments, make_guard, tmp_path, small_parts, monkeypatch):
    whole, out = tmp_path / "whole.csv", tmp_path / "out.csv"
    screen_files(make_guard(), job(comments), whole)
    for step in ("_publish", "_publish_quarantine", "write_manifest"):

        def interrupted(*_, **__):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(f"moddefense.batch.local.{step}", interrupted)
            with pytest.raises(KeyboardInterrupt):
                screen_files(make_guard(), job(comments), out)
        guard = make_guard()
        screen_files(guard, job(comments), out, resume=True)
        assert out.read_bytes() == whole.read_bytes()
        assert guard.seen == []


def test_a_torn_journal_and_a_lost_part(comments, make_guard, tmp_path, small_parts):
    whole = tmp_path / "whole.jsonl"
    screen_files(make_guard(), job(comments), whole)
    for damage in ("torn", "lost", "short", "[]", "5", '{"rows": 1}', '{"bytes": 5}'):
        out = tmp_path / f"{damage}.jsonl"
        with pytest.raises(KeyboardInterrupt):
            screen_files(make_guard(fail_at=8), job(comments), out)
        parts = tmp_path / f"{damage}.jsonl.parts"
        if damage == "torn":
            journal = parts / "journal.jsonl"
            journal.write_bytes(journal.read_bytes()[:-10])
        elif damage == "lost":
            (parts / "000001.jsonl").unlink()
        elif damage == "short":
            (parts / "000002.jsonl").write_bytes(b"{")
        else:
            journal = parts / "journal.jsonl"
            lines = journal.read_text().splitlines()
            journal.write_text("\n".join([*lines[:2], damage, *lines[3:], ""]))
        screen_files(make_guard(), job(comments), out, resume=True)
        assert out.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"text_column": "id"}, 'text_column was "text", is "id"'),
        ({"mask": True}, "mask was false, is true"),
        ({"limit": 39}, "limit was null, is 39"),
        ({"version": "2"}, 'fingerprints.version was "1", is "2"'),
        ({"input": True}, "has changed since"),
    ],
)
@pytest.mark.parametrize("finished", [False, True])
def test_resuming_with_other_settings_is_refused(
    comments, make_guard, tmp_path, small_parts, change, reason, finished
):
    out = tmp_path / "out.jsonl"
    if finished:
        screen_files(make_guard(), job(comments), out)
    else:
        with pytest.raises(KeyboardInterrupt):
            screen_files(make_guard(fail_at=5), job(comments), out)
    change = dict(change)
    guard = make_guard(version=change.pop("version", "1"))
    before = comments.read_bytes()
    if change.pop("input", False):
        comments.write_bytes(before + b'{"text":"more"}\n')
    with pytest.raises(ConfigurationError, match="run") as caught:
        screen_files(guard, job(comments, **change), out, resume=True)
    assert reason in str(caught.value)
    assert guard.calls == 0
    comments.write_bytes(before)
    screen_files(make_guard(), job(comments), out, resume=True)
    assert len(records_of(out)) == 38


def test_resuming_what_is_finished_does_nothing(comments, make_guard, tmp_path):
    out = tmp_path / "out.jsonl"
    first = screen_files(make_guard(), job(comments), out)
    stamp = out.stat().st_mtime_ns
    guard = make_guard()
    again = screen_files(guard, job(comments), out, resume=True)
    assert again.finished_before
    assert (again.rows, again.counts) == (first.rows, first.counts)
    assert guard.calls == 0
    assert out.stat().st_mtime_ns == stamp
    out.write_text("edited")
    with pytest.raises(ConfigurationError, match="has changed"):
        screen_files(guard, job(comments), out, resume=True)


def test_resuming_what_never_started_starts(comments, make_guard, tmp_path):
    screen_files(make_guard(), job(comments), tmp_path / "out.jsonl", resume=True)
    assert len(records_of(tmp_path / "out.jsonl")) == 38


def test_without_resume_the_run_starts_anew(comments, make_guard, tmp_path, small_parts):
    out, said = tmp_path / "out.jsonl", []
    out.write_text("of another run")
    with pytest.raises(KeyboardInterrupt):
        screen_files(make_guard(fail_at=5), job(comments), out)
    assert out.read_text() == "of another run"
    guard = make_guard()
    screen_files(guard, job(comments), out, warn=said.append)
    assert len(guard.seen) == 38
    assert "--resume keeps it" in said[0]


def test_a_second_run_to_the_same_output_refuses(comments, make_guard, tmp_path):
    out = tmp_path / "out.jsonl"
    os.mkdir(f"{out}.parts")
    held = os.open(f"{out}.parts", os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(WriteError, match="another run is writing it"):
            screen_files(make_guard(), job(comments), out)
    finally:
        os.close(held)
    screen_files(make_guard(), job(comments), out)


def test_too_many_errors_stop_the_run(comments, make_guard, tmp_path, small_parts):
    out = tmp_path / "out.jsonl"
    guard = make_guard()
    with pytest.raises(ReadError, match=r"1 of 8 rows.*12\.50%.*--max-errors 0\.1"):
        screen_files(guard, job(comments, max_errors=0.1), out)
    assert not out.exists()
    assert len(guard.seen) == 7
    assert (tmp_path / "out.jsonl.quarantine.jsonl").exists()
    summary = screen_files(make_guard(), job(comments, max_errors=0.2), out, resume=True)
    assert summary.quarantined == 2
    assert len(records_of(out)) == 38


def test_a_share_of_errors_that_is_allowed(comments, make_guard, tmp_path):
    screen_files(make_guard(), job(comments, max_errors=0.05), tmp_path / "a.jsonl")
    with pytest.raises(ReadError, match="2 of 40 rows"):
        screen_files(make_guard(), job(comments, max_errors=0.049), tmp_path / "b.jsonl")


def test_stream(comments, make_guard, tmp_path):
    sink = io.BytesIO()
    kept = tmp_path / "q.jsonl"
    screen_stream(make_guard(), job(comments), sink, quarantine=kept)
    out = tmp_path / "out.jsonl"
    screen_files(make_guard(), job(comments), out)
    assert sink.getvalue() == out.read_bytes()
    assert kept.read_bytes() == (tmp_path / "out.jsonl.quarantine.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("out", "error", "match"),
    [
        ("out.txt", ConfigurationError, "unknown output extension"),
        ("none/out.jsonl", WriteError, "no directory"),
        ("folder.jsonl", WriteError, "is a directory"),
        ("comments.jsonl", ConfigurationError, "is an input too"),
    ],
)
def test_outputs_that_cannot_be(comments, make_guard, tmp_path, out, error, match):
    (tmp_path / "folder.jsonl").mkdir()
    before = comments.read_bytes()
    with pytest.raises(error, match=match):
        screen_files(make_guard(), job(comments), tmp_path / out)
    assert comments.read_bytes() == before
    assert not list(tmp_path.glob("*.parts"))


@pytest.mark.parametrize(
    "settings", [{"batch_size": 0}, {"limit": -1}, {"max_errors": 1.5}, {"encoding": "x"}]
)
def test_settings_that_cannot_be(comments, make_guard, tmp_path, settings):
    with pytest.raises(ConfigurationError):
        screen_files(make_guard(), job(comments, **settings), tmp_path / "out.jsonl")
    with pytest.raises(ConfigurationError):
        Job(())


def test_an_input_that_ends_too_early_publishes_nothing(make_guard, tmp_path):
    import gzip

    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(b"one\ntwo\n" * 1000)[:-10])
    with pytest.raises(ReadError, match="truncated"):
        screen_files(make_guard(), job(path), tmp_path / "out.jsonl")
    assert os.listdir(tmp_path) == ["a.txt.gz"]


def test_progress(make_guard, tmp_path):
    (tmp_path / "a.txt").write_text("one\n" * 10)
    seen = []
    screen_files(
        make_guard(), job(tmp_path / "a.txt"), tmp_path / "out.jsonl",
        progress=lambda summary, share: seen.append((summary.rows, share)),
    )  # fmt: skip
    assert [rows for rows, _ in seen] == [4, 8, 10]
    assert seen[-1][1] == 1.0


class Choosy:
    """Fails on texts with ``bad`` in them, and then tells nothing of the others."""

    def __init__(self, guard):
        self.guard = guard
        self.fingerprints = guard.fingerprints

    def screen(self, texts, /):
        if any("bad" in text for text in texts):
            raise ValueError("cannot\nread this")
        return self.guard.screen(texts)


def test_a_text_that_cannot_be_decided_costs_only_itself(make_guard, tmp_path):
    texts = [f"row {n}" for n in range(100)]
    texts[17] = texts[80] = "bad jerk"
    path, out = tmp_path / "a.jsonl", tmp_path / "out.jsonl"
    lines = [json.dumps({"text": text}) for text in texts]
    lines[3] = "{"
    path.write_text("\n".join(lines))
    summary = screen_files(Choosy(make_guard()), job(path, batch_size=30), out)
    assert (summary.records, summary.quarantined) == (97, 3)
    assert [r["id"] for r in records_of(out)] == [
        str(n) for n in range(100) if n not in (3, 17, 80)
    ]
    rejected = [
        json.loads(x) for x in (tmp_path / "out.jsonl.quarantine.jsonl").read_bytes().splitlines()
    ]
    assert [(e["row"], e["error_type"], e["raw"]) for e in rejected] == [
        (3, "syntax", "{"), (17, "decision", "bad jerk"), (80, "decision", "bad jerk")
    ]  # fmt: skip
    assert rejected[1]["error"] == "cannot be decided: ValueError: cannot read this"


def test_a_guard_that_decides_nothing_ends_the_run(make_guard, tmp_path):
    (tmp_path / "a.txt").write_text("bad\n" * 20)
    with pytest.raises(ValueError, match="cannot"):
        screen_files(
            Choosy(make_guard()), job(tmp_path / "a.txt", batch_size=20), tmp_path / "o.jsonl"
        )


def test_texts_that_are_too_large_cost_only_themselves(make_guard, tmp_path, monkeypatch):
    monkeypatch.setattr("moddefense.batch.limits.MOST_CHARACTERS", 50)
    monkeypatch.setattr("moddefense.batch.limits.MOST_GROWTH", 100)
    monkeypatch.setattr("moddefense.batch.deciding.ALWAYS_FINE", 5)
    texts = ["fine", "x" * 51, "jerk", "\ufdfa" * 10, "\u0301" * 50, "😀" * 50, "x" * 50]
    path, out = tmp_path / "a.jsonl", tmp_path / "out.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    summary = screen_files(make_guard(), job(path, batch_size=100), out)
    assert [record["id"] for record in records_of(out)] == ["0", "2", "4", "5", "6"]
    assert summary.quarantined == 2
    lines = (tmp_path / "out.jsonl.quarantine.jsonl").read_bytes().splitlines()
    entries = [json.loads(line) for line in lines]
    assert [(e["row"], e["error_type"], e["raw"]) for e in entries] == [
        (1, "size", None), (3, "size", None)
    ]  # fmt: skip
    assert "51 characters, over 50" in entries[0]["error"]
    assert "compatibility characters" in entries[1]["error"]


def test_a_full_disk_loses_no_finished_part(comments, make_guard, tmp_path, small_parts):
    import resource

    whole, out = tmp_path / "whole.jsonl", tmp_path / "out.jsonl"
    screen_files(make_guard(), job(comments), whole)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # The merged output does not fit any more, the parts do.
    resource.setrlimit(resource.RLIMIT_FSIZE, (whole.stat().st_size - 1, before[1]))
    try:
        with pytest.raises(WriteError, match="cannot be written: File too large"):
            screen_files(make_guard(), job(comments), out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not out.exists()
    again = make_guard()
    screen_files(again, job(comments), out, resume=True)
    assert out.read_bytes() == whole.read_bytes()
    assert again.seen == []


@pytest.mark.parametrize("head", ["[]", "5", '{"format": 1}', '{"format": 1, "settings": 5}'])
def test_a_journal_that_is_none_is_not_resumed(comments, make_guard, tmp_path, head):
    out = tmp_path / "out.jsonl"
    (tmp_path / "out.jsonl.parts").mkdir()
    (tmp_path / "out.jsonl.parts" / "journal.jsonl").write_text(head + "\n")
    screen_files(make_guard(), job(comments), out, resume=True)
    assert len(records_of(out)) == 38


def test_a_damaged_manifest_is_no_finished_run(comments, make_guard, tmp_path):
    out = tmp_path / "out.jsonl"
    out.write_text("")
    (tmp_path / "out.jsonl.manifest.json").write_text('{"settings": {}}')
    screen_files(make_guard(), job(comments), out, resume=True)
    assert len(records_of(out)) == 38


@pytest.mark.parametrize("resume", [False, True])
def test_a_folder_of_others_is_left_alone(comments, make_guard, tmp_path, resume):
    parts = tmp_path / "out.jsonl.parts"
    for name in ("000000.jsonl/deep", "notes"):
        (parts / name).parent.mkdir(parents=True, exist_ok=True)
        (parts / name).write_text("mine")
    with pytest.raises(WriteError, match=r"holds '000000.jsonl', which is of no run"):
        screen_files(make_guard(), job(comments), tmp_path / "out.jsonl", resume=resume)
    assert (parts / "notes").read_text() == (parts / "000000.jsonl" / "deep").read_text() == "mine"
    assert not (tmp_path / "out.jsonl").exists()


def test_what_comes_into_the_folder_meanwhile_stays(comments, make_guard, tmp_path):
    guard, parts = make_guard(), tmp_path / "out.jsonl.parts"
    screen_files(
        guard, job(comments), tmp_path / "out.jsonl",
        progress=lambda *_: (parts / "notes").write_text("mine"),
    )  # fmt: skip
    assert os.listdir(parts) == ["notes"]

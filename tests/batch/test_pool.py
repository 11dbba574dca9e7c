"""Workers: the same records as one process gives, also when workers die or rows are impossible."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict

import pytest

import moddefense as md
from moddefense.batch import pool, run
from moddefense.batch.deciding import Form
from moddefense.batch.job import Job
from moddefense.batch.local import screen_files, screen_stream
from moddefense.batch.raytasks import _Careful
from moddefense.batch.replica import describe, rebuild
from moddefense.errors import EngineError, ReadError

TEXTS = ["a nice garden", "you jerk", "what crap", "", "beef jerk", "The Idiot", "näh 😀", "1d10t"]


@pytest.fixture(autouse=True)
def _always(monkeypatch):
    """Start workers for any input."""
    monkeypatch.setattr(run, "SMALL", 0)
    monkeypatch.setattr("moddefense.batch.local.PART_ROWS", 64)


@pytest.fixture(scope="module")
def guard(toy_lexicon):
    return md.load(lexicon=toy_lexicon, stages=["lexicon"])


@pytest.fixture
def comments(tmp_path):
    path = tmp_path / "comments.jsonl"
    lines = [json.dumps({"id": f"c{i}", "text": TEXTS[i % 8]}) for i in range(400)]
    lines[77] = "{broken"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def screened(guard, path, out, workers, **settings):
    job = Job((str(path),), batch_size=16, workers=workers, include_text=True, **settings)
    return screen_files(guard, job, out)


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_two_workers_give_what_one_process_gives(guard, comments, tmp_path, kind):
    one = screened(guard, comments, tmp_path / f"one.{kind}", 1)
    two = screened(guard, comments, tmp_path / f"two.{kind}", 2)
    assert (tmp_path / f"one.{kind}").read_bytes() == (tmp_path / f"two.{kind}").read_bytes()
    assert (one.rows, one.records, one.counts) == (two.rows, two.records, two.counts)
    sink = io.BytesIO()
    screen_stream(guard, Job((str(comments),), batch_size=16, workers=2, include_text=True), sink)
    if kind == "jsonl":
        assert sink.getvalue() == (tmp_path / "two.jsonl").read_bytes()


def test_models_too(toy_guard, comments, tmp_path):
    """Workers get tokens from this process, and the same scores."""
    for workers in (1, 2):
        screened(toy_guard, comments, tmp_path / f"{workers}.jsonl", workers)
    assert (tmp_path / "1.jsonl").read_bytes() == (tmp_path / "2.jsonl").read_bytes()
    scored = [
        json.loads(line)["score"] for line in (tmp_path / "2.jsonl").read_bytes().splitlines()
    ]
    assert any(score is not None for score in scored)


def test_a_likeness_has_the_same_fingerprints(toy_guard, guard):
    for original in (toy_guard, guard):
        described = json.loads(json.dumps(describe(original)))
        assert rebuild(described).fingerprints == original.fingerprints


@pytest.fixture
def dying(monkeypatch):
    """Kill the worker that is sent a text that ``deadly`` says yes to."""

    def install(deadly):
        send = pool._Worker.send

        def killed(self, batch, begin=0, end=None):
            send(self, batch, begin, end)
            if deadly(batch.texts[begin:end]):
                self.process.send_signal(signal.SIGKILL)
                self.process.wait()

        monkeypatch.setattr(pool._Worker, "send", killed)

    return install


def test_a_worker_that_dies_is_replaced(guard, comments, tmp_path, dying):
    left = [True] * 2
    dying(lambda texts: bool(left and left.pop()))
    screened(guard, comments, tmp_path / "died.jsonl", 2)
    assert not left
    screened(guard, comments, tmp_path / "whole.jsonl", 1)
    assert (tmp_path / "died.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_a_row_over_which_workers_die_is_quarantined(guard, comments, tmp_path, dying):
    lines = comments.read_text("utf-8").splitlines(keepends=True)
    lines[40] = '{"id": "c40", "text": "deadly"}\n'
    comments.write_text("".join(lines), "utf-8")
    dying(lambda texts: "deadly" in texts)
    summary = screened(guard, comments, tmp_path / "out.jsonl", 2)
    assert (summary.records, summary.quarantined) == (398, 2)
    path = tmp_path / "out.jsonl.quarantine.jsonl"
    entries = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert [(e["row"], e["error_type"], e["raw"]) for e in entries] == [
        (40, "decision", "deadly"), (77, "syntax", "{broken")
    ]  # fmt: skip
    assert "signal 9" in entries[0]["error"]


def test_a_row_over_which_actors_would_die_is_found_in_a_process(guard, dying):
    dying(lambda texts: "beef jerk" in texts)
    setting = {
        "screener": describe(guard), "form": asdict(Form("jsonl")),
        "fingerprints": dict(guard.fingerprints),
    }  # fmt: skip
    careful = _Careful(setting)
    for _ in range(2):
        decided = careful.decide([str(row) for row in range(8)], TEXTS, None)
        assert decided.records == 7
        assert {at: why.error_type for at, why in decided.rejected.items()} == {4: "decision"}


def test_workers_that_always_die_stop_the_run_resumably(
    guard, comments, tmp_path, dying, monkeypatch
):
    monkeypatch.setattr(pool, "MOST_DEATHS", 4)
    calls = iter(range(10_000))
    dying(lambda texts: next(calls) > 20)
    with pytest.raises(EngineError, match="--resume goes on"):
        screened(guard, comments, tmp_path / "out.jsonl", 2)
    assert (tmp_path / "out.jsonl.parts").exists()


def test_what_reading_raises_comes_after_the_rows_before(guard, tmp_path):
    import gzip

    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(b"one\ntwo\n" * 1000)[:-10])
    sink = io.BytesIO()
    with pytest.raises(ReadError, match="rows were read before"):
        screen_stream(guard, Job((str(path),), batch_size=16, workers=2), sink)
    assert sink.getvalue().count(b"\n") > 1000


def test_a_changed_bundle_is_noticed(guard, comments, tmp_path, monkeypatch):
    monkeypatch.setitem(guard.fingerprints, "version", "0")
    with pytest.raises(EngineError, match="changed while"):
        screened(guard, comments, tmp_path / "out.jsonl", 2)


def test_interrupt_and_resume(tmp_path, guard):
    """Ctrl-C: exit 130 soon, no process left, and what was finished is taken up."""
    path = tmp_path / "a.txt"
    path.write_text("a nice garden, you jerk\n" * 40_000)
    out = tmp_path / "out.jsonl"
    command = [
        sys.executable, "-m", "moddefense", "screen", str(path), "-o", str(out),
        "--stages", "lexicon", "--workers", "2",
    ]  # fmt: skip
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    journal = tmp_path / "out.jsonl.parts" / "journal.jsonl"
    while not journal.exists() or journal.read_bytes().count(b"\n") < 3:
        assert process.poll() is None
        time.sleep(0.02)
    workers = _children(process.pid)
    assert len(workers) == 2
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert not any(_alive(pid) for pid in workers)
    summary = screen_files(md.load(stages=["lexicon"]), Job((str(path),)), out, resume=True)
    assert summary.rows == 40_000


def _children(parent):
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as file:
                    fields = file.read().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[1]) == parent:
                found.append(int(entry))
    return found


def _alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_an_interrupt_while_starting_stays_one(guard, comments, tmp_path, monkeypatch):
    started = []

    class Interrupted(threading.Thread):
        def start(self):
            if started:
                raise KeyboardInterrupt
            started.append(self)
            super().start()

    monkeypatch.setattr(pool.threading, "Thread", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        screened(guard, comments, tmp_path / "out.jsonl", 2)
    started[0].join()

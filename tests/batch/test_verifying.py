"""Repeating a run's decisions: nothing differs, unless something was changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import moddefense as md
from moddefense.batch.job import Job
from moddefense.batch.local import screen_files
from moddefense.batch.verifying import recorded_guard, verify
from moddefense.errors import ConfigurationError, ReadError


@pytest.fixture(scope="module")
def guard(toy_lexicon):
    return md.load(lexicon=toy_lexicon, stages=["lexicon"])


@pytest.fixture
def made(tmp_path, guard):
    """Screen sixty rows, three of them unreadable, into a format; return the output's path."""

    def make(kind="jsonl", **settings):
        path = tmp_path / "a.jsonl"
        words = ["hello", "you jerk", 'crap, "really"\nso', ""]
        rows = [json.dumps({"id": f"c{n}", "text": words[n % 4], "n": n}) for n in range(57)]
        for at in (5, 6, 40):
            rows.insert(at, "{")
        path.write_text("\n".join(rows))
        out = tmp_path / f"out.{kind}"
        screen_files(guard, Job((str(path),), batch_size=8, **settings), out)
        return out

    return make


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
def test_nothing_differs(made, guard, kind):
    found = verify(guard, made(kind, keep_columns=True, mask=True), sample=20)
    assert (found.records, found.compared, found.differences) == (57, 20, ())
    assert verify(guard, made(kind), sample=10_000).compared == 57


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_a_changed_record_is_found(made, guard, kind):
    out = made(kind)
    before = out.read_text("utf-8")
    changed = before.replace("block", "allow", 1)
    assert changed != before
    out.write_text(changed, "utf-8")
    assert verify(guard, out).differences == (
        f"{out} has changed since it was written",
        'record c1: decision was "allow", is "block"',
    )
    out.write_text(before[: len(before) // 2], "utf-8")
    assert "does not hold the 57 records" in verify(guard, out).differences[1]


def test_other_lists_are_found(made, tmp_path):
    other = md.load(
        lexicon=md.Lexicon([md.Term("x-hello", "hello", severity=4)]), stages=["lexicon"]
    )
    found = verify(other, made())
    assert found.compared == 57
    assert any("fingerprints.lexicon" in line for line in found.differences)
    assert any(line.startswith("record c0: decision was") for line in found.differences)


def test_a_changed_input_is_found(made, guard, tmp_path):
    out = made()
    (tmp_path / "a.jsonl").write_text('{"text":"x"}\n')
    found = verify(guard, out)
    assert found.compared == 0
    assert "has changed since" in found.differences[0]


def test_rows_that_could_not_be_decided_are_left_out(tmp_path, guard):
    class Fails:
        fingerprints = guard.fingerprints

        def screen(self, texts, /):
            if "bad" in texts:
                raise ValueError("cannot")
            return guard.screen(texts)

    path, out = tmp_path / "a.txt", tmp_path / "out.jsonl"
    path.write_text("hello\nbad\nyou jerk\nbad\nhello\n")
    screen_files(Fails(), Job((str(path),)), out)
    found = verify(guard, out)
    assert (found.compared, found.differences) == (3, ())


def test_what_cannot_be_verified(made, guard, tmp_path):
    out = made()
    assert recorded_guard(out).fingerprints["stages"] == ["lexicon"]
    (tmp_path / "out.jsonl.manifest.json").unlink()
    with pytest.raises(ReadError, match="manifest"):
        verify(guard, out)
    with pytest.raises(ReadError, match="no such output"):
        verify(guard, tmp_path / "none.jsonl")


def test_a_pipe_cannot_be_read_again(made, guard, tmp_path):
    out = made()
    manifest = tmp_path / "out.jsonl.manifest.json"
    content = json.loads(manifest.read_text("utf-8"))
    content["settings"]["inputs"][0]["sha256"] = None
    manifest.write_text(json.dumps(content))
    with pytest.raises(ConfigurationError, match="read from a pipe"):
        verify(guard, out)


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
@pytest.mark.parametrize("records", [3, 56, 58, 1000])
def test_another_number_of_records_is_found(made, guard, kind, records):
    out = made(kind)
    manifest = Path(f"{out}.manifest.json")
    told = json.loads(manifest.read_text("utf-8"))
    manifest.write_text(json.dumps({**told, "records": records}), "utf-8")
    found = verify(guard, out, sample=10)
    assert f"does not hold the {records:,} records" in found.differences[0]


@pytest.mark.parametrize(
    "damage",
    [
        lambda told: told.pop("output"),
        lambda told: told["settings"].pop("inputs"),
        lambda told: told["settings"]["inputs"][0].pop("sha256"),
        lambda told: told.update(records="x"),
        lambda told: told.update(settings=[]),
        lambda told: told["made_by"].update(policy="x"),
        lambda told: told["made_by"].pop("policy"),
    ],
)
def test_a_damaged_manifest_is_said_to_be_so(made, guard, damage):
    out = made()
    manifest = Path(f"{out}.manifest.json")
    told = json.loads(manifest.read_text("utf-8"))
    damage(told)
    manifest.write_text(json.dumps(told), "utf-8")
    with pytest.raises(ReadError, match="damaged"):
        verify(recorded_guard(out), out)

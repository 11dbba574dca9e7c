"""The Ray engine: the same records as the engine for one machine, also when an actor dies."""

from __future__ import annotations

import gzip
import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import moddefense as md
from moddefense.batch.job import Job
from moddefense.batch.local import screen_files
from moddefense.errors import ConfigurationError, EngineError, ReadError

TEXTS = ["a nice garden", "you jerk", "what crap", "", "näh 😀", "1d10t"]


@pytest.fixture(scope="module")
def cluster():
    """A cluster of two CPUs; skips where Ray is not installed."""
    ray = pytest.importorskip("ray")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    paths = os.pathsep.join(filter(None, sys.path))
    ray.init(
        num_cpus=2, include_dashboard=False, object_store_memory=1 << 27, log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": paths}},
    )  # fmt: skip
    yield ray
    ray.shutdown()


@pytest.fixture(scope="module")
def guard(toy_lexicon):
    return md.load(lexicon=toy_lexicon, stages=["lexicon"])


@pytest.fixture
def comments(tmp_path):
    path = tmp_path / "comments.jsonl"
    lines = [json.dumps({"id": f"c{i}", "text": TEXTS[i % 6], "n": i}) for i in range(300)]
    lines[77] = "{broken"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def screened(guard, path, out, engine, progress=None, **settings):
    job = Job((str(path),), batch_size=16, workers=1, engine=engine, keep_columns=True, **settings)
    summary = screen_files(guard, job, out, progress=progress)
    quarantine = out.with_name(out.name + ".quarantine.jsonl")
    return summary.counts, out.read_bytes(), quarantine.read_bytes()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_the_records_are_those_of_one_machine(cluster, guard, comments, tmp_path, kind):
    here = screened(guard, comments, tmp_path / f"here.{kind}", "local")
    assert screened(guard, comments, tmp_path / f"there.{kind}", "ray") == here


@pytest.mark.filterwarnings("ignore")
def test_an_actor_that_dies_is_replaced(cluster, guard, comments, tmp_path):
    killed = []

    def kill_once(*_):
        if not killed:
            killed.extend(_actors())
            os.kill(killed[0], signal.SIGKILL)

    died = screened(guard, comments, tmp_path / "died.jsonl", "ray", progress=kill_once)
    assert len(killed) == 1
    assert died == screened(guard, comments, tmp_path / "here.jsonl", "local")


def _actors():
    """Processes of the cluster that screen."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            title = path.read_bytes()
            if title.startswith(b"ray::") and b"Screening" in title:
                yield int(path.parent.name)


@pytest.mark.filterwarnings("ignore")
def test_several_files_and_a_damaged_one(cluster, guard, tmp_path):
    for number in range(3):
        texts = {"text": [f"{number} {TEXTS[row % 6]}" for row in range(40)]}
        pq.write_table(pa.table(texts), tmp_path / f"{number}.parquet")
    (tmp_path / "3.txt").write_text("one\ntwo\n")
    (tmp_path / "4.txt.gz").write_bytes(gzip.compress(b"three\n" * 9000)[:-9])
    paths = [str(tmp_path / name) for name in ("0.parquet", "1.parquet", "2.parquet", "3.txt")]
    for limits in ({}, {"limit": 50}):
        outs = []
        for engine in ("local", "ray"):
            out = tmp_path / f"{engine}.jsonl"
            screen_files(guard, Job(tuple(paths), batch_size=16, engine=engine, **limits), out)
            outs.append(out.read_bytes())
        assert outs[0] == outs[1]
        assert outs[0].count(b"\n") == limits.get("limit", 122)
    broken = Job((*paths, str(tmp_path / "4.txt.gz")), engine="ray", workers=1)
    with pytest.raises(ReadError, match=r"4\.txt\.gz: truncated or damaged gzip.*rows were read"):
        screen_files(guard, broken, tmp_path / "broken.jsonl")


@pytest.mark.filterwarnings("ignore")
def test_a_cluster_with_another_bundle_is_refused(cluster, guard, comments, tmp_path, monkeypatch):
    monkeypatch.setitem(guard.fingerprints, "version", "0")
    with pytest.raises(EngineError, match="install the same on every node"):
        screened(guard, comments, tmp_path / "out.jsonl", "ray")


def test_what_cannot_go_to_a_cluster(make_guard, comments, tmp_path):
    with pytest.raises(ConfigurationError, match="cannot be built again"):
        screened(make_guard(), comments, tmp_path / "out.jsonl", "ray")
    with pytest.raises(ConfigurationError, match="goes with --engine ray"):
        Job((str(comments),), ray_address="auto")
    with pytest.raises(ConfigurationError, match="there are local, ray"):
        Job((str(comments),), engine="dask")


def test_without_ray_the_message_says_what_to_install(guard, comments, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'moddefense\[ray\]'"):
        screened(guard, comments, tmp_path / "out.jsonl", "ray")

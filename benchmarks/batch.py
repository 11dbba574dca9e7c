"""The command on files: throughput, memory and cores; start-up excluded by differencing two sizes.

The texts are a mix of comments and tweets, one in ten harmful. Ratios are within one run. With
``--write``, the results go into docs/scaling.md. Two more, each a run of its own:

    python benchmarks/batch.py kills 50        # kill -9 at random moments, and resume
    python benchmarks/batch.py ray-kills 3     # kill workers of --engine ray while they screen
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from corpora import corpus_path

TITLE = "Screening files"
ROWS, FEW = 100_000, 20_000
ROUNDS = 3  # of everything, interleaved; the best counts, so that a noisy moment hits nobody
BERT = {"width": 768, "heads": 12, "layers": 12, "tokens": 128, "batch": 8}
PAGE = Path(__file__).resolve().parent.parent / "docs" / "scaling.md"
START, END = "<!-- measured -->", "<!-- /measured -->"
BILLION = 1_000_000_000


class Cost(NamedTuple):
    """What a run took: seconds, processor seconds of all processes, peak memory in MB."""

    seconds: float
    cpu: float
    peak: float

    def best(self, other: Cost) -> Cost:
        """The least of each."""
        return Cost(*map(min, self, other))


def report() -> str:
    """Measure and return the results as Markdown."""
    return _page(_measured())


def _measured() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        files = {rows: _mix(Path(folder), rows) for rows in (FEW, ROWS, 4 * ROWS)}
        cores = sorted(os.sched_getaffinity(0))
        runs: dict[tuple[int, int], Cost] = {}
        peer = cpu_peer = 0.0
        for _ in range(ROUNDS):
            for used in dict.fromkeys((1, len(cores))):
                for rows in (FEW, ROWS):
                    cost = _screen(files[rows], rows, cores[:used])
                    runs[used, rows] = cost.best(runs.get((used, rows), cost))
            peer, cpu_peer = map(max, _peer(files[FEW]), (peer, cpu_peer))
        many = _screen(files[4 * ROWS], 4 * ROWS, cores)
        length = sum(map(len, pq.read_table(files[FEW])["text"].to_pylist())) / FEW

    def rate(used: int, of: str) -> float:
        return (ROWS - FEW) / (getattr(runs[used, ROWS], of) - getattr(runs[used, FEW], of))

    few = runs[len(cores), ROWS]
    return {
        "cores": len(cores), "length": length, "peer": peer, "bert": _bert(),
        "one": rate(1, "seconds"), "all": rate(len(cores), "seconds"),
        "cpu": rate(len(cores), "cpu"), "cpu_one": rate(1, "cpu"), "cpu_peer": cpu_peer,
        "peak": few.peak, "growth": many.peak / few.peak,
        "startup": runs[len(cores), FEW].seconds - FEW / rate(len(cores), "seconds"),
    }  # fmt: skip


def _page(found: dict[str, float]) -> str:
    peer, cores = found["peer"], int(found["cores"])
    rows = [
        _row("`screen`, Parquet to Parquet, 1 core", found["one"], peer, found["cpu_one"]),
        _row(f"`screen`, Parquet to Parquet, {cores} cores", found["all"], peer, found["cpu"]),
        _row("alt-profanity-check `predict_prob`, in memory", peer, peer, found["cpu_peer"]),
        f"| BERT base, forward, 128 tokens, {cores} cores | {found['bert']:,.1f} "
        f"| {found['bert'] / peer:.5f} | |",
    ]
    hours = BILLION / found["cpu"] / 3600
    costs = []
    for name, texts in (("1 million", 10**6), ("100 million", 10**8), ("1 billion", BILLION)):
        cpu = texts / found["cpu"]
        costs.append(f"| {name} | {_span(cpu)} | {_span(cpu / 8)} | {_span(cpu / 64)} |")
    return "\n".join(
        [
            f"Texts of {found['length']:.0f} characters on average, one in ten harmful; the "
            f"start, {found['startup']:.0f} seconds, is not counted:",
            "",
            "| | texts/s | ratio | texts in a second of processor time |",
            "|---|--:|--:|--:|",
            *rows,
            "",
            f"{cores} cores to 1: {found['all'] / found['one']:.2f}; `screen` to BERT: "
            f"{found['all'] / found['bert']:,.0f}. Peak memory of all processes: "
            f"{found['peak']:,.0f} MB at {ROWS:,} rows, {found['growth']:.2f} times that at "
            f"{4 * ROWS:,}.",
            "",
            f"All processes together screen {found['cpu']:,.0f} texts in a second of processor "
            f"time, reading and writing included: 1 billion rows cost {hours:.0f} core-hours.",
            "",
            "| texts | processor time | 8 cores | 64 cores |",
            "|---|--:|--:|--:|",
            *costs,
        ]
    )


def _row(name: str, rate: float, peer: float, cpu: float) -> str:
    return f"| {name} | {rate:,.0f} | {rate / peer:.2f} | {cpu:,.0f} |"


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _mix(folder: Path, rows: int) -> Path:
    draw = random.Random(7)
    texts: list[str] = []
    for name in ("jigsaw_toxic", "davidson"):
        table = pq.read_table(corpus_path(name), columns=["text", "label"]).to_pydict()
        pairs = list(zip(table["text"], table["label"], strict=True))
        harmful = [text for text, label in pairs if label == 1]
        harmless = [text for text, label in pairs if label == 0]
        few = min(rows, ROWS) // 20
        texts += draw.choices(harmful, k=few) + draw.choices(harmless, k=9 * few)
    draw.shuffle(texts)
    path = folder / f"{rows}.parquet"
    pq.write_table(pa.table({"text": texts * (rows // len(texts))}), path)
    return path


def _command(source: Path, out: Path, *arguments: str) -> list[str]:
    command = [sys.executable, "-m", "moddefense", "screen", str(source), "-o", str(out)]
    return [*command, *arguments]


def _screen(source: Path, rows: int, cores: Sequence[int]) -> Cost:
    """Screen a file on some cores; pages of memory that processes share count once."""
    out = source.with_suffix(".out.parquet")
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    process = subprocess.Popen(
        _command(source, out), stderr=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )  # fmt: skip
    peak = [0.0]
    watcher = threading.Thread(target=_watch, args=(process, peak))
    watcher.start()
    if process.wait():
        raise SystemExit(f"{' '.join(_command(source, out))}: exit code {process.returncode}")
    seconds = time.perf_counter() - began
    watcher.join()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert json.loads(Path(f"{out}.manifest.json").read_text())["records"] == rows
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(seconds, cpu, peak[0])


def _watch(process: subprocess.Popen[bytes], peak: list[float]) -> None:
    while process.poll() is None:
        family = [process.pid, *_descendants(process.pid)]
        peak[0] = max(peak[0], sum(map(_proportional, family)) / 1024)
        time.sleep(0.3)


def _descendants(parent: int) -> list[int]:
    try:
        children = Path(f"/proc/{parent}/task").glob("*/children")
        found = [int(pid) for path in children for pid in path.read_text().split()]
    except OSError:
        return []
    return found + [pid for child in found for pid in _descendants(child)]


def _proportional(pid: int) -> int:
    """Kilobytes of a process, pages that it shares with others in their share."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def _peer(source: Path) -> tuple[float, float]:
    """Texts a second, and texts in a second of processor time."""
    from profanity_check import predict_prob

    texts = pq.read_table(source)["text"].to_pylist()
    predict_prob(texts[:100])
    return tuple(
        _rate(lambda: predict_prob(texts), len(texts), clock)
        for clock in (time.perf_counter, time.process_time)
    )


def _bert() -> float:
    """Texts a second through twelve layers of BERT base's shape, on all cores."""
    import keras
    import numpy as np

    width, heads, tokens = BERT["width"], BERT["heads"], BERT["tokens"]
    inputs = keras.Input((tokens,), dtype="int32")
    hidden = keras.layers.Embedding(30_522, width)(inputs)
    for _ in range(BERT["layers"]):
        attention = keras.layers.MultiHeadAttention(heads, width // heads)
        hidden = keras.layers.LayerNormalization()(hidden + attention(hidden, hidden))
        wide = keras.layers.Dense(4 * width, activation="gelu")(hidden)
        hidden = keras.layers.LayerNormalization()(hidden + keras.layers.Dense(width)(wide))
    model = keras.Model(inputs, keras.layers.Dense(1)(hidden[:, 0]))
    ids = np.random.default_rng(0).integers(0, 30_522, (BERT["batch"], tokens))
    model.predict_on_batch(ids)
    return _rate(lambda: model.predict_on_batch(ids), BERT["batch"])


def _rate(
    run: Callable[[], object], texts: int, clock: Callable[[], float] = time.perf_counter
) -> float:
    best = float("inf")
    for _ in range(3):
        began = clock()
        run()
        best = min(best, clock() - began)
    return texts / best


def kills(source: Path, times: int, arguments: Sequence[str] = ()) -> int:
    """Kill a run ``times`` at random and resume it; return how often that was. Raises on a loss."""
    draw = random.Random(3)
    out, whole = source.with_suffix(".killed.jsonl"), source.with_suffix(".whole.jsonl")
    arguments = (*arguments, "--resume")
    began = time.perf_counter()
    subprocess.run(_command(source, whole, *arguments), check=True, stderr=subprocess.DEVNULL)
    typical = time.perf_counter() - began
    done = 0
    while done < times:
        process = subprocess.Popen(_command(source, out, *arguments), stderr=subprocess.DEVNULL)
        try:
            process.wait(draw.uniform(0.1, 1.0) * typical)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            done += 1
        if out.exists():
            _compare(out, whole, done)
            for path in (out, Path(f"{out}.manifest.json")):
                path.unlink(missing_ok=True)
    return done


def ray_kills(source: Path, times: int) -> int:
    """Kill workers of a cluster on this machine while they screen; return how many died."""
    out, whole = source.with_suffix(".ray.jsonl"), source.with_suffix(".whole.jsonl")
    subprocess.run(_command(source, whole), check=True, stderr=subprocess.DEVNULL)
    draw, dead = random.Random(3), set[int]()
    while len(dead) < times:
        process = subprocess.Popen(
            _command(source, out, "--engine", "ray", "--batch-size", "256"),
            stderr=subprocess.DEVNULL,
        )
        while process.poll() is None:
            time.sleep(draw.uniform(0.5, 2.0))
            alive = [pid for pid in _screening(process.pid) if pid not in dead]
            if alive and len(dead) < times:
                os.kill(alive[0], signal.SIGKILL)
                dead.add(alive[0])
        if process.returncode:
            raise SystemExit(f"--engine ray: exit code {process.returncode}")
        _compare(out, whole, len(dead))
    return len(dead)


def _screening(parent: int) -> Iterator[int]:
    """Processes of a cluster that are at a batch."""
    for pid in _descendants(parent):
        try:
            title = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        if title.startswith(b"ray::") and b"Screening" in title:
            yield pid


def _compare(out: Path, whole: Path, times: int) -> None:
    if out.read_bytes() != whole.read_bytes():
        raise SystemExit(f"{out}: differs after {times} kills")


def main(arguments: Sequence[str]) -> None:
    """Run what the arguments name."""
    if arguments[:1] in (["kills"], ["ray-kills"]):
        with tempfile.TemporaryDirectory() as folder:
            times = int(arguments[1])
            if arguments[0] == "kills":
                done = kills(_mix(Path(folder), FEW), times, ["--stages", "lexicon"])
            else:
                done = ray_kills(_mix(Path(folder), FEW), times)
        print(f"{done} kills, identical outputs")
        return
    found = report()
    print(found)
    if arguments == ["--write"]:
        text = PAGE.read_text(encoding="utf-8")
        head, tail = text.split(START)[0], text.split(END)[1]
        PAGE.write_text(f"{head}{START}\n{found}\n{END}{tail}", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])

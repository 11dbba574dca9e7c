"""The command on files: throughput, memory and cores; start-up excluded by differencing two sizes.

The texts are a mix of comments and tweets, one in ten harmful. Ratios are within one run.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from corpora import corpus_path

TITLE = "Screening files"
ROWS, FEW = 100_000, 20_000
BERT = {"width": 768, "heads": 12, "layers": 12, "tokens": 128, "batch": 32}


def report() -> str:
    """Measure and return the results as Markdown."""
    with tempfile.TemporaryDirectory() as folder:
        files = {rows: _mix(Path(folder), rows) for rows in (FEW, ROWS, 4 * ROWS)}
        cores = len(os.sched_getaffinity(0))
        runs = [(workers, rows) for workers in (1, cores) for rows in (FEW, ROWS)]
        measured = {run: _screen(files[run[1]], *run) for run in runs}
        rate = {
            workers: (ROWS - FEW) / (measured[workers, ROWS][0] - measured[workers, FEW][0])
            for workers in (1, cores)
        }
        peer, bert = _peer(files[FEW]), _bert()
        peak = {rows: _screen(files[rows], cores, rows)[1] for rows in (ROWS, 4 * ROWS)}
    best = max(rate.values())
    rows = [
        f"| `screen`, Parquet to Parquet, {workers} worker{'s' * (workers > 1)} "
        f"| {value:,.0f} | {value / peer:.2f} |"
        for workers, value in rate.items()
    ]
    rows += [
        f"| alt-profanity-check `predict_prob`, texts in memory | {peer:,.0f} | 1.00 |",
        f"| BERT base, forward, 32 × 128 tokens | {bert:,.1f} | {bert / peer:.5f} |",
    ]
    return "\n".join(
        [
            "| | texts/s | ratio |",
            "|---|--:|--:|",
            *rows,
            "",
            f"{cores} workers to 1: {rate[cores] / rate[1]:.2f}; `screen` to BERT: "
            f"{best / bert:,.0f}. Peak memory of all processes: {peak[ROWS]:,.0f} MB at "
            f"{ROWS:,} rows, {peak[4 * ROWS] / peak[ROWS]:.2f} times that at {4 * ROWS:,}.",
        ]
    )


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


def _screen(source: Path, workers: int, rows: int) -> tuple[float, float]:
    """Seconds, and the peak of the memory of all processes together in MB (shared pages once)."""
    out = source.with_suffix(f".{workers}.out.parquet")
    command = [sys.executable, "-m", "moddefense", "screen", str(source), "-o", str(out)]
    process = subprocess.Popen([*command, "--workers", str(workers)], stderr=subprocess.DEVNULL)
    peak = [0.0]
    watcher = threading.Thread(target=_watch, args=(process, peak))
    began = time.perf_counter()
    watcher.start()
    if process.wait():
        raise SystemExit(f"{' '.join(command)}: exit code {process.returncode}")
    seconds = time.perf_counter() - began
    watcher.join()
    assert json.loads(Path(f"{out}.manifest.json").read_text())["records"] == rows
    return seconds, peak[0]


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


def _peer(source: Path) -> float:
    from profanity_check import predict_prob

    texts = pq.read_table(source)["text"].to_pylist()
    predict_prob(texts[:100])
    return _rate(lambda: predict_prob(texts), len(texts))


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


def _rate(run: Callable[[], object], texts: int) -> float:
    best = float("inf")
    for _ in range(3):
        began = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - began)
    return texts / best


def kills(source: Path, times: int, arguments: Sequence[str] = ()) -> int:
    """Kill a run ``times`` at random and resume it; return how often that was. Raises on a loss."""
    draw = random.Random(3)
    out, whole = source.with_suffix(".killed.jsonl"), source.with_suffix(".whole.jsonl")
    command = [sys.executable, "-m", "moddefense", "screen", str(source), *arguments, "--resume"]
    began = time.perf_counter()
    subprocess.run([*command, "-o", str(whole)], check=True, stderr=subprocess.DEVNULL)
    typical = time.perf_counter() - began
    done = 0
    while done < times:
        process = subprocess.Popen([*command, "-o", str(out)], stderr=subprocess.DEVNULL)
        try:
            process.wait(draw.uniform(0.1, 1.0) * typical)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            done += 1
        if out.exists():
            if out.read_bytes() != whole.read_bytes():
                raise SystemExit(f"{out}: differs after {done} kills")
            for path in (out, Path(f"{out}.manifest.json")):
                path.unlink(missing_ok=True)
    return done


if __name__ == "__main__":
    if sys.argv[1:2] == ["kills"]:
        with tempfile.TemporaryDirectory() as folder:
            count = kills(_mix(Path(folder), FEW), int(sys.argv[2]), ["--stages", "lexicon"])
            print(f"{count} kills, identical outputs")
    else:
        print(report())

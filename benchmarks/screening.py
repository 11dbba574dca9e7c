"""The shipped bundle on the test split of jigsaw_toxic: decisions, quality, speed.

Speed is given as a ratio to alt-profanity-check over the same texts in the same run, because
machines differ and are noisy; the texts a second stand beside it for orientation.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from corpora import corpus_path

import moddefense as md
from moddefense.classifier.calibration import prevalence_weights
from moddefense.evaluation.metrics import binary_metrics

TITLE = "Screening the jigsaw_toxic test split"


def report() -> str:
    """Measure and return the results as Markdown."""
    table = pq.read_table(corpus_path("jigsaw_toxic"), filters=[("split", "=", "test")])
    texts: list[str] = table["text"].to_pylist()
    harmful = np.array(table["label"].to_pylist())
    return "\n\n".join([_decisions(texts, harmful), _quality(texts, harmful), _speed(texts)])


def _decisions(texts: Sequence[str], harmful: np.ndarray) -> str:
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder, "comments.jsonl"), Path(folder, "decisions.parquet")
        with source.open("w", encoding="utf-8") as lines:
            lines.writelines(json.dumps({"text": text}) + "\n" for text in texts)
        command = [sys.executable, "-m", "moddefense", "screen", str(source), "-o", str(out)]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        decided = pq.read_table(out, columns=["decision", "decided_by"]).to_pydict()
        manifest = json.loads(Path(f"{out}.manifest.json").read_text())
    rows = []
    by, decision = np.array(decided["decided_by"]), np.array(decided["decision"])
    for stage in ("whitelist", "blacklist", "trigger", "classifier", "audit", "default"):
        cells = [int(((by == stage) & (decision == d)).sum()) for d in ("allow", "review", "block")]
        if sum(cells):
            rows.append(f"| {stage} | " + " | ".join(f"{cell:,}" for cell in cells) + " |")
    flagged = decision != "allow"
    return "\n".join(
        [
            f"`moddefense screen` on {len(texts):,} comments, start-up included: "
            f"{manifest['seconds']:.1f} s. Flagged (review or block): "
            f"{flagged[harmful == 1].mean():.1%} of the harmful, "
            f"{flagged[harmful == 0].mean():.1%} of the harmless; blocked: "
            f"{(decision == 'block')[harmful == 1].mean():.1%} and "
            f"{(decision == 'block')[harmful == 0].mean():.2%}.",
            "",
            "| decided by | allow | review | block |",
            "|---|---|---|---|",
            *rows,
        ]
    )


def _quality(texts: Sequence[str], harmful: np.ndarray) -> str:
    verdicts = md.load(stages=["classifier"]).screen(texts)
    weights = prevalence_weights(harmful, 0.1)
    figures = binary_metrics(harmful, verdicts.score, weights)
    return "\n".join(
        [
            "| `score`, classifier alone | |",
            "|---|---|",
            f"| ROC AUC | {figures['auc']:.4f} |",
            f"| recall at 5 % false positives | {figures['recall_at_5pct_false_positives']:.3f} |",
            f"| recall at 1 % false positives | {figures['recall_at_1pct_false_positives']:.3f} |",
            "| expected calibration error, reweighted to 10 % harmful | "
            f"{figures['calibration_error']:.4f} |",
        ]
    )


def _speed(texts: Sequence[str]) -> str:
    from profanity_check import predict_prob

    runs: dict[str, Callable[[], object]] = {
        "whole pipeline": _screener(texts, ("lexicon", "trigger", "classifier")),
        "lexicon alone": _screener(texts, ("lexicon",)),
        "classifier alone, every row sampled": _screener(texts, ("classifier",)),
        "alt-profanity-check `predict_prob`": lambda: predict_prob(texts),
    }
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(3):  # interleaved, so that a noisy moment hits all alike
        for name, run in runs.items():
            began = time.perf_counter()
            run()
            best[name] = min(best[name], time.perf_counter() - began)
    peer = best["alt-profanity-check `predict_prob`"]
    rows = [
        f"| {name} | {len(texts) / seconds:,.0f} | {peer / seconds:.2f} |"
        for name, seconds in best.items()
    ]
    return "\n".join(["| one process, warm | texts/s | ratio |", "|---|---|---|", *rows])


def _screener(texts: Sequence[str], stages: Sequence[str]) -> Callable[[], object]:
    guard = md.load(stages=stages)
    guard.screen(texts[:100])  # loads the models
    return lambda: guard.screen(texts)


if __name__ == "__main__":
    print(report())

"""The classifier alone on the test split of jigsaw_toxic, against character n-grams.

Raw strings to calibrated probabilities, one process, both over the same texts in turn: machines
differ and are noisy, so only the ratio counts. The peer is what one writes in scikit-learn in ten
lines: TF-IDF over character n-grams within words, and a logistic regression, calibrated by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
import pyarrow.parquet as pq
from corpora import corpus_path
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline

from moddefense.bundle import read_models

TITLE = "The classifier alone, against TF-IDF of characters"
ROUNDS = 3


def report() -> str:
    """Measure and return the results as Markdown."""
    test = _read("test")
    tokenizer, _, classifier = read_models("default")
    peer = _peer(*_read("train"))
    texts, harmful = test
    runs: dict[str, Callable[[], np.ndarray]] = {
        "moddefense classifier": lambda: classifier.score(tokenizer(texts))[:, 0],
        "scikit-learn TF-IDF char_wb 2–5, logistic regression": lambda: peer.predict_proba(texts)[
            :, 1
        ],
    }
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    scores: dict[str, np.ndarray] = {}
    for name, run in runs.items():
        scores[name] = run()  # the first time loads what is loaded late
    for _ in range(ROUNDS):
        for name, run in runs.items():
            began = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - began)
    best = {name: min(times) for name, times in seconds.items()}
    slowest = best[list(runs)[1]]
    rows = [
        f"| {name} | {len(texts) / best[name]:,.0f} | {slowest / best[name]:.2f} | "
        f"{roc_auc_score(harmful, scores[name]):.4f} |"
        for name in runs
    ]
    return "\n".join(
        ["| one process, warm | texts/s | ratio | ROC AUC |", "|---|---|---|---|", *rows]
    )


def _read(split: str) -> tuple[list[str], np.ndarray]:
    table = pq.read_table(corpus_path("jigsaw_toxic"), filters=[("split", "=", split)])
    return table["text"].to_pylist(), np.array(table["label"].to_pylist())


def _peer(texts: Sequence[str], harmful: np.ndarray) -> Pipeline:
    """TF-IDF over all n-grams that three texts have, and a logistic regression, both as usual."""
    vectorizer = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(2, 5), min_df=3, sublinear_tf=True, dtype=np.float32
    )
    return make_pipeline(vectorizer, LogisticRegression(C=4, max_iter=200)).fit(texts, harmful)


if __name__ == "__main__":
    print(report())

"""The exported SavedModel against the library, on real comments."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import tensorflow as tf
import tensorflow_text  # noqa: F401 (registers the operations that the graph needs)
from corpora import corpus_path

from moddefense.attacks import perturb
from moddefense.bundle import read_models
from moddefense.classifier.export import export_saved_model

TITLE = "The exported SavedModel"
TEXTS = 1000
BATCH = 100
FAMILIES = ("misspelling", "keyboard", "swap", "delete", "insert", "leet")
STRENGTH = 0.5

Scores = Callable[[list[str]], np.ndarray]


def report() -> str:
    """Measure and return the results as Markdown."""
    table = pq.read_table(corpus_path("jigsaw_toxic"), filters=[("split", "=", "test")])
    texts: list[str] = table["text"].to_pylist()[:TEXTS]
    tokenizer, _, classifier = read_models("default")
    rng = random.Random(0)
    misspelt = [
        perturb(text, FAMILIES[k % len(FAMILIES)], strength=STRENGTH, rng=rng).text
        for k, text in enumerate(texts)
    ]
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent, "1")
        export_saved_model("default", folder)
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        serve = tf.saved_model.load(str(folder)).signatures["serving_default"]

        def served(batch: list[str]) -> np.ndarray:
            found = serve(tf.constant(batch))
            return np.column_stack([found["score"], found["labels"]])

        def library(batch: list[str]) -> np.ndarray:
            return classifier.score(tokenizer(batch))

        apart = [np.abs(_all(served, some) - _all(library, some)) for some in (texts, misspelt)]
        rates = [_rate(scores, texts) for scores in (served, library)]
    return (
        f"On {len(texts):,} comments of the jigsaw_toxic test split no probability differs from "
        f"the library's by more than {apart[0].max():.1e} (no score by more than "
        f"{apart[0][:, 0].max():.1e}), nor, where their words are misspelt "
        f"({', '.join(FAMILIES)}), by more than {apart[1].max():.1e} "
        f"({apart[1][:, 0].max():.1e}). The model takes {size / 2**20:.0f} MB; in batches of "
        f"{BATCH} it reads {rates[0]:,.0f} comments per second, the library {rates[1]:,.0f}."
    )


def _all(scores: Scores, texts: list[str]) -> np.ndarray:
    return np.concatenate(
        [scores(texts[begin : begin + BATCH]) for begin in range(0, len(texts), BATCH)]
    )


def _rate(scores: Scores, texts: list[str]) -> float:
    """Texts per second, after a first round."""
    _all(scores, texts)
    begin = time.perf_counter()
    _all(scores, texts)
    return len(texts) / (time.perf_counter() - begin)


if __name__ == "__main__":
    print(report())

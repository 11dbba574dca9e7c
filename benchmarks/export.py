"""The exported SavedModel against the library, on real comments."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import tensorflow as tf
import tensorflow_text  # noqa: F401 (registers the operations that the graph needs)
from corpora import corpus_path

from moddefense.bundle import read_models
from moddefense.classifier.export import export_saved_model

TITLE = "The exported SavedModel"
TEXTS = 1000
BATCH = 100


def report() -> str:
    """Measure and return the results as Markdown."""
    table = pq.read_table(corpus_path("jigsaw_toxic"), filters=[("split", "=", "test")])
    texts: list[str] = table["text"].to_pylist()[:TEXTS]
    tokenizer, _, classifier = read_models("default")
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent, "1")
        export_saved_model("default", folder)
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        serve = tf.saved_model.load(str(folder)).signatures["serving_default"]
        found = [
            np.column_stack([batch["score"], batch["labels"]])
            for begin in range(0, len(texts), BATCH)
            for batch in [serve(tf.constant(texts[begin : begin + BATCH]))]
        ]
    apart = np.abs(np.concatenate(found) - classifier.score(tokenizer(texts))).max()
    return (
        f"On {len(texts):,} comments of the jigsaw_toxic test split no probability differs from "
        f"the library's by more than {apart:.1e}; the model takes {size / 2**20:.0f} MB."
    )


if __name__ == "__main__":
    print(report())

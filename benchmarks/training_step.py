"""What a training step of each method costs, relative to one without an adversary.

Batches, network and optimiser are those of the default recipe on jigsaw_toxic. The methods take
turns batch by batch, so that a noisy moment hits all alike, and medians are compared.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from typing import Any

import keras
import numpy as np
import pyarrow.parquet as pq
import tensorflow as tf
from corpora import corpus_path

from moddefense.bundle import read_models
from moddefense.classifier.fitting import epoch_batches, pad
from moddefense.classifier.network import Network
from moddefense.classifier.step import make_step
from moddefense.recipe import METHODS, load_recipe

TITLE = "A training step"
ROUNDS = 40  # batches a method
PASSES = {"none": 1, "random": 2, "fgm": 2, "fgsm": 2, "pgd": 4, "freelb": 4, "vat": 3,
          "fgm+vat": 4}  # fmt: skip


def report() -> str:
    """Measure and return the results as Markdown."""
    seconds = measure(METHODS)
    clean = seconds["none"]
    rows = [
        f"| {method} | {PASSES[method]} | {took * 1000:.0f} | {took / clean:.2f} |"
        for method, took in seconds.items()
    ]
    head = ["| method | passes | ms a step of 64 texts | ratio |", "|---|---|---|---|"]
    return "\n".join([*head, *rows])


def measure(methods: tuple[str, ...]) -> dict[str, float]:
    """Median seconds a step of each method."""
    recipe = load_recipe("default")
    table = pq.read_table(
        corpus_path("jigsaw_toxic"), columns=["text"], filters=[("split", "=", "test")]
    )
    tokenizer = read_models("default")[0]
    tokens = tokenizer(table["text"].to_pylist())
    batches = list(epoch_batches(tokens.lengths, recipe, 0))
    labels = np.random.Generator(np.random.PCG64(0)).integers(0, 2, (len(tokens.lengths), 1))
    steps = {method: _step(method, recipe, tokenizer.size) for method in methods}
    took: dict[str, list[float]] = {method: [] for method in methods}
    for number, rows in enumerate(batches[: ROUNDS + 3]):
        ids = tf.constant(pad(tokens, rows, longest=recipe.network.window))
        truth = tf.constant(labels[rows], tf.float32)
        seed = tf.constant([0, number * 128], tf.int32)
        for method, step in steps.items():
            began = time.perf_counter()
            step(ids, truth, seed).numpy()
            if number >= 3:  # the first ones trace the graph and warm up
                took[method].append(time.perf_counter() - began)
    # The ratio of each batch to the clean step on it, so that lengths and load cancel out.
    clean = took["none"]
    middle = statistics.median(clean)
    return {
        method: middle * statistics.median(a / b for a, b in zip(values, clean, strict=True))
        for method, values in took.items()
    }


def _step(method: str, recipe: Any, vocabulary: int) -> Any:
    keys = recipe.network
    network = Network(
        vocabulary=vocabulary, labels=1, embedding=keys.embedding, channels=keys.channels,
        reach=keys.width, hidden=keys.hidden, embedding_dropout=keys.embedding_dropout,
        dropout=keys.dropout,
    )  # fmt: skip
    optimizer = keras.optimizers.Adam(recipe.training.learning_rate, clipnorm=1.0)
    optimizer.build(network.trainable_variables)
    return make_step(network, optimizer, dataclasses.replace(recipe.adversarial, method=method))


if __name__ == "__main__":
    print(report())

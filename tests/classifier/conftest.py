"""Networks of a few units with weights that are nowhere zero."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from moddefense.classifier.network import Network
from moddefense.tokens import Tokens

SIZES = {
    "vocabulary": 30, "labels": 2, "embedding": 4, "channels": 5, "reach": 3, "hidden": 6,
    "embedding_dropout": 0.0, "dropout": 0.0, "seed": 1,
}  # fmt: skip


@pytest.fixture
def make_network() -> Callable[..., Network]:
    """Return a function that makes a network; settings replace those of SIZES."""

    def make(**settings: Any) -> Network:
        network = Network(**{**SIZES, **settings})
        generator = np.random.Generator(np.random.PCG64(4))
        network.embedding.set_frequencies(generator.integers(1, 90, network.embedding.vocabulary))
        for bias in (w for w in network.trainable_variables if "bias" in w.name):
            bias.assign(generator.normal(size=bias.shape).astype(np.float32) * 0.3)
        return network

    return make


@pytest.fixture
def make_tokens() -> Callable[..., Tokens]:
    """Return a function that draws texts of given lengths."""

    def make(*lengths: int, vocabulary: int = 30, seed: int = 0) -> Tokens:
        generator = np.random.Generator(np.random.PCG64(seed))
        values = generator.integers(1, vocabulary, sum(lengths)).astype(np.int32)
        return Tokens(values, np.array(lengths, np.int64))

    return make

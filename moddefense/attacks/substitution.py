"""Other words for words: neighbours among a bundle's embeddings, and HotFlip, led by the gradient.

Both need the bundle under attack, and give families like those of ``families``.
"""

from __future__ import annotations

import functools
import itertools
import random
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from moddefense.attacks.characters import picked
from moddefense.attacks.edits import Change, Span
from moddefense.attacks.families import Family
from moddefense.errors import ConfigurationError

if TYPE_CHECKING:
    from moddefense.models import Models

__all__ = ["SUBSTITUTIONS", "gradient", "substitutions"]

SUBSTITUTIONS = {
    "synonym": "Neighbours of words among the bundle's embeddings.",
    "hotflip": "Words near the old one that the classifier's gradient picks (Ebrahimi 2018).",
}
"""The families that need a bundle, and what they do."""

_NEAREST = 10  # neighbours that a synonym is drawn from
_NEAR = 60  # neighbours that HotFlip chooses among: a bound on the change of meaning
_BEST = 3  # of these that lower the score most, one is drawn


def substitutions(models: Models) -> dict[str, Family]:
    """Return the families ``synonym`` and ``hotflip`` for the classifier of ``models``.

    ``strength`` is the share of the words under attack that are replaced. HotFlip (Ebrahimi 2018)
    takes, of the words near the old one, those that lower the score most to first order.
    """
    words = _Words(models)
    return {
        "synonym": Family(
            "synonym", "substitution", words.synonyms, about=SUBSTITUTIONS["synonym"]
        ),
        "hotflip": Family("hotflip", "substitution", words.flips, about=SUBSTITUTIONS["hotflip"]),
    }


def gradient(weights: Mapping[str, np.ndarray], embedded: np.ndarray) -> np.ndarray:
    """Gradient of the logit of harm by the embeddings of one text, both ``[tokens, width]``.

    ``weights`` are those of a classifier with a convolution; another raises ConfigurationError.
    """
    if "kernel" not in weights:
        raise ConfigurationError("hotflip: the bundle's network is no convolution; attack without")
    kernel, side = weights["kernel"], len(weights["kernel"]) // 2
    padded = np.pad(embedded, ((side, side), (0, 0)))
    count = len(embedded)
    features = weights["bias"] + sum(
        padded[offset : offset + count] @ part for offset, part in enumerate(kernel)
    )
    active = features > 0
    features = np.maximum(features, 0)
    pooled = np.concatenate([features.max(axis=0), features.mean(axis=0)])
    hidden = pooled @ weights["in"] + weights["in_bias"]
    by_pooled = weights["in"] @ (weights["out"][:, 0] * (hidden > 0))
    channels = len(weights["bias"])
    by_features = np.tile(by_pooled[channels:] / count, (count, 1))
    by_features[features.argmax(axis=0), np.arange(channels)] += by_pooled[:channels]
    by_features = np.pad(by_features * active, ((side, side), (0, 0)))
    found: np.ndarray = sum(
        by_features[2 * side - offset : 2 * side - offset + count] @ part.T
        for offset, part in enumerate(kernel)
    )
    return found


class _Words:
    """The whole words of a vocabulary, with their embeddings."""

    def __init__(self, models: Models) -> None:
        self._models = models

    @functools.cached_property
    def _table(self) -> tuple[list[str], np.ndarray, np.ndarray]:
        """Words, their embeddings ``[words, width]``, and the same at length 1."""
        pieces = self._models.tokenizer.pieces
        ids = [i for i, p in enumerate(pieces) if i > 2 and p.isalpha() and len(p) > 2]
        vectors = self._weights["embedding"][ids].astype(np.float64)
        length = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
        return [pieces[i] for i in ids], vectors, vectors / length

    @property
    def _weights(self) -> Mapping[str, Any]:
        return self._models.classifier.weights

    def synonyms(
        self, text: str, spans: Sequence[Span], strength: float, rng: random.Random
    ) -> list[Change]:
        """Draw each word's stand-in from its nearest neighbours."""
        changes = []
        for place in picked(list(range(len(spans))), strength, rng):
            start, end = spans[place]
            tokens = self._models.tokenizer([text[start:end]]).values
            if not len(tokens):  # of signs that the fold leaves out
                continue
            near = self._near(self._weights["embedding"][tokens].mean(axis=0), _NEAREST)
            changes.append(
                _instead(text, (start, end), rng.choice(self._named(near, text, start, end)))
            )
        return changes

    def flips(
        self, text: str, spans: Sequence[Span], strength: float, rng: random.Random
    ) -> list[Change]:
        """Replace each word by one that the gradient says lowers the score."""
        if not spans:
            return []
        bounds = sorted({0, len(text), *(edge for span in spans for edge in span)})
        parts = [text[a:b] for a, b in itertools.pairwise(bounds)]
        tokens = self._models.tokenizer(parts)
        if not len(tokens.values):
            return []
        embedded = self._weights["embedding"][tokens.values].astype(np.float64)
        slope = gradient(self._weights, embedded)
        _, vectors, _ = self._table
        starts = dict(zip(bounds, zip(tokens.starts.tolist(), tokens.lengths.tolist(), strict=True),
                          strict=False))  # fmt: skip
        changes = []
        for place in picked(list(range(len(spans))), strength, rng):
            start, end = spans[place]
            first, length = starts[start]
            if length:
                near = self._near(embedded[first : first + length].mean(axis=0), _NEAR)
                gain = vectors[near] @ slope[first]
                best = near[np.argsort(gain, kind="stable")]
                options = self._named(best, text, start, end)[:_BEST]
                changes.append(_instead(text, (start, end), rng.choice(options)))
        return changes

    def _near(self, vector: np.ndarray, number: int) -> np.ndarray:
        """Indices of the words nearest by cosine, nearest first."""
        _, _, units = self._table
        return np.argsort(-(units @ vector.astype(np.float64)), kind="stable")[: number + 1]

    def _named(self, indices: np.ndarray, text: str, start: int, end: int) -> list[str]:
        words, _, _ = self._table
        old = text[start:end].lower()
        return [words[i] for i in indices.tolist() if words[i] != old]


def _instead(text: str, span: Span, new: str) -> Change:
    old = text[span[0] : span[1]]
    if old.isupper() and len(old) > 1:
        new = new.upper()
    elif old[:1].isupper():
        new = new.capitalize()
    return Change(*span, new)

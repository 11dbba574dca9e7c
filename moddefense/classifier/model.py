"""The classifier as the pipeline uses it: token ids to calibrated probabilities and spread."""

from __future__ import annotations

import copy
import dataclasses
import functools
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import ThreadpoolController

from moddefense.classifier.calibration import Calibration
from moddefense.classifier.serving import Committee, CompiledNetwork, windows
from moddefense.classifier.uncertainty import Spread, dropout_masks, spread_of
from moddefense.letters import LetterModel, Spelling
from moddefense.ngrams import NgramModel
from moddefense.tokens import Tokens

if TYPE_CHECKING:
    from moddefense.classifier.network import Network

__all__ = ["Classifier", "Settings", "network_weights"]


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a classifier needs besides its weights; stored in the bundle's manifest."""

    label_names: tuple[str, ...]
    window: int
    overlap: int
    dropout: float
    samples: int
    seed: int


class Classifier:
    """Probabilities of each label and of harm, with dropout sampling for the spread.

    Column 0 of the network's logits is harm as such (any label); the others are ``label_names``,
    unless there is only one label, which then is harm. A linear model over token n-grams, fitted
    alone, adds to the logit of harm: it knows rare pairs of words by heart that the network
    smooths over (wide and deep, Cheng 2016). So does one over the letters of words, where
    ``weights`` has ``letters`` ``[buckets]``, which takes the ``spelling`` of the tokens. Beside it
    there are those of ``network_weights``, ``wide`` ``[buckets]`` and ``wide_intercept``.
    """

    def __init__(
        self, weights: dict[str, np.ndarray], calibration: Calibration, settings: Settings,
        spelling: Spelling | None = None,
    ) -> None:  # fmt: skip
        self.weights = weights
        self.network = CompiledNetwork(weights)
        self.wide = NgramModel(weights["wide"], float(weights["wide_intercept"]))
        self.letters: LetterModel | None = None
        if spelling is not None and "letters" in weights:
            self.letters = LetterModel(weights["letters"], 0.0, spelling)
        self.calibration = calibration
        self.settings = settings
        self._masks = dropout_masks(
            self.network.features,
            weights["in"].shape[1],
            rate=settings.dropout,
            samples=settings.samples,
            seed=settings.seed,
        )

    @property
    def label_names(self) -> tuple[str, ...]:
        """Names of the labels, in the order of the last columns of ``probabilities``."""
        return self.settings.label_names

    def pool(self, tokens: Tokens) -> tuple[np.ndarray, np.ndarray]:
        """What the windows of texts come down to, and the text that each window belongs to.

        The first is ``[windows, features + 1]``: pooled features, and what the linear models say.
        """
        cut, owner = windows(tokens, size=self.settings.window, overlap=self.settings.overlap)
        wide = self.wide.log_odds(cut)
        if self.letters is not None:
            wide += self.letters.log_odds(cut)
        with _one_thread():
            pooled = self.network.pool(cut)
        return np.concatenate([pooled, wide[:, None].astype(np.float32)], axis=1), owner

    def probabilities(self, pooled: np.ndarray, owner: np.ndarray) -> np.ndarray:
        """Calibrated probabilities ``[texts, 1 + labels]``, each of a text's worst window."""
        return _worst(self.window_probabilities(pooled), owner)

    def window_probabilities(self, pooled: np.ndarray) -> np.ndarray:
        """Calibrated probabilities ``[windows, 1 + labels]`` of what ``pool`` gives."""
        return self.calibration.probabilities(self._logits(pooled))

    def samples(self, pooled: np.ndarray, owner: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the score ``[texts]``, float64, that each thinned network gives."""
        with _one_thread():
            logits = self._committee.logits(pooled[:, :-1])
        logits += pooled[:, -1:]
        yield from _worst(self._harm.probabilities(logits[..., None])[..., 0], owner).T

    @functools.cached_property
    def _committee(self) -> Committee:
        return self.network.committee(self._masks)

    @functools.cached_property
    def _harm(self) -> Calibration:
        """The calibration of the first logit."""
        own = self.calibration
        return Calibration(own.slope[:1], own.intercept[:1], own.curves[:1])

    def sample(
        self, tokens: Tokens, *, samples: int | None = None, seed: int | None = None
    ) -> Spread:
        """Mean, deviation, entropy and mutual information of the score over thinned networks.

        ``samples`` and ``seed`` are the bundle's unless they are given; the same ones give the same
        numbers, for each text by itself. Only the dropout layers are sampled. Arrays are
        ``[texts]``; without dropout, deviation and information are 0.
        """
        own = self.settings
        settings = dataclasses.replace(
            own,
            samples=own.samples if samples is None else samples,
            seed=own.seed if seed is None else seed,
        )
        sampler = self if settings == self.settings else self._resampled(settings)
        return spread_of(sampler.samples(*self.pool(tokens)))

    def _resampled(self, settings: Settings) -> Classifier:
        other = copy.copy(self)
        other.settings = settings
        other.__dict__.pop("_committee", None)
        other._masks = dropout_masks(
            self.network.features, self.weights["in"].shape[1], rate=settings.dropout,
            samples=settings.samples, seed=settings.seed,
        )  # fmt: skip
        return other

    def spread(self, pooled: np.ndarray, owner: np.ndarray) -> np.ndarray:
        """Standard deviation of the score over the dropout samples, float64 ``[texts]``."""
        texts = int(owner[-1]) + 1 if owner.size else 0
        total, squares = np.zeros(texts), np.zeros(texts)
        # Added one by one: numpy's own sums depend, in the last bit, on how many texts there are.
        for score in self.samples(pooled, owner):
            total += score
            squares += score * score
        n = len(self._masks)
        return np.sqrt(np.maximum(squares / n - (total / n) ** 2, 0))

    def _logits(self, pooled: np.ndarray) -> np.ndarray:
        with _one_thread():
            logits = self.network.logits(pooled[:, :-1])
        logits[:, 0] += pooled[:, -1]
        return logits

    def logits(self, tokens: Tokens) -> np.ndarray:
        """Raw logits ``[texts, 1 + labels]``, each of a text's worst window: for calibration."""
        pooled, owner = self.pool(tokens)
        return _worst(self._logits(pooled), owner)

    def score(self, tokens: Tokens) -> np.ndarray:
        """Calibrated probabilities ``[texts, 1 + labels]`` from tokens."""
        return self.probabilities(*self.pool(tokens))

    def score_spread(self, tokens: Tokens) -> np.ndarray:
        """Spread of the score ``[texts]`` from tokens."""
        return self.spread(*self.pool(tokens))


@functools.cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController()


def _one_thread() -> AbstractContextManager[object]:
    """Matrix products on one thread: they are small, and idle threads that spin slow others."""
    context: AbstractContextManager[object] = _blas().limit(limits=1, user_api="blas")
    return context


def _worst(values: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """The largest value of each text's windows, ``[windows, k]`` to ``[texts, k]``."""
    if len(owner) == 0:
        return values
    begins = np.flatnonzero(np.diff(owner, prepend=-1))
    worst: np.ndarray = np.maximum.reduceat(values, begins, axis=0)
    return worst


def network_weights(network: Network) -> dict[str, np.ndarray]:
    """The weights of a trained network as serving needs them, embeddings normalised."""
    head = network.head
    return {
        "embedding": np.asarray(network.embedding.normalized()),
        **network.encoder.arrays(),
        "in": np.asarray(head.kernel_in),
        "in_bias": np.asarray(head.bias_in),
        "out": np.asarray(head.kernel_out),
        "out_bias": np.asarray(head.bias_out),
    }

"""A logistic model over hashed token n-grams: a lookup for each token and pair of tokens."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Self

import numpy as np

from moddefense import native
from moddefense.tokens import Tokens

if TYPE_CHECKING:
    import scipy.sparse

__all__ = ["FIRST", "MIX", "SECOND", "NgramModel", "bucket", "fit_linear"]

# Odd constants of a multiplicative hash (Knuth); ids are small, so two rounds mix well enough.
FIRST, SECOND, MIX = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F), np.uint64(29)


@dataclasses.dataclass(frozen=True)
class NgramModel:
    """Weights of the hashed n-grams, float32 ``[buckets]``, and the intercept."""

    weights: np.ndarray
    intercept: float

    def log_odds(self, tokens: Tokens) -> np.ndarray:
        """Log-odds of each text, float64 ``[texts]``.

        The sum over a text's uni- and bigrams is divided by the root of their number, so that long
        texts do not score by length alone.
        """
        if native.library() is not None:
            from moddefense.native.features import ngram_sums

            counts = np.maximum(2 * tokens.lengths - 1, 1)
            return ngram_sums(tokens, self.weights) / np.sqrt(counts) + self.intercept
        buckets, lengths = _ngrams(tokens, len(self.weights))
        total = np.zeros(len(lengths))
        some = np.flatnonzero(lengths)
        if some.size:
            starts = np.cumsum(lengths) - lengths
            sums = np.add.reduceat(self.weights[buckets].astype(np.float64), starts[some])
            total[some] = sums / np.sqrt(lengths[some])
        return total + self.intercept

    def probabilities(self, tokens: Tokens) -> np.ndarray:
        """Probability of each text, float64 ``[texts]``."""
        return 0.5 * (1 + np.tanh(self.log_odds(tokens) / 2))

    def contributions(self, ids: np.ndarray) -> np.ndarray:
        """What each token of one text adds to its log-odds, float64 ``[tokens]``.

        A pair's weight goes to its two tokens in halves; with the intercept, the sum is the whole.
        """
        buckets, counts = _ngrams(Tokens(ids, np.array([len(ids)])), len(self.weights))
        weights = self.weights[buckets].astype(np.float64) / np.sqrt(max(1, int(counts[0])))
        found = weights[: len(ids)].copy()
        found[:-1] += weights[len(ids) :] / 2
        found[1:] += weights[len(ids) :] / 2
        return found

    @classmethod
    def fit(
        cls, tokens: Tokens, target: np.ndarray, weights: np.ndarray, *, buckets: int,
        inverse_penalty: float,
    ) -> Self:  # fmt: skip
        """Fit on tokens, a 0/1 target ``[texts]`` and sample weights ``[texts]``.

        Before the penalty is applied, n-grams that are rare (inverse document frequency) or that
        the classes use unequally (root of the naive Bayes log-count ratio, after Wang and Manning
        2012) are scaled up, so that it does not silence them; the factor ends up in the weights. A
        target of one class teaches nothing but its frequency.
        """
        return cls(*fit_linear(_matrix(tokens, buckets), target, weights, inverse_penalty))


def fit_linear(
    matrix: scipy.sparse.csr_matrix, target: np.ndarray, weights: np.ndarray, inverse_penalty: float
) -> tuple[np.ndarray, float]:
    """Logistic regression as ``NgramModel.fit`` says: float32 ``[buckets]`` and the intercept.

    ``matrix`` is ``[texts, buckets]``, ``target`` 0/1 and ``weights`` ``[texts]``.
    """
    from scipy import sparse
    from sklearn.linear_model import LogisticRegression

    positive = int(np.sum(target))
    if positive in (0, len(target)):
        frequency = np.log((positive + 1) / (len(target) - positive + 1))
        return np.zeros(matrix.shape[1], np.float32), float(frequency)
    documents = np.bincount(matrix.indices, minlength=matrix.shape[1])
    rarity = np.log((1 + len(target)) / (1 + documents)) + 1
    factor = rarity * np.sqrt(_log_count_ratio(matrix, target, weights))
    model = LogisticRegression(C=inverse_penalty, max_iter=300)
    model.fit(matrix @ sparse.diags(factor), target, sample_weight=weights)
    return (model.coef_[0] * factor).astype(np.float32), float(model.intercept_[0])


def _log_count_ratio(
    matrix: scipy.sparse.csr_matrix, target: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Return how unequally the classes use each n-gram: |log of ratio of shares|, ``[buckets]``."""
    present = matrix.copy()
    present.data[:] = 1
    logs = []
    for label in (1, 0):
        counts = present.T @ (weights * (target == label)) + 1
        logs.append(np.log(counts / counts.sum()))
    return np.abs(logs[0] - logs[1])


def _ngrams(tokens: Tokens, buckets: int) -> tuple[np.ndarray, np.ndarray]:
    """Buckets of all unigrams and then bigrams of each text in turn, and their number a text."""
    ids = tokens.values.astype(np.uint64)
    lengths = tokens.lengths
    counts = np.maximum(2 * lengths - 1, 0)
    out = np.empty(int(counts.sum()), np.int64)
    starts = np.cumsum(counts) - counts
    within = np.arange(len(ids)) - np.repeat(tokens.starts, lengths)
    place = np.repeat(starts, lengths) + within
    out[place] = bucket(ids * FIRST, buckets)
    second = np.flatnonzero(within > 0)  # tokens that have one before them in their text
    pairs = ids[second - 1] * FIRST + (ids[second] + np.uint64(1)) * SECOND
    out[place[second] + np.repeat(lengths, lengths)[second] - 1] = bucket(pairs, buckets)
    return out, counts


def bucket(keys: np.ndarray, buckets: int) -> np.ndarray:
    """Which of ``buckets`` each key, uint64, falls into; int64."""
    mixed = (keys ^ (keys >> MIX)) * SECOND
    return ((mixed >> np.uint64(32)) % np.uint64(buckets)).astype(np.int64)


def _matrix(tokens: Tokens, buckets: int) -> scipy.sparse.csr_matrix:
    from scipy import sparse

    columns, counts = _ngrams(tokens, buckets)
    values = np.repeat(1 / np.sqrt(np.maximum(counts, 1)), counts).astype(np.float32)
    indptr = np.concatenate([[0], np.cumsum(counts)])
    matrix = sparse.csr_matrix((values, columns, indptr), shape=(len(counts), buckets))
    matrix.sum_duplicates()
    return matrix

"""A logistic model over hashed n-grams of the letters within words.

Words that no vocabulary knows, because they are rare, inflected or misspelt, still share most of
their letters with words that it does. Each word of a text counts once, however often it is said.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from moddefense import native
from moddefense.ngrams import FIRST, SECOND, bucket, fit_linear
from moddefense.tokens import SPECIAL, SUFFIX, Tokenizer, Tokens

if TYPE_CHECKING:
    import scipy.sparse

__all__ = ["LONGEST", "LetterModel", "Spelling"]

LONGEST = 5  # letters of an n-gram, the bounds of a word among them; the shortest have two
BOUND = 0  # stands before and behind each word


@dataclasses.dataclass(frozen=True)
class Spelling:
    """How each token id is spelt: code points, flat, int32, and how many each id has, int64.

    ``continues`` says of each id whether it goes on with a word, bool ``[ids]``.
    """

    codes: np.ndarray
    lengths: np.ndarray
    continues: np.ndarray

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> Self:
        """How a tokenizer's ids are spelt; the special ones by letters that no text has.

        >>> Spelling.of(Tokenizer(["[PAD]", "[UNK]", "[OPEN]", "ab", "##c"])).codes.tolist()
        [0, 1, 2, 97, 98, 99]
        """
        special = len(SPECIAL)
        pieces = [chr(number) for number in range(special)]
        for piece, goes_on in zip(
            tokenizer.pieces[special:], tokenizer.continues[special:], strict=True
        ):
            pieces.append(piece[len(SUFFIX) :] if goes_on else piece)
        pieces += tokenizer.openings
        continues = np.append(tokenizer.continues, np.zeros(len(tokenizer.openings), bool))
        codes = np.array([ord(letter) for piece in pieces for letter in piece], np.int32)
        return cls(codes, np.array([len(piece) for piece in pieces], np.int64), continues)

    @property
    def begins(self) -> np.ndarray:
        """Where in ``codes`` each id begins, and where the last ends, int64 ``[ids + 1]``."""
        return np.concatenate([[0], np.cumsum(self.lengths)]).astype(np.int64)


@dataclasses.dataclass(frozen=True)
class LetterModel:
    """Weights of the hashed n-grams, float32 ``[buckets]``, and the intercept."""

    weights: np.ndarray
    intercept: float
    spelling: Spelling

    def log_odds(self, tokens: Tokens) -> np.ndarray:
        """Log-odds of each text, float64 ``[texts]``.

        The sum over the n-grams of a text's different words is divided by the root of their number.
        """
        if native.library() is not None:
            from moddefense.native.features import letter_sums

            sums, counts = letter_sums(tokens, self.spelling, self._alone, self.weights)
        else:
            sums, counts = self._sums(tokens)
        return sums / np.sqrt(np.maximum(counts, 1)) + self.intercept

    def contributions(self, ids: np.ndarray) -> np.ndarray:
        """What each token of one text adds to its log-odds, float64 ``[tokens]``.

        What a word adds is shared equally among the tokens that spell it, wherever it stands; with
        the intercept, the sum is the whole.
        """
        if not len(ids):
            return np.zeros(0)
        words = _words(Tokens(ids, np.array([len(ids)])), self.spelling)
        sums, counts = self._of_words(words.codes, words.lengths)
        used = np.bincount(words.which, weights=words.sizes, minlength=len(sums))
        shares = sums / used / np.sqrt(max(1, int(counts.sum())))
        return np.repeat(shares[words.which], words.sizes)

    @classmethod
    def fit(
        cls, tokens: Tokens, target: np.ndarray, weights: np.ndarray, spelling: Spelling, *,
        buckets: int, inverse_penalty: float,
    ) -> Self:  # fmt: skip
        """Fit on tokens, a 0/1 target ``[texts]`` and sample weights ``[texts]``.

        N-grams are scaled by rarity and by how unequally the classes use them, see ``NgramModel``.
        """
        matrix = _matrix(tokens, spelling, buckets)
        return cls(*fit_linear(matrix, target, weights, inverse_penalty), spelling)

    @functools.cached_property
    def _alone(self) -> tuple[np.ndarray, np.ndarray]:
        """What each id sums up to as a word of its own, and how many n-grams that has."""
        return self._of_words(self.spelling.codes, self.spelling.lengths)

    def _of_words(self, codes: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Sum of the weights of each word's n-grams, float64, and their number, int64."""
        buckets, owner = _grams(codes, lengths, len(self.weights))
        sums = np.bincount(owner, weights=self.weights[buckets], minlength=len(lengths))
        return sums, np.bincount(owner, minlength=len(lengths))

    def _sums(self, tokens: Tokens) -> tuple[np.ndarray, np.ndarray]:
        words = _words(tokens, self.spelling)
        sums, counts = self._of_words(words.codes, words.lengths)
        texts = len(tokens.lengths)
        rows, which = _once(words, len(counts))
        return (
            np.bincount(rows, weights=sums[which], minlength=texts),
            np.bincount(rows, weights=counts[which], minlength=texts).astype(np.int64),
        )


class _Words(NamedTuple):
    """The words of texts: text, number of tokens and index of each; how each index is spelt."""

    rows: np.ndarray
    sizes: np.ndarray
    which: np.ndarray
    codes: np.ndarray
    lengths: np.ndarray


def _words(tokens: Tokens, spelling: Spelling) -> _Words:
    ids = tokens.values
    begins = ~spelling.continues[ids]
    starts = tokens.starts[tokens.lengths > 0]
    begins[starts] = True
    first = np.flatnonzero(begins)
    sizes = np.diff(first, append=len(ids))
    rows = np.repeat(np.arange(len(tokens.lengths)), tokens.lengths)[first]
    # Words are told apart by a polynomial of their ids, modulo 2 ** 64.
    longest = int(sizes.max(initial=1))
    powers = np.full(longest, SECOND)
    powers[0] = 1
    powers = np.cumprod(powers)
    within = np.arange(len(ids)) - np.repeat(first, sizes)
    terms = (ids.astype(np.uint64) + np.uint64(1)) * powers[within]
    keys = np.add.reduceat(terms, first) if first.size else np.empty(0, np.uint64)
    _, sample, which = np.unique(keys, return_index=True, return_inverse=True)
    # The ids of one example of each different word, and from these its letters.
    taken = np.repeat(first[sample], sizes[sample]) + _within(sizes[sample])
    lengths = spelling.lengths[ids[taken]]
    codes = spelling.codes[np.repeat(spelling.begins[ids[taken]], lengths) + _within(lengths)]
    owner = np.repeat(np.arange(len(sample)), sizes[sample])
    spelt = np.bincount(owner, weights=lengths, minlength=len(sample)).astype(np.int64)
    return _Words(rows, sizes, which, codes, spelt)


def _once(words: _Words, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Text and index of each different word of each text."""
    pairs = np.unique(words.rows * max(1, count) + words.which)
    return pairs // max(1, count), pairs % max(1, count)


def _within(lengths: np.ndarray) -> np.ndarray:
    """0, 1, ... for each of the lengths in turn."""
    return np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)


def _grams(codes: np.ndarray, lengths: np.ndarray, buckets: int) -> tuple[np.ndarray, np.ndarray]:
    """Buckets of the n-grams of words spelt with ``codes``, and the word of each."""
    bounded = lengths + 2
    owner = np.repeat(np.arange(len(lengths)), bounded)
    letters = np.full(len(owner), BOUND, np.uint64)
    inside = np.repeat(np.cumsum(bounded) - bounded + 1, lengths) + _within(lengths)
    letters[inside] = codes
    hashes = (letters + np.uint64(1)) * FIRST
    found, owners = [], []
    for size in range(2, LONGEST + 1):
        hashes = (hashes[:-1] + letters[size - 1 :] + np.uint64(1)) * FIRST
        whole = owner[: len(hashes)] == owner[size - 1 :]
        found.append(bucket(hashes[whole], buckets))
        owners.append(owner[size - 1 :][whole])
    return np.concatenate(found), np.concatenate(owners)


def _matrix(tokens: Tokens, spelling: Spelling, buckets: int) -> scipy.sparse.csr_matrix:
    from scipy import sparse

    words = _words(tokens, spelling)
    columns, owner = _grams(words.codes, words.lengths, buckets)
    count = len(words.lengths)
    grams = sparse.csr_matrix(
        (np.ones(len(owner), np.float32), (owner, columns)), shape=(count, buckets)
    )
    rows, which = _once(words, count)
    texts = len(tokens.lengths)
    said = sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, which)), shape=(texts, count))
    total = said @ np.asarray(grams.sum(axis=1)).ravel()
    scale = sparse.diags((1 / np.sqrt(np.maximum(total, 1))).astype(np.float32))
    matrix = (scale @ said @ grams).tocsr()
    matrix.sum_duplicates()
    return matrix

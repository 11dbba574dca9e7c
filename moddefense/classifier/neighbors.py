"""Nearest neighbours of words in a classifier's embedding: what it takes for alike."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from moddefense.bundle import read_models
from moddefense.errors import ConfigurationError
from moddefense.folding import fold
from moddefense.tokens import SPECIAL, SUFFIX, Tokenizer

__all__ = ["neighbors", "ranked"]


def neighbors(
    bundle: str | Path, words: Sequence[str], *, k: int = 10, pieces: bool = False
) -> dict[str, list[tuple[str, float]]]:
    """The ``k`` nearest whole words of each word, with their cosine, nearest first.

    The embedding is the normalised one that the classifier reads. With ``pieces``, the beginnings
    (``cock-``) and continuations (``##ing``) of words count as well. Raises ConfigurationError for
    a word that the vocabulary does not have whole, and says how it is split.

    >>> found = neighbors("default", ["Idiot"], k=3)["Idiot"]
    >>> len(found), "idiot" in dict(found)
    (3, False)
    """
    tokenizer, _, classifier = read_models(bundle)
    index = {piece: number for number, piece in enumerate(tokenizer.pieces)}
    known = [_require_whole(word, index, tokenizer) for word in words]
    table = classifier.weights["embedding"]
    return {
        word: [(tokenizer.piece(token), cosine) for token, cosine in found[:k]]
        for word, token in zip(words, known, strict=True)
        for found in [ranked(table, token, _candidates(tokenizer, pieces=pieces))]
    }


def ranked(table: np.ndarray, token: int, candidates: np.ndarray) -> list[tuple[int, float]]:
    """``candidates`` (ids) but for ``token``, with their cosine to it, nearest first.

    ``table`` is the embedding ``[vocabulary, width]``; equally near ones come by id.
    """
    length = np.linalg.norm(table, axis=1)
    unit = table / np.maximum(length, np.finfo(np.float32).tiny)[:, None]
    others = candidates[candidates != token]
    cosine = unit[others] @ unit[token]
    order = np.argsort(-cosine, kind="stable")
    return list(zip(others[order].tolist(), cosine[order].tolist(), strict=True))


def _candidates(tokenizer: Tokenizer, *, pieces: bool) -> np.ndarray:
    ids = range(len(SPECIAL), tokenizer.size if pieces else len(tokenizer.pieces))
    return np.array(
        [i for i in ids if pieces or not tokenizer.pieces[i].startswith(SUFFIX)], np.int64
    )


def _require_whole(word: str, index: dict[str, int], tokenizer: Tokenizer) -> int:
    """The id of a word that is one piece."""
    folded = fold(word).strip()
    if folded in index and index[folded] >= len(SPECIAL) and not folded.startswith(SUFFIX):
        return index[folded]
    split = [tokenizer.piece(token) for token in tokenizer([word]).values.tolist()]
    how = f"it is read as {' '.join(split)}" if split else "nothing of it is read"
    raise ConfigurationError(f"{word!r}: not a whole word of the vocabulary; {how}")

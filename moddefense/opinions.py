"""From the opinions of several definitions of harm, and of linear models, to one score.

Corpora call different things harmful. The score is about the main corpus's definition; what the
others teach adds to it with weights that validation supports, none of them negative.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from moddefense.classifier.calibration import prevalence_weights
from moddefense.classifier.combination import balanced_weights, combine
from moddefense.corpus import Corpus, Split
from moddefense.letters import LetterModel, Spelling
from moddefense.ngrams import NgramModel
from moddefense.recipe import Recipe
from moddefense.tokens import Tokens

__all__ = ["definition_weights", "learn_combination", "other_definitions", "scored_part"]


def scored_part(corpus: Corpus, *columns: Any) -> tuple[Any, ...]:
    """The texts that the score is about, and what ``columns`` (arrays or Tokens) say of them."""
    rows = np.flatnonzero(~np.isnan(corpus.scored))
    taken = (c.take(rows) if isinstance(c, Tokens) else c[rows] for c in columns)
    return corpus.take(rows), *taken


def other_definitions(corpus: Corpus) -> list[int]:
    """Which labels (indices) are definitions that other corpora than the main one brought."""
    if corpus.main is None:
        return []
    own = ~np.isnan(corpus.main)
    return np.flatnonzero(np.isnan(corpus.labels[own]).all(axis=0)).tolist()


def definition_weights(corpus: Corpus, prevalence: float) -> np.ndarray:
    """Weights ``[texts]`` that bring the texts of each definition to this share of harmful ones."""
    groups = _groups(corpus)
    weights = np.ones(len(corpus))
    for group in range(int(groups.max(initial=-1)) + 1):
        rows = groups == group
        if not rows.any():
            continue
        weights[rows] = prevalence_weights(corpus.harmful[rows], prevalence)
    return weights


def learn_combination(
    recipe: Recipe, split: Split, tokens: Mapping[str, Tokens], logits: np.ndarray,
    spelling: Spelling,
) -> tuple[np.ndarray, NgramModel, np.ndarray | None]:  # fmt: skip
    """Return the weights of the network's logits in the score, and the linear models beside it.

    These are one over tokens, and the weights of one over letters, None where the recipe has none.
    What each counts is learnt on validation, of whose weight the main corpus has the recipe's
    share. ``logits`` are those of validation ``[texts, 1 + labels]``, and so long are the weights.
    """
    val = split.val
    columns = [0, *(1 + k for k in other_definitions(val))]
    # Added texts would teach the linear models what only the network can tell from harm.
    given = tokens["train"].take(np.arange(len(split.train)))
    wides = _linear_models(recipe, split.train, given)
    letters = _letter_models(recipe, split.train, given, spelling)
    opinions = [logits[:, columns]]
    linear: list[NgramModel | LetterModel] = [*wides, *letters]
    opinions += [model.log_odds(tokens["val"])[:, None] for model in linear]
    # As many harmful texts as validation has: the order of texts is learnt here, not the level.
    weights = balanced_weights(_groups(val), first=recipe.combination.main)
    found = combine(np.concatenate(opinions, axis=1), val.harmful, weights)
    found /= found[0]
    mix = np.zeros(logits.shape[1])
    mix[columns] = found[: len(columns)]
    if not wides:
        return mix, NgramModel(np.zeros(1, np.float32), 0.0), None
    shares = found[len(columns) :].tolist()
    total, intercept = _sum(shares[: len(wides)], wides)
    if not letters:
        return mix, NgramModel(total, intercept), None
    total_letters, more = _sum(shares[len(wides) :], letters)
    return mix, NgramModel(total, intercept + more), total_letters


def _sum(
    shares: Sequence[float], models: Sequence[NgramModel | LetterModel]
) -> tuple[np.ndarray, float]:
    """Weights and intercept of the sum of linear models over the same n-grams, which is one."""
    pairs = list(zip(shares, models, strict=True))
    total = np.sum([share * model.weights for share, model in pairs], axis=0)
    return total.astype(np.float32), float(sum(share * model.intercept for share, model in pairs))


def _groups(corpus: Corpus) -> np.ndarray:
    """0 for texts that the score is about, 1 and so on for those of each other definition."""
    groups = np.zeros(len(corpus), np.int64)
    for number, label in enumerate(other_definitions(corpus), start=1):
        groups[~np.isnan(corpus.labels[:, label])] = number
    return groups


def _linear_models(recipe: Recipe, train: Corpus, tokens: Tokens) -> list[NgramModel]:
    keys = recipe.wide
    if not keys.enabled:
        return []
    return [
        NgramModel.fit(
            texts, target, np.ones(len(target)), buckets=keys.buckets,
            inverse_penalty=keys.inverse_penalty,
        )
        for texts, target in _targets(train, tokens)
    ]  # fmt: skip


def _letter_models(
    recipe: Recipe, train: Corpus, tokens: Tokens, spelling: Spelling
) -> list[LetterModel]:
    keys = recipe.wide
    if not keys.enabled or not keys.letters:
        return []
    return [
        LetterModel.fit(
            texts, target, np.ones(len(target)), spelling, buckets=keys.letters,
            inverse_penalty=keys.inverse_penalty,
        )
        for texts, target in _targets(train, tokens)
    ]  # fmt: skip


def _targets(corpus: Corpus, tokens: Tokens) -> list[tuple[Tokens, np.ndarray]]:
    """What a linear model learns: the main corpus, and where others are joined everything, too."""
    everything = (tokens, corpus.harmful.astype(int))
    if corpus.main is None:
        return [everything]
    part, texts = scored_part(corpus, tokens)
    return [(texts, part.scored.astype(int)), everything]

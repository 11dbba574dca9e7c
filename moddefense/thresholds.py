"""Thresholds that validation supports: of the score, and of each label."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from moddefense.classifier.calibration import prevalence_weights
from moddefense.classifier.model import Classifier
from moddefense.corpus import Corpus
from moddefense.evaluation.metrics import precision_threshold
from moddefense.opinions import definition_weights, scored_part
from moddefense.policy import LabelRule, Policy
from moddefense.recipe import Recipe
from moddefense.tokens import Tokens

__all__ = ["flagged_by", "label_rules", "label_thresholds", "recall_score", "score_thresholds"]


def recall_score(labels: np.ndarray, scores: np.ndarray, recall: float) -> float:
    """The highest score at which at least ``recall`` of the positives are; 1 without positives.

    >>> recall_score(np.array([1, 1, 0, 1]), np.array([0.9, 0.4, 0.8, 0.7]), 0.6)
    0.7
    """
    positive = np.sort(scores[labels == 1])[::-1]
    if not positive.size:
        return 1.0
    return float(positive[max(0, int(np.ceil(recall * len(positive) - 1e-9)) - 1)])


def label_rules(
    corpus: Corpus, probabilities: np.ndarray, weights: np.ndarray, *, recall: float,
    precision: float,
) -> tuple[dict[str, LabelRule], dict[str, dict[str, Any]]]:  # fmt: skip
    """A rule for each label of ``corpus``, and what it comes to there.

    ``probabilities`` are ``[texts, labels]``, ``weights`` ``[texts]`` give the prevalence for
    precision. ``recall`` sets the review threshold, ``precision`` the block threshold; 0 sets none,
    and neither is set where the label has no text or no threshold is good enough.
    """
    rules: dict[str, LabelRule] = {}
    found: dict[str, dict[str, Any]] = {}
    for k, name in enumerate(corpus.label_names):
        known = ~np.isnan(corpus.labels[:, k])
        labels, scores, counts = corpus.labels[known, k], probabilities[known, k], weights[known]
        review = block = None
        if recall and labels.any():
            # Rounded down: rounding must cost no recall.
            review = float(np.floor(recall_score(labels, scores, recall) * 1e4) / 1e4)
        if precision and labels.any():
            least = np.ceil(precision_threshold(labels, scores, counts, precision) * 1e4) / 1e4
            block = float(max(least, review or 0)) if least < 1 else None
        if review is None and block is None:
            continue
        rules[name] = LabelRule(review=review, block=block)
        found[name] = {
            what: {"threshold": threshold, **_at(labels, scores, counts, threshold)}
            for what, threshold in (("review", review), ("block", block))
            if threshold is not None
        }
    return rules, found


def _at(
    labels: np.ndarray, scores: np.ndarray, weights: np.ndarray, threshold: float
) -> dict[str, float | None]:
    flagged = scores >= threshold
    hits = float(weights[flagged & (labels == 1)].sum())
    share = float(weights[flagged].sum())
    return {
        "recall": round(float(flagged[labels == 1].mean()), 4),
        "precision": round(hits / share, 4) if share else None,
    }


def score_thresholds(
    recipe: Recipe, val: Corpus, classifier: Classifier, tokens: Tokens, score: np.ndarray
) -> Policy:
    """Thresholds that validation supports, for scores that keep their distance when unsure."""
    keys = recipe.policy
    val, tokens, score = scored_part(val, tokens, score)
    weights = prevalence_weights(val.scored, recipe.calibration.prevalence)
    draft = Policy(uncertainty_reach=keys.uncertainty_reach)
    low, high = draft.bounds(score, classifier.score_spread(tokens))
    review = float(np.quantile(high[val.scored == 0], 1 - keys.review_false_positives))
    block = precision_threshold(val.scored, low, weights, keys.block_precision)
    # Never 0, which every score reaches: harmless texts of an easy corpus score next to nothing.
    review = round(float(np.clip(review, 1e-4, 1)), 4)
    block = round(float(np.clip(block, review, 1)), 4)
    return dataclasses.replace(draft, classifier_review=review, classifier_block=block)


def label_thresholds(
    recipe: Recipe, val: Corpus, policy: Policy, scores: np.ndarray
) -> tuple[Policy, dict[str, Any]]:
    """The policy with thresholds of each label's own, if the recipe asks for them."""
    keys = recipe.policy
    if not keys.label_recall and not keys.label_precision:
        return policy, {}
    weights = definition_weights(val, recipe.calibration.prevalence)
    rules, found = label_rules(
        val, scores[:, -len(val.label_names) :], weights, recall=keys.label_recall,
        precision=keys.label_precision,
    )  # fmt: skip
    return dataclasses.replace(policy, labels=tuple(rules.items())), {"label_thresholds": found}


def flagged_by(
    policy: Policy, classifier: Classifier, tokens: Tokens, score: np.ndarray
) -> np.ndarray:
    """Mask of the texts that the classifier would not allow."""
    spread = np.full(len(score), np.nan)
    near = np.flatnonzero(policy.needs_sampling(score))
    spread[near] = classifier.score_spread(tokens.take(near))
    return policy.bounds(score, spread)[1] >= policy.classifier_review

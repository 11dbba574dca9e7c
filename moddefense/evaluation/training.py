"""What a training says of its own result, split by split."""

from __future__ import annotations

from typing import Any

import numpy as np

from moddefense.classifier.calibration import expected_calibration_error
from moddefense.classifier.model import Classifier
from moddefense.corpus import Corpus
from moddefense.evaluation.metrics import auc, binary_metrics
from moddefense.opinions import definition_weights, scored_part
from moddefense.policy import Policy
from moddefense.recipe import Recipe
from moddefense.thresholds import flagged_by
from moddefense.tokens import Tokens
from moddefense.trigger import Trigger

__all__ = ["split_metrics"]


def split_metrics(
    recipe: Recipe, corpus: Corpus, tokens: Tokens, scores: np.ndarray, classifier: Classifier,
    trigger: Trigger, policy: Policy,
) -> dict[str, Any]:  # fmt: skip
    """Metrics of the score, of each label and of the trigger on one split.

    The score and the trigger are measured on the texts of the main corpus, a label where it is
    known; precision and the share run hold at the recipe's prevalence.
    """
    label_weights = definition_weights(corpus, recipe.calibration.prevalence)
    main, main_tokens, score, weights = scored_part(corpus, tokens, scores[:, 0], label_weights)
    harmful = main.scored
    flagged = flagged_by(policy, classifier, main_tokens, score)
    chance = trigger.probabilities(main_tokens)
    triggered = ~policy.kept_back(chance)
    wanted = ((harmful == 1) | flagged).astype(float)
    figures: dict[str, Any] = {"harm": binary_metrics(harmful, score, weights)}
    if len(corpus.label_names) > 1:
        for k, label in enumerate(corpus.label_names):
            known = ~np.isnan(corpus.labels[:, k])
            figures[label] = binary_metrics(
                corpus.labels[known, k], scores[known, 1 + k], label_weights[known]
            )
    figures["trigger"] = {
        "auc": auc(harmful, chance),
        "recall_of_flagged": _share(triggered[flagged]),
        "recall_of_harmful": _share(triggered[harmful == 1]),
        "share_run": float(np.average(triggered, weights=weights)) if len(triggered) else None,
        "calibration_error": (
            expected_calibration_error(chance, wanted, weights) if len(chance) else None
        ),
    }
    figures["trigger"] = {
        key: None if value is None else round(value, 4) for key, value in figures["trigger"].items()
    }
    return figures


def _share(mask: np.ndarray) -> float | None:
    return float(mask.mean()) if mask.size else None

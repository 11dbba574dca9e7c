"""What the pipeline decided on harmful and on harmless texts, which stage did, and at what cost."""

from __future__ import annotations

from typing import Any

import numpy as np

from moddefense.evaluation.estimates import effective_share, exact_share
from moddefense.evaluation.evidence import Decisions
from moddefense.policy import DECIDERS, DECISIONS

__all__ = ["cost_figures", "decision_figures", "flagged_figures"]

ALLOW, BLOCK = DECISIONS.index("allow"), DECISIONS.index("block")
CLASSES = (("harmful", 1), ("harmless", 0))


def decision_figures(
    decisions: Decisions, labels: np.ndarray, weights: np.ndarray
) -> dict[str, Any]:
    """Return counts and shares of decisions by class, and by what decided; arrays ``[texts]``.

    ``flagged`` is review or block. Shares of all texts are weighted, counts are not.
    """
    decision, by = decisions.decision, decisions.decided_by
    table = {
        name: {d: int(((decision == code) & (labels == value)).sum())
               for code, d in enumerate(DECISIONS)}
        for name, value in CLASSES
    }  # fmt: skip
    deciders = {
        name: {
            klass: {d: int(((by == code) & (decision == c) & (labels == value)).sum())
                    for c, d in enumerate(DECISIONS)}
            for klass, value in CLASSES
        }
        for code, name in enumerate(DECIDERS)
    }  # fmt: skip
    precision = {
        f"precision_of_{name}": effective_share(
            labels[mask] == 1, weights[mask], of=f"texts that were {name}"
        ).as_dict()
        for name, mask in (("flagged", decision != ALLOW), ("blocked", decision == BLOCK))
    }
    shares = {
        d: effective_share(decision == code, weights, of="texts").as_dict()
        for code, d in enumerate(DECISIONS)
    }
    return {
        "confusion": table,
        "decided_by": deciders,
        "shares": shares,
        **flagged_figures(decision, labels),
        **precision,
    }


def flagged_figures(decision: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Return which share of harmful and of harmless texts was flagged, and was blocked."""
    return {
        f"{klass}_{name}": exact_share(
            int((mask & (labels == value)).sum()), int((labels == value).sum()), of=f"{klass} texts"
        ).as_dict()
        for name, mask in (("flagged", decision != ALLOW), ("blocked", decision == BLOCK))
        for klass, value in CLASSES
    }


def cost_figures(decisions: Decisions, classifier_seconds: float | None) -> dict[str, Any]:
    """Return texts and seconds of each stage, and the speed beside running the classifier alone.

    Seconds are of this machine at this moment: compare them within one run only.
    """
    texts = len(decisions.decision)
    return {
        "texts": texts,
        "seconds": round(decisions.seconds, 4),
        "stages": {
            name: {
                "texts": cost.texts,
                "share": round(cost.texts / texts, 6) if texts else None,
                "seconds": round(cost.seconds, 4),
            }
            for name, cost in decisions.cost.items()
        },
        "classifier_alone_seconds": None
        if classifier_seconds is None
        else round(classifier_seconds, 4),
    }

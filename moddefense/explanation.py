"""Every stage's evidence for one text, and why the decision fell."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from moddefense.errors import ConfigurationError
from moddefense.obfuscation import signs
from moddefense.policy.deciding import printed
from moddefense.screening import Screening

if TYPE_CHECKING:
    from moddefense.pipeline import Guard

__all__ = ["explain"]


def explain(guard: Guard, text: str) -> dict[str, Any]:
    """Return the record of ``text`` with the evidence of every stage and the thresholds it met.

    ``decided`` is what ``screen`` gives. ``evidence`` has an entry for each stage of the guard,
    also for those that screening did not need, and says so in ``reached``. ``shadow``, where a
    guard has one, is the same of what is on trial.
    """
    decided = guard.screen([text])
    alone = Screening([text], guard.policy)
    row = np.array([0])
    evidence: dict[str, Any] = {}
    for stage in guard.stages:
        stage.examine(alone, row)
        evidence[stage.name] = {
            "reached": _reached(decided, stage.name),
            "shadow": stage.name in guard.policy.shadow_stages,
            **_DESCRIBE[stage.name](alone, decided, guard),
        }
        if evidence[stage.name]["shadow"] and stage.name == "lexicon":
            guard.policy.decide(alone, row, "lexicon")  # the models read as if there were no lists
    found = {
        "text": text,
        "decided": decided.row(0).as_dict(),
        "evidence": evidence,
        "policy": guard.policy.as_dict(),
        "fingerprints": guard.fingerprints,
    }
    if guard.shadow is not None:
        would = explain(guard.shadow, text)
        found["shadow"] = {key: would[key] for key in ("decided", "evidence", "policy")}
    return found


def _reached(decided: Screening, stage: str) -> bool:
    if stage == "lexicon":
        return True
    column = decided.trigger if stage == "trigger" else decided.score
    return not bool(np.isnan(column[0]))


def _lexicon(alone: Screening, decided: Screening, guard: Guard) -> Mapping[str, Any]:
    policy = guard.policy
    return {
        "matches": [
            {**match.as_dict(), "through": list(match.through), "note": match.term.note}
            for match in alone.matches[0]
        ],
        "block_severity": policy.lexicon_block_severity,
        "review_severity": policy.lexicon_review_severity,
        "trigger_severity": policy.lexicon_trigger_severity,
        "categories": {
            name: dataclasses.asdict(policy.rule(name)) for name, _ in policy.categories
        },
    }


def _trigger(alone: Screening, decided: Screening, guard: Guard) -> Mapping[str, Any]:
    probability = float(printed(alone.trigger[0]))
    return {
        "probability": probability,
        "threshold": guard.policy.trigger_threshold,
        "runs_classifier": probability >= guard.policy.trigger_threshold,
        "obfuscation": signs(decided.texts[0]),  # with any sign it goes on, if the policy says so
        "obfuscated": guard.policy.trigger_obfuscated,
        "audited": bool(decided.audited[0]),  # goes on all the same, as a sample
    }


def _classifier(alone: Screening, decided: Screening, guard: Guard) -> Mapping[str, Any]:
    from moddefense.classifier.highlighting import highlights

    uncertainty = alone.uncertainty[0]
    attributions = _attributions(alone, guard)
    return {
        "read": alone.readings.get(0, alone.texts[0]),
        "score": float(printed(alone.score[0])),
        # Sampled only where it can change the decision.
        "uncertainty": None if np.isnan(uncertainty) else float(printed(uncertainty)),
        "labels": alone.labels_of(0),
        "review": guard.policy.classifier_review,
        "block": guard.policy.classifier_block,
        "reach": guard.policy.uncertainty_reach,
        "label_rules": guard.policy.as_dict().get("labels", {}),
        "attributions": attributions,
        "highlights": None
        if isinstance(attributions, str)
        else highlights(alone.texts[0], attributions),
    }


def _attributions(alone: Screening, guard: Guard) -> list[dict[str, Any]] | str:
    """What each word adds to the log-odds, or why that cannot be told."""
    alone.attributions = {}
    for stage in guard.stages:
        attribute = getattr(stage, "attribute", None)
        if attribute is not None:
            try:
                attribute(alone, np.array([0]))
            except ConfigurationError as error:
                return str(error)
    return alone.attributions.get(0, [])


_DESCRIBE = {"lexicon": _lexicon, "trigger": _trigger, "classifier": _classifier}

"""Why a row was decided as it was, in one line that a moderator can read."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from moddefense.policy.deciding import action, blank, classify, kept_back, printed
from moddefense.policy.settings import DECIDERS, DECISIONS, Policy

if TYPE_CHECKING:
    from moddefense.lexicon import Match
    from moddefense.screening import Screening

__all__ = ["reason", "score_endings", "shadowed", "trigger_ending"]


def reason(policy: Policy, screening: Screening, row: int) -> str:
    """One line that says why ``row`` was decided so, and what a stage in shadow would have done."""
    why = _reason(policy, screening, row)
    if not policy.shadow_stages:
        return why
    would = [f"{stage} would {what}" for stage, what in shadowed(policy, screening, row).items()]
    return f"{why}; in shadow: {', '.join(would)}" if would else why


def shadowed(policy: Policy, screening: Screening, row: int) -> dict[str, str]:
    """What each stage in shadow would have done to ``row``; nothing of those that would not."""
    would: dict[str, str] = {}
    for stage in policy.shadow_stages:
        if stage == "lexicon" and screening.matches[row]:
            matches = screening.matches[row]
            hit = _allow(matches) or _worst(policy, matches)
            code = 0 if hit.term.kind == "allow" else action(policy, hit)
            if code or hit.term.kind == "allow":
                would[stage] = f"{DECISIONS[code]} ({hit.term.id})"
        elif stage == "trigger" and kept_back(policy, screening.trigger[row]):
            would[stage] = f"keep it from the classifier ({screening.trigger[row]:.3f})"
        elif stage == "classifier" and not np.isnan(screening.score[row]):
            code = int(_classified(policy, screening, row))
            if code:
                would[stage] = f"{DECISIONS[code]} (score {screening.score[row]:.3f})"
    return would


def _classified(policy: Policy, screening: Screening, row: int) -> int:
    one = slice(row, row + 1)
    return int(
        classify(
            policy, screening.score[one], screening.uncertainty[one],
            screening.labels[one], screening.label_names,
        )[0]
    )  # fmt: skip


def _reason(policy: Policy, screening: Screening, row: int) -> str:
    decided_by = DECIDERS[screening.decided_by[row]]
    if decided_by in ("whitelist", "blacklist"):
        return _lexicon_reason(policy, screening.matches[row], decided_by)
    if decided_by == "trigger":
        return f"trigger {printed(screening.trigger[row]):.3f} {trigger_ending(policy)}"
    if decided_by == "default":
        why = "nothing to read" if blank(screening.texts[row]) else "no stage decided"
        return f"{why}; default is {policy.default_decision}"
    why = _label_reason(policy, screening, row) or _score_reason(
        policy, *map(float, printed([screening.score[row], screening.uncertainty[row]]))
    )
    return f"audit sample: {why}" if decided_by == "audit" else why


def trigger_ending(policy: Policy) -> str:
    """What follows the probability in a reason by the trigger."""
    return f"below {policy.trigger_threshold:.3f}: classifier not needed"


def score_endings(policy: Policy) -> tuple[str, str, str, str, str]:
    """What follows the score in a reason by the classifier: which, ``_score_reason`` says."""
    block, review = f"{policy.classifier_block:.3f}", f"{policy.classifier_review:.3f}"
    return (
        f" at or above block threshold {block}",
        f" below review threshold {review}",
        f" is not surely at block threshold {block}",
        f" at or above review threshold {review}",
        f" is not surely below review threshold {review}",
    )


def _label_reason(policy: Policy, screening: Screening, row: int) -> str | None:
    """The label that raised the decision over what the score says; None where none did."""
    if not policy.labels:
        return None
    one = slice(row, row + 1)
    score = (screening.score[one], screening.uncertainty[one])
    code = int(screening.decision[row])
    if int(classify(policy, *score, np.empty((1, 0)), ())[0]) >= code:
        return None
    for name, rule in policy.labels:
        threshold = (None, rule.review, rule.block)[code]
        if threshold is None or name not in screening.label_names:
            continue
        value = printed(screening.labels[row, screening.label_names.index(name)])
        if value >= threshold:
            what = DECISIONS[code]
            return f"label {name} {value:.3f} at or above its {what} threshold {threshold:.3f}"
    return None


def _score_reason(policy: Policy, score: float, spread: float) -> str:
    reach = 0.0 if math.isnan(spread) else policy.uncertainty_reach * spread
    shown = f"score {score:.3f}" + (f" ± {reach:.3f}" if reach else "")
    if score - reach >= policy.classifier_block:
        which = 0
    elif score + reach < policy.classifier_review:
        which = 1
    elif score >= policy.classifier_block:
        which = 2
    else:
        which = 3 if score >= policy.classifier_review else 4
    return shown + score_endings(policy)[which]


def _lexicon_reason(policy: Policy, matches: tuple[Match, ...], decided_by: str) -> str:
    if decided_by == "whitelist":
        allow = _allow(matches)
        assert allow is not None
        return f"whole text is allow term {allow.term.id}"
    worst = _worst(policy, matches)
    through = f" through {', '.join(worst.through)}" if worst.through else ""
    more = f" and {len(matches) - 1} more" if len(matches) > 1 else ""
    shown = " ".join(worst.text.split())
    shown = shown if len(shown) <= 40 else shown[:39] + "…"
    return (
        f"{worst.term.category} term {worst.term.id} (severity {worst.term.severity}) "
        f"in “{shown}”{through}{more}"
    )


def _allow(matches: tuple[Match, ...]) -> Match | None:
    return next((match for match in matches if match.term.kind == "allow"), None)


def _worst(policy: Policy, matches: tuple[Match, ...]) -> Match:
    return max(matches, key=lambda match: (action(policy, match), match.term.severity or 0))

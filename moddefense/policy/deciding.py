"""Evidence to decisions, for whole columns."""

from __future__ import annotations

import hashlib
import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from moddefense.folding import fold
from moddefense.policy.settings import DECIDERS, Policy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moddefense.lexicon import Match
    from moddefense.screening import Screening

__all__ = [
    "REVIEW",
    "action",
    "blank",
    "bounds",
    "classify",
    "close",
    "decide",
    "kept_back",
    "log_odds",
    "needs_sampling",
    "printed",
]

ALLOW, REVIEW, BLOCK = range(3)
DIGITS = 6  # decimals of every probability that leaves: more would be noise
_READABLE = re.compile(r"\w")  # most texts have a letter or digit: they need no folding here


def decide(policy: Policy, screening: Screening, rows: np.ndarray, stage: str) -> None:
    """Turn what ``stage`` found on ``rows`` into decisions where it suffices for one."""
    if stage in policy.shadow_stages:
        if stage == "lexicon":
            screening.edits.clear()
            screening.readings.clear()  # the models, too, read as if there were no lists
        return
    {"lexicon": _after_lexicon, "trigger": _after_trigger, "classifier": _after_classifier}[stage](
        policy, screening, rows
    )


def close(policy: Policy, screening: Screening) -> None:
    """Decide what no stage has decided, and what shows nothing: floor, else the default."""
    rows = screening.undecided()
    screening.set(rows, policy.default_decision, "default")
    _raise_to_floor(screening, rows)
    empty = [row for row, text in enumerate(screening.texts) if blank(text)]
    if empty:
        screening.set(empty, policy.default_decision, "default")


def printed(values: Any) -> Any:
    """Probabilities as records have them, and as they are compared: a record is enough to decide.

    >>> printed(0.12345678)
    np.float64(0.123457)
    """
    return np.round(values, DIGITS)


def kept_back(policy: Policy, trigger: np.ndarray) -> np.ndarray:
    """Mask of what the trigger's probability does not send on to the classifier."""
    below: np.ndarray = printed(trigger) < policy.trigger_threshold
    return below


def needs_sampling(policy: Policy, score: np.ndarray) -> np.ndarray:
    """Mask of the scores so near a threshold that dropout sampling can change the decision."""
    where = log_odds(printed(score))
    mask = np.zeros(len(score), bool)
    if policy.uncertainty_reach > 0:
        for threshold in (policy.classifier_review, policy.classifier_block):
            mask |= abs(where - log_odds(threshold)) < policy.uncertainty_margin
    return mask


def bounds(
    policy: Policy, score: np.ndarray, uncertainty: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper ends of what the score may be; equal where it was not sampled (NaN)."""
    score, spread = printed(score), printed(np.nan_to_num(uncertainty))
    reach = policy.uncertainty_reach * spread
    return score - reach, score + reach


def classify(
    policy: Policy,
    score: np.ndarray,
    uncertainty: np.ndarray,
    labels: np.ndarray,
    label_names: Sequence[str],
) -> np.ndarray:
    """What the classifier's evidence says, as int8 indices into ``DECISIONS`` ``[texts]``.

    ``score`` and ``uncertainty`` are ``[texts]``, ``labels`` is ``[texts, len(label_names)]``.
    """
    low, high = bounds(policy, score, uncertainty)
    found = np.full(len(score), REVIEW, np.int8)
    found[high < policy.classifier_review] = ALLOW
    found[low >= policy.classifier_block] = BLOCK
    for name, rule in policy.labels:
        if name in label_names:
            column = printed(labels[:, list(label_names).index(name)])
            for threshold, code in ((rule.review, REVIEW), (rule.block, BLOCK)):
                if threshold is not None:
                    found[column >= threshold] = np.maximum(found[column >= threshold], code)
    return found


def action(policy: Policy, match: Match) -> int:
    """What a block hit by itself asks for, as an index into ``DECISIONS``."""
    rule = policy.rule(match.term.category)
    severity = match.term.severity or 0
    if severity >= (rule.block_severity or 0):
        return BLOCK
    return REVIEW if severity >= (rule.review_severity or 0) else ALLOW


def blank(text: str) -> bool:
    """Whether a reader sees nothing: no text, white space or invisible characters only."""
    return not _READABLE.search(text) and not fold(text).strip()


def _after_lexicon(policy: Policy, screening: Screening, rows: np.ndarray) -> None:
    own = {name: policy.rule(name) for name, _ in policy.categories}
    general = policy.rule("")
    for row in rows.tolist():
        matches = screening.matches[row]
        if not matches:
            continue
        if any(match.term.kind == "allow" for match in matches):
            screening.set(row, "allow", "whitelist")
            continue
        for match in matches:
            rule = own.get(match.term.category, general) if own else general
            severity = match.term.severity or 0
            if severity >= rule.block_severity:  # type: ignore[operator]
                screening.set(row, "block", "blacklist")
            if severity >= rule.review_severity:  # type: ignore[operator]
                screening.floor[row] = REVIEW
            if severity >= rule.trigger_severity:  # type: ignore[operator]
                screening.forced[row] = True


def _after_trigger(policy: Policy, screening: Screening, rows: np.ndarray) -> None:
    below = kept_back(policy, screening.trigger[rows])
    quiet = below & ~screening.forced[rows] & (screening.floor[rows] < REVIEW)
    if policy.trigger_obfuscated:
        quiet &= ~screening.obfuscated[rows]
    left = rows[quiet]
    if policy.audit_rate > 0:
        texts = screening.texts
        screening.audited[left] = _drawn(policy, [texts[row] for row in left.tolist()])
    screening.set(left[~screening.audited[left]], "allow", "trigger")


def _after_classifier(policy: Policy, screening: Screening, rows: np.ndarray) -> None:
    found = classify(
        policy, screening.score[rows], screening.uncertainty[rows],
        screening.labels[rows], screening.label_names,
    )  # fmt: skip
    screening.decision[rows] = found
    screening.decided_by[rows] = DECIDERS.index("classifier")
    screening.decided_by[rows[screening.audited[rows]]] = DECIDERS.index("audit")
    _raise_to_floor(screening, rows)


def _raise_to_floor(screening: Screening, rows: np.ndarray) -> None:
    low = rows[screening.decision[rows] < screening.floor[rows]]
    screening.decision[low] = screening.floor[low]
    screening.decided_by[low] = DECIDERS.index("blacklist")


def _drawn(policy: Policy, texts: Sequence[str]) -> list[bool]:
    """Whether the audit takes each text: by a seeded hash, so that batching cannot change it."""
    salted = hashlib.blake2b(f"{policy.audit_seed}\0".encode(), digest_size=8)
    limit = math.ceil(policy.audit_rate * 2**64)
    if limit >= 1 << 64:
        return [True] * len(texts)
    least = limit.to_bytes(8, "big")  # big-endian bytes compare as the numbers do
    drawn = []
    for text in texts:
        draw = salted.copy()
        draw.update(text.encode("utf-8", "surrogatepass"))
        drawn.append(draw.digest() < least)
    return drawn


def log_odds(probability: Any) -> Any:
    """Log-odds of probabilities, finite for 0 and 1 too."""
    inside = np.clip(probability, 1e-9, 1 - 1e-9)
    return np.log(inside / (1 - inside))

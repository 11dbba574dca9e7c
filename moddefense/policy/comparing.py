"""What it would change to decide by another policy, on texts of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from moddefense.policy.settings import DECISIONS, Policy

if TYPE_CHECKING:
    from moddefense.pipeline import Guard

__all__ = ["changed_settings", "compare"]

BATCH = 2048


def compare(
    guard: Guard,
    other: Policy | Guard,
    texts: Sequence[str],
    *,
    harmful: np.ndarray | None = None,
    examples: int = 0,
) -> dict[str, Any]:
    """Screen ``texts`` by ``guard`` and by another policy, or guard; return what differs.

    ``changes`` counts the rows whose decision differs by what it was and would be, and, where
    ``harmful`` (0, 1 or NaN ``[texts]``) is given, how many of them are harmful and harmless.
    ``classified`` counts the rows that reach the classifier. ``examples`` is how many texts of each
    change to return, with both reasons, the first ones.
    """
    second = guard.with_policy(other) if isinstance(other, Policy) else other
    codes = np.zeros((2, len(texts)), np.int8)
    classified = [0, 0]
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for begin in range(0, len(texts), BATCH):
        part = texts[begin : begin + BATCH]
        both = [guard.screen(part), second.screen(part)]
        for number, screening in enumerate(both):
            codes[number, begin : begin + len(part)] = screening.decision
            classified[number] += int(np.sum(~np.isnan(screening.score)))
        for row in np.flatnonzero(both[0].decision != both[1].decision).tolist():
            change = (DECISIONS[both[0].decision[row]], DECISIONS[both[1].decision[row]])
            entry = found.setdefault(change, {"rows": 0, "harmful": 0, "harmless": 0, "shown": []})
            entry["rows"] += 1
            if harmful is not None:
                entry["harmful"] += int(harmful[begin + row] == 1)
                entry["harmless"] += int(harmful[begin + row] == 0)
            if len(entry["shown"]) < examples:
                reasons = [screening.policy.reason(screening, row) for screening in both]
                entry["shown"].append(
                    {"row": begin + row, "text": part[row], "before": reasons[0],
                     "after": reasons[1]}
                )  # fmt: skip
    changes = []
    for (before, after), entry in sorted(found.items(), key=lambda item: -item[1]["rows"]):
        labels = {key: entry[key] for key in ("harmful", "harmless")} if harmful is not None else {}
        shown = {"examples": entry["shown"]} if examples else {}
        changes.append(
            {"from": before, "to": after, "rows": entry["rows"], **labels, **shown}
        )  # fmt: skip
    counts = [
        {name: int(np.sum(one == code)) for code, name in enumerate(DECISIONS)} for one in codes
    ]
    return {
        "rows": len(texts),
        "differ": int(np.sum(codes[0] != codes[1])),
        "settings": changed_settings(guard.policy, second.policy),
        "decisions": {"before": counts[0], "after": counts[1]},
        "classified": {"before": classified[0], "after": classified[1]},
        "changes": changes,
    }


def changed_settings(before: Policy, after: Policy) -> dict[str, list[Any]]:
    """Settings by key, like ``classifier.block``, with their two values, where these differ.

    >>> changed_settings(Policy(), Policy(classifier_block=0.8))
    {'classifier.block': [0.9, 0.8]}
    """
    ours, theirs = (
        {
            f"{section}.{name}": value
            for section, settings in policy.as_dict().items()
            for name, value in settings.items()
        }
        for policy in (before, after)
    )
    keys = [*ours, *(key for key in theirs if key not in ours)]
    return {
        key: [ours.get(key), theirs.get(key)] for key in keys if ours.get(key) != theirs.get(key)
    }

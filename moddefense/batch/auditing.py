"""What a run's audit says about the trigger's misses: the recall lost, with its interval.

The policy sends a random share of the rows that the trigger would keep back to the classifier. How
many of these it flags says how many it would have flagged of the rest, which nobody looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["audit_estimate"]


def audit_estimate(counts: Mapping[str, Mapping[str, int]]) -> dict[str, Any] | None:
    """Estimate the recall lost to the trigger from the counts of a run; None without an audit.

    ``counts`` has ``decided_by`` and ``flagged``: rows not allowed, by what decided them. The
    result has the ``rows`` audited and how many of them were ``flagged``, the rows that were kept
    back ``unseen``, and estimates with exact 95 % intervals (Clopper and Pearson) of how many of
    these the classifier would flag (``missed``) and of the share of all flagged rows that this is
    (``recall_lost``).
    """
    by = counts.get("decided_by", {})
    audited, unseen = by.get("audit", 0), by.get("trigger", 0)
    if not audited:
        return None
    from moddefense.evaluation.estimates import exact_share

    flagged = counts.get("flagged", {}).get("audit", 0)
    seen = flagged + counts.get("flagged", {}).get("classifier", 0)
    share = exact_share(flagged, audited, of="audited rows")
    estimates: dict[str, Any] = {"missed": {}, "recall_lost": {}}
    for name, value in (("estimate", share.value), ("low", share.low), ("high", share.high)):
        missed = unseen * (value or 0.0)
        estimates["missed"][name] = round(missed, 1)
        estimates["recall_lost"][name] = round(missed / (missed + seen), 6) if missed else 0.0
    return {"rows": audited, "flagged": flagged, "unseen": unseen, **estimates}

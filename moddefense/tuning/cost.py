"""What a policy costs and what it gives up: rows and seconds at each stage, recall, a curve."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from moddefense.pipeline import Guard
from moddefense.policy import Policy
from moddefense.screening import Screening
from moddefense.tuning.evidence import Evidence, replay, trigger_values
from moddefense.tuning.triggering import wanted_rows

__all__ = ["cost_report", "curve", "recall_of"]

TIMED = 4096  # rows that are timed at most
BATCH = 1024
POINTS = 19  # of the curve
DIGITS = 4


def cost_report(guard: Guard, evidence: Evidence) -> dict[str, Any]:
    """Measure what ``guard``, with its policy, does on the texts of ``evidence``.

    ``stages`` has the share of rows that each stage sees at the prevalence, and its seconds per
    1,000 rows that are screened; ``speed_up`` is against the classifier, with its dropout sampling,
    on every row. Both are timed on the same rows, drawn at the prevalence.
    """
    decided = replay(guard.policy, evidence)
    seen = {
        "lexicon": np.ones(len(evidence), bool),
        "trigger": ~np.isnan(decided.trigger),
        "classifier": ~np.isnan(decided.score),
    }
    seconds, alone = _timed(guard, evidence)
    total = sum(seconds.values())
    stages = {
        name: {
            "share": round(float(evidence.weights[seen[name]].sum()), DIGITS),
            "seconds_per_1000": round(seconds[name], 6),
        }
        for name in seconds
    }
    return {
        "rows": len(evidence),
        "stages": stages,
        "seconds_per_1000": round(total, 6),
        "classifier_alone_seconds_per_1000": round(alone, 6),
        "speed_up": round(alone / total, 2),
        "recall": {of: recall_of(guard.policy, evidence, of) for of in ("flagged", "harmful")},
        "curve": curve(guard.policy, evidence, seconds, stages, alone),
    }


def recall_of(policy: Policy, evidence: Evidence, of: str) -> dict[str, Any]:
    """Rows that a promise is about, how many of them do not reach the classifier, and the recall.

    ``recall_at_prevalence`` weighs them as at the prevalence. Rows that the audit saves are missed.
    """
    wanted = wanted_rows(policy, evidence, of)
    reached = trigger_values(policy, evidence)[wanted] >= policy.trigger_threshold
    weights = evidence.weights[wanted]
    share = weights[reached].sum() / weights.sum() if weights.sum() else None
    return {
        "rows": int(wanted.sum()),
        "missed": int((~reached).sum()),
        "recall": round(float(reached.mean()), DIGITS) if reached.size else None,
        "recall_at_prevalence": None if share is None else round(float(share), DIGITS),
    }


def curve(
    policy: Policy, evidence: Evidence, seconds: dict[str, float], stages: dict[str, Any],
    alone: float,
) -> list[dict[str, Any]]:  # fmt: skip
    """Share of rows that reach the classifier, recall and speed-up over trigger thresholds.

    Each stage's seconds grow with its share of rows.
    """
    values = trigger_values(policy, evidence)
    seen = ~np.isnan(replay(policy, evidence).trigger)
    wanted = {of: wanted_rows(policy, evidence, of) for of in ("flagged", "harmful")}
    low = np.quantile(evidence.screening.trigger, np.linspace(0, 0.95, POINTS))
    thresholds = np.unique(np.append(np.round(low, DIGITS), policy.trigger_threshold))
    run_now = stages["classifier"]["share"]
    points = []
    for threshold in thresholds.tolist():
        reached = values >= threshold
        share = float(evidence.weights[seen & reached].sum())
        cost = {**seconds}
        cost["classifier"] *= share / run_now if run_now else 0.0
        points.append(
            {
                "threshold": round(threshold, 6),
                "share_run": round(share, DIGITS),
                **{
                    f"recall_of_{of}": round(float(reached[rows].mean()), DIGITS)
                    if rows.any()
                    else None
                    for of, rows in wanted.items()
                },
                "speed_up": round(alone / sum(cost.values()), 2),
            }
        )
    return points


def _timed(guard: Guard, evidence: Evidence) -> tuple[dict[str, float], float]:
    """Seconds per 1,000 rows: of each stage in the pipeline, and of the classifier on all rows."""
    texts = _sample(evidence)
    best: dict[str, float] = {}
    alone = float("inf")
    for _ in range(2):  # in turn, so that a noisy moment hits both alike; the better one counts
        seconds = _run(guard, texts)
        if not best or sum(seconds.values()) < sum(best.values()):
            best = seconds
        alone = min(alone, sum(_run(guard, texts, only="classifier").values()))
    scale = 1000 / len(texts)
    return {name: value * scale for name, value in best.items()}, alone * scale


def _run(guard: Guard, texts: Sequence[str], *, only: str | None = None) -> dict[str, float]:
    stages = [stage for stage in guard.stages if only in (None, stage.name)]
    seconds = {stage.name: 0.0 for stage in stages}
    for begin in range(0, len(texts), BATCH):
        screening = Screening(texts[begin : begin + BATCH], guard.policy)
        screening.sample_all = only is not None
        for stage in stages:
            rows = screening.undecided()
            if rows.size:
                began = time.perf_counter()
                stage.examine(screening, rows)
                guard.policy.decide(screening, rows, stage.name)
                seconds[stage.name] += time.perf_counter() - began
    return seconds


def _sample(evidence: Evidence) -> list[str]:
    """Texts drawn at the prevalence, with a fixed seed."""
    generator = np.random.Generator(np.random.PCG64(0))
    count = min(TIMED, len(evidence))
    rows = generator.choice(len(evidence), size=count, p=evidence.weights)
    return [evidence.screening.texts[row] for row in rows.tolist()]

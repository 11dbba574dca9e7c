"""The reasons of all rows as an Arrow column, without a Python string for each.

Most rows were decided by a number: their reasons are put together from tables of what the number,
rounded to three decimals, looks like. The others are asked for one by one.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from moddefense.columns import string_column
from moddefense.policy.deciding import printed
from moddefense.policy.reasons import reason, score_endings, trigger_ending
from moddefense.policy.settings import DECIDERS, Policy

if TYPE_CHECKING:
    import pyarrow as pa

    from moddefense.screening import Screening

__all__ = ["reason_column"]

MOST = 2000  # thousandths that the tables go up to
NEAR = 1e-6  # of a thousandth: so near to where rounding turns, Python is asked


def reason_column(policy: Policy, screening: Screening) -> pa.Array:
    """What ``reason`` gives for every row, as an array of strings."""
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = len(screening)
    places = np.full(rows, -1, np.int64)
    columns: list[Any] = []
    if not policy.shadow_stages:
        by = screening.decided_by
        for decided_by, of in (("trigger", _of_trigger), ("classifier", _of_score)):
            mine = by == DECIDERS.index(decided_by)
            if not mine.any():
                continue
            found, certain = of(policy, screening, np.flatnonzero(mine))
            mine[mine] = certain
            places[mine] = sum(map(len, columns)) + np.flatnonzero(certain)
            columns.append(found)
    others = np.flatnonzero(places < 0)
    if others.size:
        places[others] = sum(map(len, columns)) + np.arange(others.size)
        columns.append(string_column([reason(policy, screening, row) for row in others.tolist()]))
    if not columns:
        return pa.array([], pa.string())
    return pc.take(pa.concat_arrays(columns), pa.array(places))


def _of_trigger(
    policy: Policy, screening: Screening, rows: np.ndarray
) -> tuple[pa.Array, np.ndarray]:
    """Reasons of rows that the trigger decided, and where they are sure to be right (mask)."""
    import pyarrow.compute as pc

    trigger, certain = _thousandths(printed(screening.trigger[rows]))
    column = pc.binary_join_element_wise(
        _shown("trigger ").take(trigger), trigger_ending(policy), " "
    )
    return column, certain


def _of_score(
    policy: Policy, screening: Screening, rows: np.ndarray
) -> tuple[pa.Array, np.ndarray]:
    """Reasons of rows that the classifier's score decided, and where they are sure (mask)."""
    import pyarrow as pa
    import pyarrow.compute as pc

    score = printed(screening.score[rows])
    reach = policy.uncertainty_reach * printed(np.nan_to_num(screening.uncertainty[rows]))
    block, review = policy.classifier_block, policy.classifier_review
    which = np.select(
        [score - reach >= block, score + reach < review, score >= block, score >= review],
        [0, 1, 2, 3],
        4,
    )
    shown, sure = _thousandths(score)
    spread, near = _thousandths(reach)
    bare = pa.array(np.where(reach == 0, MOST + 1, np.asarray(spread)))
    column = pc.binary_join_element_wise(
        _shown("score ").take(shown),
        pa.concat_arrays([_shown(" ± "), pa.array([""])]).take(bare),
        pa.array(score_endings(policy)).take(pa.array(which)),
        "",
    )
    # A policy with rules for labels may have raised the decision by one of these.
    return column, sure & near & (not policy.labels)


def _thousandths(values: np.ndarray) -> tuple[pa.Array, np.ndarray]:
    """Values as they round to thousandths, int64, and where that is certain (mask)."""
    import pyarrow as pa

    scaled = np.nan_to_num(values * 1000 + 0.5, nan=-1.0, posinf=-1.0, neginf=-1.0)
    found = np.floor(scaled)
    certain = (abs(scaled - np.rint(scaled)) > NEAR) & (found >= 0) & (found <= MOST)
    return pa.array(np.clip(found, 0, MOST).astype(np.int64)), certain


@functools.cache
def _shown(before: str) -> pa.Array:
    import pyarrow as pa

    return pa.array([f"{before}{number / 1000:.3f}" for number in range(MOST + 1)])

"""Shares with confidence intervals."""

from __future__ import annotations

import math
from typing import NamedTuple

__all__ = ["Share", "wilson"]

_Z = 1.959963984540054  # two-sided 95 %


class Share(NamedTuple):
    """A share and its 95 % interval; all None where there is nothing to take a share of."""

    value: float | None
    low: float | None
    high: float | None

    def __str__(self) -> str:
        if self.value is None or self.low is None or self.high is None:
            return "–"
        return f"{self.value:.1%} ({self.low:.1%}–{self.high:.1%})"


def wilson(part: int, whole: int) -> Share:
    """Return ``part / whole`` with Wilson's score interval.

    >>> str(wilson(8, 10))
    '80.0% (49.0%–94.3%)'
    """
    if not whole:
        return Share(None, None, None)
    share, square = part / whole, _Z * _Z
    centre = (share + square / (2 * whole)) / (1 + square / whole)
    margin = math.sqrt(share * (1 - share) / whole + square / (4 * whole * whole))
    margin *= _Z / (1 + square / whole)
    low = 0.0 if part == 0 else max(0.0, centre - margin)
    high = 1.0 if part == whole else min(1.0, centre + margin)
    return Share(share, low, high)

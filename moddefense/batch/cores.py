"""How many cores this process may use."""

from __future__ import annotations

import math
import os
from pathlib import Path

__all__ = ["cores"]

QUOTA = Path("/sys/fs/cgroup/cpu.max")


def cores() -> int:
    """Return the cores that affinity and a container's quota leave, at least 1."""
    known = getattr(os, "sched_getaffinity", None)
    count = len(known(0)) if known is not None else os.cpu_count() or 1
    try:
        quota, period = QUOTA.read_text().split()
        count = min(count, math.ceil(int(quota) / int(period)))
    except (OSError, ValueError):  # no such limit
        pass
    return max(1, count)

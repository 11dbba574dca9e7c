"""Thresholds chosen on validation with a stated confidence, and what they cost."""

from moddefense.tuning.choosing import Tuned, tune

__all__ = ["Tuned", "tune"]

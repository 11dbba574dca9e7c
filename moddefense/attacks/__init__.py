"""Attacks on texts, as people make them who want through, and how much gets through then.

>>> import random
>>> from moddefense.attacks import perturb
>>> perturb("you jerk", "spacing", strength=1, rng=random.Random(1), words=[1]).text
'you j e r k'
"""

from __future__ import annotations

from moddefense.attacks.edits import Change, Edit, Perturbed, apply_edits, word_spans
from moddefense.attacks.families import FAMILIES, GROUPS, Family, families_of, perturb

__all__ = [
    "FAMILIES", "GROUPS", "Change", "Edit", "Family", "Perturbed", "apply_edits", "families_of",
    "perturb", "word_spans",
]  # fmt: skip

"""A training recipe: every choice of a training run, from TOML, immutable, unknown keys refused."""

from __future__ import annotations

from moddefense.recipe.reading import describe_keys, load_recipe, parse_overrides, robust_keys
from moddefense.recipe.settings import KINDS, METHODS, AdversarialKeys, Recipe

__all__ = [
    "KINDS", "METHODS", "AdversarialKeys", "Recipe", "describe_keys", "load_recipe",
    "parse_overrides", "robust_keys",
]  # fmt: skip

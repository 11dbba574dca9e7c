"""Recipes from TOML files, overrides from ``KEY=VALUE``, and what keys there are."""

from __future__ import annotations

import dataclasses
import json
import re
import tomllib
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from moddefense.errors import ReadError, RecipeError, at
from moddefense.recipe.merging import merge
from moddefense.recipe.settings import Recipe
from moddefense.resources import recipe_path

__all__ = ["describe_keys", "load_recipe", "parse_overrides", "robust_keys"]

ROBUST = ("augmentation", "noise", "adversarial")
"""The sections of a recipe that make a bundle stand up to disguises, in training."""

_SHORT = re.compile(r"[+-]?\.[0-9]+")


def load_recipe(
    name_or_file: str = "default", overrides: Mapping[str, Any] | None = None
) -> Recipe:
    """Read a shipped recipe by name, or a recipe file, and apply overrides by dotted key.

    Raises RecipeError with file and line on unknown keys and bad values.
    """
    path = recipe_path(name_or_file)
    try:
        source = Path(path).read_text(encoding="utf-8")
        nested = tomllib.loads(source)
    except OSError as error:
        raise ReadError(f"{at(path)}{error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RecipeError(f"{at(path)}not valid TOML: {error}") from error
    recipe = merge(Recipe(name=Path(path).stem), nested, "", lambda key: _where(path, source, key))
    return recipe.override(overrides or {})


def parse_overrides(assignments: typing.Iterable[str]) -> dict[str, Any]:
    """Turn ``KEY=VALUE`` strings into overrides; values are TOML, bare words are strings.

    >>> parse_overrides(["training.epochs=3", "adversarial.method=none"])
    {'training.epochs': 3, 'adversarial.method': 'none'}
    """
    settings: dict[str, Any] = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals or not key.strip():
            raise RecipeError(f"--set {assignment}: give KEY=VALUE, like training.epochs=3")
        try:
            settings[key.strip()] = tomllib.loads(f"value = {value.strip()}")["value"]
        except tomllib.TOMLDecodeError:
            # TOML wants a digit before the point; people do not.
            bare = value.strip()
            settings[key.strip()] = float(bare) if _SHORT.fullmatch(bare) else bare
    return settings


def robust_keys(name: str = "english") -> dict[str, Any]:
    """Return what a shipped recipe, that of the shipped bundle, says against disguises.

    Overrides by dotted key, for any other recipe: disguised copies of training texts, harmless
    words, and how far embeddings are perturbed.

    >>> robust_keys()["noise.share"] > 0
    True
    """
    nested = tomllib.loads(Path(recipe_path(name)).read_text(encoding="utf-8"))
    return {
        f"{section}.{key}": value
        for section in ROBUST
        for key, value in nested.get(section, {}).items()
    }


def describe_keys(recipe: Recipe | None = None) -> list[tuple[str, str, str, str]]:
    """Return (key, type, value, help) of every recipe key, in order, for help pages.

    The values are those of ``recipe``, or what holds where a recipe says nothing.
    """
    return list(_describe(recipe or Recipe(), ""))


def _describe(settings: Any, prefix: str) -> Iterator[tuple[str, str, str, str]]:
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if dataclasses.is_dataclass(value):
            yield from _describe(value, f"{prefix}{field.name}.")
        else:
            choices = field.metadata["choices"]
            help = field.metadata["help"] + (f": {' '.join(choices)}" if choices else "")
            kind = "list" if isinstance(value, tuple) else type(value).__name__
            shown = json.dumps(value)
            yield f"{prefix}{field.name}", kind, shown, help


def _where(path: Path, source: str, key: str) -> str:
    """``file:line: `` of a dotted key in TOML text."""
    section, _, name = key.rpartition(".")
    current = ""
    for number, line in enumerate(source.splitlines(), start=1):
        stripped = line.strip()
        if stripped.startswith("["):
            current = stripped.strip("[] \t")
            if not section and current == name:
                return at(path, number)
        elif current == section and stripped.split("=", 1)[0].strip() == name:
            return at(path, number)
    return at(path)

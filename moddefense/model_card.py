"""The model card: what a bundle was made from and how, what it can do, and where it ends."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

from moddefense.recipe import Recipe, load_recipe
from moddefense.resources import corpora_dir, recipe_names

__all__ = ["command_line", "render_card"]

FIGURES = {
    "texts": "texts",
    "positives": "positive",
    "auc": "ROC AUC",
    "average_precision": "average precision",
    "recall_at_1pct_false_positives": "recall at 1 % false positives",
    "recall_at_5pct_false_positives": "recall at 5 % false positives",
    "calibration_error": "calibration error",
}


def render_card(manifest: Mapping[str, Any]) -> str:
    """Return the card of a bundle as Markdown, from what its manifest says.

    ``manifest`` needs ``name``, ``version`` and ``classifier``; all else is left out where it is
    not there. The same manifest gives the same card.
    """
    from jinja2 import ChainableUndefined, Environment, PackageLoader

    # Markdown, not HTML: escaping is for table cells, in which a bar would begin the next.
    environment = Environment(
        loader=PackageLoader("moddefense"), autoescape=False, undefined=ChainableUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters |= {"cell": _cell, "share": lambda value: f"{value:.1%}"}
    recipe, data = manifest.get("recipe", {}), manifest.get("data", [])
    shipped = recipe.get("name") in recipe_names()
    return environment.get_template("model_card.md").render(
        bundle=manifest,
        corpus=manifest.get("corpus", {}),
        data=data,
        recipe=recipe,
        metrics=_metrics(manifest),
        figures=FIGURES,
        recipe_toml=None if shipped else _toml(_unlike(Recipe().as_dict(), recipe)),
        command=command_line(recipe, data) if recipe and data else None,
    )


def _metrics(manifest: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Figures by split, test first, and by label, harm as such first."""
    splits = manifest.get("metrics", {})
    names = ("harm", *manifest["classifier"]["labels"])
    return {
        split: {name: splits[split][name] for name in names if name in splits[split]}
        for split in ("test", "val")
        if split in splits
    }


def command_line(recipe: Mapping[str, Any], data: list[dict[str, str]]) -> str:
    """The command that trains the same bundle, given its recipe and its files.

    >>> command_line(Recipe(name="default").as_dict(), [{"part": "corpus", "file": "a.csv"}])[:30]
    'moddefense train a.csv --recip'
    """
    words = ["moddefense", "train", *(_corpus_word(d) for d in data if d["part"] == "corpus")]
    for part in ("val", "test", "unlabeled", "trigger_on", "trigger_off"):
        for entry in data:
            if entry["part"] == part:
                words += [f"--{part.replace('_', '-')}", entry["file"]]
    if recipe["name"] in recipe_names():
        words += ["--recipe", recipe["name"]]
        for key, value in _flat(_unlike(load_recipe(recipe["name"]).as_dict(), recipe)):
            words += ["--set", f"{key}={_value(value)}"]
    else:
        words += ["--recipe", "recipe.toml"]
    return shlex.join([*words, "--out", "models/again"])


def _corpus_word(entry: Mapping[str, str]) -> str:
    """A corpus as the command names it: by its description where it was read by one."""
    name = entry.get("description")
    if name is None:
        return entry["file"]
    return name if (corpora_dir() / f"{name}.toml").is_file() else f"{name}.toml"


def _unlike(base: Mapping[str, Any], recipe: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a recipe that is not as in another."""
    found: dict[str, Any] = {}
    for key, value in recipe.items():
        if isinstance(value, Mapping):
            if inner := _unlike(base.get(key, {}), value):
                found[key] = inner
        elif key not in base or base[key] != value:
            found[key] = value
    return found


def _flat(nested: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for key, value in nested.items():
        pairs += (
            _flat(value, f"{prefix}{key}.")
            if isinstance(value, Mapping)
            else [(f"{prefix}{key}", value)]
        )
    return pairs


def _toml(nested: Mapping[str, Any]) -> str:
    own = [f"{k} = {_value(v)}" for k, v in nested.items() if not isinstance(v, Mapping)]
    for section, values in nested.items():
        if isinstance(values, Mapping):
            own += ["", f"[{section}]", *(f"{k} = {_value(v)}" for k, v in values.items())]
    return "\n".join(own)


def _value(value: Any) -> str:
    """A plain value as TOML, which writes these as JSON does."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_value(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_value(inner) for inner in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4f}"
    text = f"{value:,}" if isinstance(value, int) else str(value)
    return " ".join(text.split()).replace("|", "\\|")

"""Where the shipped data is: in the wheel under ``moddefense/_data``, else in the checkout.

The rule is one: code about X is in ``moddefense/``, the data of X in the top-level folder of that
name. A wheel carries those folders inside the package, so that both look the same from here.
"""

from __future__ import annotations

from pathlib import Path

from moddefense.errors import ConfigurationError

__all__ = [
    "bundle_dir",
    "bundle_names",
    "corpora_dir",
    "evaluation_dir",
    "lexicons_dir",
    "recipe_names",
    "recipe_path",
    "words_path",
]

_PACKAGE = Path(__file__).resolve().parent


def _data(packaged: str, checkout: str) -> Path:
    inside = _PACKAGE / "_data" / packaged
    return inside if inside.is_dir() else _PACKAGE.parent / checkout


def lexicons_dir() -> Path:
    """Folder of the shipped word lists (``index.toml`` and one folder a language)."""
    return _data("lexicons", "lexicons")


def corpora_dir() -> Path:
    """Folder of the corpus descriptions (source, licence, checksum, columns; no data)."""
    return _data("corpora", "training/corpora")


def evaluation_dir() -> Path:
    """Folder of what evaluation needs besides a corpus: the identity terms."""
    return _data("evaluation", "evaluation")


def words_path(lang: str) -> Path:
    """File of harmless words of a language, one a line, for training; there may be none."""
    return _data("words", "training/words") / f"{lang}.txt"


def recipe_names() -> list[str]:
    """Names of the shipped training recipes, sorted."""
    return sorted(path.stem for path in _data("recipes", "training/recipes").glob("*.toml"))


def recipe_path(name_or_file: str) -> Path:
    """Path of a shipped recipe by name, or of a recipe file.

    Raises ConfigurationError when neither exists.
    """
    shipped = _data("recipes", "training/recipes") / f"{name_or_file}.toml"
    if shipped.is_file():
        return shipped
    path = Path(name_or_file)
    if path.is_file():
        return path
    raise ConfigurationError(
        f"{name_or_file}: no such recipe; shipped are {', '.join(recipe_names()) or 'none'}, "
        "or name a .toml file"
    )


def bundle_names() -> list[str]:
    """Names of the shipped bundles, sorted."""
    root = _data("bundles", "training/bundles")
    return sorted(path.parent.name for path in root.glob("*/manifest.json"))


def bundle_dir(name_or_dir: str) -> Path:
    """Folder of a shipped bundle by name (``default``), or the folder itself.

    A folder is not checked here: that is what loading a bundle does.
    """
    if name_or_dir in bundle_names():
        return _data("bundles", "training/bundles") / name_or_dir
    return Path(name_or_dir)

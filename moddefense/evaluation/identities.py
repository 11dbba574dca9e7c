"""Which texts mention which identity: by a word list, by words that were named, or by columns."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from moddefense.errors import ConfigurationError, ReadError, at
from moddefense.folding import fold, fold_many
from moddefense.resources import evaluation_dir

__all__ = ["identity_columns", "identity_mentions", "parse_identities", "read_identities"]

LIST_COLUMNS = ("term", "forms", "group")


def read_identities(path: str | Path | None = None) -> dict[str, tuple[str, ...]]:
    """Read identity terms, each with its forms, from CSV (``term,forms,group``); None: the shipped.

    >>> read_identities()["jewish"]
    ('jewish', 'jew', 'jews')
    """
    path = evaluation_dir() / "identities.csv" if path is None else Path(path)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            if tuple(reader.fieldnames or ()) != LIST_COLUMNS:
                raise ConfigurationError(
                    f"{at(path, 1)}the columns are not {', '.join(LIST_COLUMNS)}"
                )
            found = {}
            for row in reader:
                forms = tuple(filter(None, (row["forms"] or "").split("|"))) or (row["term"],)
                found[row["term"]] = forms
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ReadError(f"{at(path)}cannot be read: {error}") from error
    return found


def parse_identities(words_or_files: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return identity terms from words, each its own only form, and from CSV files.

    >>> parse_identities(["Gay"])
    {'Gay': ('Gay',)}
    """
    found: dict[str, tuple[str, ...]] = {}
    for item in words_or_files:
        found |= read_identities(item) if item.lower().endswith(".csv") else {item: (item,)}
    return found


def identity_mentions(
    texts: Sequence[str], terms: Mapping[str, Sequence[str]]
) -> dict[str, np.ndarray]:
    """Return which texts hold which term as whole words, a bool mask ``[texts]`` a term.

    Of terms that overlap the longest counts: "african american" mentions neither of its words.

    >>> found = identity_mentions(["Old Trafford", "I am older"], {"old": ["old"]})
    >>> found["old"].tolist()
    [True, False]
    """
    masks = {term: np.zeros(len(texts), bool) for term in terms}
    owner = {" ".join(fold(form).split()): term for term, forms in terms.items() for form in forms}
    if not owner:
        return masks
    longest = sorted(owner, key=lambda form: (-len(form), form))
    forms = "|".join(re.escape(form).replace(r"\ ", r"\s+") for form in longest)
    pattern = re.compile(rf"(?<!\w)(?:{forms})(?!\w)")
    for row, text in enumerate(fold_many(texts)):
        for match in pattern.finditer(text):
            masks[owner[" ".join(match.group().split())]][row] = True
    return masks


def identity_columns(columns: Mapping[str, Sequence[Any]]) -> dict[str, np.ndarray]:
    """Return the identities that columns name, a bool mask ``[texts]`` each.

    A column of numbers from 0 to 1, or of booleans, is one identity, mentioned from 0.5 on; of any
    other column each value is one, and empty cells are none.
    """
    masks: dict[str, np.ndarray] = {}
    for name, values in columns.items():
        numbers = [_share(value) for value in values]
        if all(number is not None for number in numbers):
            masks[name] = np.array(numbers, float) >= 0.5
            continue
        cells = np.array(["" if value is None else str(value) for value in values])
        for value in sorted(set(cells.tolist()) - {""}):
            masks[f"{name}: {value}"] = cells == value
    return masks


def _share(value: Any) -> float | None:
    """A cell as a share, an empty one as 0; None for anything else."""
    if value is None or value == "":
        return 0.0
    try:
        number = float({"true": "1", "false": "0"}.get(str(value).lower(), value))
    except (TypeError, ValueError):
        return None
    if math.isnan(number):
        return 0.0
    return number if 0 <= number <= 1 else None

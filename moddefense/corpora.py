"""Described corpora, and several of them in one training.

A description (TOML, see ``training/corpora``) says where a corpus comes from, which columns it has
and by which *definition* its labels call a text harmful. Corpora of different definitions are not
pooled into one label, because they contradict each other: each definition becomes a label of its
own, unknown in the texts of the others, and the first corpus's definition is what the score says.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from moddefense.corpus import SPLITS, Corpus, draw_splits
from moddefense.errors import ConfigurationError, ReadError, at
from moddefense.recipe import Recipe
from moddefense.resources import corpora_dir

__all__ = ["Description", "join", "read_corpora", "read_described", "read_description"]

MAIN = "main"


@dataclasses.dataclass(frozen=True)
class Description:
    """What is known about a corpus besides its rows.

    ``splits`` maps names in the split column to train, val or test, ``values`` those of a label
    column to 0, 1 or -1 (unknown). Texts of a corpus count ``weight`` in training.
    """

    name: str
    file: str
    title: str = ""
    source: str = ""
    licence: str = ""
    sha256: str = ""
    rows: int = 0
    note: str = ""
    definition: str = ""
    weight: float = 1.0
    text_column: str = "text"
    label_columns: tuple[str, ...] = ("label",)
    split_column: str = ""
    splits: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.definition:
            object.__setattr__(self, "definition", self.name)


def read_corpora(names: Sequence[str], recipe: Recipe) -> Corpus:
    """Read what ``train`` is given: files of texts, and descriptions by name or as .toml files.

    Files are one corpus, the main one, with the recipe's columns; without files the first
    description is. Raises as ``Corpus.read``, ``read_described`` and ``join`` do.
    """
    keys = recipe.corpus
    described = [name for name in names if _is_description(name)]
    files = [name for name in names if name not in described]
    parts: list[tuple[Description | None, Corpus]] = []
    if files:
        main = Corpus.read(*files, text_column=keys.text_column, label_columns=keys.label_columns)
        parts.append((None, main))
    parts += [read_described(name) for name in described]
    if len(parts) == 1:
        return parts[0][1]
    return join(
        parts, seed=recipe.seed, validation_share=keys.validation_share,
        test_share=keys.test_share,
    )  # fmt: skip


def read_description(name_or_file: str | Path) -> Description:
    """Read a shipped description by name, or a file.

    Raises ConfigurationError on an unknown key or a value of the wrong kind, ReadError on a file
    that cannot be read.

    >>> read_description("jigsaw_toxic").label_columns[0]
    'toxic'
    """
    path = _shipped(str(name_or_file))
    if not path.is_file():
        path = Path(name_or_file)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ReadError(f"{at(path)}{error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{at(path)}not valid TOML: {error}") from error
    fields = {field.name: field for field in dataclasses.fields(Description)}
    values: dict[str, Any] = {"name": path.stem}
    for key, value in content.items():
        if key not in fields:
            raise ConfigurationError(
                f"{at(path)}unknown key {key!r}; known are {', '.join(fields)}"
            )
        values[key] = _checked(path, key, value)
    if "file" not in values:
        raise ConfigurationError(f"{at(path)}no key 'file'; name the file with the texts")
    return Description(**values)


def _checked(path: Path, key: str, value: Any) -> Any:
    wanted: Any = {"rows": int, "weight": float, "label_columns": list, "splits": dict}.get(
        key, str
    )
    if wanted is float and type(value) is int:
        value = float(value)
    if not isinstance(value, wanted) or isinstance(value, bool):
        raise ConfigurationError(f"{at(path)}{key}: {value!r} is not a {wanted.__name__}")
    if key == "weight" and not 0 < value < 1000:
        raise ConfigurationError(f"{at(path)}{key}: {value} is out of range; give a number above 0")
    if key == "label_columns":
        if not value or not all(isinstance(name, str) and name for name in value):
            raise ConfigurationError(f"{at(path)}{key}: {value!r} is not a list of column names")
        return tuple(value)
    if key == "splits":
        wrong = [name for name in value.values() if name not in SPLITS]
        if wrong:
            raise ConfigurationError(
                f"{at(path)}splits: {wrong[0]!r} is none of train, val and test"
            )
    return value


def read_described(name_or_file: str | Path) -> tuple[Description, Corpus]:
    """Read a description and its corpus.

    The file is looked for beside the description, then in the folder that ``$MODDEFENSE_DATA``
    names, then in ``data/``. A file that is not the described one, by its hash, is used and noted.
    """
    description = read_description(name_or_file)
    path = _find(description, Path(name_or_file))
    keep = [description.split_column] if description.split_column else []
    corpus = Corpus.read(
        path, text_column=description.text_column, label_columns=description.label_columns,
        keep=keep,
    )  # fmt: skip
    notes = list(corpus.notes)
    if description.sha256 and _sha256(path) != description.sha256:
        notes.append(f"{path.name}: not the file that {description.name} describes (its hash)")
    splits = corpus.splits
    if description.split_column:
        splits = tuple(str(name) for name in corpus.columns[description.split_column])
    if splits is not None:
        splits = tuple(description.splits.get(name, name) for name in splits)
    about = {
        key: getattr(description, key) for key in ("name", "title", "source", "licence", "note")
    }
    return description, dataclasses.replace(
        corpus, splits=splits, columns={}, notes=tuple(notes), about={str(path): about}
    )


def join(
    parts: Sequence[tuple[Description | None, Corpus]], *, seed: int, validation_share: float,
    test_share: float,
) -> Corpus:  # fmt: skip
    """Join corpora into one, whose splits are theirs, drawn by ``seed`` where they have none.

    The first is the main one: its definition is what the score says, and its labels keep their
    names. A corpus of the same definition adds to the score alone; another becomes a label that
    has its definition's name. Raises ConfigurationError where names collide.
    """
    first, main = parts[0]
    definition = first.definition if first is not None else MAIN
    definitions = dict.fromkeys(
        own for about, _ in parts[1:] if (own := _definition(about)) != definition
    )
    names = (*main.label_names, *definitions)
    if len(set(names)) < len(names):
        raise ConfigurationError(
            f"corpus: {', '.join(definitions)}: a definition has the name of a label of "
            f"{main.source}; name it otherwise in its description"
        )
    labels, scored, splits, notes = [], [], [], []
    weights = dict.fromkeys(names, first.weight if first is not None else 1.0)
    for position, (about, corpus) in enumerate(parts):
        own = definition if position == 0 else _definition(about)
        block = np.full((len(corpus), len(names)), np.nan, np.float32)
        score = np.full(len(corpus), np.nan, np.float32)
        if position == 0:
            block[:, : len(main.label_names)] = corpus.labels
        if own == definition:
            score = corpus.harmful
        else:
            block[:, names.index(own)] = corpus.harmful
            weights[own] = about.weight if about is not None else 1.0
        drawn, left = draw_splits(corpus, seed, validation_share, test_share)
        labels.append(block)
        scored.append(score)
        splits += drawn.tolist()
        notes += [*corpus.notes, *(f"{Path(corpus.source).name}: {note}" for note in left)]
    return Corpus(
        texts=tuple(text for _, corpus in parts for text in corpus.texts),
        labels=np.concatenate(labels),
        label_names=names,
        splits=tuple(splits),
        source=", ".join(corpus.source for _, corpus in parts),
        notes=tuple(notes),
        ids=None,
        columns={"corpus": tuple(
            about.name if about is not None else Path(corpus.source).stem
            for about, corpus in parts for _ in range(len(corpus))
        )},
        main=np.concatenate(scored),
        label_weights=tuple(weights.values()),
        about={path: about for _, corpus in parts for path, about in corpus.about.items()},
    )  # fmt: skip


def _is_description(name: str) -> bool:
    path = Path(name)
    return path.suffix == ".toml" or (not path.suffix and _shipped(name).is_file())


def _definition(about: Description | None) -> str:
    return about.definition if about is not None else MAIN


def _shipped(name: str) -> Path:
    return corpora_dir() / f"{name}.toml"


def _find(description: Description, where: Path) -> Path:
    named = os.environ.get("MODDEFENSE_DATA")
    folders = [where.parent, *([Path(named)] if named else []), Path("data")]
    for folder in folders:
        if (folder / description.file).is_file():
            return folder / description.file
    raise ReadError(
        f"{description.file}: no such file, for the corpus {description.name}; put it into a "
        "folder and name that in MODDEFENSE_DATA"
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

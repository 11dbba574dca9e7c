"""Labelled corpora: read, check, drop duplicates on the folded text, split without leaks."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from moddefense.errors import ConfigurationError, ReadError, at
from moddefense.folding import fold_many

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Corpus", "Split", "column_names", "draw_splits"]

SPLITS = {"train": "train", "dev": "val", "val": "val", "valid": "val", "validation": "val",
          "test": "test"}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Corpus:
    """Texts with labels.

    ``labels`` is float32 ``[texts, len(label_names)]``, 1 harmful, 0 not, NaN unknown; ``splits``
    names the split of each text, or is None; ``notes`` says what reading left out, with counts.
    ``ids`` has the column ``id``, or the 0-based row numbers of the file; ``columns`` what else was
    asked for, by name, a value a text.

    Where corpora with definitions of harm of their own are joined (``moddefense.corpora``),
    ``main`` is float32 ``[texts]``: harm by the definition that the score is about, NaN in texts
    that are labelled by others; ``label_weights`` says how much each label counts in training.
    ``about`` has name, source and licence of the files that came with a description, by path.
    """

    texts: tuple[str, ...]
    labels: np.ndarray
    label_names: tuple[str, ...]
    splits: tuple[str, ...] | None
    source: str
    notes: tuple[str, ...] = ()
    ids: tuple[str, ...] | None = None
    columns: Mapping[str, tuple[Any, ...]] = dataclasses.field(default_factory=dict)
    main: np.ndarray | None = None
    label_weights: tuple[float, ...] | None = None
    about: Mapping[str, Mapping[str, str]] = dataclasses.field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def fingerprint(self) -> str:
        """SHA-256 over texts, labels and splits in order."""
        digest = hashlib.sha256()
        for text in self.texts:
            encoded = text.encode("utf-8", "surrogatepass")
            digest.update(len(encoded).to_bytes(8, "big") + encoded)
        digest.update(np.ascontiguousarray(self.labels).tobytes())
        digest.update("\0".join(self.splits or ()).encode())
        if self.main is not None:
            digest.update(np.ascontiguousarray(self.main).tobytes())
            digest.update(repr((self.label_names, self.label_weights)).encode())
        return digest.hexdigest()

    @property
    def harmful(self) -> np.ndarray:
        """1 where any label is 1, 0 where all known ones are 0, NaN where none is; float32.

        Of a text that has no label of its own, ``main`` says it.
        """
        known = ~np.isnan(self.labels)
        top = np.where(known, self.labels, -1).max(axis=1)
        other = np.nan if self.main is None else self.main
        return np.where(known.any(axis=1), top, other).astype(np.float32)

    @property
    def scored(self) -> np.ndarray:
        """What the score is to say: ``main`` where corpora are joined, else ``harmful``."""
        return self.harmful if self.main is None else self.main

    def take(self, rows: np.ndarray) -> Corpus:
        """Return the texts at ``rows`` (indices) as a corpus."""
        indices = rows.tolist()
        return dataclasses.replace(
            self,
            texts=tuple(self.texts[i] for i in indices),
            labels=self.labels[rows],
            splits=tuple(self.splits[i] for i in indices) if self.splits is not None else None,
            ids=tuple(self.ids[i] for i in indices) if self.ids is not None else None,
            columns={k: tuple(values[i] for i in indices) for k, values in self.columns.items()},
            main=self.main[rows] if self.main is not None else None,
        )

    @classmethod
    def read(
        cls,
        *paths: str | Path,
        text_column: str = "text",
        label_columns: Sequence[str] = ("label",),
        keep: Sequence[str] = (),
    ) -> Corpus:
        """Read one or several files (csv, tsv, jsonl, ndjson, parquet) as one corpus.

        A row without text or without any known label is left out and counted in ``notes``. A
        column ``split`` is kept, and those that ``keep`` names. Raises ConfigurationError on a
        missing column or a label that is not 0, 1, -1 or empty, with the row; ReadError on a file
        that cannot be read.

        >>> Corpus.read("comments.csv")  # doctest: +SKIP
        """
        if not paths:
            raise ConfigurationError("corpus: no file named")
        if not label_columns:
            raise ConfigurationError("corpus: no label column named; name at least one")
        for name in label_columns:
            if label_columns.count(name) > 1:
                raise ConfigurationError(f"corpus: label column {name!r} is named twice")
        parts = [
            _read_one(Path(path), text_column, tuple(label_columns), tuple(keep)) for path in paths
        ]
        with_split = [part.splits is not None for part in parts]
        if any(with_split) and not all(with_split):
            lacking = next(part.source for part in parts if part.splits is None)
            raise ConfigurationError(
                f"{at(lacking)}no column 'split', but other files of this corpus have one"
            )
        return cls(
            texts=tuple(text for part in parts for text in part.texts),
            labels=np.concatenate([part.labels for part in parts]),
            label_names=tuple(label_columns),
            splits=tuple(s for part in parts for s in part.splits or ())
            if all(with_split)
            else None,
            source=", ".join(part.source for part in parts),
            notes=tuple(note for part in parts for note in part.notes),
            ids=tuple(key for part in parts for key in part.ids or ()),
            columns={k: tuple(v for part in parts for v in part.columns[k]) for k in keep},
        )


@dataclasses.dataclass(frozen=True)
class Split:
    """A corpus in three parts that share no folded text; ``notes`` say what was dropped."""

    train: Corpus
    val: Corpus
    test: Corpus
    notes: tuple[str, ...]

    @classmethod
    def of(
        cls, corpus: Corpus, *, seed: int, validation_share: float, test_share: float,
        val: Corpus | None = None, test: Corpus | None = None,
    ) -> Split:  # fmt: skip
        """Split by the corpus's own splits, else at random by a seeded hash of the folded text.

        Duplicates (equal folded texts) stay once, and a text of test or validation leaves the
        splits before it. Given ``val`` or ``test`` corpora replace those parts, for which nothing
        is drawn then. Raises ConfigurationError when their labels are others.
        """
        for part in (val, test):
            if part is not None and part.label_names != corpus.label_names:
                raise ConfigurationError(
                    f"{at(part.source)}labels are {', '.join(part.label_names)}; give those of "
                    f"{corpus.source}: {', '.join(corpus.label_names)}"
                )
        names, notes = draw_splits(
            corpus,
            seed,
            validation_share if val is None else 0.0,
            test_share if test is None else 0.0,
        )
        parts = {
            name: corpus.take(np.flatnonzero(names == name)) for name in ("train", "val", "test")
        }
        if val is not None:
            parts["val"] = val
        if test is not None:
            parts["test"] = test
        seen: set[str] = set()
        for name in ("test", "val", "train"):
            parts[name], repeated, leaked = _drop_seen(parts[name], seen)
            if repeated:
                notes.append(f"{name}: {_counted(repeated)} duplicate texts left out")
            if leaked:
                notes.append(
                    f"{name}: {_counted(leaked)} texts left out that also stand in a later split"
                )
        return cls(parts["train"], parts["val"], parts["test"], tuple(notes))


def draw_splits(
    corpus: Corpus, seed: int, validation_share: float, test_share: float
) -> tuple[np.ndarray, list[str]]:
    """Return train, val, test or nothing for each text, and notes: by the corpus's own splits, or
    drawn by a seeded hash of the folded text.
    """
    if corpus.splits is not None:
        names = np.array([SPLITS.get(name.lower(), "") for name in corpus.splits])
        other = sorted({s for s in corpus.splits if s.lower() not in SPLITS})
        left = int((names == "").sum())
        notes = [f"{left} rows of split {', '.join(map(repr, other))} left out"] if left else []
        if not (names == "train").any():
            found = ", ".join(sorted(set(corpus.splits)))
            raise ConfigurationError(
                f"{at(corpus.source)}column 'split' has no 'train' row; found {found}"
            )
        if (names == "val").any():
            return names, notes
        # A corpus with train and test alone: validation is drawn from train.
        draws = _draws(corpus.texts, seed)
        names[(names == "train") & (draws < validation_share)] = "val"
        return names, notes
    draws = _draws(corpus.texts, seed)
    names = np.where(draws < test_share, "test", "train")
    names[(draws >= test_share) & (draws < test_share + validation_share)] = "val"
    return names, []


def _draws(texts: Sequence[str], seed: int) -> np.ndarray:
    """A number in [0, 1) for each text, the same for equal folded texts."""
    salt = seed.to_bytes(8, "big")
    return np.array(
        [
            int.from_bytes(
                hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8, key=salt).digest(),
                "big",
            )
            / 2**64
            for text in fold_many(texts)
        ]
    )


def _counted(corpora: list[str]) -> str:
    """How many, and of which corpora where several are joined."""
    parts = [f"{name} {corpora.count(name)}" for name in dict.fromkeys(corpora) if name]
    return f"{len(corpora)} ({', '.join(parts)})" if parts else str(len(corpora))


def _drop_seen(corpus: Corpus, seen: set[str]) -> tuple[Corpus, list[str], list[str]]:
    """Return the texts that are new, and the corpora of those that repeat or leak."""
    own: set[str] = set()
    origin = corpus.columns.get("corpus") or ("",) * len(corpus)
    keep: list[int] = []
    repeated: list[str] = []
    leaked: list[str] = []
    for index, folded in enumerate(fold_many(corpus.texts)):
        key = " ".join(folded.split())
        if key in own:
            repeated.append(origin[index])
        elif key in seen:
            leaked.append(origin[index])
        else:
            keep.append(index)
        own.add(key)
    seen |= own
    return corpus.take(np.array(keep, np.int64)), repeated, leaked


def column_names(path: str | Path) -> list[str]:
    """Return the names of a labelled file's columns. Raises as ``Corpus.read`` does."""
    path = Path(path)
    if path.suffix.lower() == ".parquet" and path.is_file():
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            return list(pq.read_schema(path).names)
        except (OSError, pa.ArrowException) as error:
            first = str(error).splitlines()[0]
            raise ReadError(f"{at(path)}cannot be read: {first}") from error
    return list(_table(path).column_names)


def _read_one(
    path: Path, text_column: str, label_columns: tuple[str, ...], keep: tuple[str, ...]
) -> Corpus:
    table = _table(path)
    for column in (text_column, *label_columns, *keep):
        if column not in table.column_names:
            raise ConfigurationError(
                f"{at(path)}no column {column!r}; there are {', '.join(table.column_names)}"
            )
    for column in (text_column, *label_columns, *keep, "split", "id"):
        if table.column_names.count(column) > 1:
            raise ConfigurationError(f"{at(path)}two columns are named {column!r}; rename one")
    texts: list[Any] = table[text_column].to_pylist()
    labels = np.stack(
        [_labels(path, name, table[name].to_pylist()) for name in label_columns], axis=1
    )
    splits = [str(s) for s in table["split"].to_pylist()] if "split" in table.column_names else None
    has_text = np.array([isinstance(text, str) and bool(text.strip()) for text in texts], bool)
    has_label = ~np.isnan(labels).all(axis=1)
    notes = []
    if not has_text.all():
        notes.append(f"{path.name}: {int((~has_text).sum())} rows without text left out")
    if (has_text & ~has_label).any():
        count = int((has_text & ~has_label).sum())
        notes.append(f"{path.name}: {count} rows without any known label left out")
    rows = np.flatnonzero(has_text & has_label)
    ids = table["id"].to_pylist() if "id" in table.column_names else range(len(texts))
    if repeated := len(ids) - len(set(ids)):
        notes.append(f"{path.name}: {repeated} rows have the id of another row")
    kept = {name: table[name].to_pylist() for name in keep}
    return Corpus(
        texts=tuple(texts[i] for i in rows.tolist()),
        labels=labels[rows],
        label_names=label_columns,
        splits=tuple(splits[i] for i in rows.tolist()) if splits is not None else None,
        source=str(path),
        notes=tuple(notes),
        ids=tuple(str(ids[i]) for i in rows.tolist()),
        columns={name: tuple(values[i] for i in rows.tolist()) for name, values in kept.items()},
    )


def _labels(path: Path, column: str, values: Iterable[Any]) -> np.ndarray:
    meaning = {"0": 0.0, "1": 1.0, "0.0": 0.0, "1.0": 1.0, "false": 0.0, "true": 1.0,
               "": np.nan, "-1": np.nan, "-1.0": np.nan, "none": np.nan, "nan": np.nan}  # fmt: skip
    found = [(value, meaning.get(str(value).strip().lower())) for value in values]
    wrong = [row for row, (_, number) in enumerate(found) if number is None]
    if wrong:
        more = f" (and {len(wrong) - 1} more rows)" if len(wrong) > 1 else ""
        raise ConfigurationError(
            f"{at(path)}row {wrong[0]}: {column} is {found[wrong[0]][0]!r}{more}; labels are 0, 1, "
            "or -1 or empty for unknown"
        )
    return np.array([number for _, number in found], np.float32)


def _table(path: Path) -> pa.Table:
    """Read a whole labelled file; corpora fit in memory, unlike what is screened."""
    import pyarrow as pa
    import pyarrow.csv as pacsv
    import pyarrow.json as pajson
    import pyarrow.parquet as pq

    suffix = path.suffix.lower()
    try:
        if suffix == ".parquet":
            return pq.read_table(path)
        if suffix in (".csv", ".tsv"):
            names = pacsv.open_csv(path, parse_options=_csv_options(suffix)).schema.names
            return pacsv.read_csv(
                path,
                parse_options=_csv_options(suffix),
                convert_options=pacsv.ConvertOptions(
                    column_types={name: pa.string() for name in names}, strings_can_be_null=False
                ),
            )
        if suffix in (".jsonl", ".ndjson"):
            return pajson.read_json(path, read_options=pajson.ReadOptions(block_size=64 << 20))
    except FileNotFoundError as error:
        raise ReadError(f"{at(path)}no such file") from error
    except (OSError, pa.ArrowException) as error:
        first = str(error).splitlines()[0]
        raise ReadError(f"{at(path)}cannot be read: {first}") from error
    raise ConfigurationError(
        f"{at(path)}unknown extension {suffix!r}; a corpus is .csv, .tsv, .jsonl, .ndjson or "
        ".parquet"
    )


def _csv_options(suffix: str) -> Any:
    import pyarrow.csv as pacsv

    return pacsv.ParseOptions(delimiter="\t" if suffix == ".tsv" else ",", newlines_in_values=True)

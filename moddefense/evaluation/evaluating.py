"""Measure a bundle on labelled texts: one pass over the texts, every figure from its evidence."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from moddefense import __version__
from moddefense.bundle import load, read_manifest
from moddefense.corpus import Corpus, column_names
from moddefense.errors import ConfigurationError, at
from moddefense.evaluation.evidence import Progress, decide, models_of, score
from moddefense.evaluation.options import Options
from moddefense.evaluation.sections import Subject, harm_of
from moddefense.lexicon.curation.editing import write_file
from moddefense.pipeline import Guard

__all__ = ["Evaluation", "Options", "evaluate", "read_corpus"]

FORMAT = 1


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """All figures, as plain values; ``docs/evaluation.md`` says what each key means."""

    values: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Return the figures; no value is NaN, a figure that there is not has a reason."""
        return self.values

    def write_json(self, path: str | Path) -> None:
        """Write the figures, whole or not at all. Raises WriteError."""
        text = json.dumps(self.values, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
        write_file(path, text.encode("utf-8", "replace"))

    def write_html(self, path: str | Path) -> None:
        """Write the report as one page that needs nothing else. Raises WriteError."""
        from moddefense.evaluation.report import render_report

        write_file(path, render_report(self.values).encode("utf-8", "replace"))


def evaluate(
    bundle: Guard | str | Path,
    corpus: Corpus | str | Path,
    options: Options | None = None,
    *,
    ensemble: Sequence[str | Path | Guard] = (),
    calibration: Corpus | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Measure a bundle, or a Guard, on labelled texts.

    ``ensemble`` has other members, trained alike from other seeds, whose disagreement is measured
    beside dropout's. ``calibration`` has texts to calibrate conformal sets on; without it, random
    halves of the corpus serve. Raises ConfigurationError on options that the corpus cannot meet,
    ReadError and BundleError on files that cannot be read.

    >>> found = evaluate("default", "comments.csv", Options(prevalence=0.1))  # doctest: +SKIP
    >>> found.as_dict()["scores"]["harm"]["auc"]["value"]  # doctest: +SKIP
    0.9792
    """
    options = options or Options()
    if not isinstance(corpus, Corpus):
        corpus = read_corpus(corpus, bundle, options)
    for name in (*options.slices, *options.identity_columns):
        if name not in corpus.columns:
            raise ConfigurationError(
                f"{at(corpus.source)}column {name!r} was not kept; name it in Corpus.read(keep=…)"
            )
    corpus, notes = _known(corpus)
    guard = bundle if isinstance(bundle, Guard) else load(bundle)
    members = [one if isinstance(one, Guard) else load(one) for one in ensemble]
    decisions = decide(guard, corpus.texts, progress=progress)
    scores = score(guard, corpus.texts, members=members, progress=progress)
    held = None
    if calibration is not None and scores is not None:
        calibration, more = _known(calibration)
        notes += more
        found = score(guard, calibration.texts, progress=progress)
        assert found is not None
        held = (found.harm, harm_of(calibration))
    if scores is None:
        notes.append("the pipeline has no classifier: nothing that needs a score is measured")
    subject = Subject(corpus, harm_of(corpus), decisions, scores, guard, options)
    return Evaluation(
        {
            "format": FORMAT,
            "version": __version__,
            "pipeline": guard.fingerprints,
            **subject.sections(held),
            "notes": [*corpus.notes, *notes],
        }
    )


def read_corpus(
    path: str | Path,
    bundle: Guard | str | Path,
    options: Options | None = None,
    *,
    text_column: str = "text",
    label_columns: Sequence[str] = (),
) -> Corpus:
    """Read the texts, and the columns that ``options`` name, of a labelled file.

    Without ``label_columns`` it is the column ``label``, which then says what is harmful, and
    every column named like a label of the bundle. Raises as ``Corpus.read``.
    """
    options = options or Options()
    if not label_columns:
        there = column_names(path)
        known = _label_names(bundle)
        label_columns = [name for name in dict.fromkeys(("label", *known)) if name in there]
        if not label_columns:
            wanted = ", ".join(dict.fromkeys(("label", *known)))
            raise ConfigurationError(
                f"{at(path)}no label column: none of {wanted} is among {', '.join(there)}; "
                "name one (--label-column)"
            )
    keep = tuple(dict.fromkeys((*options.slices, *options.identity_columns)))
    return Corpus.read(path, text_column=text_column, label_columns=label_columns, keep=keep)


def _label_names(bundle: Guard | str | Path) -> Sequence[str]:
    if not isinstance(bundle, Guard):
        names: Sequence[str] = read_manifest(bundle)["classifier"]["labels"]
        return names
    models = models_of(bundle)
    return models.classifier.label_names if models is not None else ()


def _known(corpus: Corpus) -> tuple[Corpus, list[str]]:
    """The texts of which it is known whether they are harmful; a note when some are left out."""
    known = ~np.isnan(harm_of(corpus))
    if not known.any():
        raise ConfigurationError(
            f"{at(corpus.source)}no text with a known label; there is nothing to measure against"
        )
    if known.all():
        return corpus, []
    name = Path(corpus.source).name
    note = f"{name}: {int((~known).sum())} rows that may or may not be harmful left out"
    return corpus.take(np.flatnonzero(known)), [note]

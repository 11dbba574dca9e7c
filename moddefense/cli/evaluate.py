"""``moddefense evaluate``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from moddefense.cli import console
from moddefense.cli.options import LEXICON, examples, load_guard
from moddefense.cli.quiet import quiet_tensorflow
from moddefense.errors import WriteError

if TYPE_CHECKING:
    from moddefense.corpus import Corpus

__all__ = ["evaluate"]


@click.command(
    epilog=examples(
        "moddefense evaluate default comments.csv --report evaluation.html",
        "moddefense evaluate models/mine comments.parquet --split test --prevalence 0.1 \\",
        "    --slice site --json evaluation.json",
    )
)
@click.argument("bundle")
@click.argument("corpus")
@click.option("--report", metavar="FILE.html", help="All figures and plots as one HTML page.")
@click.option("--json", "json_file", metavar="FILE", help="All figures as JSON; - is stdout.")
@click.option("--split", metavar="NAME", help="Only the rows of this split.")
@click.option("--text-column", default="text", show_default=True, metavar="NAME")
@click.option(
    "--label-column", "label_columns", multiple=True, metavar="NAME",
    help="1 is harmful, 0 is not; repeatable: harmful is what any says."
    " [default: label, and columns named like the bundle's labels]",
)  # fmt: skip
@click.option(
    "--prevalence", type=click.FloatRange(0, 1, max_open=True), default=0.0, metavar="SHARE",
    help="Weigh the texts so that this share is harmful. [default: as they are]",
)  # fmt: skip
@click.option(
    "--threshold", type=click.FloatRange(0, 1), metavar="SCORE",
    help="From which score a text counts as flagged."
    " [default: the policy's classifier.review; 0.5 for uncertainty]",
)  # fmt: skip
@click.option("--slice", "slices", multiple=True, metavar="COLUMN",
              help="Figures for each value of this column; repeatable.")  # fmt: skip
@click.option(
    "--identity", "identities", multiple=True, metavar="WORD_OR_FILE",
    help="Identity term for bias, or a CSV of them (term,forms,group); repeatable."
    " [default: the shipped terms]",
)  # fmt: skip
@click.option(
    "--identity-column", "identity_columns", multiple=True, metavar="NAME",
    help="Column that says which identity a text is about; repeatable.",
)  # fmt: skip
@click.option("--examples", "number", type=click.IntRange(0), default=0, metavar="N",
              help="Show the texts of the N worst errors of each kind.")  # fmt: skip
@click.option(
    "--ensemble", multiple=True, metavar="BUNDLE",
    help="Another bundle, of another seed: uncertainty by disagreement; repeatable.",
)  # fmt: skip
@click.option("--calibration", metavar="FILE",
              help="Labelled texts for conformal sets. [default: halves of CORPUS]")  # fmt: skip
@click.option("--calibration-split", metavar="NAME",
              help="Only this split of --calibration, or of CORPUS.")  # fmt: skip
@LEXICON
@click.option("--policy", metavar="FILE", help="A policy TOML; missing keys are the bundle's.")
@click.option("--resamples", type=click.IntRange(0, 100_000), default=500, show_default=True,
              metavar="N", help="Of the bootstrap, for intervals.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, metavar="N")
def evaluate(
    bundle: str,
    corpus: str,
    *,
    report: str | None,
    json_file: str | None,
    split: str | None,
    text_column: str,
    label_columns: tuple[str, ...],
    prevalence: float,
    threshold: float | None,
    slices: tuple[str, ...],
    identities: tuple[str, ...],
    identity_columns: tuple[str, ...],
    number: int,
    ensemble: tuple[str, ...],
    calibration: str | None,
    calibration_split: str | None,
    lexicon: tuple[str, ...],
    policy: str | None,
    resamples: int,
    seed: int,
) -> None:
    """Measure BUNDLE on the labelled texts of CORPUS (.csv, .tsv, .jsonl, .ndjson, .parquet).

    Scores with confidence intervals, calibration, decisions and their cost, what uncertainty knows
    of the errors, conformal sets, bias by identity, and the worst errors. The main figures go to
    stdout, all of them to --report and --json.
    """
    from moddefense.evaluation.evaluating import evaluate as measure
    from moddefense.evaluation.evaluating import read_corpus
    from moddefense.evaluation.identities import parse_identities
    from moddefense.evaluation.options import Options
    from moddefense.lexicon.curation.corpora import take_split

    for path in (report, json_file):
        if path and path != "-" and not Path(path).parent.is_dir():  # before the work, not after it
            raise WriteError(f"{path}: there is no folder {Path(path).parent}; make it first")
    options = Options(
        prevalence=prevalence,
        threshold=threshold,
        slices=slices,
        identities=parse_identities(identities) if identities else None,
        identity_columns=identity_columns,
        examples=number,
        resamples=resamples,
        seed=seed,
    )

    def read(path: str, columns: Options | None) -> Corpus:
        return read_corpus(
            path, bundle, columns, text_column=text_column, label_columns=label_columns
        )

    whole = read(corpus, options)
    texts = take_split(whole, split)
    held = read(calibration, None) if calibration else whole
    held = take_split(held, calibration_split)
    quiet_tensorflow()
    guard = load_guard(bundle, lexicon=lexicon, policy=policy, stages="lexicon,trigger,classifier")
    if split is None and _trained_on(bundle, corpus, splits=texts.splits or ()):
        remedy = "--split names others" if texts.splits else "take texts that it has not seen"
        console.warn(f"{corpus}: has the texts that {bundle} was trained on; {remedy}")
    with console.evaluation_progress() as progress:
        found = measure(
            guard,
            texts,
            options,
            ensemble=ensemble,
            calibration=held if calibration or calibration_split else None,
            progress=progress,
        )
    for note in found.as_dict()["notes"]:
        click.echo(note, err=True)
    if report:
        found.write_html(report)
    if json_file == "-":
        click.echo(json.dumps(found.as_dict(), ensure_ascii=False, indent=1, allow_nan=False))
        return
    if json_file:
        found.write_json(json_file)
    _show(found.as_dict())


def _trained_on(bundle: str, corpus: str, *, splits: Sequence[str]) -> bool:
    """Whether a bundle was trained on this file: by its hash, or by its name if it has a split."""
    from moddefense.bundle import read_manifest

    if splits and "train" not in splits:
        return False
    data = read_manifest(bundle).get("data", [])
    learnt = [entry for entry in data if entry["part"] == "corpus"]
    if splits and Path(corpus).name in [entry["file"] for entry in learnt]:
        return True
    with Path(corpus).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return digest in [entry.get("sha256") for entry in learnt]


def _show(values: dict[str, Any]) -> None:
    """Print the main figures as tables."""
    from moddefense.evaluation.summary import summary_tables

    for title, header, rows in summary_tables(values):
        click.echo(title)
        console.show_rows(header, rows)
        click.echo()

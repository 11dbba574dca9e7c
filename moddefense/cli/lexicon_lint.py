"""``moddefense lexicon lint``."""

from __future__ import annotations

import dataclasses
import json

import click

from moddefense.cli.lexicon_names import named_lists
from moddefense.cli.options import examples

__all__ = ["lint"]

FINDINGS = 1


@click.command(
    epilog=examples(
        "moddefense lexicon lint",
        "moddefense lexicon lint ours.csv --with en --corpus comments.parquet",
    )
)
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option(
    "--with", "beside", multiple=True, metavar="LIST",
    help="A list they are used with, itself not linted; a file or a shipped list; repeatable.",
)  # fmt: skip
@click.option(
    "--corpus", multiple=True, metavar="FILE",
    help="Labelled texts; no term should hit inside the words of harmless ones; repeatable.",
)  # fmt: skip
@click.option("--text-column", default="text", show_default=True, metavar="NAME")
@click.option(
    "--label-column", multiple=True, metavar="NAME", help="0 is harmless. [default: label]"
)
@click.option("--fix", is_flag=True, help="Mend order, white space, line ends, repeated lines.")
@click.option("--json", "as_json", is_flag=True, help="As a JSON list.")
def lint(
    *,
    files: tuple[str, ...],
    beside: tuple[str, ...],
    corpus: tuple[str, ...],
    text_column: str,
    label_column: tuple[str, ...],
    fix: bool,
    as_json: bool,
) -> int:
    """Check the lists FILE, by default the shipped ones: a finding a line, and exit 1 if any.

    A finding is FILE:LINE: rule: what and remedy. With --fix, what was mended goes to stderr.
    """
    from moddefense.lexicon.curation import linting

    lists = named_lists(beside)
    harmless: list[str] = []
    if corpus:
        from moddefense.corpus import Corpus

        texts = Corpus.read(
            *corpus, text_column=text_column, label_columns=label_column or ("label",)
        )
        harmless = [
            text for text, label in zip(texts.texts, texts.harmful, strict=True) if label == 0
        ]
    if fix:
        for mended in linting.fix(files or linting.shipped_files()):
            click.echo(f"fixed {mended}", err=True)
    findings = linting.lint(files, beside=lists, harmless=harmless)
    if as_json:
        rows = [dataclasses.asdict(finding) for finding in findings]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        for finding in findings:
            click.echo(str(finding))
    return FINDINGS if findings else 0

"""``moddefense lexicon audit``."""

from __future__ import annotations

import json

import click

from moddefense.cli.lexicon_names import named_lists
from moddefense.cli.options import examples

__all__ = ["audit"]


@click.command(
    epilog=examples(
        "moddefense lexicon audit comments.parquet",
        "moddefense lexicon audit ours.csv en/slurs comments.csv --report audit.html",
    )
)
@click.argument("lists", nargs=-1, metavar="[LIST]...")
@click.argument("corpus")
@click.option(
    "--min-severity", type=click.IntRange(1, 4), default=1, show_default=True, metavar="N"
)
@click.option("--split", metavar="NAME", help="Only the rows of this split.")
@click.option("--text-column", default="text", show_default=True, metavar="NAME")
@click.option(
    "--label-column", multiple=True, metavar="NAME",
    help="1 is harmful, 0 is not; repeatable: harmful is what any says. [default: label]",
)  # fmt: skip
@click.option("--top", type=click.IntRange(0), default=30, show_default=True, metavar="N",
              help="Terms in the table.")  # fmt: skip
@click.option("--examples", "number", type=click.IntRange(0), default=3, show_default=True,
              metavar="N", help="Harmful and harmless examples of each term.")  # fmt: skip
@click.option("--show", is_flag=True, help="Do not mask the hits in examples.")
@click.option("--json", "json_file", metavar="FILE", help="All figures as JSON; - is stdout.")
@click.option("--report", metavar="FILE.html", help="An HTML page with examples in context.")
def audit(
    *,
    lists: tuple[str, ...],
    corpus: str,
    min_severity: int,
    split: str | None,
    text_column: str,
    label_column: tuple[str, ...],
    top: int,
    number: int,
    show: bool,
    json_file: str | None,
    report: str | None,
) -> None:
    """Measure what the terms of LISTs (files or names; by default all shipped) hit in CORPUS.

    For each term and each list: texts hit, precision, coverage of harmful texts, false positives,
    all with 95 % intervals, and what would be lost without it.
    """
    from moddefense.cli.console import show_rows
    from moddefense.corpus import Corpus
    from moddefense.lexicon import list_names
    from moddefense.lexicon.curation.audit_page import write_audit
    from moddefense.lexicon.curation.auditing import audit as measure
    from moddefense.lexicon.curation.corpora import take_split
    from moddefense.lexicon.curation.editing import write_file

    texts = Corpus.read(corpus, text_column=text_column, label_columns=label_column or ("label",))
    for note in texts.notes:
        click.echo(note, err=True)
    found = measure(
        named_lists(lists or list_names()),
        take_split(texts, split),
        min_severity=min_severity,
        examples=number,
        masked=not show,
    )
    if report:
        write_audit(report, found)
    if json_file:
        values = json.dumps(found.as_dict(), ensure_ascii=False, indent=2) + "\n"
        if json_file == "-":
            click.echo(values, nl=False)
            return
        write_file(json_file, values.encode("utf-8", "replace"))
    show_rows(
        ["list", "terms", "that hit", "texts", "coverage", "false positives", "precision",
         "alone harmful", "alone harmless"],
        [
            [one.name, one.terms, one.hitting, one.all.hits, str(one.all.coverage),
             str(one.all.false_positives), str(one.all.precision), one.alone.harmful,
             one.alone.harmless]
            for one in (*found.lists, found.whole)
        ],
    )  # fmt: skip
    hitting = [term for term in found.terms if term.all.hits]
    if top and hitting:
        click.echo()
        show_rows(
            ["term", "severity", "harmful", "harmless", "precision", "alone harmful",
             "alone harmless"],
            [
                [item.term.id, item.term.severity, item.all.harmful, item.all.harmless,
                 str(item.all.precision), item.alone.harmful, item.alone.harmless]
                for item in hitting[:top]
            ],
        )  # fmt: skip
    click.echo(
        f"{len(hitting):,} of {len(found.terms):,} terms hit"
        + (f"; the table shows {top}, --json and --report all" if len(hitting) > top else ""),
        err=True,
    )

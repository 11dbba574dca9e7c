"""``moddefense lexicon add`` and ``retire``."""

from __future__ import annotations

from typing import Any

import click

from moddefense.cli.options import examples
from moddefense.lexicon.terms import KINDS, MATCHES

__all__ = ["add", "retire"]


@click.command(
    epilog=examples(
        "moddefense lexicon add ours.csv --term crap --category profanity --severity 1 --note mild",
        'moddefense lexicon add ours.csv --kind allow --term "beef jerk" --category food',
    )
)
@click.argument("file")
@click.option("--term", required=True, metavar="TEXT", help="The word or phrase.")
@click.option("--kind", type=click.Choice(KINDS), default="block", show_default=True)
@click.option("--match", type=click.Choice(MATCHES), default="word", show_default=True)
@click.option("--category", required=True, metavar="NAME", help="See lexicons/README.md.")
@click.option(
    "--severity", type=click.IntRange(1, 4), metavar="N",
    help="1 mild to 4 extreme; needed to block, left out to allow.",
)  # fmt: skip
@click.option("--lang", default="en", show_default=True, metavar="TAG")
@click.option("--source", default="", metavar="TEXT", help="Where the term comes from.")
@click.option("--note", default="", metavar="TEXT", help="What is not obvious.")
@click.option("--id", "id_", metavar="ID", help="[default: the list's prefix and the term]")
def add(*, file: str, id_: str | None, **fields: Any) -> None:
    """Add a term to the list FILE, where its id sorts; a list that is not there is begun.

    The file is replaced whole or not at all, and others who edit it at the same time wait.
    """
    from moddefense.lexicon.curation.editing import add_term

    term = add_term(file, id=id_, **fields)
    click.echo(term.id)


@click.command(
    epilog=examples('moddefense lexicon retire ours.csv x-crap --note "harmless in this forum"')
)
@click.argument("file")
@click.argument("id_", metavar="ID")
@click.option("--note", required=True, metavar="TEXT", help="Why it goes.")
def retire(*, file: str, id_: str, note: str) -> None:
    """Retire the term ID of the list FILE: it is matched no more, and its line stays."""
    from moddefense.lexicon.curation.editing import retire_term

    click.echo(retire_term(file, id_, note=note).id)

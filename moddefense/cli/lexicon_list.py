"""``moddefense lexicon list`` and ``show``."""

from __future__ import annotations

import json
from typing import Any

import click

from moddefense.cli.lexicon_names import merged_lists, named_lists
from moddefense.cli.options import LEXICON, examples, options
from moddefense.lexicon.terms import KINDS, STATUSES

__all__ = ["list_lexicons", "show"]


@click.command(
    "list",
    epilog=examples(
        "moddefense lexicon list --json",
        "moddefense lexicon list --category threat --min-severity 3 --terms > threats.csv",
    ),
)
@options(LEXICON)
@click.option(
    "--list", "lists", multiple=True, metavar="NAME",
    help="A shipped list or language only, like en/insults or en; repeatable.",
)  # fmt: skip
@click.option("--category", multiple=True, metavar="NAME", help="This category; repeatable.")
@click.option("--kind", type=click.Choice(KINDS), help="This kind only.")
@click.option("--match", "matches", multiple=True, metavar="TYPE", help="This match; repeatable.")
@click.option(
    "--min-severity", type=click.IntRange(1, 4), metavar="N", help="At least this severe."
)
@click.option("--status", type=click.Choice((*STATUSES, "any")), default="any", show_default=True)
@click.option("--lang", multiple=True, metavar="TAG", help="This language; repeatable.")
@click.option("--contains", metavar="TEXT", help="Terms with this in them, after folding.")
@click.option("--terms", "as_terms", is_flag=True, help="The terms themselves, as a CSV list.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def list_lexicons(
    *,
    lexicon: tuple[str, ...],
    lists: tuple[str, ...],
    as_terms: bool,
    as_json: bool,
    **filters: Any,
) -> None:
    """List the word lists with how much is in them, or the terms that the filters keep."""
    from moddefense.lexicon import list_names
    from moddefense.lexicon.curation.choosing import choose, describe
    from moddefense.lexicon.terms import dumps

    named = [*lists, *lexicon] or list_names()
    chosen = [choose(one, **filters) for one in named_lists(named)]
    if as_terms and not as_json:
        terms = {term.id: term for one in chosen for term in one}
        click.echo(dumps(terms.values()).decode(), nl=False)
        return
    found = [describe(one, terms=as_terms) for one in chosen]
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    from moddefense.cli.console import show_rows

    show_rows(
        ["list", "languages", "block", "allow", "retired", "categories"],
        [
            [
                entry["name"],
                " ".join(entry["languages"]),
                entry["block"],
                entry["allow"],
                entry["retired"],
                " ".join(f"{name} {count}" for name, count in entry["categories"].items()),
            ]
            for entry in found
        ],
    )


@click.command(
    epilog=examples(
        "moddefense lexicon show damn", "moddefense lexicon show en-insults-jerk --json"
    )
)
@options(LEXICON)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.argument("term_or_id")
def show(*, lexicon: tuple[str, ...], as_json: bool, term_or_id: str) -> None:
    """Show every column of TERM_OR_ID: the term with that id, or those that fold to that text."""
    from dataclasses import asdict

    from moddefense.cli.console import show_tree
    from moddefense.lexicon.curation.choosing import look_up

    listed = merged_lists(lexicon)
    found = {
        term.id: {**asdict(term), "off": sorted(listed.off(term.id))}
        for term in look_up(listed, term_or_id)
    }
    if as_json:
        click.echo(json.dumps(list(found.values()), ensure_ascii=False, indent=2))
    else:
        show_tree({key: dict(list(term.items())[1:]) for key, term in found.items()})

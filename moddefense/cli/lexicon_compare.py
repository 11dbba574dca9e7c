"""``moddefense lexicon diff`` and ``merge``."""

from __future__ import annotations

import json

import click

from moddefense.cli.options import examples

__all__ = ["diff", "merge"]

FINDINGS = 1


@click.command(epilog=examples("moddefense lexicon diff before.csv after.csv"))
@click.argument("old")
@click.argument("new")
@click.option("--json", "as_json", is_flag=True, help="As a JSON list.")
def diff(*, old: str, new: str, as_json: bool) -> int:
    """Print what became of each term between the lists OLD and NEW; exit 1 when they differ."""
    from moddefense.lexicon import Lexicon
    from moddefense.lexicon.curation import comparing

    changes = comparing.diff(Lexicon.read(old), Lexicon.read(new))
    if as_json:
        rows = [change.as_dict() for change in changes]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        for change in changes:
            click.echo(str(change))
    return FINDINGS if changes else 0


@click.command(epilog=examples("moddefense lexicon merge base.csv ours.csv theirs.csv -o ours.csv"))
@click.argument("base")
@click.argument("ours")
@click.argument("theirs")
@click.option("-o", "--output", "out", required=True, metavar="OUT", help="Where the merge goes.")
@click.option("--prefer", type=click.Choice(("ours", "theirs")), help="Who wins a conflict.")
def merge(*, base: str, ours: str, theirs: str, out: str, prefer: str | None) -> int:
    """Merge the lists OURS and THEIRS, which both come from BASE, by id and field.

    Conflicts are listed on stdout, and then nothing is written, and the exit code is 1.
    """
    from moddefense.lexicon import Lexicon
    from moddefense.lexicon.curation import comparing

    merged = comparing.merge(
        Lexicon.read(base), Lexicon.read(ours), Lexicon.read(theirs), prefer=prefer
    )
    for conflict in merged.conflicts:
        click.echo(str(conflict))
    if merged.conflicts:
        click.echo(
            f"{len(merged.conflicts)} conflicts; nothing written (--prefer settles them)", err=True
        )
        return FINDINGS
    comparing.write_merge(out, merged)
    click.echo(f"{out}: {len(merged.lexicon)} terms", err=True)
    return 0

"""``moddefense lexicon import`` and ``export``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from moddefense.cli.lexicon_names import named_lists
from moddefense.cli.options import examples
from moddefense.lexicon.terms import KINDS, MATCHES

__all__ = ["export_list", "import_list"]

IMPORTS = ("plain", "csv", "tsv", "json", "discord", "mastodon")
EXPORTS = ("plain", "csv", "json", "discord", "mastodon")


@click.command(
    "import",
    epilog=examples(
        "moddefense lexicon import words.txt --format plain --category insult -o ours.csv",
        "moddefense lexicon import theirs.tsv --format tsv --scale 1:3 --id-prefix x- -o ours.csv",
    ),
)
@click.argument("file")
@click.option("--format", type=click.Choice(IMPORTS), required=True)
@click.option("-o", "--output", "out", required=True, metavar="OUT", help="The list to write.")
@click.option("--kind", type=click.Choice(KINDS), default="block", show_default=True,
              help="Where the file does not say.")  # fmt: skip
@click.option("--match", type=click.Choice(MATCHES), default="word", show_default=True,
              help="Where the file does not say.")  # fmt: skip
@click.option("--category", default="profanity", show_default=True, metavar="NAME",
              help="Where the file does not say, or names an unknown one.")  # fmt: skip
@click.option("--map", "mapping", multiple=True, metavar="THEIRS=OURS",
              help="What a category of theirs is here; repeatable.")  # fmt: skip
@click.option("--severity", type=click.IntRange(1, 4), default=2, show_default=True, metavar="N",
              help="Where the file does not say.")  # fmt: skip
@click.option("--scale", metavar="LOW:HIGH", help="Their severities, mapped onto 1 to 4.")
@click.option("--lang", default="en", show_default=True, metavar="TAG",
              help="Where the file does not say.")  # fmt: skip
@click.option("--only-lang", multiple=True, metavar="TAG", help="Leave out others; repeatable.")
@click.option("--id-prefix", metavar="TEXT", help="[default: LANG-FILE-]")
@click.option("--source", metavar="TEXT", help="[default: the file's name]")
def import_list(
    *, file: str, out: str, mapping: tuple[str, ...], scale: str | None, **settings: Any
) -> None:
    """Make a list of FILE. What could not be taken over, or was changed, is counted on stderr.

    plain is a term a line; csv, tsv and json go by the names of columns or keys (term, word, match,
    language, severity, category, tags, …); discord knows *word*, word* and *word; mastodon knows
    keyword and whole_word, as JSON or CSV.
    """
    from moddefense.lexicon.curation.editing import write_file
    from moddefense.lexicon.curation.importing import import_list as read
    from moddefense.lexicon.terms import dumps

    found = read(file, scale=_scale(scale), categories=_mapping(mapping), **settings)
    write_file(out, dumps(found.lexicon))
    _tell("left out", found.left_out)
    _tell("changed", found.changed)
    click.echo(f"{out}: {len(found.lexicon)} terms", err=True)


@click.command(
    "export",
    epilog=examples(
        "moddefense lexicon export en/slurs --format plain > slurs.txt",
        "moddefense lexicon export ours.csv en --format discord --min-severity 3 -o rule.json",
    ),
)
@click.argument("lists", nargs=-1, required=True, metavar="LIST...")
@click.option("--format", type=click.Choice(EXPORTS), required=True)
@click.option("-o", "--output", "out", metavar="OUT", help="[default: stdout]")
@click.option("--category", multiple=True, metavar="NAME", help="Only this one; repeatable.")
@click.option("--min-severity", type=click.IntRange(1, 4), metavar="N",
              help="Leave out milder block terms.")  # fmt: skip
def export_list(
    *,
    lists: tuple[str, ...],
    format: str,
    out: str | None,
    category: tuple[str, ...],
    min_severity: int | None,
) -> None:
    """Write the terms of LISTs (files or names) as one file of another shape.

    csv and json keep everything. What the others cannot express is counted on stderr. With -o to a
    .csv file, mastodon is CSV, else JSON.
    """
    from functools import reduce
    from operator import or_

    from moddefense.lexicon.curation.choosing import choose
    from moddefense.lexicon.curation.editing import write_file
    from moddefense.lexicon.curation.exporting import export

    merged = reduce(or_, named_lists(lists))
    chosen = choose(merged, kind="allow") | choose(
        merged, kind="block", category=category, min_severity=min_severity
    )
    if format == "mastodon" and out is not None and out.lower().endswith(".csv"):
        format = "mastodon-csv"
    found = export(chosen, format)
    if out is None:
        click.echo(found.text, nl=False)
    else:
        write_file(out, found.text.encode())
    _tell("left out", found.left_out)
    _tell("lost", found.lost)
    click.echo(f"{out or 'stdout'}: {found.written} of {len(chosen)} terms", err=True)


def _tell(what: str, counts: Mapping[str, int]) -> None:
    for reason, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        if count:
            click.echo(f"{what}: {count} ({reason})", err=True)


def _scale(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    low, _, high = text.partition(":")
    try:
        return float(low), float(high)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not LOW:HIGH, like 0:3") from None


def _mapping(pairs: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        theirs, equals, ours = pair.rpartition("=")
        if not equals or not theirs or not ours:
            raise click.BadParameter(f"{pair!r} is not THEIRS=OURS, like racial=slur")
        found[theirs] = ours
    return found

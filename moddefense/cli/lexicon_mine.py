"""``moddefense lexicon mine``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from moddefense.cli.lexicon_names import merged_lists
from moddefense.cli.options import LEXICON, examples, options
from moddefense.lexicon.terms import MATCHES

if TYPE_CHECKING:
    from moddefense.lexicon.curation.mining import Proposal

__all__ = ["mine"]


@click.command(
    epilog=examples(
        "moddefense lexicon mine comments.parquet --top 20",
        "moddefense lexicon mine comments.csv --review --to ours.csv",
    )
)
@click.argument("corpus")
@options(LEXICON)
@click.option("--kind", type=click.Choice(("block", "allow")), help="Only terms of this kind.")
@click.option("--top", type=click.IntRange(1), default=50, show_default=True, metavar="N",
              help="Proposals of each kind.")  # fmt: skip
@click.option("--min-count", type=click.IntRange(1), default=10, show_default=True, metavar="N",
              help="Harmful texts that a term to block must be in.")  # fmt: skip
@click.option("--min-allow", type=click.IntRange(1), default=3, show_default=True, metavar="N",
              help="Harmless texts that a term to allow must be in.")  # fmt: skip
@click.option("--min-z", type=float, default=3.0, show_default=True, metavar="Z",
              help="Log-odds, in standard deviations.")  # fmt: skip
@click.option(
    "--min-precision", type=click.FloatRange(0, 1), default=0.8, show_default=True, metavar="SHARE",
    help="Precision, if harmful and harmless texts were equally many.",
)  # fmt: skip
@click.option("--split", metavar="NAME", help="Only the rows of this split.")
@click.option("--text-column", default="text", show_default=True, metavar="NAME")
@click.option("--label-column", multiple=True, metavar="NAME",
              help="1 is harmful, 0 is not; repeatable. [default: label]")  # fmt: skip
@click.option("--review", is_flag=True, help="Ask about each proposal, and add those accepted.")
@click.option("--to", "target", metavar="FILE", help="With --review: the list to add to.")
@click.option("--json", "as_json", is_flag=True, help="As a JSON list, with examples.")
def mine(
    *,
    corpus: str,
    lexicon: tuple[str, ...],
    kind: str | None,
    top: int,
    min_count: int,
    min_allow: int,
    min_z: float,
    min_precision: float,
    split: str | None,
    text_column: str,
    label_column: tuple[str, ...],
    review: bool,
    target: str | None,
    as_json: bool,
) -> None:
    """Propose terms that the lists lack, from the labelled texts of CORPUS.

    To block: words and phrases far more frequent in harmful texts (log-odds with an informative
    Dirichlet prior). To allow: phrases around hits in harmless texts. A proposal is evidence for a
    person to judge: names of groups and topics of heated talk come up as well.
    """
    from moddefense.corpus import Corpus
    from moddefense.lexicon.curation import mining
    from moddefense.lexicon.curation.corpora import take_split

    if review != (target is not None):
        raise click.UsageError("--review and --to FILE go together")
    texts = Corpus.read(corpus, text_column=text_column, label_columns=label_column or ("label",))
    proposals = mining.mine(
        take_split(texts, split),
        merged_lists(lexicon),
        top=top,
        min_count=min_count,
        min_allow=min_allow,
        min_z=min_z,
        min_precision=min_precision,
    )
    proposals = [one for one in proposals if kind in (None, one.kind)]
    if target is not None:
        _review(proposals, target, source=f"mined: {Path(corpus).stem}")
    elif as_json:
        rows = [one.as_dict() for one in proposals]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        _table(proposals)


def _table(proposals: Sequence[Proposal]) -> None:
    from moddefense.cli.console import show_rows

    show_rows(
        [
            "kind",
            "term",
            "harmful",
            "harmless",
            "not yet hit",
            "z",
            "precision",
            "variants or hits",
        ],
        [
            [
                one.kind,
                one.term,
                one.harmful,
                one.harmless,
                "{} + {}".format(*one.new) if one.kind == "block" else "–",
                f"{one.z:.1f}",
                str(one.precision),
                " ".join(one.variants[:3] or one.hits[:3]),
            ]
            for one in proposals
        ],
    )


def _review(proposals: Sequence[Proposal], target: str, *, source: str) -> None:
    """Ask about each proposal; what is accepted is in the list before the next is asked about."""
    from moddefense.errors import LexiconError
    from moddefense.lexicon.curation.editing import add_term
    from moddefense.lexicon.curation.linting import CATEGORIES

    added = 0
    for number, one in enumerate(proposals, 1):
        click.echo(f"\n{number}/{len(proposals)}  {one.kind}  {one.term!r}", err=True)
        click.echo(f"  {one.evidence}", err=True)
        if one.variants or one.hits:
            what = "also spelt" if one.variants else "silences"
            click.echo(f"  {what}: {', '.join(one.variants or one.hits)}", err=True)
        for harmful, text in one.examples:
            click.echo(f"  {'harmful ' if harmful else 'harmless'}  {text}", err=True)
        answer = click.prompt(
            "  [a]ccept, [s]kip, [q]uit", type=click.Choice("asq"), default="s",
            show_choices=False, err=True,
        )  # fmt: skip
        if answer == "q":
            break
        if answer == "s":
            continue
        block = one.kind == "block"
        category = click.prompt(
            "  category", default="insult" if block else "phrase", err=True,
            type=click.Choice(tuple(CATEGORIES)) if block else str, show_choices=False,
        )  # fmt: skip
        severity = (
            click.prompt("  severity", type=click.IntRange(1, 4), default=1, err=True)
            if block
            else None
        )
        match = click.prompt("  match", type=click.Choice(MATCHES), default="word", err=True)
        try:
            term = add_term(
                target, term=one.term, kind=one.kind, match=match, category=category,
                severity=severity, source=source, note=one.evidence,
            )  # fmt: skip
        except LexiconError as error:
            click.echo(f"  not added: {error}", err=True)
        else:
            added += 1
            click.echo(f"  added {term.id}", err=True)
    click.echo(f"{target}: {added} terms added", err=True)

"""``moddefense neighbors``."""

from __future__ import annotations

import json

import click

from moddefense.cli import console
from moddefense.cli.options import examples
from moddefense.cli.quiet import quiet_tensorflow

__all__ = ["neighbors"]


@click.command(epilog=examples("moddefense neighbors default idiot thanks -k 5"))
@click.argument("bundle")
@click.argument("words", nargs=-1, required=True, metavar="WORD...")
@click.option(
    "-k", default=10, show_default=True, type=click.IntRange(min=1), help="Neighbours of each word."
)
@click.option("--pieces", is_flag=True, help="Count beginnings and continuations of words as well.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def neighbors(*, bundle: str, words: tuple[str, ...], k: int, pieces: bool, as_json: bool) -> None:
    """List the words nearest to each WORD by cosine in the embedding of BUNDLE's classifier."""
    import moddefense as md

    quiet_tensorflow()  # a word that is not in the vocabulary is cut by it
    found = md.neighbors(bundle, words, k=k, pieces=pieces)
    if as_json:
        shown = {
            word: [{"word": near, "cosine": round(cosine, 4)} for near, cosine in nearest]
            for word, nearest in found.items()
        }
        click.echo(json.dumps(shown, ensure_ascii=False, indent=2))
        return
    rows = [
        (word, near, f"{cosine:.3f}") for word, nearest in found.items() for near, cosine in nearest
    ]
    console.show_rows(("word", "neighbour", "cosine"), rows)

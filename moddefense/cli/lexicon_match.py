"""``moddefense lexicon match``."""

from __future__ import annotations

from typing import Any

import click

from moddefense.cli import console
from moddefense.cli.options import INPUT, LEXICON, OUTPUT, examples, options, read_lists, run_job

__all__ = ["match"]


@click.command(
    epilog=examples(
        "moddefense lexicon match comments.csv -o matches.jsonl",
        "moddefense lexicon match --lexicon ours.csv --text-column body posts.parquet",
    )
)
@options(*INPUT, LEXICON, *OUTPUT)
def match(inputs: tuple[str, ...], *, lexicon: tuple[str, ...], **settings: Any) -> int:
    """Write {"id", "matches"} for each row of the INPUTs, as ``screen`` has them.

    Input, output, quarantine and exit codes are those of ``moddefense screen``.
    """
    from moddefense.batch.matching import MatchesOnly
    from moddefense.lexicon import Matcher, load_lexicon

    def load() -> MatchesOnly:
        return MatchesOnly(Matcher(read_lists(lexicon) or load_lexicon("en")))

    summary = run_job(load, inputs, what="matching", **settings)
    return console.exit_code(summary)

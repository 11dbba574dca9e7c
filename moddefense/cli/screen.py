"""``moddefense screen``."""

from __future__ import annotations

from typing import Any

import click

from moddefense.cli import console
from moddefense.cli.options import (
    GUARD,
    INPUT,
    OUTPUT,
    SHADOW,
    examples,
    load_guard,
    on_trial,
    options,
    run_job,
)
from moddefense.cli.quiet import quiet_tensorflow

__all__ = ["screen"]


@click.command(
    epilog=examples(
        "moddefense screen comments.csv -o decisions.jsonl",
        "zcat dump.jsonl.gz | moddefense screen - --input-format jsonl --text-column body",
        "moddefense screen posts.parquet -o posts.csv --stages lexicon --fail-on block",
        "moddefense screen --retry-quarantine posts.csv.quarantine.jsonl -o rest.jsonl",
    )
)
@options(*INPUT, *GUARD, *SHADOW, *OUTPUT)
@click.option(
    "--retry-quarantine", metavar="FILE",
    help="Screen the rows of a quarantine file again, in place of INPUT.",
)  # fmt: skip
@click.option("--mask", is_flag=True, help="Add the text with every match masked.")
@click.option("--include-text", is_flag=True, help="Add the text.")
@click.option("--explain", is_flag=True, help="Add what each word adds to the score.")
@click.option("--keep-columns", is_flag=True, help="Carry the other columns through.")
@click.option(
    "--fail-on", type=click.Choice(["review", "block"]),
    help="Exit with 1 when a row is decided so, or worse.",
)  # fmt: skip
def screen(
    inputs: tuple[str, ...],
    *,
    bundle: str,
    lexicon: tuple[str, ...],
    policy: str | None,
    stages: str,
    shadow_lexicon: tuple[str, ...],
    shadow_bundle: str | None,
    explain: bool,
    fail_on: str | None,
    **settings: Any,
) -> int:
    """Decide on every text of the INPUTs: allow, review or block, and why.

    INPUT is a .csv, .tsv, .jsonl, .ndjson, .parquet or .txt file (one text a line), text formats
    also as .gz and .zst; - is standard input. One record for each readable row, in order; the
    others go to quarantine.

    Exit codes: 0 done; 1 --fail-on met; 2 wrong usage; 3 something could not be read or written;
    4 done, but rows were quarantined; 130 interrupted, --resume goes on. 1 comes before 4.
    """
    quiet_tensorflow()

    def load() -> Any:
        guard = load_guard(bundle, lexicon=lexicon, policy=policy, stages=stages)
        trial = on_trial(guard, lexicon=shadow_lexicon, bundle=shadow_bundle)
        guard = guard if trial is None else guard.shadowing(trial)
        return guard.explaining() if explain else guard

    summary = run_job(load, inputs, what="screening", **settings)
    return console.exit_code(summary, fail_on)

"""``moddefense verify``."""

from __future__ import annotations

import click

from moddefense.cli.console import plural
from moddefense.cli.options import LEXICON, examples, read_lists
from moddefense.cli.quiet import quiet_tensorflow

__all__ = ["verify"]

FINDINGS = 1


@click.command(
    epilog=examples(
        "moddefense verify decisions.jsonl",
        "moddefense verify decisions.parquet --sample 100000 --lexicon ours.csv",
    )
)
@click.argument("out")
@click.option(
    "--sample", type=click.IntRange(0), default=1000, show_default=True, metavar="N",
    help="Records to decide again.",
)  # fmt: skip
@click.option("--seed", default=0, show_default=True, metavar="N", help="Which records.")
@click.option("--bundle", metavar="NAME_OR_DIR", help="Where the bundle lies now.")
@LEXICON
@click.option("--policy", metavar="FILE", help="A policy in place of the recorded one.")
def verify(
    out: str,
    *,
    sample: int,
    seed: int,
    bundle: str | None,
    lexicon: tuple[str, ...],
    policy: str | None,
) -> int:
    """Decide a random sample of the records of OUT again and print every difference.

    OUT is what screen has written, with its manifest beside it and its inputs where they were.
    Lists that are not the shipped ones have to be named again.

    Exit codes: 0 the same; 1 differences; 2 wrong usage; 3 something could not be read.
    """
    from moddefense.batch.verifying import recorded_guard
    from moddefense.batch.verifying import verify as compare

    quiet_tensorflow()
    guard = recorded_guard(out, bundle=bundle, lexicon=read_lists(lexicon), policy=policy)
    found = compare(guard, out, sample=sample, seed=seed)
    for line in found.differences:
        click.echo(line)
    differ = plural(len(found.differences), "difference")
    click.echo(
        f"{found.compared:,} of {plural(found.records, 'record')} decided again: {differ}", err=True
    )
    return FINDINGS if found.differences else 0

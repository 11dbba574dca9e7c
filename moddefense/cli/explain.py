"""``moddefense explain``."""

from __future__ import annotations

import json

import click

from moddefense.cli import console
from moddefense.cli.options import GUARD, SHADOW, examples, load_guard, on_trial, options
from moddefense.cli.quiet import quiet_tensorflow

__all__ = ["explain"]


@click.command(epilog=examples('moddefense explain "You absolute 1di0t"'))
@options(*GUARD, *SHADOW)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.argument("text")
def explain(
    *,
    bundle: str,
    lexicon: tuple[str, ...],
    policy: str | None,
    stages: str,
    shadow_lexicon: tuple[str, ...],
    shadow_bundle: str | None,
    as_json: bool,
    text: str,
) -> None:
    """Show every stage's evidence for one TEXT, and why the decision fell."""
    quiet_tensorflow()
    guard = load_guard(bundle, lexicon=lexicon, policy=policy, stages=stages)
    trial = on_trial(guard, lexicon=shadow_lexicon, bundle=shadow_bundle)
    guard = guard if trial is None else guard.shadowing(trial)
    text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    found = guard.explain(text)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        console.show_tree(found)

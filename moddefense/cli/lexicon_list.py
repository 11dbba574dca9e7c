"""``moddefense lexicon list``."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import click

from moddefense.cli.options import examples

__all__ = ["list_lexicons"]


@click.command("list", epilog=examples("moddefense lexicon list --json"))
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def list_lexicons(*, as_json: bool) -> None:
    """List the shipped word lists with what is in them."""
    from moddefense.lexicon import list_names, load_lexicon

    found = [_describe(name, load_lexicon(name)) for name in list_names()]
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


def _describe(name: str, lexicon: Any) -> dict[str, Any]:
    active = [term for term in lexicon if term.status == "active"]
    kinds = Counter(term.kind for term in active)
    categories = Counter(term.category for term in active if term.kind == "block")
    return {
        "name": name,
        "languages": sorted({term.lang for term in lexicon}),
        "block": kinds["block"],
        "allow": kinds["allow"],
        "retired": len(lexicon) - len(active),
        "categories": dict(categories.most_common()),
        "fingerprint": lexicon.fingerprint,
    }

"""``moddefense bundle``: look at a trained bundle without running it."""

from __future__ import annotations

import json

import click

from moddefense.cli import console
from moddefense.cli.options import examples
from moddefense.cli.quiet import quiet_tensorflow

__all__ = ["bundle"]

FINDINGS = 1


@click.group(epilog=examples("moddefense bundle show default"))
def bundle() -> None:
    """Show, verify or export a trained bundle; ``default`` is the shipped one."""


@bundle.command(epilog=examples("moddefense bundle show default --json"))
@click.argument("bundle")
@click.option("--json", "as_json", is_flag=True, help="The whole manifest as JSON.")
def show(*, bundle: str, as_json: bool) -> None:
    """Print what BUNDLE was trained on, how, and what was measured."""
    from moddefense.bundle import CARD, read_manifest
    from moddefense.resources import bundle_dir

    manifest = read_manifest(bundle_dir(bundle))
    if as_json:
        click.echo(json.dumps(manifest, ensure_ascii=False, indent=2))
    else:
        console.show_tree(manifest)
        card = bundle_dir(bundle) / CARD
        if card.is_file():
            console.stderr().print(f"model card: {card}", markup=False)


@bundle.command(epilog=examples("moddefense bundle verify models/mine"))
@click.argument("bundle")
def verify(*, bundle: str) -> int:
    """Check the files of BUNDLE against its manifest; exit 1 when something is wrong."""
    from moddefense.bundle import verify as verify_bundle
    from moddefense.resources import bundle_dir

    findings = verify_bundle(bundle_dir(bundle))
    for finding in findings:
        click.echo(finding)
    if not findings:
        click.echo(f"{bundle}: intact", err=True)
    return FINDINGS if findings else 0


@bundle.command(epilog=examples("moddefense bundle export default -o served/moddefense/1"))
@click.argument("bundle")
@click.option("-o", "--out", required=True, metavar="DIR", help="A new folder.")
@click.option(
    "--format", "form", default="savedmodel", show_default=True,
    type=click.Choice(["savedmodel"]), help="What to write.",
)  # fmt: skip
def export(*, bundle: str, out: str, form: str) -> None:
    """Write the classifier of BUNDLE for a server: strings in, calibrated probabilities out.

    A SavedModel for TensorFlow Serving, with folding and tokenising in its graph. Lexicons, trigger
    and policy are not part of it.
    """
    quiet_tensorflow()
    from moddefense.classifier.export import export_saved_model

    export_saved_model(bundle, out)
    click.echo(f"{form} written to {out}", err=True)

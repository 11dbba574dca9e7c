"""``moddefense policy``: look at a policy, check it, and see what another one would change."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import click

from moddefense.cli import console
from moddefense.cli.options import (
    BUNDLE,
    LEXICON,
    SHADOW,
    examples,
    load_guard,
    on_trial,
    options,
    read_lists,
)
from moddefense.cli.quiet import quiet_tensorflow
from moddefense.policy import Policy, policy_findings, read_policy

if TYPE_CHECKING:
    import numpy as np

__all__ = ["policy"]

FINDINGS = 1


@click.group(epilog=examples("moddefense policy show policy.toml"))
def policy() -> None:
    """Show, check or compare policies: every threshold that decides."""


@policy.command(
    epilog=examples("moddefense policy show", "moddefense policy show policy.toml --json")
)
@click.argument("file", required=False)
@BUNDLE
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def show(*, file: str | None, bundle: str, as_json: bool) -> None:
    """Print every setting that holds, and its meaning; keys that FILE leaves out are BUNDLE's."""
    found = _read(file, bundle)
    if as_json:
        click.echo(json.dumps({**found.as_dict(), "fingerprint": found.fingerprint}, indent=2))
        return
    meanings = {
        field.name.replace("_", ".", 1): field.metadata["meaning"]
        for field in dataclasses.fields(Policy)
    }
    rows = []
    for section, settings in found.as_dict().items():
        for name, value in settings.items():
            key = f"{section}.{name}"
            rows.append((key, json.dumps(value), meanings.get(key) or meanings[section]))
    console.show_rows(("setting", "value", "meaning"), rows)


@policy.command(epilog=examples("moddefense policy check policy.toml --bundle models/mine"))
@click.argument("file")
@BUNDLE
@LEXICON
def check(*, file: str, bundle: str, lexicon: tuple[str, ...]) -> int:
    """Check FILE for use with BUNDLE; print a finding a line and exit 1 when there is any.

    A finding names file and line, what is wrong or has no effect, and the remedy.
    """
    from moddefense.bundle import read_manifest
    from moddefense.lexicon import load_lexicon
    from moddefense.resources import bundle_dir

    folder = bundle_dir(bundle)
    labels = tuple(read_manifest(folder)["classifier"]["labels"])
    lists = read_lists(lexicon) or load_lexicon("en")
    categories = tuple(sorted({term.category for term in lists if term.kind == "block"}))
    findings = policy_findings(
        file, base=read_policy(folder / "policy.toml"), categories=categories, labels=labels
    )
    for finding in findings:
        click.echo(finding)
    if not findings:
        click.echo(f"{file}: in order", err=True)
    return FINDINGS if findings else 0


@policy.command(
    epilog=examples(
        "moddefense policy compare old.toml new.toml comments.csv --examples 3",
        "moddefense policy compare - - comments.csv --shadow-lexicon new-terms.csv --examples 3",
    )
)
@click.argument("before")
@click.argument("after")
@click.argument("corpus")
@options(BUNDLE, LEXICON, *SHADOW)
@click.option("--text-column", default="text", show_default=True, metavar="NAME", help="Texts.")
@click.option(
    "--label-column", "label_columns", multiple=True, metavar="NAME",
    help="Column of 0/1 labels; repeatable. [default: label where there is one]",
)  # fmt: skip
@click.option(
    "--examples", "shown", type=click.IntRange(0), default=0, metavar="N",
    help="Show N texts of each change.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def compare(
    *,
    before: str,
    after: str,
    corpus: str,
    bundle: str,
    lexicon: tuple[str, ...],
    shadow_lexicon: tuple[str, ...],
    shadow_bundle: str | None,
    text_column: str,
    label_columns: tuple[str, ...],
    shown: int,
    as_json: bool,
) -> None:
    """Screen CORPUS by the policies BEFORE and AFTER, and print which decisions differ.

    A policy is a TOML file, or - for the bundle's own. What is in shadow decides together with
    AFTER: so a list or a bundle is tried.
    """
    quiet_tensorflow()
    from moddefense.bundle import read_manifest, require_labels
    from moddefense.policy.comparing import compare as compare_policies

    second = bundle if shadow_bundle is None else shadow_bundle
    policies = []
    for name, models in ((before, bundle), (after, second)):
        policies.append(_read(None if name == "-" else name, models))
        require_labels(policies[-1], read_manifest(models)["classifier"]["labels"])
    texts, harmful = _texts(corpus, text_column, label_columns)
    guard = load_guard(bundle, lexicon=lexicon, policy=None, stages="lexicon,trigger,classifier")
    trial = on_trial(guard, lexicon=shadow_lexicon, bundle=shadow_bundle) or guard
    found = compare_policies(
        guard.with_policy(policies[0]), trial.with_policy(policies[1]), texts, harmful=harmful,
        examples=shown,
    )  # fmt: skip
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    changes = found.pop("changes")
    console.show_tree(found)
    if changes:
        header = [key for key in changes[0] if key != "examples"]
        console.show_rows(header, [[change[key] for key in header] for change in changes])
    for change in changes:
        for number, example in enumerate(change.get("examples", ())):
            if number == 0:
                click.echo(f"\n{change['from']} → {change['to']}")
            console.show_tree({f"row {example.pop('row')}": example})


def _read(file: str | None, bundle: str) -> Policy:
    from moddefense.resources import bundle_dir

    own = read_policy(bundle_dir(bundle) / "policy.toml")
    return own if file is None else read_policy(file, base=own)


def _texts(
    path: str, text_column: str, label_columns: tuple[str, ...]
) -> tuple[tuple[str, ...], np.ndarray | None]:
    """Texts, and 0/1 where the file has labels."""
    from moddefense.corpus import Corpus, column_names
    from moddefense.errors import ConfigurationError
    from moddefense.unlabeled import Unlabeled

    if not label_columns:
        try:
            has_label = "label" in column_names(path)
        except ConfigurationError:  # a format without columns
            has_label = False
        if not has_label:
            return Unlabeled.read(path, text_column=text_column).texts, None
    read: Any = Corpus.read(
        path, text_column=text_column, label_columns=label_columns or ("label",)
    )
    return read.texts, read.harmful

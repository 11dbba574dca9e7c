"""``moddefense tune``."""

from __future__ import annotations

import json
import os
from typing import Any

import click

from moddefense.cli import console
from moddefense.cli.options import examples, load_guard
from moddefense.cli.quiet import quiet_tensorflow
from moddefense.errors import WriteError, at

__all__ = ["tune"]

Share = click.FloatRange(0, 1)


@click.command(
    epilog=examples(
        "moddefense tune default comments.csv --target-recall 0.99 -o policy.toml",
        "moddefense tune models/mine val.parquet --target-recall 0.99 --review-budget 0.05 \\",
        "    -o policy.toml --json > report.json",
    )
)
@click.argument("bundle")
@click.argument("corpus", nargs=-1, required=True, metavar="CORPUS...")
@click.option("--target-recall", type=Share, metavar="R", help="Recall that the trigger must keep.")
@click.option(
    "--delta", type=Share, default=0.05, show_default=True, metavar="D",
    help="Probability with which the promise may fail.",
)  # fmt: skip
@click.option(
    "--of", type=click.Choice(["flagged", "harmful"]), default="flagged", show_default=True,
    help="Recall of what: rows that the classifier would flag, or rows labelled harmful.",
)  # fmt: skip
@click.option("--review-budget", type=Share, metavar="B", help="Share of rows for people.")
@click.option(
    "--conformal", type=Share, metavar="ALPHA",
    help="Conformal sets instead of a budget: ambiguous and empty ones are reviewed.",
)  # fmt: skip
@click.option(
    "--prevalence", type=Share, metavar="P",
    help="Share of harmful texts where the policy will run; 0 keeps the corpus's. "
    "[default: what the bundle was calibrated for]",
)  # fmt: skip
@click.option("--policy", metavar="FILE", help="The policy to start from. [default: the bundle's]")
@click.option("--lexicon", multiple=True, metavar="FILE", help="Word lists; repeatable.")
@click.option("--text-column", default="text", show_default=True, metavar="NAME", help="Texts.")
@click.option(
    "--label-column", "label_columns", multiple=True, default=("label",), show_default=True,
    metavar="NAME", help="Column of 0/1 labels; repeatable.",
)  # fmt: skip
@click.option("--split", metavar="NAME", help="Rows of this split. [default: val where there is]")
@click.option("-o", "--output", "out", required=True, metavar="POLICY", help="The TOML to write.")
@click.option("--json", "as_json", is_flag=True, help="The report as JSON.")
def tune(
    bundle: str,
    corpus: tuple[str, ...],
    *,
    policy: str | None,
    lexicon: tuple[str, ...],
    text_column: str,
    label_columns: tuple[str, ...],
    split: str | None,
    prevalence: float | None,
    out: str,
    as_json: bool,
    **wanted: Any,
) -> None:
    """Choose the thresholds of a policy on labelled texts that BUNDLE was not trained on.

    The trigger's is the one that costs least of those at which, with probability 1 - D, at least R
    of the rows that the classifier would flag reach it; where CORPUS is too small to show that, the
    command ends with 2 and says how many rows it takes. Where CORPUS has a column split, its
    validation rows count.
    """
    quiet_tensorflow()
    _check_out(out, corpus)
    from moddefense.bundle import read_manifest
    from moddefense.corpus import Corpus
    from moddefense.resources import bundle_dir
    from moddefense.tuning import choosing

    texts = choosing.validation_rows(
        Corpus.read(*corpus, text_column=text_column, label_columns=label_columns), split
    )
    guard = load_guard(bundle, lexicon=lexicon, policy=policy, stages="lexicon,trigger,classifier")
    if prevalence is None:
        recipe = read_manifest(bundle_dir(bundle)).get("recipe", {})
        prevalence = float(recipe.get("calibration", {}).get("prevalence", 0.1))
    tuned = choosing.tune(guard, texts, prevalence=prevalence, **wanted)
    _write(out, tuned.to_toml())
    if as_json:
        click.echo(json.dumps(tuned.report, ensure_ascii=False, indent=2))
    else:
        _show(tuned.report)
    console.stderr().print(f"policy written to {out}", markup=False)


def _check_out(out: str, corpus: tuple[str, ...]) -> None:
    """Refuse early what cannot be written, or would replace what is read."""
    if os.path.realpath(out) in map(os.path.realpath, corpus):
        raise click.UsageError(f"{out}: is the corpus; name another file for the policy")
    if os.path.isdir(out):
        raise WriteError(f"{at(out)}is a directory; name a file")
    if not os.path.isdir(os.path.dirname(out) or "."):
        raise WriteError(f"{at(out)}cannot be written: no such directory")


def _write(out: str, content: str) -> None:
    fresh = f"{out}.new"
    try:
        with open(fresh, "w", encoding="utf-8") as file:
            file.write(content)
        os.replace(fresh, out)
    except OSError as error:
        raise WriteError(f"{at(out)}cannot be written: {error.strerror}") from error


def _show(report: dict[str, Any]) -> None:
    parts = ("from", "promise", "beside", "review", "conformal")
    console.show_tree({part: report[part] for part in parts if part in report})
    cost = report["cost"]
    console.show_rows(
        ("stage", "share of rows", "seconds per 1,000 rows"),
        [
            (name, f"{stage['share']:.1%}", f"{stage['seconds_per_1000']:.4f}")
            for name, stage in cost["stages"].items()
        ]
        + [
            ("all", "", f"{cost['seconds_per_1000']:.4f}"),
            ("classifier on every row", "100.0%",
             f"{cost['classifier_alone_seconds_per_1000']:.4f}"),
        ],
    )  # fmt: skip
    console.show_tree({"speed-up": cost["speed_up"], "recall": cost["recall"]})
    console.show_rows(
        ("trigger threshold", "share run", "recall of flagged", "recall of harmful", "speed-up"),
        [tuple(str(value) for value in point.values()) for point in cost["curve"]],
    )

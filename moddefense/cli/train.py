"""``moddefense train``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from moddefense.cli import console
from moddefense.cli.interrupting import ends_promptly
from moddefense.cli.options import examples
from moddefense.cli.quiet import quiet_tensorflow
from moddefense.errors import WriteError

if TYPE_CHECKING:
    from moddefense.recipe import Recipe

__all__ = ["train"]


class _Train(click.Command):
    """A command whose help page ends with every key of the recipe that stands before --help."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from moddefense.recipe import describe_keys, load_recipe

        name = ctx.params.get("recipe") or "default"
        with formatter.section(f"Recipe keys for --set, with their values in recipe {name}"):
            formatter.write_dl(
                [
                    (key, f"{help} [{kind}, {value}]")
                    for key, kind, value, help in describe_keys(load_recipe(name))
                ]
            )
        super().format_epilog(ctx, formatter)


@click.command(
    cls=_Train,
    epilog=examples(
        "moddefense train comments.csv --out models/mine",
        "moddefense train train.parquet --val val.parquet --out models/mine \\",
        "    --label-column toxic --label-column threat --set training.epochs=3",
        "moddefense train comments.csv --out models/mine --robust",
        "moddefense train --recipe english --help",
        "MODDEFENSE_DATA=corpora moddefense train jigsaw_toxic davidson edos --out models/mine",
    ),
)
@click.argument("corpus", nargs=-1, required=True, metavar="CORPUS...")
@click.option("--out", required=True, metavar="DIR", help="Folder for the bundle.")
@click.option(
    "--recipe", default="default", show_default=True, metavar="NAME_OR_FILE",
    help="A shipped recipe or a TOML file.", is_eager=True,
)  # fmt: skip
@click.option(
    "--set", "assignments", multiple=True, metavar="KEY=VALUE",
    help="Change a recipe key; repeatable.",
)  # fmt: skip
@click.option(
    "--robust", is_flag=True,
    help="Train against disguises as the shipped bundle is: disguised copies of texts, harmless"
    " words, perturbed embeddings. Takes about twice as long; --set goes before it.",
)  # fmt: skip
@click.option("--val", metavar="FILE", help="Validation corpus. [default: a split of CORPUS]")
@click.option("--test", metavar="FILE", help="Test corpus. [default: a split of CORPUS]")
@click.option(
    "--unlabeled", multiple=True, metavar="FILE",
    help="Texts without labels, for adversarial.method vat and fgm+vat; any format that screen"
    " reads; repeatable.",
)  # fmt: skip
@click.option(
    "--trigger-on", multiple=True, metavar="FILE",
    help="Texts that should make the trigger run the classifier; repeatable.",
)  # fmt: skip
@click.option(
    "--trigger-off", multiple=True, metavar="FILE",
    help="Texts for which the classifier need not run; repeatable.",
)  # fmt: skip
@click.option("--text-column", metavar="NAME", help="[default: the recipe's, text]")
@click.option(
    "--label-column", "label_columns", multiple=True, metavar="NAME",
    help="Column of 0/1 labels; repeatable. [default: the recipe's, label]",
)  # fmt: skip
@click.option("--tensorboard", metavar="DIR", help="Folder for TensorBoard logs.")
@click.option(
    "--resume", is_flag=True, help="Go on with an interrupted training of the same settings."
)
def train(
    corpus: tuple[str, ...],
    *,
    out: str,
    recipe: str,
    assignments: tuple[str, ...],
    robust: bool,
    val: str | None,
    test: str | None,
    unlabeled: tuple[str, ...],
    trigger_on: tuple[str, ...],
    trigger_off: tuple[str, ...],
    text_column: str | None,
    label_columns: tuple[str, ...],
    tensorboard: str | None,
    resume: bool,
) -> None:
    """Train a bundle from labelled texts: a text column and one or more columns of 0/1 labels.

    CORPUS is one or several .csv, .tsv, .jsonl, .ndjson or .parquet files; a column called split
    (train, val, test) splits them. It may also be the description of a corpus, a .toml file or the
    name of a shipped one: the first corpus says what the score means, and each other definition of
    harm becomes a label of its own. While the training lasts, OUT.training keeps what it has come
    to, for --resume.
    """
    from moddefense.recipe import load_recipe, parse_overrides, robust_keys

    _check_target(Path(out))
    overrides = (robust_keys() if robust else {}) | parse_overrides(assignments)
    if text_column is not None:
        overrides["corpus.text_column"] = text_column
    if label_columns:
        overrides["corpus.label_columns"] = list(label_columns)
    chosen = load_recipe(recipe, overrides)
    kept = f"{Path(out)}.training"
    with ends_promptly(lambda: _hint(kept)):
        files = {"val": val, "test": test}
        held_out = {name: path for name, path in files.items() if path is not None}
        given = _read(chosen, corpus, held_out, unlabeled)
        given |= _own_examples(chosen, trigger_on=trigger_on, trigger_off=trigger_off)
        report = _run(chosen, given, out, kept, tensorboard=tensorboard, resume=resume)
    if report is None:
        console.stderr().print(f"{out}: finished already; nothing to do", markup=False)
        return
    console.show_tree(report["metrics"])
    console.stderr().print(f"bundle written to {out}", markup=False)


def _read(
    recipe: Recipe, corpus: Sequence[str], held_out: Mapping[str, str], unlabeled: Sequence[str]
) -> dict[str, Any]:
    """What the library call takes besides the recipe."""
    from moddefense.corpora import read_corpora
    from moddefense.corpus import Corpus
    from moddefense.unlabeled import Unlabeled, require_use

    keys = recipe.corpus
    given: dict[str, Any] = {"corpus": read_corpora(corpus, recipe)}
    for name, path in held_out.items():
        given[name] = Corpus.read(
            path, text_column=keys.text_column, label_columns=keys.label_columns
        )
    if unlabeled:
        require_use(recipe)
        given["unlabeled"] = Unlabeled.read(*unlabeled, text_column=keys.text_column)
    return given


def _own_examples(recipe: Recipe, **files: Sequence[str]) -> dict[str, Any]:
    from moddefense.unlabeled import Unlabeled

    column = recipe.corpus.text_column
    return {
        name: Unlabeled.read(*paths, text_column=column) for name, paths in files.items() if paths
    }


def _run(
    recipe: Recipe, given: dict[str, Any], out: str, kept: str, *, tensorboard: str | None,
    resume: bool,
) -> dict[str, Any] | None:  # fmt: skip
    """Train and save; None where that was done before."""
    quiet_tensorflow()
    from moddefense.classifier.checkpoint import Checkpoint
    from moddefense.classifier.tensorboard import tensorboard as log_events
    from moddefense.training import finished, train

    with Checkpoint(kept) as checkpoint, ExitStack() as stack:
        if resume and not checkpoint.started and finished(out, recipe, **given):
            return None
        if checkpoint.started and not resume:
            console.warn(f"{kept}: dropped an interrupted training; --resume goes on with it")
        tellers: list[Any] = [stack.enter_context(console.training_progress())]
        if tensorboard is not None:
            tellers.append(stack.enter_context(log_events(tensorboard)))

        def tell(event: dict[str, Any]) -> None:
            for teller in tellers:
                teller(event)

        result = train(recipe, **given, progress=tell, checkpoint=checkpoint, resume=resume)
        result.bundle.save(out)
        checkpoint.remove()
        return result.report


def _hint(kept: str) -> str | None:
    if not Path(kept, "state.json").exists():
        return None
    return f"{kept} keeps what is finished; --resume goes on from there"


def _check_target(folder: Path) -> None:
    """Raise now what would cost the whole training if it came up when the bundle is written."""
    if folder.exists() and not folder.is_dir():
        raise WriteError(f"{folder}: is a file; name a folder")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "manifest.json").is_file():
        raise WriteError(f"{folder}: is not empty and no bundle; name a new folder")

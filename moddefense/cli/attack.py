"""``moddefense attack``."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from moddefense.cli.options import examples
from moddefense.cli.quiet import quiet_tensorflow
from moddefense.errors import ConfigurationError, WriteError

if TYPE_CHECKING:
    from moddefense.attacks.running import System
    from moddefense.corpus import Corpus

__all__ = ["attack"]

T = TypeVar("T")

_HARMLESS = 5  # harmless texts for each harmful one: the threshold wants more than the recall


def _list_of(kind: Callable[[str], T]) -> Callable[..., tuple[T, ...]]:
    def parse(ctx: click.Context, parameter: click.Parameter, value: str) -> tuple[T, ...]:
        try:
            return tuple(kind(item.strip()) for item in value.split(",") if item.strip())
        except ValueError:
            raise click.BadParameter(f"{value!r} is not a comma-separated list") from None

    return parse


@click.command(
    epilog=examples(
        "moddefense attack default comments.parquet --split test --report attacks.html",
        "moddefense attack default comments.csv --attacks typing,leet --search greedy --ablate",
        "moddefense attack models/robust comments.csv --against plain=models/plain --json out.json",
    )
)
@click.argument("bundle")
@click.argument("corpus")
@click.option(
    "--attacks", default="all", show_default=True, metavar="LIST", callback=_list_of(str),
    help="Families or groups of them, comma-separated; --list names all.",
)  # fmt: skip
@click.option(
    "--target", "targets", default="pipeline", show_default=True, metavar="LIST",
    callback=_list_of(str),
    help="lexicon, trigger, classifier, pipeline (its score), decision (with its policy).",
)  # fmt: skip
@click.option(
    "--strength", "strengths", default="0.2,0.5,1", show_default=True, metavar="LIST",
    callback=_list_of(float), help="From above 0 to 1.",
)  # fmt: skip
@click.option(
    "--search", default="once", show_default=True, metavar="NAME",
    help="once (one draw, blind), random, greedy or beam.",
)  # fmt: skip
@click.option(
    "--budget", type=click.IntRange(1), default=50, show_default=True, metavar="N",
    help="Texts that a search may have scored for one attack.",
)  # fmt: skip
@click.option(
    "--words", type=float, default=1.0, show_default=True, metavar="SHARE",
    help="Words under attack, of all.",
)  # fmt: skip
@click.option("--aimed", is_flag=True, help="At the most important words, not any.")
@click.option("--max-edits", type=float, metavar="SHARE", help="Most edits, of the text's length.")
@click.option(
    "--readability", type=float, default=0.3, show_default=True, metavar="SHARE",
    help="Least characters that are left when both texts are folded.",
)  # fmt: skip
@click.option(
    "--against", multiple=True, metavar="NAME=BUNDLE", help="Another bundle beside; repeatable."
)
@click.option(
    "--without", multiple=True, metavar="NAME=LIST",
    help="Switch off folding, matching (through disguises) or lexicon in a bundle; repeatable.",
)  # fmt: skip
@click.option("--ablate", is_flag=True, help="BUNDLE also without each and all of these.")
@click.option(
    "--false-positives", type=float, default=0.05, show_default=True, metavar="SHARE",
    help="Where the thresholds are set, by the corpus's harmless texts.",
)  # fmt: skip
@click.option(
    "--limit", type=click.IntRange(1), default=300, show_default=True, metavar="N",
    help=f"Harmful texts, and {_HARMLESS} times as many harmless ones, drawn at random.",
)  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True, metavar="N")
@click.option("--split", metavar="NAME", help="Only the rows of this split.")
@click.option("--text-column", default="text", show_default=True, metavar="NAME")
@click.option(
    "--label-column", "label_columns", multiple=True, metavar="NAME",
    help="1 is harmful, 0 is not; repeatable. [default: label]",
)  # fmt: skip
@click.option("--examples", "number", type=click.IntRange(0), default=0, show_default=True,
              metavar="N", help="Texts before and after, of each family and strength.")  # fmt: skip
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, metavar="N",
              help="Processes.")  # fmt: skip
@click.option(
    "--cache", metavar="FILE",
    help="Keep what is finished, so that an interrupted run goes on where it was.",
)  # fmt: skip
@click.option("--report", metavar="FILE.html", help="An HTML page.")
@click.option("--json", "json_file", metavar="FILE", help="All figures as JSON; - is stdout.")
@click.option(
    "--list", is_flag=True, is_eager=True, expose_value=False,
    callback=lambda ctx, parameter, value: _show_families(ctx) if value else None,
    help="Show the families of attacks and exit.",
)  # fmt: skip
def attack(
    bundle: str,
    corpus: str,
    *,
    attacks: tuple[str, ...],
    targets: tuple[str, ...],
    strengths: tuple[float, ...],
    search: str,
    budget: int,
    words: float,
    aimed: bool,
    max_edits: float | None,
    readability: float,
    against: tuple[str, ...],
    without: tuple[str, ...],
    ablate: bool,
    false_positives: float,
    limit: int,
    seed: int,
    split: str | None,
    text_column: str,
    label_columns: tuple[str, ...],
    number: int,
    workers: int,
    cache: str | None,
    report: str | None,
    json_file: str | None,
) -> None:
    """Attack the harmful texts of CORPUS and measure how BUNDLE stands up to it.

    For each family of attacks and each strength: the share of the harmful texts that is still
    flagged, at an equal rate of false positives.
    """
    from moddefense.attacks.limits import Limits
    from moddefense.attacks.page import write
    from moddefense.attacks.running import Plan, run
    from moddefense.attacks.search import Tactics
    from moddefense.cli import console
    from moddefense.corpus import Corpus
    from moddefense.lexicon.curation.corpora import take_split
    from moddefense.lexicon.curation.editing import write_file

    for path in (report, json_file):
        if path and path != "-" and not Path(path).parent.is_dir():  # before the work, not after it
            raise WriteError(f"{path}: there is no folder {Path(path).parent}; make it first")
    limits = Limits(float("inf") if max_edits is None else max_edits, 1.0, readability)
    plan = Plan(
        targets=targets, attacks=attacks, strengths=strengths,
        tactics=Tactics(search, budget, words, aimed, limits=limits),
        false_positives=false_positives, seed=seed, examples=number,
    )  # fmt: skip
    systems = _systems(bundle, against, without, ablate=ablate)
    texts = take_split(
        Corpus.read(corpus, text_column=text_column, label_columns=label_columns or ("label",)),
        split,
    )
    harmful, harmless = _drawn(texts, limit, seed)
    quiet_tensorflow()
    with console.counting_progress("attacking") as progress:
        found = run(
            systems, plan, harmful, harmless,
            workers=workers, cache=cache, prepare=quiet_tensorflow, progress=progress,
        )  # fmt: skip
    if report:
        write(report, found)
    if json_file:
        values = json.dumps(found, ensure_ascii=False, indent=1) + "\n"
        if json_file == "-":
            click.echo(values, nl=False)
            return
        write_file(json_file, values.encode("utf-8", "replace"))
    _show(found)


def _systems(
    bundle: str, against: tuple[str, ...], without: tuple[str, ...], *, ablate: bool
) -> list[System]:
    from moddefense.attacks.running import System
    from moddefense.attacks.targets import DEFENCES

    own = bundle.rstrip("/").rpartition("/")[2]
    systems = {own: System(own, bundle)}
    for name, other in (_pair(value, "--against") for value in against):
        if name in systems:
            raise ConfigurationError(f"--against: {name!r} is named twice; give another name")
        systems[name] = System(name, other)
    for name, value in (_pair(value, "--without") for value in without):
        if name not in systems:
            known = ", ".join(systems)
            raise ConfigurationError(f"--without: no bundle {name!r}; there are {known}")
        off = tuple(part.strip() for part in value.split(","))
        systems[name] = System(name, systems[name].bundle, off)
    if ablate:
        for defence in DEFENCES:
            name = f"{own}, no {defence}"
            systems[name] = System(name, bundle, (defence,))
        systems[f"{own}, none of these"] = System(f"{own}, none of these", bundle, DEFENCES)
    return list(systems.values())


def _pair(value: str, option: str) -> tuple[str, str]:
    name, equals, rest = value.partition("=")
    if not (name and equals and rest):
        raise ConfigurationError(f"{option}: {value!r} is not NAME=VALUE")
    return name, rest


def _drawn(texts: Corpus, limit: int, seed: int) -> tuple[list[str], list[str]]:
    """Harmful and harmless texts, each drawn at random, without duplicates."""
    labels = texts.harmful.tolist()
    drawn = []
    for label, most in ((1.0, limit), (0.0, _HARMLESS * limit)):
        some = dict.fromkeys(t for t, own in zip(texts.texts, labels, strict=True) if own == label)
        drawn.append(random.Random(seed).sample(list(some), min(most, len(some))))
    return drawn[0], drawn[1]


def _show(found: dict[str, Any]) -> None:
    from moddefense.cli.console import show_rows

    rows = [
        [row["system"], row["target"], one["family"], one["strength"],
         _share(row["recall"]), _share(one["recall"]), _share(one["kept"]), _share(one["success"]),
         _share(one["false_alarms"]), one["queries"], one["void"]]
        for row in found["results"] for one in row["attacks"]
    ]  # fmt: skip
    show_rows(
        ["bundle", "target", "attack", "strength", "recall", "under attack", "kept",
         "got through", "false alarms", "queries", "void"],
        rows,
    )  # fmt: skip


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _show_families(ctx: click.Context) -> None:
    from moddefense.attacks.families import FAMILIES
    from moddefense.attacks.substitution import SUBSTITUTIONS
    from moddefense.cli.console import show_rows

    rows = [[family.group, family.name, family.about] for family in FAMILIES.values()]
    rows += [["substitution", name, about] for name, about in SUBSTITUTIONS.items()]
    show_rows(["group", "family", "what it does"], rows)
    ctx.exit()

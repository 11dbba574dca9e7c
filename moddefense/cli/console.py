"""What a person sees on stderr: progress, warnings, the table at the end. Data never goes here."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.tree import Tree

if TYPE_CHECKING:
    from moddefense.batch.manifest import Summary

__all__ = [
    "counting_progress",
    "evaluation_progress",
    "exit_code",
    "plural",
    "show_rows",
    "show_summary",
    "show_tree",
    "stderr",
    "training_progress",
    "warn",
]

FINDINGS = 1
QUARANTINED = 4


def stderr() -> Console:
    """Return a console on stderr; plain where it is not a terminal."""
    return Console(file=sys.stderr, highlight=False, soft_wrap=True)


@contextmanager
def _terminal() -> Iterator[Console]:
    """A console on a copy of stderr, which goes on while TensorFlow's import has it shut."""
    with open(os.dup(sys.stderr.fileno()), "w", encoding="utf-8") as file:
        yield Console(file=file, highlight=False)


def warn(message: str) -> None:
    """Print one line of warning."""
    click.echo(f"moddefense: warning: {message}", err=True)


def plural(number: int, noun: str) -> str:
    """Return a number with its noun.

    >>> plural(1, "row"), plural(2000, "row")
    ('1 row', '2,000 rows')
    """
    return f"{number:,} {noun}{'s' * (number != 1)}"


@contextmanager
def counting_progress(what: str) -> Iterator[Callable[[int, int], None] | None]:
    """Give the callback that shows how many parts are done of how many; None off a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    columns = (SpinnerColumn(), TextColumn(what), BarColumn(), TextColumn("{task.completed} of "
               "{task.total}"), TimeElapsedColumn(), TimeRemainingColumn())  # fmt: skip
    with _terminal() as console, Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def show_summary(summary: Summary, *, out: str | None, quarantine: str | None) -> None:
    """Print the counts of a run as a table."""
    console = stderr()
    if summary.finished_before:
        console.print(f"{out}: finished already; nothing to do", markup=False)
        return
    for name, values in summary.counts.items():
        if name == "flagged":  # for the manifest's estimate
            continue
        table = Table(name.replace("_", " "), "rows", "share", box=None, pad_edge=False)
        table.columns[1].justify = table.columns[2].justify = "right"
        for value, number in values.items():
            if number:
                table.add_row(value, f"{number:,}", f"{number / summary.records:.1%}")
        console.print(table)
        console.print()
    rate = summary.texts_per_second
    console.print(
        f"{summary.records:,} of {plural(summary.rows, 'row')} decided in {summary.seconds:.1f} s"
        + (f", {rate:,.0f} texts/s" if rate else "")
        + (f" → {out}" if out else ""),
        markup=False,
    )
    if summary.quarantined:
        kept = f"in {quarantine}" if quarantine else "kept nowhere (--quarantine FILE keeps them)"
        console.print(
            f"{plural(summary.quarantined, 'row')} could not be decided, {kept};"
            f" first: {summary.first_error}",
            markup=False,
        )


def exit_code(summary: Summary, fail_on: str | None = None) -> int:
    """Return what a run ends with: 1 for ``fail_on`` met, else 4 for quarantined rows, else 0.

    A run that was finished before ends with 0, for nothing was done.
    """
    if summary.finished_before:
        return 0
    decided = summary.counts.get("decision", {})
    worse = {"review": ("review", "block"), "block": ("block",)}.get(fail_on or "", ())
    if any(decided.get(name, 0) for name in worse):
        return FINDINGS
    return QUARANTINED if summary.quarantined else 0


@contextmanager
def training_progress() -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Give the callback that shows training events: lines, and on a terminal a bar as well.

    What it does not know of an event it leaves out or prints as it is.
    """
    console = stderr()
    columns = (
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    hidden = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=hidden) as bar:
        task = bar.add_task("training", total=None, note="")
        validation: list[str] = []

        def tell(event: Mapping[str, Any]) -> None:
            if event.get("kind") != "step":
                if "validation" in event:
                    validation[:] = [f"validation {_shown(event['validation'])}"]
                for line in _training_lines(event):
                    console.print(line, markup=False)
                return
            epochs, steps = event.get("epochs"), event.get("steps")
            epoch, step = event.get("epoch", 1), event.get("step", 0)
            loss = event.get("loss")
            bar.update(
                task,
                description=f"epoch {epoch}" + (f" of {epochs}" if epochs else ""),
                note=", ".join([*([] if loss is None else [f"loss {_shown(loss)}"]), *validation]),
                total=epochs * steps if epochs and steps else None,
                completed=(epoch - 1) * (steps or 0) + step,
            )

        yield tell


def _training_lines(event: Mapping[str, Any]) -> list[str]:
    values = {key: value for key, value in event.items() if key not in ("kind", "epochs")}
    values.pop("metrics", None)  # the report has them
    notes = [str(note) for note in values.pop("notes", ())]
    epoch = values.pop("epoch", None)
    head = str(event.get("kind", "")) if epoch is None else f"epoch {epoch}"
    if epoch is not None and "epochs" in event:
        head += f" of {event['epochs']}"
    texts = values.pop("texts", None)
    if isinstance(texts, Mapping):
        values = {**{f"{name} texts": count for name, count in texts.items()}, **values}
    tail = ", ".join(f"{key.replace('_', ' ')} {_shown(value)}" for key, value in values.items())
    return [head + (f": {tail}" if tail else ""), *notes]


@contextmanager
def evaluation_progress() -> Iterator[Callable[[str, int, int], None] | None]:
    """Give the callback that moves a progress bar; None where stderr is not a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    columns = (
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(),
        TextColumn("{task.completed:,} of {task.total:,} texts"), TimeRemainingColumn(),
    )  # fmt: skip
    with _terminal() as console, Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("loading", total=0)
        yield lambda what, done, total: bar.update(
            task, description=what, completed=done, total=total
        )


def show_rows(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a table on stdout; columns of numbers to the right."""
    table = Table(*header, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row))
    for column, cell in zip(table.columns, rows[0] if rows else (), strict=False):
        column.justify = "right" if isinstance(cell, int) else "left"
    _stdout().print(table)


def show_tree(values: Mapping[str, Any]) -> None:
    """Print nested values on stdout as an indented tree."""
    console = _stdout()
    for key, value in values.items():
        console.print(_branch(str(key), value))


def _stdout() -> Console:
    console = Console(highlight=False, markup=False)
    return console if console.is_terminal else Console(highlight=False, markup=False, width=200)


def _branch(key: str, value: Any) -> Tree:
    from rich.text import Text

    if isinstance(value, Mapping) and value:
        tree = Tree(Text(key, "bold"))
        for name, inner in value.items():
            tree.add(_branch(str(name), inner))
        return tree
    if isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
        tree = Tree(Text(key, "bold"))
        for index, item in enumerate(value):
            tree.add(_branch(str(index), item))
        return tree
    shown = "–" if value is None or value in ([], {}, ()) else value
    if isinstance(value, list | tuple) and value:
        shown = ", ".join(_shown(item) for item in value)
    return Tree(Text.assemble((key, "bold"), ": ", _shown(shown)))


def _shown(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)

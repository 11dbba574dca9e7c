"""Options that several commands share, and what they load."""

from __future__ import annotations

import glob
import os
import stat
import sys
from collections.abc import Callable, Sequence
from functools import reduce
from operator import or_
from typing import IO, TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from moddefense.batch.job import Screener
    from moddefense.batch.manifest import Summary
    from moddefense.lexicon import Lexicon
    from moddefense.pipeline import Guard

__all__ = [
    "BUNDLE",
    "GUARD",
    "INPUT",
    "LEXICON",
    "SHADOW",
    "examples",
    "load_guard",
    "on_trial",
    "options",
    "read_lists",
]

Decorator = Callable[[Any], Any]

BUNDLE = click.option(
    "--bundle", default="default", show_default=True, metavar="NAME_OR_DIR",
    help="The trained bundle.",
)  # fmt: skip
LEXICON = click.option(
    "--lexicon", multiple=True, metavar="FILE",
    help="A word list (file or shipped name) instead of all shipped ones; repeatable.",
)  # fmt: skip
GUARD: tuple[Decorator, ...] = (
    BUNDLE,
    LEXICON,
    click.option("--policy", metavar="FILE", help="A policy TOML; missing keys are the bundle's."),
    click.option(
        "--stages", default="lexicon,trigger,classifier", show_default=True, metavar="LIST",
        help="The stages to run, comma-separated.",
    ),
)  # fmt: skip
SHADOW: tuple[Decorator, ...] = (
    click.option(
        "--shadow-lexicon", multiple=True, metavar="FILE",
        help="A word list on trial beside the others: recorded, without effect; repeatable.",
    ),
    click.option(
        "--shadow-bundle", metavar="NAME_OR_DIR",
        help="A bundle on trial, with its own policy: recorded, without effect.",
    ),
)  # fmt: skip
INPUT: tuple[Decorator, ...] = (
    click.argument("inputs", nargs=-1, metavar="[INPUT]..."),
    click.option(
        "--text-column", default="text", show_default=True, metavar="NAME",
        help="Column or key with the text.",
    ),
    click.option(
        "--id-column", metavar="NAME",
        help="Column or key with the id. [default: id where there is one, else the row number]",
    ),
    click.option(
        "--input-format", metavar="FORMAT",
        help="csv, tsv, jsonl, ndjson, parquet or txt, where the name does not say it;"
        " with .gz or .zst behind it if compressed.",
    ),
    click.option(
        "--encoding", default="utf-8", show_default=True, metavar="NAME", help="Of text formats."
    ),
    click.option(
        "--batch-size", type=click.IntRange(1), default=4096, show_default=True, metavar="N",
        help="Rows at a time.",
    ),
    click.option("--limit", type=click.IntRange(0), metavar="N", help="Stop after N rows."),
)  # fmt: skip

OUTPUT: tuple[Decorator, ...] = (
    click.option(
        "-o", "--output", "out", metavar="OUT",
        help="A .jsonl, .csv or .parquet file. [default: JSON lines on stdout]",
    ),
    click.option(
        "--resume", is_flag=True, help="Go on with an interrupted run of the same settings."
    ),
    click.option(
        "--quarantine", metavar="FILE",
        help="For unreadable rows. [default: OUT.quarantine.jsonl]",
    ),
    click.option(
        "--max-errors", type=click.FloatRange(0, 1), default=1.0, show_default=True,
        metavar="SHARE", help="Stop when a larger share of the rows cannot be read.",
    ),
    click.option(
        "--json-progress", is_flag=True,
        help="Tell progress and the end as JSON lines on stderr, for machines.",
    ),
    click.option("--log", metavar="FILE", help="Add the same events to a file."),
    click.option(
        "--engine", type=click.Choice(["local", "ray"]), default="local", show_default=True,
        help="Where it runs: this machine, or a Ray cluster.",
    ),
    click.option(
        "--ray-address", metavar="ADDR", help="The cluster. [default: one is started here]"
    ),
    click.option(
        "--workers", type=click.IntRange(1), metavar="N",
        help="Processes that decide; 1: no other than this one. [default: one a core]",
    ),
)  # fmt: skip


def options(*decorators: Decorator) -> Decorator:
    """Return one decorator that applies several, in the order of a help page."""

    def apply(function: Any) -> Any:
        return reduce(lambda inner, decorator: decorator(inner), reversed(decorators), function)

    return apply


def examples(*commands: str) -> str:
    """Return the end of a help page, a command a line."""
    title = "Example:" if len(commands) == 1 else "Examples:"
    return "\b\n" + "\n".join([title, *(f"  {command}" for command in commands)])


def read_lists(files: Sequence[str]) -> Lexicon | None:
    """Read word lists, files or shipped names, as one; None when none is named."""
    from moddefense.cli.lexicon_names import named_lists

    return reduce(or_, named_lists(files)) if files else None


def load_guard(bundle: str, *, lexicon: Sequence[str], policy: str | None, stages: str) -> Guard:
    """Load the pipeline that the options ask for. Raises ConfigurationError and BundleError."""
    import moddefense as md
    from moddefense.pipeline import check_stages

    named = check_stages([name.strip() for name in stages.split(",") if name.strip()])
    guard: Guard = md.load(bundle, lexicon=read_lists(lexicon), policy=policy, stages=named)
    return guard


def on_trial(guard: Guard, *, lexicon: Sequence[str], bundle: str | None) -> Guard | None:
    """Return the guard with what is on trial; None where nothing is."""
    if not lexicon and bundle is None:
        return None
    from moddefense.shadowing import on_trial as made

    return made(guard, lexicon=read_lists(lexicon), bundle=bundle)


def run_job(
    load: Callable[[], Screener],
    inputs: tuple[str, ...],
    *,
    what: str,
    out: str | None,
    resume: bool,
    quarantine: str | None,
    json_progress: bool,
    log: str | None,
    retry_quarantine: str | None = None,
    **settings: Any,
) -> Summary:
    """Run a batch job with progress and a table at the end; no OUT, or ``-``, is stdout.

    ``load`` is called after the inputs were found to be readable. ``retry_quarantine`` stands for
    the inputs.
    """
    from moddefense.batch.job import Job
    from moddefense.batch.local import screen_files, screen_stream
    from moddefense.cli.progress import reporter
    from moddefense.cli.quiet import open_stderr

    if retry_quarantine is not None:
        inputs = (retry_quarantine, *inputs)
        settings["retry"] = True
    inputs = tuple(path for given in inputs for path in _matching(given))
    job = Job(inputs or (_piped(),), **settings)
    if out == "-":
        out = None
    special = out is not None and _special(out)
    if resume and (out is None or special):
        raise click.UsageError("--resume needs an output file: -o OUT")
    _check_log(log, inputs, out, quarantine)
    with reporter(what, as_json=json_progress, log=log) as report:
        job.sources()
        guard = load()
        told: dict[str, Any] = {"progress": report.tell, "warn": report.warn}
        try:
            if out is None:
                summary = screen_stream(
                    guard, job, sys.stdout.buffer, quarantine=quarantine, **told
                )
            elif special:
                with _opened(out) as stream:
                    summary = screen_stream(guard, job, stream, quarantine=quarantine, **told)
            else:
                summary = screen_files(
                    guard, job, out, quarantine=quarantine, resume=resume, **told
                )
                quarantine = quarantine or f"{out}.quarantine.jsonl"
        except KeyboardInterrupt:
            open_stderr()
            if out is not None and os.path.exists(f"{out}.parts"):
                report.warn(f"{out}.parts keeps what is finished; --resume goes on from there")
            raise
        report.done(summary, out=out, quarantine=quarantine)
    return summary


def _matching(path: str) -> list[str]:
    """The files that a pattern names, sorted, where the shell has not put them in its place."""
    if any(sign in path for sign in "*?[") and "://" not in path and not os.path.exists(path):
        return sorted(glob.glob(path)) or [path]
    return [path]


def _check_log(
    log: str | None, inputs: Sequence[str], out: str | None, quarantine: str | None
) -> None:
    """Raise UsageError where events would be written into an input or an output."""
    if log is None or _special(log):
        return
    beside = () if out is None else (f"{out}.manifest.json", f"{out}.quarantine.jsonl")
    taken = [path for path in (*inputs, out, quarantine, *beside) if path not in (None, "-")]
    if os.path.realpath(log) in [os.path.realpath(path) for path in taken if path is not None]:
        raise click.UsageError(f"--log {log}: is an input or output too; choose another file")


def _opened(out: str) -> IO[bytes]:
    from moddefense.batch.writing import unwritable

    try:
        return open(out, "wb")
    except OSError as error:
        raise unwritable(out, error) from None


def _special(out: str) -> bool:
    """Whether an output is a device or a pipe, to be written as it comes: /dev/null, say."""
    try:
        mode = os.stat(out).st_mode
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _piped() -> str:
    """Return ``-`` when something is piped in, for a command without INPUT."""
    if sys.stdin.isatty():
        raise click.UsageError("no INPUT; name a file, or - for standard input")
    return "-"

"""How a batch run tells what it does: a bar on a terminal, or events as JSON lines."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from moddefense.cli import console
from moddefense.errors import WriteError

if TYPE_CHECKING:
    from moddefense.batch.manifest import Summary
    from moddefense.batch.run import Progress as Tell

__all__ = ["Reporter", "reporter"]

SECONDS = 1.0  # between two events of progress

Event = dict[str, Any]


class Reporter:
    """What a run reports to: ``tell`` after each batch, ``warn``, and ``done`` at the end."""

    def __init__(
        self, what: str, sinks: list[Callable[[Event], None]], bar: Tell | None, *, quiet: bool
    ) -> None:
        self.what = what
        self.sinks = sinks
        self.bar = bar
        self.quiet = quiet  # stderr is for events alone
        self.last = time.monotonic()
        self.send("start", what=what)

    @property
    def tell(self) -> Tell | None:
        """The callback for progress; None where nobody wants to know."""
        return self._tell if self.sinks or self.bar is not None else None

    def _tell(self, summary: Summary, share: float | None) -> None:
        if self.bar is not None:
            self.bar(summary, share)
        now = time.monotonic()
        if self.sinks and now - self.last >= SECONDS:
            self.last = now
            left = summary.seconds * (1 - share) / share if share else None
            self.send("progress", **_counts(summary), share=share, seconds_left=left)

    def warn(self, message: str) -> None:
        """Report what is odd but no error."""
        self.send("warning", message=message)
        if not self.quiet:
            console.warn(message)

    def done(self, summary: Summary, *, out: str | None, quarantine: str | None) -> None:
        """Report the end, and show the table of counts."""
        kept = quarantine if summary.quarantined else None
        self.send("done", **_counts(summary), out=out, quarantine=kept)
        if not self.quiet:
            console.show_summary(summary, out=out, quarantine=quarantine)

    def failed(self, error: BaseException) -> None:
        """Report what ends the run."""
        self.send("failed", error=type(error).__name__, message=str(error))

    def send(self, kind: str, **values: Any) -> None:
        """Send one event to whoever listens."""
        stamp = datetime.now(UTC).isoformat(timespec="milliseconds")
        for sink in self.sinks:
            sink({"event": kind, "time": stamp, **values})


def _counts(summary: Summary) -> Event:
    rate = summary.texts_per_second
    return {
        "rows": summary.rows,
        "records": summary.records,
        "quarantined": summary.quarantined,
        "seconds": round(summary.seconds, 3),
        "texts_per_second": None if rate is None else round(rate, 1),
        **summary.counts,
    }


@contextmanager
def reporter(what: str, *, as_json: bool, log: str | None) -> Iterator[Reporter]:
    """Give the Reporter of a run; ``log`` is a file to which events are added."""
    with ExitStack() as stack:
        sinks = []
        if as_json or log is not None:
            streams = [stack.enter_context(_stderr())] if as_json else []
            if log is not None:
                streams.append(stack.enter_context(_opened(log)))
            sinks = [_sink(stream) for stream in streams]
        bar = None
        if not as_json and sys.stderr.isatty():
            bar = stack.enter_context(_bar(what))
        report = Reporter(what, sinks, bar, quiet=as_json)
        try:
            yield report
        except BaseException as error:
            report.failed(error)
            raise


def _sink(stream: IO[str]) -> Callable[[Event], None]:
    def write(event: Event) -> None:
        stream.write(json.dumps(event, ensure_ascii=False) + "\n")
        stream.flush()

    return write


def _opened(path: str) -> IO[str]:
    try:
        return open(path, "a", encoding="utf-8", errors="replace")
    except OSError as error:
        raise WriteError(f"{path}: cannot be written: {error.strerror}") from None


@contextmanager
def _stderr() -> Iterator[IO[str]]:
    """A copy of stderr, which goes on while TensorFlow's import has it shut."""
    try:
        handle = os.dup(sys.stderr.fileno())
    except (OSError, AttributeError, ValueError):  # no file behind it
        yield sys.stderr
        return
    with open(handle, "w", encoding="utf-8", errors="replace") as file:
        yield file


@contextmanager
def _bar(what: str) -> Iterator[Tell]:
    columns = (
        SpinnerColumn(), TextColumn(what), BarColumn(), TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with (
        _stderr() as file,
        Progress(*columns, console=Console(file=file, highlight=False), transient=True) as bar,
    ):
        task = bar.add_task(what, total=None, note="")

        def tell(summary: Summary, share: float | None) -> None:
            rate = summary.texts_per_second or 0
            note = f"{console.plural(summary.rows, 'row')}, {rate:,.0f}/s"
            for name, number in summary.counts.get("decision", {}).items():
                if number:
                    note += f", {name} {number / summary.records:.0%}"
            if summary.quarantined:
                note += f", {summary.quarantined:,} quarantined"
            bar.update(task, total=None if share is None else 1.0, completed=share, note=note)

        yield tell

"""Ctrl-C that works within moments, whatever library has the word."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator

import click

__all__ = ["ends_promptly"]

INTERRUPTED = 130
GRACE = 1.0  # seconds that Python gets to end by itself


@contextlib.contextmanager
def ends_promptly(hint: Callable[[], str | None]) -> Iterator[None]:
    """End the program soon after Ctrl-C, even where Python cannot raise KeyboardInterrupt.

    It raises only between two of its own instructions, and a library may compute for minutes in
    one. What the block writes must bear being killed at any point. ``hint`` gives a line to print
    then, or None.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are none of this thread's business
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    over = threading.Event()

    def watch() -> None:
        while signal_number := os.read(reader, 1):
            if signal_number[0] == signal.SIGINT and not over.wait(GRACE):
                _end(hint)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    former = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    try:
        yield
    except KeyboardInterrupt:
        _end(hint)
    finally:
        over.set()
        signal.set_wakeup_fd(former)
        os.close(writer)
        thread.join()
        os.close(reader)


def _end(hint: Callable[[], str | None]) -> None:
    """Exit at once: to take everything down in order would itself take seconds."""
    if sys.stderr.isatty():
        os.write(2, b"\x1b[?25h")  # the progress bar hides the cursor
    if line := hint():
        click.echo(f"moddefense: warning: {line}", err=True)
    click.echo("moddefense: error: interrupted", err=True)
    os._exit(INTERRUPTED)

"""Groups of commands that are imported when run, and how errors end a program."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from typing import Any

import click

from moddefense.errors import ModdefenseError

__all__ = ["LazyGroup", "Program"]

FAILED = 3  # an unexpected error: the work is not done
INTERRUPTED = 130


class _HungUp(Exception):
    """Nobody reads the output any more."""


class _Interrupted(Exception):
    """Somebody pressed Ctrl-C."""


class LazyGroup(click.Group):
    """A group made of a table: command name → (``module:attribute`` in this package, help line)."""

    def __init__(self, table: Mapping[str, tuple[str, str]], **settings: Any) -> None:
        super().__init__(**settings)
        self.table = dict(table)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, in the order of the table."""
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in self.table:
            return None
        module, _, attribute = self.table[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(f"moddefense.cli.{module}"), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help lines without importing any command."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self.table.items()])


class Program(LazyGroup):
    """The group at the top: every error becomes one line on stderr and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what click would report in its own way is kept from it."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # click would exit with 1, which means findings
            raise _HungUp from None
        except KeyboardInterrupt:
            raise _Interrupted from None

    def main(self, *arguments: Any, **settings: Any) -> Any:
        """Run and exit: 0, what the command returns, or what the error says."""
        settings["standalone_mode"] = False
        settings["prog_name"] = "moddefense"
        try:
            code = _flushed(super().main(*arguments, **settings))
        except (_Interrupted, KeyboardInterrupt, click.Abort):
            code = _interrupted(alone=not arguments and "args" not in settings)
        except click.UsageError as error:
            name = error.ctx.command_path if error.ctx is not None else "moddefense"
            code = _report(f"{error.format_message()} (see {name} --help)", error.exit_code)
        except click.ClickException as error:
            code = _report(error.format_message(), FAILED)
        except ModdefenseError as error:
            _traceback()
            code = _report(str(error), error.exit_code)
        except _HungUp:
            code = _hang_up()
        except Exception as error:
            _traceback()
            what = f"unexpected {type(error).__name__}: {str(error)[:200].strip()}"
            advice = "run again with MODDEFENSE_DEBUG=1 and report what it prints"
            code = _report(f"{what}; this should not happen: {advice}", FAILED)
        sys.exit(code)


def _flushed(code: Any) -> int:
    """Return the exit code, once it is certain that the output has arrived."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise _HungUp from None
    return code if isinstance(code, int) else 0


def _report(message: str, code: int) -> int:
    line = " ".join(message.splitlines())
    click.echo(f"moddefense: error: {line}", err=True)
    return code


def _interrupted(*, alone: bool) -> int:
    """Report; where the process is ours ``alone``, end it without waiting for what still works."""
    from moddefense.cli.quiet import open_stderr

    open_stderr()
    code = _report("interrupted", INTERRUPTED)
    if alone:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)  # threads may be importing TensorFlow, and taking it down takes seconds
    return code


def _hang_up() -> int:
    """Nobody reads the output any more: go quietly, and let Python not complain when it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return FAILED


def _traceback() -> None:
    if os.environ.get("MODDEFENSE_DEBUG"):
        import traceback

        traceback.print_exc()

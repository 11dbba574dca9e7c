"""Help pages, errors and signals: what every command has in common."""

from __future__ import annotations

import signal
import subprocess
import time

import click
import pytest

from moddefense.cli import main
from moddefense.cli.group import LazyGroup


def commands(group, path=()):
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


PATHS = [path for path, _ in commands(main)]


@pytest.mark.parametrize("path", [(), *PATHS], ids=" ".join)
def test_every_help_page_has_an_example(run, path):
    result = run(*path, "--help")
    assert result.exit_code == 0
    assert result.stderr == ""
    assert "Example" in result.stdout
    assert (
        f"moddefense {path[0]}" in result.stdout if path else "moddefense screen" in result.stdout
    )


def test_tables_of_commands_hold(run):
    for path, command in commands(main):
        assert command.name == path[-1]
    assert all(isinstance(group, LazyGroup) for group in (main, main.get_command(None, "lexicon")))


def test_train_help_lists_every_recipe_key(run):
    from moddefense.recipe import describe_keys

    page = run("train", "--help").stdout
    assert all(key in page for key, *_ in describe_keys())


def test_version(run):
    from moddefense import __version__

    assert run("--version").stdout == f"moddefense {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nonsense"], "No such command 'nonsense'"),
        (["screen", "--nonsense"], "No such option"),
        (["screen", "--limit", "x", "a.csv"], "'x' is not a valid integer"),
        (["screen", "--fail-on", "allow", "a.csv"], "'allow' is not one of"),
        (["train", "a.csv"], "Missing option '--out'"),
        (["bundle", "show"], "Missing argument"),
    ],
)
def test_wrong_usage(fails, arguments, says):
    assert says in fails(2, *arguments)


def test_an_unexpected_error_is_one_line(fails, monkeypatch):
    def explode():
        raise ZeroDivisionError("over\nnought")

    monkeypatch.setattr("moddefense.lexicon.list_names", explode)
    assert "unexpected ZeroDivisionError: over nought" in fails(3, "lexicon", "list")


def test_debugging_shows_the_traceback(run, monkeypatch):
    monkeypatch.setenv("MODDEFENSE_DEBUG", "1")
    result = run("bundle", "show", "no/such/bundle")
    assert result.exit_code == 3
    assert "Traceback" in result.stderr


def test_python_m(spawn):
    process = spawn("-m", "moddefense", "--version")
    assert process.communicate()[0].startswith(b"moddefense ")
    assert process.returncode == 0


def test_a_closed_pipe_ends_quietly(spawn, terms):
    process = spawn(
        "-m", "moddefense", "lexicon", "match", "--lexicon", str(terms),
        "-", "--input-format", "txt", "--batch-size", "1",
    )  # fmt: skip
    process.stdin.write(b"one\n")
    process.stdin.flush()
    assert process.stdout.readline() == b'{"id": "0", "matches": []}\n'
    process.stdout.close()
    try:
        process.stdin.write(b"two\nthree\n" * 100)
        process.stdin.close()
    except BrokenPipeError:
        pass
    assert process.stderr.read() == b""
    assert process.wait(20) == 3
    process.stderr.close()


def test_interrupting_exits_130(spawn, terms, tmp_path):
    process = spawn(
        "-m", "moddefense", "lexicon", "match", "--lexicon", str(terms),
        "-", "--input-format", "txt", "--batch-size", "1",
    )  # fmt: skip
    process.stdin.write(b"one\n")
    process.stdin.flush()
    assert process.stdout.readline()
    process.send_signal(signal.SIGINT)
    try:
        _, errors = process.communicate(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert process.returncode == 130
    assert errors.decode().splitlines() == ["moddefense: error: interrupted"]


@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGINT])
def test_killing_and_resuming_changes_nothing(spawn, run, terms, tmp_path, kill):
    (tmp_path / "a.txt").write_text("".join(f"you jerk {n}\n" for n in range(60_000)))
    common = ["lexicon", "match", "--lexicon", str(terms), str(tmp_path / "a.txt"), "-o"]
    out, whole = tmp_path / "out.jsonl", tmp_path / "whole.jsonl"
    process = spawn("-m", "moddefense", *common, str(out))
    journal = tmp_path / "out.jsonl.parts" / "journal.jsonl"
    while process.poll() is None and not finished_parts(journal):
        time.sleep(0.01)
    process.send_signal(kill)
    process.wait(60)
    for stream in (process.stdin, process.stdout):
        stream.close()
    with process.stderr:
        errors = process.stderr.read().decode()  # its end comes with that of the last worker
    if not out.exists():  # else it was faster
        assert process.returncode == (130 if kill == signal.SIGINT else -signal.SIGKILL), errors
        assert ("--resume goes on" in errors) == (kill == signal.SIGINT), errors
    assert run(*common, out, "--resume").exit_code == 0
    assert run(*common, whole).exit_code == 0
    assert out.read_bytes() == whole.read_bytes()
    assert not journal.parent.exists()


def finished_parts(journal):
    try:
        return journal.read_bytes().count(b"\n") - 1 > 0
    except FileNotFoundError:
        return False

"""What the documents say is so: examples run, commands parse, named files are there."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import click
import pytest

from moddefense.cli import main
from moddefense.resources import bundle_names

CHECKOUT = Path(__file__).resolve().parents[1]
READMES = ["README.md", "training/README.md", "lexicons/README.md"]
READMES += sorted(f"docs/{path.name}" for path in (CHECKOUT / "docs").glob("*.md"))


def blocks(path, language=""):
    text = (CHECKOUT / path).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def commands(path):
    """Every command line of moddefense in a document, in blocks and in running text."""
    lines = "".join(blocks(path)).replace("\\\n", " ").splitlines()
    found = [line for line in lines if line.startswith("moddefense ")]
    text = (CHECKOUT / path).read_text(encoding="utf-8")
    return found + [" ".join(c.split()) for c in re.findall(r"`(moddefense [^`]+)`", text)]


COMMANDS = [(path, line) for path in READMES for line in commands(path)]


@pytest.mark.parametrize(("path", "line"), COMMANDS, ids=[line[:60] for _, line in COMMANDS])
def test_documented_commands_parse(path, line):
    _, *arguments = shlex.split(line, comments=True)
    command: click.Command = main
    name = "moddefense"
    while isinstance(command, click.Group):
        name, *arguments = arguments
        found = command.get_command(click.Context(command), name)
        assert found is not None, f"{path}: no command {name!r}"
        command = found
    if "--help" in arguments:
        return
    try:
        command.make_context(name, arguments)
    except click.MissingParameter:
        assert not arguments, line  # named in running text without its arguments
    except click.exceptions.Exit as end:  # an option that answers and ends, like --list
        if end.exit_code:
            raise


def test_the_readme_shows_each_command():
    shown = {shlex.split(line, comments=True)[1] for line in commands("README.md")}
    assert shown >= {"screen", "explain", "lexicon", "train"}


def test_the_python_example_runs(monkeypatch, tmp_path, capsys):
    if "default" not in bundle_names():
        pytest.skip("no shipped bundle")
    monkeypatch.chdir(tmp_path)
    (example,) = blocks("README.md", "python")
    names = {}
    exec(compile(example, "README.md", "exec"), names)
    lines = capsys.readouterr().out.splitlines()
    assert all("leet" in line for line in lines[:-1])
    assert lines[-1].split()[0] in ("review", "block")
    assert names["verdicts"].to_arrow().num_rows == 2


def test_make_knows_the_documented_targets():
    targets = set(re.findall(r"^(\w+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))
    for path in [*READMES, ".ci/run", "CHANGELOG.md"]:
        text = (CHECKOUT / path).read_text(encoding="utf-8")
        assert set(re.findall(r"(?:^|`)make (\w+)", text, re.MULTILINE)) <= targets
    assert {"install", "demo", "test", "check", "bench", "wheel"} <= targets


def test_the_architecture_lists_the_modules_that_there_are():
    (layout, *_) = blocks("ARCHITECTURE.md")
    listed = set()
    for line in layout.splitlines()[1:]:
        listed |= set(re.findall(r"[\w/]+(?:\.py|/)(?= )", line)) if line[:2] == "  " else set()
    package = CHECKOUT / "moddefense"
    assert [name for name in sorted(listed) if not (package / name).exists()] == []
    there = {path.name for path in package.glob("[!_]*.py")}
    there |= {f"{path.parent.name}/" for path in package.glob("*/__init__.py")}
    assert there - listed == set()


@pytest.mark.parametrize("path", [*READMES, "ARCHITECTURE.md"])
def test_documents_name_files_that_are_there(path):
    text = (CHECKOUT / path).read_text(encoding="utf-8")
    for name in re.findall(r"`([\w./-]+\.(?:md|py|toml|csv))`", text):
        if "/" not in name and name[0].islower():
            continue  # an example, or one of the files of a bundle
        places = (CHECKOUT, (CHECKOUT / path).parent, CHECKOUT / "moddefense")
        assert any((place / name).exists() for place in places), name


def test_every_dependency_is_pinned_and_has_a_reason():
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    pins = (CHECKOUT / "constraints.txt").read_text().lower().replace("_", "-")
    pinned = {line.partition("==")[0] for line in pins.splitlines() if "==" in line}
    architecture = (CHECKOUT / "ARCHITECTURE.md").read_text()
    table = "".join(line.split("|")[1] for line in architecture.splitlines() if line[:1] == "|")
    reasons = set(re.findall(r"[\w-]+", table))
    needed = {re.split(r"[<>=\[; ]", entry)[0].lower() for entry in project["dependencies"]}
    extra = [entry for group in project["optional-dependencies"].values() for entry in group]
    tools = {re.split(r"[<>=\[; ]", entry)[0].lower() for entry in extra}
    assert needed - reasons == set()
    assert (needed | tools) - pinned == set()


def test_the_changelog_and_the_package_agree_on_the_version():
    import moddefense

    assert moddefense.__version__ in (CHECKOUT / "CHANGELOG.md").read_text()

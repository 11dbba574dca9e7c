"""Running the command line, in this process or in one of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from moddefense.cli import main
from moddefense.resources import bundle_names

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture
def run() -> Callable[..., Result]:
    """Run a command in this process; ``input`` is stdin."""

    def invoke(*arguments: object, input: bytes | str | None = None) -> Result:
        return CliRunner().invoke(main, [str(argument) for argument in arguments], input=input)

    return invoke


@pytest.fixture
def fails(run: Callable[..., Result]) -> Callable[..., str]:
    """Run a command that must end with a code and one line on stderr; return that line."""

    def invoke(code: int, *arguments: object, input: bytes | str | None = None) -> str:
        result = run(*arguments, input=input)
        assert result.exit_code == code, result.stderr
        lines = result.stderr.splitlines()
        assert len(lines) == 1, result.stderr
        assert lines[0].startswith("moddefense: error: ")
        return lines[0]

    return invoke


@pytest.fixture
def checkout() -> Path:
    """The folder that has ``examples/``."""
    return CHECKOUT


@pytest.fixture
def spawn() -> Callable[..., subprocess.Popen[bytes]]:
    """Start ``python ARGUMENTS`` in a process of its own, with pipes."""

    def start(*arguments: str, **settings: Any) -> subprocess.Popen[bytes]:
        paths = [str(CHECKOUT), os.environ.get("PYTHONPATH", "")]
        return subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
            **settings,
        )  # fmt: skip

    return start


@pytest.fixture
def shipped() -> str:
    """Name of the shipped bundle; skips the test where there is none."""
    if "default" not in bundle_names():
        pytest.skip("no shipped bundle")
    return "default"


@pytest.fixture
def terms(tmp_path: Path) -> Path:
    """A word list of our own: two terms to block and one to allow."""
    path = tmp_path / "ours.csv"
    path.write_text(
        "id,term,kind,match,category,severity,lang,status,source,note\n"
        "x-crap,crap,block,word,profanity,3,en,active,,\n"
        "x-jerk,jerk,block,word,insult,4,en,active,,\n"
        "x-jerky,beef jerk,allow,word,,,en,active,,\n"
    )
    return path


@pytest.fixture
def comments(tmp_path: Path) -> Path:
    """Four readable rows and one that is not."""
    path = tmp_path / "comments.csv"
    path.write_text("id,text\na,hello\nb,you jerk\nc\nd,what crap\ne,beef jerk\n")
    return path

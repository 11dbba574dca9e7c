"""Compile the matcher's search and the models, when the package is built or installed in place.

A C compiler is taken from $CC, else ``cc``; where there is none that works, from the ziglang wheel,
which is fetched for the build only. Without the libraries the package works too, but more slowly.
"""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ZIG = "ziglang==0.15.2"
PACKAGE = Path(__file__).resolve().parent / "moddefense"
OPTIONS = ["-std=c11", "-O3", "-ffp-contract=off", "-fPIC", "-shared"]
if platform.machine() in ("x86_64", "AMD64"):
    OPTIONS.append("-mpopcnt")  # every processor has it since 2008


class Library(NamedTuple):
    """A shared library, which is made beside its sources."""

    path: Path

    @property
    def sources(self) -> list[Path]:
        """The files that it is made of."""
        return sorted(path for path in self.path.parent.iterdir() if path.suffix in PARTS)


PARTS = (".c", ".h", ".inc")
LIBRARIES = [
    Library(PACKAGE / "lexicon" / "native" / "matcher.so"),
    Library(PACKAGE / "native" / "models.so"),
]


class CompileHook(BuildHookInterface):
    """Puts the libraries beside their sources and into the wheel."""

    def dependencies(self) -> list[str]:
        """Return what is needed for the build: a compiler, unless there is one."""
        if self.target_name != "wheel" or is_fresh() or compiled(system_compiler()) is None:
            return []
        return [ZIG]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, unless that is done, and name the platform of the wheel."""
        if self.target_name != "wheel":
            return
        if not is_fresh():
            failed = compiled(system_compiler())
            if failed is not None:
                failed = compiled([sys.executable, "-m", "ziglang", "cc"])
            if failed is not None:
                self.app.display_warning(f"search and models are not compiled: {failed}")
                return
        tag = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{tag}"
        build_data["artifacts"] += [
            library.path.relative_to(self.root).as_posix() for library in LIBRARIES
        ]


def system_compiler() -> list[str]:
    """Return the command of the machine's compiler, which need not be there."""
    return shlex.split(os.environ.get("CC") or "cc")


def is_fresh() -> bool:
    """Whether the libraries are there and newer than their sources."""
    return all(
        library.path.exists()
        and all(s.stat().st_mtime <= library.path.stat().st_mtime for s in library.sources)
        for library in LIBRARIES
    )


def compiled(compiler: Sequence[str]) -> str | None:
    """Compile the libraries; return None, or why that was not possible."""
    for library in LIBRARIES:
        failed = _compiled(library, compiler)
        if failed is not None:
            return failed
    return None


def _compiled(library: Library, compiler: Sequence[str]) -> str | None:
    with tempfile.TemporaryDirectory(dir=library.path.parent) as folder:
        made = Path(folder) / library.path.name
        sources = [str(path) for path in library.sources if path.suffix == ".c"]
        command = [*compiler, *OPTIONS, "-o", str(made), *sources]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError as error:
            return f"{compiler[0]}: {error.strerror}"
        if done.returncode or not made.exists():
            return f"{compiler[0]}: {' '.join(done.stderr.split())[:200]}"
        made.replace(library.path)
    return None


if __name__ == "__main__":
    sys.exit(compiled(system_compiler()))

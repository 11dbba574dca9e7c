"""Compile the matcher's search, when the package is built and when it is installed in place.

A C compiler is taken from $CC, else ``cc``; where there is none that works, from the ziglang wheel,
which is fetched for the build only. Without the library the package works too, but matches many
texts one after the other.
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
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ZIG = "ziglang==0.15.2"
FOLDER = Path(__file__).resolve().parent / "moddefense" / "lexicon" / "native"
SOURCES = sorted(FOLDER.glob("*.[ch]")) + sorted(FOLDER.glob("*.inc"))
LIBRARY = FOLDER / "matcher.so"
OPTIONS = ["-std=c11", "-O3", "-fPIC", "-shared"]
if platform.machine() in ("x86_64", "AMD64"):
    OPTIONS.append("-mpopcnt")  # every processor has it since 2008


class CompileHook(BuildHookInterface):
    """Puts the library beside its sources and into the wheel."""

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
                self.app.display_warning(f"the matcher's search is not compiled: {failed}")
                return
        tag = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{tag}"
        build_data["artifacts"].append(LIBRARY.relative_to(self.root).as_posix())


def system_compiler() -> list[str]:
    """Return the command of the machine's compiler, which need not be there."""
    return shlex.split(os.environ.get("CC") or "cc")


def is_fresh() -> bool:
    """Whether the library is there and newer than its sources."""
    if not LIBRARY.exists():
        return False
    made = LIBRARY.stat().st_mtime
    return all(source.stat().st_mtime <= made for source in SOURCES)


def compiled(compiler: Sequence[str]) -> str | None:
    """Compile the library; return None, or why that was not possible."""
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        made = Path(folder) / LIBRARY.name
        sources = [str(path) for path in SOURCES if path.suffix == ".c"]
        command = [*compiler, *OPTIONS, "-o", str(made), *sources]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError as error:
            return f"{compiler[0]}: {error.strerror}"
        if done.returncode or not made.exists():
            return f"{compiler[0]}: {' '.join(done.stderr.split())[:200]}"
        made.replace(LIBRARY)
    return None


if __name__ == "__main__":
    sys.exit(compiled(system_compiler()))

"""Replacing a folder of files as a whole."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

__all__ = ["replacing"]


@contextlib.contextmanager
def replacing(folder: Path, *, last: str) -> Iterator[Path]:
    """Give an empty folder; when the block ends well, it takes the place of ``folder``.

    Until then ``folder`` stays as it is, and so it does when the block raises. Where the folder
    itself cannot be renamed (a mount point, a parent that is read-only) its files are replaced one
    by one instead, the one called ``last`` at the end. Raises OSError.
    """
    target = folder.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    movable = not target.is_mount() and os.access(target.parent, os.W_OK)
    place = target.parent if movable else target
    fresh = place / f".{target.name}.new"
    shutil.rmtree(fresh, ignore_errors=True)  # of a run that was killed
    fresh.mkdir()
    try:
        yield fresh
        for path in fresh.iterdir():
            _sync(path)
        if movable:
            _move(fresh, target)
        else:
            for path in sorted(fresh.iterdir(), key=lambda path: path.name == last):
                os.replace(path, target / path.name)
        _sync(place)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _move(fresh: Path, target: Path) -> None:
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        os.rename(target, old)
    try:
        os.rename(fresh, target)
    except OSError:
        if old.exists():
            os.rename(old, target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

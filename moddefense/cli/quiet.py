"""TensorFlow's start-up messages, kept off the terminal; the library itself does no such thing."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

__all__ = ["open_stderr", "quiet_tensorflow"]


def quiet_tensorflow() -> None:
    """Silence TensorFlow's start-up when it is imported; MODDEFENSE_DEBUG=1 leaves it as it is."""
    if os.environ.get("MODDEFENSE_DEBUG"):
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for name in ("absl", "tensorflow"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    if not any(isinstance(finder, _Muted) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Muted())


class _Muted(MetaPathFinder):
    """Imports ``tensorflow`` with the file behind stderr shut.

    Some messages are written by C++ before any logging setting is read, so nothing else stops them.
    """

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "tensorflow":
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        loader: Any = spec.loader if spec is not None else None
        if loader is not None:
            load = loader.exec_module

            def muted(module: ModuleType) -> None:
                with _shut():
                    load(module)

            loader.exec_module = muted
        return spec


_kept: list[int] = []


def open_stderr() -> None:
    """Open stderr again where another thread's import has it shut, for a last word."""
    if _kept:
        os.dup2(_kept[0], 2)


@contextmanager
def _shut() -> Iterator[None]:
    sys.stderr.flush()
    kept = os.dup(2)
    null = os.open(os.devnull, os.O_WRONLY)
    _kept.append(kept)
    try:
        os.dup2(null, 2)
        yield
    finally:
        _kept.remove(kept)
        os.dup2(kept, 2)
        os.close(null)
        os.close(kept)

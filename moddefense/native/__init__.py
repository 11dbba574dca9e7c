"""The models' inner loops, compiled: WordPiece, n-gram sums, a convolution over looked-up tables.

The library is made when the package is installed. Where it is not there, the same is computed by
TensorFlow Text and numpy, which the tests hold it to.
"""

from __future__ import annotations

import ctypes
import functools
from pathlib import Path
from typing import Any

__all__ = ["library"]

LIBRARY = Path(__file__).parent / "models.so"
_VERSION = 6  # as in models.h


@functools.cache
def library() -> Any:
    """Return the compiled library, or None where there is none."""
    try:
        found = ctypes.CDLL(str(LIBRARY))
        version = found.moddefense_models_version()
    except (OSError, AttributeError):
        return None
    if version != _VERSION:
        return None  # of another version of the package, in a checkout
    found.moddefense_wordpiece_new.restype = ctypes.c_void_p
    found.moddefense_wordpiece.restype = ctypes.c_int64
    found.moddefense_convolve.restype = ctypes.c_int64
    found.moddefense_letters.restype = ctypes.c_int64
    found.moddefense_words_new.restype = ctypes.c_void_p
    found.moddefense_respeller_new.restype = ctypes.c_void_p
    found.moddefense_respell.restype = ctypes.c_int64
    for name in (
        "moddefense_wordpiece_free", "moddefense_runs", "moddefense_ngrams",
        "moddefense_words_free", "moddefense_signs", "moddefense_respeller_free",
    ):  # fmt: skip
        getattr(found, name).restype = None
    return found

"""Texts and arrays as the compiled library takes them."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import numpy as np

__all__ = ["address", "concatenated"]


def concatenated(texts: Sequence[bytes]) -> tuple[bytes, np.ndarray]:
    """All texts, one behind the other, and where each begins and the last ends, int64."""
    begins = np.zeros(len(texts) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)), out=begins[1:])
    return b"".join(texts), begins


def address(values: np.ndarray) -> ctypes.c_void_p:
    """Where an array lies in memory."""
    return ctypes.c_void_p(values.ctypes.data)

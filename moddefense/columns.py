"""Python strings as Arrow columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["string_column", "well_formed"]


def string_column(values: Sequence[str]) -> pa.Array:
    """Return strings as an array; a lone surrogate, which UTF-8 cannot hold, becomes U+FFFD.

    >>> string_column(["a", chr(0xD800)]).to_pylist() == ["a", chr(0xFFFD)]
    True
    """
    import pyarrow as pa

    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:
        return pa.array([well_formed(value) for value in values], pa.string())


def well_formed(text: str) -> str:
    """Return a text with lone surrogates as U+FFFD."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)

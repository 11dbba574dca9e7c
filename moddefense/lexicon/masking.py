"""Cover spans of a text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from moddefense.errors import ConfigurationError

__all__ = ["STYLES", "cover"]

STYLES = ("asterisks", "first-letter", "grawlix", "fixed")
_GRAWLIX = "#%&*"


def cover(text: str, spans: Iterable[Sequence[int]], style: str, fixed: str = "[removed]") -> str:
    """Return ``text`` with the half-open ``spans`` covered; those that overlap are covered as one.

    Raises ConfigurationError when ``style`` is not one of STYLES.

    >>> cover("oh damn it", [(3, 7)], "first-letter")
    'oh d*** it'
    """
    if style not in STYLES:
        raise ConfigurationError(f"style: unknown {style!r}; use {', '.join(STYLES)}")
    pieces: list[str] = []
    last = 0
    for start, end in merged(spans):
        size = end - start
        if style == "asterisks":
            covered = "*" * size
        elif style == "first-letter":
            covered = text[start] + "*" * (size - 1)
        elif style == "grawlix":
            covered = (_GRAWLIX * (size // len(_GRAWLIX) + 1))[:size]
        else:
            covered = fixed
        pieces += (text[last:start], covered)
        last = end
    return "".join((*pieces, text[last:]))


def merged(spans: Iterable[Sequence[int]]) -> list[tuple[int, int]]:
    """Return ``spans`` sorted, those that overlap made one."""
    result: list[tuple[int, int]] = []
    for start, end in sorted((span[0], span[1]) for span in spans):
        if result and start < result[-1][1]:
            result[-1] = result[-1][0], max(end, result[-1][1])
        else:
            result.append((start, end))
    return result

"""How large a text may be: beyond, it is quarantined with the reason, and not decided."""

from __future__ import annotations

import unicodedata

from moddefense.batch.rows import Rejection

__all__ = ["ALWAYS_FINE", "MOST_CHARACTERS", "MOST_GROWTH", "too_large"]

MOST_CHARACTERS = 16 << 20  # of one text
MOST_GROWTH = 2 << 20  # characters that a text may gain when ligatures and the like are spelt out
FOLD = 18  # characters that one can become: U+FDFA
ALWAYS_FINE = MOST_GROWTH // FOLD  # characters up to which a text need not be looked at
PIECE = 1 << 16


def too_large(text: str) -> Rejection | None:
    """Return why a text is too large to be decided in bounded time and memory; None if it is not.

    >>> too_large("a") is None
    True
    """
    size = len(text)
    if size > MOST_CHARACTERS:
        why = f"a text of {size:,} characters, over {MOST_CHARACTERS:,}; cut it into pieces"
        return Rejection(why, "size", None)
    if text.isascii():
        return None
    growth = 0
    for begin in range(0, size, PIECE):
        piece = text[begin : begin + PIECE]
        growth += len(unicodedata.normalize("NFKC", piece)) - len(piece)
        if growth > MOST_GROWTH:
            why = (
                f"a text of {size:,} characters that spells out to over {MOST_GROWTH:,} more"
                " (compatibility characters); cut it into pieces"
            )
            return Rejection(why, "size", None)
    return None

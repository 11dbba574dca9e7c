"""Undo what changes how a text is shown rather than what it says: order, and flags as letters.

This is for readers of whole texts, as the models are. Matches need spans, and letters that change
places have none; so it is no step of the fold.
"""

from __future__ import annotations

import re

__all__ = ["shown"]

_REVERSED = re.compile("\u202e([^\u202c\u202d\u202e\n]*)[\u202c\u202d]?")
_INDICATORS = re.compile("[\U0001f1e6-\U0001f1ff]{3,}")
_LETTERS = {0x1F1E6 + place: chr(ord("a") + place) for place in range(26)}


def shown(text: str) -> str:
    """Return ``text`` with right-to-left overrides carried out and spelt flags as letters.

    Two regional indicators are a flag and stay; three and more spell a word.

    >>> shown("you \u202etoidi\u202c!")
    'you idiot!'
    >>> shown("\U0001f1ec\U0001f1f4\U0001f1f4 in \U0001f1e9\U0001f1ea")
    'goo in \U0001f1e9\U0001f1ea'
    """
    if text.isascii():
        return text
    if "\u202e" in text:
        text = _REVERSED.sub(lambda found: found[1][::-1], text)
    if _INDICATORS.search(text):
        text = _INDICATORS.sub(lambda found: found[0].translate(_LETTERS), text)
    return text

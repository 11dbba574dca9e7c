"""Undo what changes how a text is shown rather than what it says: order, flags, emoji in words.

This is for readers of whole texts, as the models are. Matches need spans, and letters that change
places have none; so it is no step of the fold.
"""

from __future__ import annotations

import re

__all__ = ["shown"]

# An override is carried out where it is closed or where a word begins with it; elsewhere it only
# hides a word from filters, and the letters after it are in their order.
_REVERSED = re.compile("\u202e([^\u202c\u202d\u202e\n]*)\u202c|(?<!\\S)\u202e([^\u202c-\u202e\n]*)")
_INDICATORS = re.compile("[\U0001f1e6-\U0001f1ff]+")
_LETTERS = {0x1F1E6 + place: chr(ord("a") + place) for place in range(26)}
_SIGNS = re.compile(r"(?<=\w)[^\x00-\x7f\w\s]+(?=\w)")
# A sign comes first, and what is before it is looked at then: the search passes over ASCII quickly.
_PARTED = re.compile(
    r"[^\x00-\x7f\w\s](?<=\w[^\x00-\x7f\w\s])[^\x00-\x7f\w\s]*(?=\w)"
    r"\S*?(?<=\w)[^\x00-\x7f\w\s]+(?=\w)"
)
_FLAG = "\U0001f1e6".encode()[:3]  # the bytes with which all indicators begin
_WORD = re.compile(r"\S+")
SHORT = 3  # letters between the signs in a word that they only part


def shown(text: str) -> str:
    """Return ``text`` in the order of its display, with spelt flags as letters, words whole.

    Two regional indicators are a flag, unless letters stand on both sides; others are letters.
    Emoji and other signs that part a word into bits are left out.

    >>> shown("you \u202etoidi\u202c!")
    'you idiot!'
    >>> shown("g\U0001f1f4ose in \U0001f1e9\U0001f1ea")
    'goose in \U0001f1e9\U0001f1ea'
    """
    if text.isascii():
        return text
    if "\u202e" in text:
        text = _REVERSED.sub(lambda found: (found[1] or found[2] or "")[::-1], text)
    if _FLAG in text.encode("utf-8", "replace"):
        text = _INDICATORS.sub(_spelt, text)
    if _PARTED.search(text):  # two in a word: one apostrophe is no reason to look at every word
        text = _WORD.sub(_whole, text)
    return text


def _spelt(found: re.Match[str]) -> str:
    start, end = found.span()
    text = found.string
    inside = text[start - 1 : start].isalpha() and text[end : end + 1].isalpha()
    return found[0] if end - start == 2 and not inside else found[0].translate(_LETTERS)


def _whole(found: re.Match[str]) -> str:
    parts = _SIGNS.split(found[0])
    parted = len(parts) > 2 and sum(map(len, parts)) <= SHORT * len(parts)
    return "".join(parts) if parted else found[0]

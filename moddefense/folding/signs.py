"""Through which steps of the fold a text was disguised."""

from __future__ import annotations

import functools
import unicodedata

from moddefense.folding.characters import ACCENTS, CONTROLS, dropped
from moddefense.folding.folder import fold, folder_of

__all__ = ["fold_signs"]

_NONE: frozenset[str] = frozenset()


def fold_signs(text: str) -> frozenset[str]:
    """Return the steps of FOLD_STEPS that change ``text``, other than its case.

    >>> sorted(fold_signs("ＰÁSS\u200bword"))
    ['accents', 'invisible', 'styled']
    """
    if text.isascii() and text.isprintable():
        return _NONE
    signs = set()
    for char in set(text):
        if char.isascii():
            if ord(char) in CONTROLS:
                signs.add("invisible")
        else:
            signs |= _char_signs(char)
    folded = fold(text)
    if "homoglyph" not in signs and folded != fold(text, off=("homoglyph",)):
        signs.add("homoglyph")
    return frozenset(signs)


@functools.lru_cache(4096)
def _char_signs(char: str) -> frozenset[str]:
    if dropped(char):
        return frozenset({"invisible"})
    if ACCENTS.match(char):
        return frozenset({"accents"})
    signs = set()
    plain = unicodedata.normalize("NFD", char)
    if ACCENTS.search(plain) or " WITH " in unicodedata.name(char, ""):
        signs.add("accents")
    low = unicodedata.normalize("NFC", ACCENTS.sub("", plain).casefold())
    settled = folder_of(_NONE).settle(char)
    if not signs and settled != low and settled.isalnum():
        signs.add("styled")
    return frozenset(signs)

"""What the buffers have where a term stands, plainly or evaded."""

from __future__ import annotations

import itertools
import re

from moddefense.lexicon.buffers import PLAIN
from moddefense.lexicon.candidates import thin
from moddefense.lexicon.patterns import Pattern

__all__ = ["dense_keys", "has_row", "is_simple", "plain_key", "run_lengths", "tail_length"]

_PIECE = re.compile(r"([^\W_])\1*|[@!|(+$\u20ac\u00a3\u00a5\u00a7\u00a2]")
_PIECES = re.compile(r"(?:[\W_]*([^\W_])\1*(?![^\W_]))*[\W_]*")


def has_row(text: str) -> bool:
    """Whether ``text`` has three pieces in a row, each a single letter or a symbol for one."""
    pieces = 0
    lettered = symbol = False
    for token in text.split():
        if not _PIECES.fullmatch(token):
            pieces, lettered, symbol = 0, False, False
            continue
        pieces += len(_PIECE.findall(token))
        lettered = lettered or any(map(str.isalpha, token))
        symbol = symbol or not token.isalnum()
        if pieces >= 3 and lettered and symbol:
            return True
    return False


def plain_key(pattern: Pattern) -> bytes:
    """Return what the plain view has where the pattern is written plainly."""
    spaced = f"{' ' * pattern.left}{pattern.text}{' ' * pattern.right}"
    view = spaced.encode("ascii").translate(PLAIN)
    return bytes(byte for place, byte in enumerate(view) if not place or byte != view[place - 1])


def dense_keys(pattern: Pattern) -> set[bytes]:
    """Return what the small buffer has where the pattern is evaded, one vowel masked or none."""
    text = pattern.text
    if (
        pattern.letters < 3
        or pattern.words
        or not text.isascii()
        or not (pattern.leet or pattern.separators or pattern.masking)
    ):
        return set()
    texts = [text]
    if pattern.masking and pattern.letters >= 4 and pattern.index >= 0:
        texts += [
            text[:place] + text[place + 1 :]
            for place in range(1, len(text) - 1)
            if text[place] in "aeiouy"
        ]
    return {thin(text).encode("ascii") for text in texts}


def is_simple(pattern: Pattern) -> bool:
    """Whether arithmetic on run lengths settles a plain hit."""
    text = pattern.text
    return text.isascii() and text.isalpha() and len(set(text)) > 1


def run_lengths(text: str) -> list[int]:
    """Return how long each run of equal letters is."""
    return [len(list(run)) for _, run in itertools.groupby(text)]


def tail_length(text: str) -> int:
    """Return how long the last run of equal letters is."""
    return len(text) - len(text.rstrip(text[-1]))

"""Signs that a text hides what it says, found for whole columns of texts, cheaply.

Whoever evades a filter has to write differently: spaced out, run together, masked, with digits or
look-alike letters for letters. The models read the folded text and the matcher undoes such tricks
for the terms that it knows; these signs are about all other words, where a cheap trigger would be
fooled first. They say nothing about harm.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator, Sequence

import numpy as np

from moddefense import native
from moddefense.folding import fold, fold_signs
from moddefense.native.buffers import address

__all__ = ["SIGNS", "obfuscated", "signs"]

SIGNS = {
    "folding": "styled letters, letters of another script in a word, or invisible ones inside it",
    "marks": "three or more combining marks in a row",
    "spacing": "four or more single letters, set apart one by one",
    "joining": "thirty or more letters without a space",
    "masking": "signs inside a word that stand for letters",
    "digits": "digits between the letters of a word",
    "repetition": "a letter five or more times in a row",
}
"""What each sign means."""

# One byte a class: a Latin letter, 1 digit, * mask, blank or . for all else.
_CLASSES = bytes(
    ord("a") if 97 <= byte <= 122
    else ord("1") if 48 <= byte <= 57
    else ord("*") if byte in b"*#$@%"
    else ord(" ") if byte < 128
    else ord(".")
    for byte in range(256)
)  # fmt: skip
CHUNK = 200  # bytes of a word that are looked at on either side of a sign
_SPACED = bytes.maketrans(b"*1", b"  ")
_LITERALS = {"joining": b"a" * 30, "masking": b"*a", "digits": b"1a"}
_WRITTEN = ("joining", "masking", "digits", "spacing", "repetition")  # as the bits in signs.c
_REPEATED = re.compile(rb"([a-z])\1{4}")
_CONTROLS = bytes((*range(9), *range(14, 32), 127))
_TECHNICAL = re.compile(rb"[/_=:]|&#|^#|www\.|@[^@]*\.", re.DOTALL)  # addresses, anchors, entities
# All but Latin letters, with or without accents, punctuation and currency signs.
_SUSPECT = re.compile("[^\x00-\u024f\u2010-\u2027\u2030-\u205e\u20a0-\u20cf]")
_UNUSUAL = re.compile("[^\x00-\u00ac\u00ae-\u024f\u2010-\u2027\u2030-\u205e\u20a0-\u20cf]")
_HIDDEN = re.compile("[^\\W\\d_][\u00ad\u200b-\u200f\u2060-\u2064\ufeff]+[^\\W\\d_]")
_MARKS = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]{3}")


def obfuscated(texts: Sequence[str]) -> np.ndarray:
    """Mask of the texts with any sign, bool ``[texts]``.

    >>> obfuscated(["have a nice day", "what a j e r k", "you cr**p"]).tolist()
    [False, True, True]
    """
    found = np.zeros(len(texts), bool)
    for mask in _detect(texts).values():
        found |= mask
    return found


def signs(text: str) -> tuple[str, ...]:
    """The signs that one text shows, names of SIGNS.

    >>> signs("what a j e r k")
    ('spacing',)
    """
    return tuple(name for name, mask in _detect([text]).items() if mask[0])


def _detect(texts: Sequence[str]) -> dict[str, np.ndarray]:
    found = {name: np.zeros(len(texts), bool) for name in SIGNS}
    shown = list(texts)  # folded, but for the case of ASCII
    for row, text in enumerate(texts):
        if not text.isascii():
            shown[row] = fold(text)
            if _UNUSUAL.search(text):  # few have what the others look for
                found["marks"][row] = _MARKS.search(text) is not None
                found["folding"][row] = _folded(text)
    encoded = _encoded(shown)
    if len(encoded.translate(None, _CONTROLS)) != len(encoded) - len(texts):
        encoded = _encoded([fold(text) for text in texts])
    bits = _bits(encoded, len(texts))
    for place, name in enumerate(_WRITTEN):
        found[name] = (bits >> place & 1).astype(bool)
    return found


def _encoded(texts: Sequence[str]) -> bytes:
    """UTF-8 of texts, each with a zero after it."""
    return "\0".join((*texts, "")).encode("utf-8", "replace")


def _bits(encoded: bytes, count: int) -> np.ndarray:
    """Bits of the signs of _WRITTEN in ``count`` texts, uint8 ``[texts]``."""
    lib = native.library()
    if lib is None:
        return np.array([_written(text) for text in encoded.lower().split(b"\0")[:count]], np.uint8)
    bits = np.zeros(count, np.uint8)
    buffer = np.frombuffer(encoded, np.uint8).copy()
    lib.moddefense_signs(
        address(buffer), ctypes.c_int64(len(buffer)), ctypes.c_int64(count), address(bits)
    )
    return bits


def _written(text: bytes) -> int:
    """Bits of the signs of _WRITTEN in one folded text: the reference of ``native/signs.c``."""
    buffer = b" " + text.replace(b"\n", b" ") + b" "
    classes = buffer.translate(_CLASSES)
    found = [any(_words(name, classes, buffer)) for name in _LITERALS]
    found += [b" a a a a " in classes.translate(_SPACED), _REPEATED.search(buffer) is not None]
    return sum(1 << place for place, shows in enumerate(found) if shows)


def _folded(text: str) -> bool:
    if _HIDDEN.search(text):
        return True
    return bool(_SUSPECT.search(text)) and not fold_signs(text).isdisjoint(("styled", "homoglyph"))


def _words(name: str, classes: bytes, buffer: bytes) -> Iterator[bool]:
    """Where a sign stands in a word: whether it is none of a technical one, such as an address."""
    literal = _LITERALS[name]
    place = classes.find(literal)
    while place >= 0:
        low = max(0, place - CHUNK)
        begin = max(buffer.rfind(b" ", low, place) + 1, low)
        end = buffer.find(b" ", place, place + CHUNK)
        end = place + CHUNK if end < 0 else end
        yield _inside(name, classes[begin:place]) and not _TECHNICAL.search(buffer[begin:end])
        # What follows in one long run says the same again.
        place = classes.find(literal, place + (len(literal) if name != "joining" else CHUNK))


def _inside(name: str, before: bytes) -> bool:
    """Whether a letter stands before the signs, of digits two at most."""
    if name == "joining":
        return True
    kind = _LITERALS[name][:1]
    letters = before.rstrip(kind)
    return letters.endswith(b"a") and (name == "masking" or len(before) - len(letters) < 2)

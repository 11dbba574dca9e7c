"""WordPiece by the compiled library: the ids of the TF-Text graph, without TensorFlow."""

from __future__ import annotations

import ctypes
import unicodedata
import weakref
from collections.abc import Iterable, Sequence

import numpy as np

from moddefense.native import library
from moddefense.native.buffers import address, concatenated

__all__ = ["WordPiece", "long_runs"]

LONGEST_WORD = 1 << 20  # bytes, as in moddefense.wordpiece
SPACE, ALONE = 1, 2  # classes of characters
BEGINS, CONTINUES = 1, 2  # kinds of pieces; 0: one that the graph does not use either
_CODES = 0x110000
# White_Space of Unicode, which is not quite str.isspace, and the blocks of Han characters.
_SPACES = (*range(9, 14), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F,
           0x205F, 0x3000)  # fmt: skip
_SEPARATORS = (*range(0x1C, 0x20),)
_HAN = ((0x4E00, 0xA000), (0x3400, 0x4DC0), (0x20000, 0x2A6E0), (0x2A700, 0x2CEB0),
        (0xF900, 0xFB00), (0x2F800, 0x2FA20))  # fmt: skip


class WordPiece:
    """A vocabulary compiled; immutable, and safe to share between threads.

    With ``alphabet``, all other characters are words of their own, as if spaces stood around them;
    without, those that the graph sets apart: punctuation, ASCII symbols and Han characters.
    ``opening`` has, for each piece, the id where it begins a longer word, int32 ``[pieces]``.
    Raises ValueError where ``unknown`` is no piece.
    """

    def __init__(
        self,
        pieces: Sequence[str],
        *,
        unknown: str,
        suffix: str,
        alphabet: Iterable[str] | None = None,
        opening: np.ndarray | None = None,
    ) -> None:
        kinds = bytearray(len(pieces))
        cores = []
        apart = {char for char in set("".join(pieces)) if _apart(char)}
        for place, piece in enumerate(pieces):
            continues = piece.startswith(suffix) and piece != suffix
            core = piece[len(suffix) :] if continues else piece
            cores.append(core.encode("utf-8", "replace"))
            if core and (apart.isdisjoint(core) or (len(core) == 1 and not continues)):
                kinds[place] = CONTINUES if continues else BEGINS
        classes = _everything() if alphabet is None else _spelt(alphabet)
        joined, begins = concatenated(cores)
        lib = library()
        self._handle = ctypes.c_void_p(
            lib.moddefense_wordpiece_new(
                joined, address(begins), bytes(kinds), ctypes.c_int64(len(cores)), bytes(classes),
                ctypes.c_int32(list(pieces).index(unknown)), ctypes.c_int64(LONGEST_WORD),
            )
        )  # fmt: skip
        if not self._handle:
            raise MemoryError("no memory to compile the vocabulary")
        weakref.finalize(self, lib.moddefense_wordpiece_free, self._handle)
        self._opening = None if opening is None else np.ascontiguousarray(opening, np.int32)
        if self._opening is not None and len(self._opening) != len(pieces):
            raise ValueError(f"{len(self._opening)} openings for {len(pieces)} pieces")

    def __call__(self, texts: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray]:
        """UTF-8 texts to ids, int32 ``[total]``, and how many each has, int64 ``[texts]``."""
        return self._run(texts, None, False)

    def opened(
        self, texts: Sequence[bytes], *, fold: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """As a call, with opening ids where words of several pieces begin.

        With ``fold``, texts of ASCII alone are folded first, as ``moddefense.folding.fold`` does.
        """
        return self._run(texts, self._opening, fold)

    def _run(
        self, texts: Sequence[bytes], opening: np.ndarray | None, fold: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        joined, begins = concatenated(texts)
        ids = np.empty(len(joined), np.int32)
        lengths = np.empty(len(texts), np.int64)
        total = library().moddefense_wordpiece(
            self._handle, joined, address(begins), ctypes.c_int64(len(texts)),
            None if opening is None else address(opening), ctypes.c_int32(fold), address(ids),
            address(lengths),
        )  # fmt: skip
        if total < 0:
            raise MemoryError("no memory to cut texts")
        return ids[:total].copy(), lengths


def long_runs(texts: Sequence[bytes], least: int) -> np.ndarray:
    """Indices of the UTF-8 texts that may have ``least`` letters in a row, and some others.

    ``least`` is 1 or more.
    """
    joined, begins = concatenated(texts)
    found = np.zeros(len(texts), np.uint8)
    library().moddefense_runs(
        joined,
        address(begins),
        ctypes.c_int64(len(texts)),
        ctypes.c_int64(max(1, least)),
        address(found),
    )  # fmt: skip
    return np.flatnonzero(found)


def _apart(char: str) -> bool:
    """Whether the graph makes a character a word of its own."""
    code = ord(char)
    if code < 0x80:
        return 0x20 < code < 0x7F and not char.isalnum()
    if any(begin <= code < end for begin, end in _HAN):
        return True
    return unicodedata.category(char).startswith("P")


def _everything() -> bytearray:
    classes = bytearray(_CODES)
    for code in range(_CODES):
        if _apart(chr(code)):
            classes[code] = ALONE
    for code in _SPACES:
        classes[code] = SPACE
    return classes


def _spelt(alphabet: Iterable[str]) -> bytearray:
    classes = bytearray([ALONE]) * _CODES
    for char in alphabet:
        classes[ord(char)] = ALONE if _apart(char) else 0
    for code in _SEPARATORS:  # white space to Python, and letters to the graph
        classes[code] = 0
    for code in _SPACES:
        classes[code] = SPACE
    return classes

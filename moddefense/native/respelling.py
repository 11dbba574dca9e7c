"""Respelling by the compiled library: what ``moddefense.respelling`` gives, for many texts."""

from __future__ import annotations

import ctypes
import functools
import weakref
from collections.abc import Sequence

import numpy as np

from moddefense.folding import fold
from moddefense.native import library
from moddefense.native.buffers import address, concatenated
from moddefense.usual import usual_words

__all__ = ["CompiledRespeller"]


class _Words:
    """The usual words of a language compiled, once in a process."""

    def __init__(self, lang: str) -> None:
        lib = library()
        listed, begins = concatenated(
            [w.encode() for w in sorted(usual_words(lang)) if w.isascii()]
        )
        self.handle = ctypes.c_void_p(
            lib.moddefense_words_new(listed, address(begins), ctypes.c_int64(len(begins) - 1))
        )
        if not self.handle:
            raise MemoryError("no memory to compile the words of a language")
        weakref.finalize(self, lib.moddefense_words_free, self.handle)


_words = functools.cache(_Words)


class CompiledRespeller:
    """The words of a vocabulary, in order of frequency, and the usual ones of a language, compiled.

    Immutable, and safe to share between threads.
    """

    def __init__(self, words: Sequence[str], lang: str) -> None:
        lib = library()
        listed, begins = concatenated([word.encode() for word in words])
        self._usual = _words(lang)
        self._handle = ctypes.c_void_p(
            lib.moddefense_respeller_new(listed, address(begins), ctypes.c_int64(len(words)))
        )
        if not self._handle:
            raise MemoryError("no memory to compile the words of a vocabulary")
        weakref.finalize(self, lib.moddefense_respeller_free, self._handle)

    def respell(self, texts: list[bytes], *, plain: bool = False) -> None:
        """Put what they shall be read as in the place of folded UTF-8 texts.

        With ``plain``, texts of ASCII alone need not be folded, and will still have capitals.
        """
        encoded, begins = concatenated(texts)
        out = np.empty(2 * len(encoded) + 1, np.uint8)
        outs, changed = np.empty(len(texts) + 1, np.int64), np.empty(len(texts), np.int64)
        count = library().moddefense_respell(
            self._handle, self._usual.handle, encoded, address(begins), ctypes.c_int64(len(texts)),
            ctypes.c_int32(plain), address(out), address(outs), address(changed),
        )  # fmt: skip
        limits = outs[: count + 1].tolist()
        odd = []
        for row, since, until in zip(changed[:count].tolist(), limits, limits[1:], strict=False):
            if row < 0:  # with control characters
                odd.append(-1 - row)
                texts[odd[-1]] = fold(texts[odd[-1]].decode()).encode()
            else:
                texts[row] = out[since:until].tobytes()
        if odd:
            folded = [texts[row] for row in odd]
            self.respell(folded)
            for row, text in zip(odd, folded, strict=True):
                texts[row] = text

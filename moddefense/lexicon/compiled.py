"""The compiled search of ``native/``: many texts at once, with the results of ``Matcher.find``.

The library is made when the package is installed. Where it is not there, the matcher goes on
without it, one text after the other.
"""

from __future__ import annotations

import ctypes
import functools
import itertools
import re
import struct
import unicodedata
import weakref
from array import array
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from moddefense.folding import fold_alone
from moddefense.lexicon.alignment import JOINTS
from moddefense.lexicon.context import CALM_AFTER, CALM_BEFORE
from moddefense.lexicon.judging import LEADING_NOT, SPLITTERS, STOPS, TRAILING_NOT
from moddefense.lexicon.patterns import LEET, MASKS, REGIONAL, STICKY, Pattern, is_word, loose
from moddefense.lexicon.results import WIDTH
from moddefense.usual import usual_words

__all__ = ["FOREIGN", "LOST", "ODD", "Search", "begins_of", "library"]

LIBRARY = Path(__file__).parent / "native" / "matcher.so"
ODD, LOST, FOREIGN = 1, 2, 4
_VERSION = 10  # as in matcher.h

_UNSTEADY = 0xFFFFFFFF  # the image of a character that does not fold by itself
_CODES = 0x110000
_FOREIGN = re.compile(r"[^\x00-\x7f]+")
_CONTROLS = frozenset(map(chr, (*range(9), *range(14, 32), 127)))
_STRANGE = 256  # as in matcher.h
_ROOM = 1 << 10  # hits that are made room for at first

_Words = ctypes.c_uint32 * _CODES
_classes = _Words()
_known: set[str] = set()


class Hits(NamedTuple):
    """What a search found.

    ``rows``: WIDTH numbers a hit, in the order of texts and starts. ``asks``: the places of the
    rows that ``context.free`` must look at. ``status``: bits for each text: ODD: not searched, it
    must be folded first; LOST: too ambiguous, it must be searched in another way; FOREIGN: it has
    characters beyond ASCII, its hits may be through steps of the fold.
    """

    rows: array[int]
    asks: array[int]
    status: bytes


class _Rows(ctypes.Structure):
    _fields_ = (
        ("row", ctypes.c_void_p), ("asks", ctypes.c_void_p), ("count", ctypes.c_int64),
        ("asked", ctypes.c_int64), ("room", ctypes.c_int64), ("strange", ctypes.c_int64),
        ("text", ctypes.c_int32), ("stranger", ctypes.c_uint32 * _STRANGE),
    )  # fmt: skip


@functools.cache
def library() -> Any:
    """Return the compiled library, or None where there is none."""
    try:
        found = ctypes.CDLL(str(LIBRARY))
        version = found.moddefense_version()
    except (OSError, AttributeError):
        return None
    if version != _VERSION:
        return None  # of another version of the package, in a checkout
    found.moddefense_compile.restype = ctypes.c_void_p
    found.moddefense_settle.restype = ctypes.c_int64
    found.moddefense_search.restype = ctypes.c_int64
    learn(map(chr, range(128)))
    learn(char for pair in LEET.items() for char in "".join(pair))
    return found


def learn(chars: Iterable[str]) -> None:
    """Note the classes of characters, in the order of the enum in ``matcher.h``."""
    for char in set(chars) - _known:
        word = is_word(char)
        high = char >= "\u2190"
        flags = (
            word,
            char.isalnum(),
            char.isalpha(),
            char.isdigit(),
            char.isspace(),
            loose(char),
            unicodedata.category(char)[0] == "M",
            char in MASKS or (high and not word and not char.isspace()),
            char in LEET,
            char in STICKY,
            SPLITTERS.match(char) is not None,
            char in LEADING_NOT,
            char in TRAILING_NOT,
            char in JOINTS,
            char in STOPS,
            char in CALM_BEFORE,
            char in CALM_AFTER,
            char in _CONTROLS,
        )
        _classes[ord(char)] = sum(1 << bit for bit, flag in enumerate(flags) if flag)
        _known.add(char)


@functools.cache
def _images(off: frozenset[str]) -> Any:
    """Return the table of what characters fold to by themselves; it is filled as they are met."""
    return _Words()


def _meet(codes: Iterable[int], off: frozenset[str]) -> None:
    """Note what characters fold to."""
    images = _images(off)
    for code in codes:
        image = fold_alone(chr(code), off=off)
        if image is None or code in REGIONAL:
            images[code] = _UNSTEADY
        else:
            learn(image)
            images[code] = ord(image) + 1


class Search:
    """Patterns compiled; immutable, and safe to share between threads."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        self.count = len(patterns)
        words: list[Pattern] = []
        parents: list[Pattern] = []
        firsts: list[int] = []
        for pattern in patterns:
            firsts.append(len(patterns) + len(words))
            words += pattern.words
            parents += [pattern] * len(pattern.words)
        pool = "".join(pattern.text for pattern in patterns)
        learn(pool)
        fields = array("I")
        begins = [0, *itertools.accumulate(len(pattern.text) for pattern in patterns)]
        for pattern, begin, first in zip(patterns, begins, firsts, strict=False):
            fields.extend(
                (begin, len(pattern.text), pattern.letters, _flags(pattern), first,
                 len(pattern.words))
            )  # fmt: skip
        for pattern, begin in zip(patterns, begins, strict=False):
            weighty = pattern.weighty if pattern.words else ()
            for place, word in enumerate(pattern.words):
                flags = _flags(word) | (128 if place in weighty else 0)
                fields.extend((begin, len(word.text), word.letters, flags, 0, 0))
                begin += len(word.text) + 1
        anchored = sorted(
            range(len(patterns)), key=lambda place: (not patterns[place].left, patterns[place].text)
        )
        order = array("I", anchored)
        inside = sum(not pattern.left for pattern in patterns)
        leet = array("I")
        for glyph, reads in LEET.items():
            leet.extend((ord(glyph), ord(reads[0]), ord(reads[1]) if reads[1:] else 0))
        lib = library()
        self.handle = ctypes.c_void_p(
            lib.moddefense_compile(
                _at(fields), len(patterns), len(patterns) + len(words),
                _encoded(pool), len(pool), _at(order), inside,
                _at(leet), len(LEET), _classes,
            )
        )  # fmt: skip
        if not self.handle:
            raise MemoryError("no memory to compile the terms")
        weakref.finalize(self, lib.moddefense_free, self.handle)
        for lang in {pattern.term.lang for pattern in patterns if pattern.spelling}:
            usual = "".join(f"{word}\n" for word in usual_words(lang)).encode("utf-8")
            of = bytes(pattern.term.lang == lang for pattern in patterns)
            if not lib.moddefense_know(self.handle, usual, ctypes.c_int64(len(usual)), of):
                raise MemoryError("no memory to compile the terms")

    def search(self, texts: Sequence[str], off: frozenset[str], begins: array[int]) -> Hits:
        """Search texts, folded on the way with the steps ``off`` left out.

        Texts with characters that do not fold by themselves are ODD. ``begins`` is as ``begins_of``
        has it, from the first of the texts on.
        """
        return self._search(texts, begins, off)

    def search_folded(self, texts: Sequence[str]) -> Hits:
        """Search texts that are folded already; none is ODD."""
        learn(itertools.chain.from_iterable(_FOREIGN.findall("".join(texts))))
        return self._search(texts, begins_of(texts))

    def _search(
        self, texts: Sequence[str], begins: array[int], off: frozenset[str] | None = None
    ) -> Hits:
        count, since = len(texts), 0
        images = None if off is None else _images(off)
        status = ctypes.create_string_buffer(count + 1)
        given = "\n".join(texts).encode("utf-8", "surrogatepass")
        room = _ROOM + len(given) // 32
        rows, asks = array("i", [0]) * (WIDTH * room), array("i", [0]) * room
        found = _Rows(row=_at(rows).value, asks=_at(asks).value, room=room)
        while True:
            since = library().moddefense_search(
                self.handle, _classes, images, given, ctypes.c_int64(len(given)), _at(begins),
                ctypes.c_int64(since), ctypes.c_int64(count), ctypes.byref(found), status,
            )  # fmt: skip
            if since < 0:
                raise MemoryError("no memory to search texts")
            if since == count:
                break
            if off is not None and found.strange:
                _meet(set(found.stranger[: found.strange]), off)
                found.strange = 0
                status = ctypes.create_string_buffer(count + 1)
                continue
            rows.frombytes(bytes(4 * WIDTH * room))
            asks.frombytes(bytes(4 * room))
            room *= 2
            found.row, found.asks, found.room = _at(rows).value, _at(asks).value, room
        del rows[WIDTH * found.count :]
        return Hits(rows, asks[: found.asked], status.raw[:count])

    def settle(
        self, rows: array[int], texts: int, also: Collection[int] = ()
    ) -> tuple[array[int], array[int]]:
        """Return the rows that hold beside allow terms and each other, and their bounds by text.

        ``also`` are the indices of allow terms whose rows are kept.
        """
        bounds = array("i", bytes(8 * texts))
        told = bytearray(self.count)
        for place in also:
            if place < self.count:
                told[place] = 1
        kept = library().moddefense_settle(
            self.handle, _at(rows), ctypes.c_int64(len(rows) // WIDTH), bytes(told), _at(bounds)
        )
        if kept < 0:
            raise MemoryError("no memory to sort hits")
        del rows[WIDTH * kept :]
        return rows, bounds


def _flags(pattern: Pattern) -> int:
    """Return the flags of ``matcher.h`` that a pattern or a word of one has."""
    flags = pattern.left | pattern.right << 1 | pattern.repetition << 2 | pattern.leet << 3
    flags |= pattern.separators << 4 | pattern.masking << 5
    if pattern.term.kind == "allow":
        flags |= 64
    if pattern.spelling:
        flags |= 1024
    if pattern.base:
        flags |= (pattern.base & 1) << 8 | (pattern.base & 4) << 7
    return flags


def _at(values: array[int]) -> ctypes.c_void_p:
    return ctypes.c_void_p(values.buffer_info()[0])


def begins_of(texts: Iterable[str]) -> array[int]:
    """Return where each text begins, if they follow each other, and where the last one ends."""
    ends = list(itertools.accumulate(map(len, texts), initial=0))
    return array("q", struct.pack(f"{len(ends)}q", *ends))  # twice as fast as from the list


def _encoded(text: str) -> bytes:
    return text.encode("utf-32-le", "surrogatepass")

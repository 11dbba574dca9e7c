"""Texts joined into one buffer of bytes, and what its bytes can mean."""

from __future__ import annotations

import bisect
import itertools
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import ahocorasick_rs

from moddefense.lexicon.candidates import SAME
from moddefense.lexicon.patterns import LEET, is_word, loose

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

__all__ = [
    "AFTER", "ALONE", "BARE", "BEFORE", "CALM_AFTER", "CALM_BEFORE", "CALM_SECOND", "HIDE",
    "INSIDE", "KINDS", "LONE", "MARKUP", "MEANS", "PLAIN", "STAR", "THINNED", "Automaton",
    "Buffer", "changes", "gather", "is_change",
]  # fmt: skip

_GLUE = " \x00 "
_WORD, _LOOSE, _OTHER = 0xFF, 0xFD, 0xFE  # bytes for characters that have none of their own
_STICKY = "@$\u20ac\u00a3\u00a5\u00a7\u00a2"
_OWN = {ord(glyph): 0x80 + place for place, glyph in enumerate("\u20ac\u00a3\u00a5\u00a7\u00a2")}
_ODD_RUN = re.compile(r"[^\x01-\x7f]+")
_DFA_BYTES = 100_000  # of keys, up to which the faster but larger form of automaton is used

# What the characters of a run of digits and symbols can mean, by where the run stands.
INSIDE, BEFORE, AFTER, ALONE, HIDE, MARKUP, LONE, STAR = 1, 2, 4, 8, 16, 32, 64, 128


class _Bytes(dict[int, int]):
    """Code point → the byte that stands for it; fills itself."""

    def __missing__(self, code: int) -> int:
        char = chr(code)
        if code < 128:
            byte = code or _OTHER
        elif code in _OWN:
            byte = _OWN[code]
        elif char.isspace():
            byte = 32
        elif is_word(char):
            byte = _LOOSE if loose(char) else _WORD
        else:
            byte = _OTHER
        self[code] = byte
        return byte


_BYTES = _Bytes()


def _glyph_of(byte: int) -> str:
    for code, own in _OWN.items():
        if own == byte:
            return chr(code)
    return chr(byte) if byte < 128 else ""


def _is_letter(byte: int) -> bool:
    return byte == _WORD or (byte < 128 and chr(byte).isalpha())


def _is_digit(byte: int) -> bool:
    return byte < 128 and chr(byte).isdigit()


def _tables() -> tuple[bytes, bytes, bytes, bytes, bytes]:
    """Return byte → plain view, class, meanings in a run, thinned, thinned without symbols."""
    plain, kinds, means, thinned, bare = (bytearray(256) for _ in range(5))
    for byte in range(256):
        glyph = _glyph_of(byte)
        word = _is_letter(byte) or _is_digit(byte)
        space = byte in (0, _LOOSE) or (glyph != "" and glyph.isspace())
        plain[byte] = byte if word or byte == 0 else 32
        kinds[byte] = 0 if space else 1 if _is_letter(byte) else 2 if _is_digit(byte) else 3
        same = SAME.get(glyph, glyph)
        thinned[byte] = ord(same) if same and (word or same.isalpha()) else byte if word else 0
        if space:
            thinned[byte] = 32
        bare[byte] = thinned[byte] if word else 0
        mean = 0
        if kinds[byte] >= 2:
            if glyph in LEET:
                mean |= INSIDE
                if glyph not in "(|+":
                    mean |= BEFORE
                if glyph not in "!(|":
                    mean |= AFTER
                if not word:
                    mean |= LONE
            if byte == _OTHER or (glyph and glyph in "-.`^\\_*~#%&?=+@$!"):
                mean |= INSIDE
            if glyph and glyph in _STICKY:
                mean |= ALONE
            if glyph and glyph in "@$!+":
                mean |= HIDE
            if glyph == "*":
                mean |= AFTER | STAR
            if glyph == "<":
                mean |= MARKUP
        means[byte] = mean
    return bytes(plain), bytes(kinds), bytes(means), bytes(thinned), bytes(bare)


PLAIN, KINDS, MEANS, THINNED, BARE = _tables()
# Beside these, letters read plainly stand in no URL, address, entity or call: what alignment.free
# looks for needs one of the other characters right there. The last table: with a space before it.
CALM_BEFORE = bytes(chr(byte) in " \n\t\r\x00" for byte in range(256))
CALM_AFTER = bytes(
    not (_is_letter(byte) or _is_digit(byte) or _glyph_of(byte) in tuple(".-_+" + _STICKY))
    for byte in range(256)
)
CALM_SECOND = bytes(
    byte < 128 and not (chr(byte).isalnum() or chr(byte) in "&_") for byte in range(256)
)


class Buffer:
    """Folded texts, joined, with one byte a character."""

    def __init__(self, texts: Sequence[str]) -> None:
        import numpy as np

        self.texts = texts
        joined = _GLUE.join(texts)
        self.ascii = joined.isascii() and joined.count("\x00") == len(texts) - 1
        if not self.ascii:
            joined = _GLUE.join(
                text
                if text.isascii() and "\x00" not in text
                else _ODD_RUN.sub(lambda run: run[0].translate(_BYTES), text)
                for text in texts
            )
        self.raw = f"   {joined}   \x00".encode("latin-1")
        self.bytes = np.frombuffer(self.raw, np.uint8)
        sizes = np.fromiter(map(len, texts), np.int64, len(texts)) + len(_GLUE)
        self.starts = np.cumsum(sizes) - sizes + 3
        self.begins: list[int] = self.starts.tolist()
        self.runs: Any = None
        self.plain: Any = None

    def locate(self, place: int) -> tuple[int, int]:
        """Return the number of the text at ``place``, and where that text begins."""
        number = bisect.bisect_right(self.begins, place) - 1
        return number, self.begins[number]


class Automaton:
    """Keys with their owners, searched for in a buffer."""

    def __init__(self, keys: dict[bytes, list[int]]) -> None:
        import numpy as np

        form = (
            ahocorasick_rs.Implementation.DFA
            if sum(map(len, keys)) <= _DFA_BYTES
            else ahocorasick_rs.Implementation.ContiguousNFA
        )
        self.automaton = (
            ahocorasick_rs.BytesAhoCorasick(list(keys), implementation=form) if keys else None
        )
        counts = np.fromiter(map(len, keys.values()), np.int64, len(keys))
        self.counts = counts
        self.offsets = np.cumsum(counts) - counts
        self.owners = np.fromiter(itertools.chain.from_iterable(keys.values()), np.int64)
        self.unique = len(self.owners) == len(keys)

    def find(self, buffer: Any) -> tuple[Ints, Ints, Ints]:
        """Return first, last (half-open) and owner of every occurrence of every key."""
        import numpy as np

        none = np.zeros(0, np.int64)
        if self.automaton is None:
            return none, none, none
        found = self.automaton.find_matches_as_indexes(buffer.tobytes(), overlapping=True)
        flat = np.fromiter(itertools.chain.from_iterable(found), np.int64, 3 * len(found))
        key, first, last = flat[0::3], flat[1::3], flat[2::3]
        if self.unique:
            return first.copy(), last.copy(), self.owners[key]
        counts = self.counts[key]
        total = int(counts.sum())
        spread = np.repeat(self.offsets[key] - (np.cumsum(counts) - counts), counts)
        owners = self.owners[spread + np.arange(total)]
        return np.repeat(first, counts), np.repeat(last, counts), owners


def changes(view: Any) -> Ints:
    """Return where in ``view`` a run of equal values begins."""
    import numpy as np

    return np.flatnonzero(is_change(view))


def is_change(view: Any) -> Any:
    """Return for each place in ``view`` whether its value differs from the one before."""
    import numpy as np

    fresh = np.ones(len(view), np.bool_)
    np.not_equal(view[1:], view[:-1], out=fresh[1:])
    return fresh


def gather(buffer: Buffer, tokens: Ints, rows: Ints) -> tuple[Ints, Any]:
    """Copy tokens and rows of single letters: positions, and thinned bytes (0: to be dropped)."""
    import numpy as np

    parts_where, parts_code = [], []
    for (start, end), table in ((tokens, THINNED), (rows, BARE)):
        if not len(start):
            continue
        sizes = end - start + 1
        ends = np.cumsum(sizes)
        where = np.arange(int(ends[-1])) + np.repeat(start - ends + sizes, sizes)
        code = np.frombuffer(table, np.uint8)[buffer.bytes[where]]
        code[ends - 1] = 32
        parts_where.append(where)
        parts_code.append(code)
    return np.concatenate(parts_where), np.concatenate(parts_code)

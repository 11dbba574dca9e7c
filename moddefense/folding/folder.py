"""The fold of texts: clusters by a table that fills itself, and words of lookalikes healed."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Collection, Container, Iterator, Sequence
from typing import Literal

from moddefense.errors import ConfigurationError
from moddefense.folding.characters import ACCENTS, CONTROLS, dropped, named_letter
from moddefense.folding.lookalikes import ASCII_RUN, SHOWN, heal, twin

__all__ = ["FOLD_STEPS", "MARK", "fold", "fold_alone", "fold_many", "fold_map", "folder_of"]

FOLD_STEPS = ("invisible", "styled", "accents", "homoglyph")
"""The steps that can be switched off; lowering the case is always on."""

MAX_MARKS = 30  # kept on one character: the limit of the Stream-Safe format of UAX #15

_MARK = "\ufffe"  # a noncharacter: TABLE puts it before a character that joins the one before it
_CONTROLS = dict.fromkeys((*range(9), *range(14, 32), 127))
MARK = "\ufffe"  # a noncharacter: TABLE puts it before a character that joins the one before it
REMEMBERED = 2000  # characters of a text whose fold is kept for a while
_NONE: frozenset[str] = frozenset()
_SHOWN = str.maketrans(SHOWN)
_JOINED = re.compile(f"([^{MARK}]?)((?:{MARK}.)+)", re.DOTALL)
_CLUSTERED = re.compile(
    r"[\t-\r\x20-\x7e]?[^\t-\r\x20-\x7e]+"
)  # with the character that it may be on


def fold(text: str, *, off: Collection[str] = _NONE, known: Container[str] = _NONE) -> str:
    """Return what a reader sees in ``text``, in lower case.

    ``off`` names steps of FOLD_STEPS to leave out; an unknown name raises ConfigurationError.
    ``known`` are words that letters of other scripts alone may spell within a Latin text. Folding
    twice gives what folding once gives.

    >>> fold("ＰÁSS\u200bword")
    'password'
    >>> fold("p\u0430ssword, п\u0430роль")  # the first а is a Cyrillic letter among Latin ones
    'password, пароль'
    """
    if text.isascii():
        low = text.lower()
        if low.isprintable() or "invisible" in off:
            return low
        return low.translate(CONTROLS)
    return folder_of(frozenset(off)).fold(text, known)


def fold_many(texts: Sequence[str], *, off: Collection[str] = _NONE) -> list[str]:
    """Return ``fold(text)`` for each of ``texts``.

    >>> fold_many(["Ａ", "b"])
    ['a', 'b']
    """
    skip = frozenset(off)
    plain = "".join(text for text in texts if text.isascii()).encode("ascii")
    if len(plain.translate(None, bytes(CONTROLS))) != len(plain):
        return [fold(text, off=skip) for text in texts]
    return [text.lower() if text.isascii() else folder_of(skip).fold(text) for text in texts]


def fold_map(
    text: str, *, off: Collection[str] = _NONE
) -> tuple[str, Sequence[int], Sequence[int]]:
    """Return ``(fold(text), starts, ends)``: where in ``text`` each folded character came from.

    ``starts[i]`` and ``ends[i]`` bound, half-open, the characters that folded character ``i``
    stands for: its base and the marks on it, without invisible characters at either end. Both rise
    monotonically.

    >>> fold_map("e\u0301\u200bx")
    ('ex', [0, 3], [2, 4])
    """
    if text.isascii():
        folded = fold(text, off=off)
        if len(folded) == len(text):
            return folded, range(len(text)), range(1, len(text) + 1)
    return folder_of(frozenset(off)).fold_map(text)


def fold_alone(char: str, *, off: Collection[str] = _NONE) -> str | None:
    """Return the one character that ``char`` folds to whatever is around it, or None.

    >>> fold_alone("É"), fold_alone("\u0301"), fold_alone("а")  # the last one is Cyrillic
    ('e', None, None)
    """
    folder = folder_of(frozenset(off))
    image = folder.table[ord(char)]
    if image is None or len(image) != 1:
        return None
    return None if folder.homoglyph and not image.isascii() and twin(image, True) else image


class _Folder:
    """The fold with one choice of steps; its table fills itself as characters are met."""

    def __init__(self, off: frozenset[str]) -> None:
        for name in off:
            if name not in FOLD_STEPS:
                raise ConfigurationError(
                    f"off: unknown folding step {name!r}; the steps are {', '.join(FOLD_STEPS)}"
                )
        self.styled = "styled" not in off
        self.accents = "accents" not in off
        self.invisible = "invisible" not in off
        self.homoglyph = "homoglyph" not in off
        self.form: Literal["NFC", "NFKC"] = "NFKC" if self.styled else "NFC"
        self.off = off
        self.table = _Table(self)

    def fold(self, text: str, known: Container[str] = _NONE) -> str:
        """Return ``fold(text)`` with these steps."""
        # Several stages fold a text one after the other.
        if known is _NONE and len(text) <= REMEMBERED:
            return _remembered(self, text)
        return self._folded(text, known)

    def _folded(self, text: str, known: Container[str]) -> str:
        pieces = ASCII_RUN.split(text)
        if len(pieces) * 8 < len(text):
            pieces[0::2] = [piece.translate(self.table) for piece in pieces[0::2]]
            pieces[1::2] = [fold(piece, off=self.off) for piece in pieces[1::2]]
            folded = "".join(pieces)
        else:
            folded = text.translate(self.table)
        if MARK in folded:
            folded = _JOINED.sub(lambda found: self.cluster(found[1], found[2][1::2]), folded)
        if self.homoglyph and not folded.isascii():
            folded = heal(folded, known)
        return folded

    def fold_map(self, text: str) -> tuple[str, Sequence[int], Sequence[int]]:
        table = self.table
        if all((image := table[ord(char)]) and len(image) == 1 for char in set(text)):
            return self.fold(text), range(len(text)), range(1, len(text) + 1)
        pieces: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        last = 0
        for found in _CLUSTERED.finditer(text):
            since, until = found.span()
            pieces.append(
                text[last:since].lower()
            )  # ASCII with nothing on it stays as long as it is
            starts.extend(range(last, since))
            ends.extend(range(last + 1, since + 1))
            for piece, start, end in self.clusters(found[0]):
                pieces.append(piece)
                starts.extend([since + start] * len(piece))
                ends.extend([since + end] * len(piece))
            last = until
        pieces.append(text[last:].lower())
        starts.extend(range(last, len(text)))
        ends.extend(range(last + 1, len(text) + 1))
        folded = "".join(pieces)
        if self.homoglyph and not folded.isascii():
            folded = heal(folded)
        return folded, starts, ends

    def clusters(self, text: str) -> Iterator[tuple[str, int, int]]:
        """Yield each cluster folded, with its bounds in ``text``; a cluster may fold to ""."""
        table = self.table
        start = end = -1  # bounds of what is visible of the current cluster
        base = marks = ""
        for index, char in enumerate(text):
            image = table[ord(char)]
            if image is None:
                if start >= 0 and ACCENTS.match(char):
                    end = index + 1
            elif image.startswith(MARK):
                start = index if start < 0 else start
                end = index + 1
                marks += char
            else:
                if start >= 0:
                    yield self.cluster(base, marks), start, end
                start, end, base, marks = index, index + 1, image, ""
        if start >= 0:
            yield self.cluster(base, marks), start, end

    def cluster(self, base: str, marks: str) -> str:
        """Return a folded base with the marks on it."""
        return base[:-1] + self.settle(base[-1:] + marks[:MAX_MARKS]) if marks else base

    def settle(self, cluster: str) -> str:
        """Fold one cluster: repeat the steps until nothing changes."""
        for _ in range(6):
            settled = self.once(cluster)
            if settled == cluster:
                break
            cluster = settled
        return cluster

    def once(self, cluster: str) -> str:
        text = "".join(named_letter(char, self.styled, self.accents) for char in cluster)
        if self.homoglyph:
            text = text.translate(_SHOWN)
        text = unicodedata.normalize(self.form, text)
        if self.accents:
            text = ACCENTS.sub("", unicodedata.normalize("NFD", text))
        if self.homoglyph:
            text = text.translate(_SHOWN)
        text = unicodedata.normalize(self.form, text.casefold())
        if self.styled:
            text = "".join(map(_restyled, text))
        if self.invisible:
            text = "".join(char for char in text if not dropped(char))
        return text

    def joins(self, char: str) -> bool:
        """Whether ``char`` can change, or be changed by, the character before it."""
        first = unicodedata.normalize("NFKD", char)[0]
        return (
            unicodedata.combining(first) != 0
            or unicodedata.category(first)[0] == "M"
            or "\u1161" <= first <= "\u11ff"
        )


class _Table(dict[int, "str | None"]):
    """Code point → folded text, None when dropped, with MARK in front when it joins a cluster."""

    def __init__(self, folder: _Folder) -> None:
        super().__init__()
        self.folder = folder

    def __missing__(self, code: int) -> str | None:
        char = chr(code)
        folder = self.folder
        image: str | None
        if (folder.invisible and dropped(char)) or (folder.accents and ACCENTS.match(char)):
            image = None
        elif 0xD800 <= code <= 0xDFFF or 0xFDD0 <= code <= 0xFDEF:
            image = "\ufffd"
        elif char.isascii():
            image = char.lower()
        elif folder.joins(char):
            image = MARK + char
        else:
            image = folder.settle(char)
        self[code] = image
        return image


@functools.lru_cache(8192)
def _restyled(char: str) -> str:
    """Undo the styling of one character that NFKC leaves alone."""
    if char.isascii():
        return char
    category = unicodedata.category(char)
    if category == "Pd":
        return "-"
    if category in ("Pi", "Pf", "Ps", "Po") and "QUOTATION MARK" in (
        name := unicodedata.name(char, "")
    ):
        return "'" if "SINGLE" in name else '"'
    if category in ("Zl", "Zp") or char == "\x85":
        return "\n"
    if category == "Zs" or char == "\u2800":
        return " "
    if category == "Ll" and unicodedata.name(char, "").startswith("LATIN"):
        return twin(char, False) or char
    return char


folder_of = functools.lru_cache(32)(_Folder)


@functools.lru_cache(1024)
def _remembered(folder: _Folder, text: str) -> str:
    return folder._folded(text, _NONE)

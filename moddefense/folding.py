"""Fold a text to what a reader sees, and say where each folded character came from.

The reader's fold drops what is invisible, undoes styling (full width, mathematical, enclosed, small
capital letters), strips generic diacritics, lowers the case, and replaces letters of another script
that only pose as Latin ones. Its data are the standard library's Unicode tables, character names
included, and the confusables of UTS #39 as the package ``confusable-homoglyphs`` ships them.

A text is a sequence of *clusters*: a character and the marks and invisible characters after it.
All steps but one fold each cluster by itself, so ``fold(text)`` is the folded clusters put
together. The exception, *homoglyph*, looks at whole words: a Russian text must stay what it is.
"""

from __future__ import annotations

import functools
import importlib.resources
import json
import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from typing import Literal

from moddefense.errors import ConfigurationError

__all__ = ["FOLD_STEPS", "fold", "fold_alone", "fold_many", "fold_map", "fold_signs"]

FOLD_STEPS = ("invisible", "styled", "accents", "homoglyph")
"""The steps that can be switched off; lowering the case is always on."""

_LOOKALIKES = dict(zip("пгцьийшщяэηπωλ", "nrubuuwwrennwl", strict=True))
"""Letters that UTS #39 does not pair, but that are used for their looks among Latin letters."""

MAX_MARKS = 30  # kept on one character: the limit of the Stream-Safe format of UAX #15

_MARK = "\ufffe"  # a noncharacter: TABLE puts it before a character that joins the one before it
_CONTROLS = dict.fromkeys((*range(9), *range(14, 32), 127))
_NONE: frozenset[str] = frozenset()

# Combining marks that carry no meaning of their own in any script, and vowel points that readers of
# Arabic and Hebrew usually do without (0653-0655 make letters with alef, so they stay).
_ACCENTS = re.compile(
    "[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"
    "\u0610-\u061a\u0640\u064b-\u0652\u0656-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed]"
)
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\U000e0000-\U000e0fff]"
)
_NAMED = re.compile(
    r"(?:LATIN (?:SMALL |CAPITAL )?LETTER "
    r"((?:(?:SMALL|CAPITAL|TURNED|REVERSED|INVERTED|SIDEWAYS|OPEN|CLOSED|DOTLESS|SCRIPT|INSULAR)"
    r" )*)"
    r"|((?:NEGATIVE )?(?:CIRCLED|SQUARED|PARENTHESIZED)) LATIN (?:SMALL|CAPITAL) LETTER )"
    r"([A-Z])"
)
_JOINED = re.compile(f"([^{_MARK}]?)((?:{_MARK}.)+)", re.DOTALL)
_FOREIGN_RUN = re.compile(r"([^\x00-\x7f]+)")
_CLUSTERED = re.compile(
    r"[\t-\r\x20-\x7e]?[^\t-\r\x20-\x7e]+"
)  # with the character that it may be on
_WORD = re.compile(r"[^\W_]+")
_LETTER = re.compile(r"[^\W_]")
_LATIN = re.compile(r"[a-z]")


def fold(text: str, *, off: Collection[str] = _NONE) -> str:
    """Return what a reader sees in ``text``, in lower case.

    ``off`` names steps of FOLD_STEPS to leave out; an unknown name raises ConfigurationError.
    Folding twice gives what folding once gives.

    >>> fold("ＰÁSS\u200bword")
    'password'
    >>> fold("p\u0430ssword, п\u0430роль")  # the first а is a Cyrillic letter among Latin ones
    'password, пароль'
    """
    if text.isascii():
        low = text.lower()
        if low.isprintable() or "invisible" in off:
            return low
        return low.translate(_CONTROLS)
    return _folder(frozenset(off)).fold(text)


def fold_many(texts: Sequence[str], *, off: Collection[str] = _NONE) -> list[str]:
    """Return ``fold(text)`` for each of ``texts``.

    >>> fold_many(["Ａ", "b"])
    ['a', 'b']
    """
    skip = frozenset(off)
    plain = "".join(text for text in texts if text.isascii()).encode("ascii")
    if len(plain.translate(None, bytes(_CONTROLS))) != len(plain):
        return [fold(text, off=skip) for text in texts]
    return [text.lower() if text.isascii() else _folder(skip).fold(text) for text in texts]


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
    return _folder(frozenset(off)).fold_map(text)


def fold_alone(char: str, *, off: Collection[str] = _NONE) -> str | None:
    """Return the one character that ``char`` folds to whatever is around it, or None.

    >>> fold_alone("É"), fold_alone("\u0301"), fold_alone("а")  # the last one is Cyrillic
    ('e', None, None)
    """
    folder = _folder(frozenset(off))
    image = folder.table[ord(char)]
    if image is None or len(image) != 1:
        return None
    return None if folder.homoglyph and not image.isascii() and _twin(image, True) else image


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
            if ord(char) in _CONTROLS:
                signs.add("invisible")
        else:
            signs |= _char_signs(char)
    folded = fold(text)
    if "homoglyph" not in signs and folded != fold(text, off=("homoglyph",)):
        signs.add("homoglyph")
    return frozenset(signs)


@functools.lru_cache(4096)
def _char_signs(char: str) -> frozenset[str]:
    if _dropped(char):
        return frozenset({"invisible"})
    if _ACCENTS.match(char):
        return frozenset({"accents"})
    signs = set()
    plain = unicodedata.normalize("NFD", char)
    if _ACCENTS.search(plain) or " WITH " in unicodedata.name(char, ""):
        signs.add("accents")
    low = unicodedata.normalize("NFC", _ACCENTS.sub("", plain).casefold())
    settled = _folder(_NONE).settle(char)
    if not signs and settled != low and settled.isalnum():
        signs.add("styled")
    return frozenset(signs)


def _dropped(char: str) -> bool:
    """Whether a reader sees nothing of ``char``."""
    if _INVISIBLE.match(char):
        return True
    return unicodedata.category(char) in ("Cf", "Cc") and char not in "\t\n\v\f\r\x85"


@functools.lru_cache(1)
def _confusables() -> dict[str, list[str]]:
    """UTS #39 confusables as the package ships them: character → what it can be taken for."""
    source = importlib.resources.files("confusable_homoglyphs") / "confusables.json"
    raw = json.loads(source.read_text(encoding="utf-8"))
    return {char: [item["c"] for item in items] for char, items in raw.items() if len(char) == 1}


@functools.lru_cache(8192)
def _named_letter(char: str, styled: bool = True, accents: bool = True) -> str:
    """Return the Latin letter in the Unicode name of a variant letter, else ``char``."""
    if char.isascii():
        return char
    name, with_, _ = unicodedata.name(char, "").partition(" WITH ")
    found = _NAMED.fullmatch(name)
    if not found or (with_ and not accents) or ((found[1] or found[2]) and not styled):
        return char
    return found[3].lower()


def _letter_of(text: str) -> str:
    return _named_letter(text) if len(text) == 1 else text


@functools.lru_cache(8192)
def _twin(char: str, loose: bool) -> str:
    """Return the Latin letter that ``char``, of another script, can be taken for, or "".

    Strictly, the character itself looks like that letter; loosely, its capital may do so too (as in
    "ВАD"), which is enough only within a word that has real Latin letters.
    """
    others = _confusables().get(char, ())
    if loose:
        # The capital before the names: м is nearer to M than to the turned w that it is like.
        others = [*others, *_confusables().get(char.upper(), ()), *map(_letter_of, others)]
    for other in others:
        plain = _ACCENTS.sub("", unicodedata.normalize("NFD", other))
        if plain.isascii() and len(plain) == 1 and plain.isalpha():
            return plain.lower()
    return _LOOKALIKES.get(char, "") if loose else ""


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

    def fold(self, text: str) -> str:
        pieces = _FOREIGN_RUN.split(text)
        if len(pieces) * 8 < len(text):
            pieces[1::2] = [piece.translate(self.table) for piece in pieces[1::2]]
            pieces[0::2] = [fold(piece, off=self.off) for piece in pieces[0::2]]
            folded = "".join(pieces)
        else:
            folded = text.translate(self.table)
        if _MARK in folded:
            folded = _JOINED.sub(lambda found: self.cluster(found[1], found[2][1::2]), folded)
        if self.homoglyph and not folded.isascii():
            folded = heal(folded)
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
                if start >= 0 and _ACCENTS.match(char):
                    end = index + 1
            elif image.startswith(_MARK):
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
        text = "".join(_named_letter(char, self.styled, self.accents) for char in cluster)
        text = unicodedata.normalize(self.form, text)
        if self.accents:
            text = _ACCENTS.sub("", unicodedata.normalize("NFD", text))
        text = unicodedata.normalize(self.form, text.casefold())
        if self.styled:
            text = "".join(map(_restyled, text))
        if self.invisible:
            text = "".join(char for char in text if not _dropped(char))
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
    """Code point → folded text, None when dropped, with _MARK in front when it joins a cluster."""

    def __init__(self, folder: _Folder) -> None:
        super().__init__()
        self.folder = folder

    def __missing__(self, code: int) -> str | None:
        char = chr(code)
        folder = self.folder
        image: str | None
        if (folder.invisible and _dropped(char)) or (folder.accents and _ACCENTS.match(char)):
            image = None
        elif 0xD800 <= code <= 0xDFFF:
            image = "\ufffd"
        elif char.isascii():
            image = char.lower()
        elif folder.joins(char):
            image = _MARK + char
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
        return _twin(char, False) or char
    return char


def heal(folded: str) -> str:
    """Replace letters of other scripts that pose as Latin ones; the length stays the same.

    A word that mixes Latin letters with lookalikes is healed when all foreign letters in it are.
    A word of lookalikes alone is healed when the text has Latin letters and no word that could
    only be of the other script: otherwise it may well be what it says it is.
    """
    if not any(_twin(char, True) for char in set(folded) if char > "\x7f"):
        return folded
    posing: list[tuple[int, int, str]] = []
    pieces: list[tuple[int, int, str]] = []
    genuine = False
    for since, until, word in _foreign_words(folded):
        has_latin = _LATIN.search(word) is not None
        whole = _swap(word, has_latin)
        if has_latin:
            if whole:
                pieces.append((since, until, whole))
        elif whole:
            posing.append((since, until, whole))
        elif any(_twin(char, False) or _twin(char, True) for char in word):
            genuine = True
    latin = _LATIN.search(folded) is not None
    if latin and not genuine:
        pieces += posing
    if not pieces:
        return folded
    out: list[str] = []
    last = 0
    for start, end, word in sorted(pieces):
        out += (folded[last:start], word)
        last = end
    return "".join((*out, folded[last:]))


def _foreign_words(folded: str) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and text of each word that is not ASCII."""
    until = 0
    for run in _FOREIGN_RUN.finditer(folded):
        since = max(run.start(), until)
        while since > until and _LETTER.match(folded, since - 1):
            since -= 1
        while since < run.end() and (found := _WORD.search(folded, since, run.end())):
            found = _WORD.match(folded, found.start())
            assert found is not None
            since = until = found.end()
            if not found[0].isascii():
                yield found.start(), until, found[0]


def _swap(word: str, loose: bool) -> str:
    """Return ``word`` with every foreign letter replaced by its twin, or "" when one has none."""
    out = []
    for char in word:
        if not char.isascii():
            char = _twin(char, loose)
            if not char:
                return ""
        out.append(char)
    return "".join(out)


_folder = functools.lru_cache(32)(_Folder)

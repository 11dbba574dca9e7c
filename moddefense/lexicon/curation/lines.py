"""Read a list line by line, so that one that is broken hides none of the others."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path
from typing import Any

from moddefense.errors import LexiconError, ReadError, at
from moddefense.lexicon.terms import COLUMNS, SEVERITIES, Term, dumps

__all__ = ["Finding", "Line", "ListFile", "read_lines"]

HEADER = ",".join(COLUMNS)


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Finding:
    """What is wrong with a line, and how to mend it. ``str()`` is ``FILE:LINE: rule: message``."""

    path: str
    line: int
    rule: str
    message: str
    id: str = ""
    fixable: bool = False

    def __str__(self) -> str:
        return f"{at(self.path, self.line)}{self.rule}: {self.message}"


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """One line of a file: its number from 1, what it says, and the term, or why there is none."""

    path: str
    number: int
    raw: bytes
    term: Term | None
    error: str = ""

    def finding(self, rule: str, message: str, *, fixable: bool = False) -> Finding:
        """Return a finding about this line."""
        return Finding(
            self.path, self.number, rule, message, self.term.id if self.term else "", fixable
        )


@dataclasses.dataclass(frozen=True, slots=True)
class ListFile:
    """A list as it lies on disk: all bytes, and the lines after the header that are not blank."""

    path: str
    raw: bytes
    header: Line
    lines: tuple[Line, ...]


def read_lines(path: str | Path) -> ListFile:
    """Read the list at ``path``; a line that cannot be a term says why. Raises ReadError."""
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        reason = error.strerror or error
        raise ReadError(f"{at(path)}cannot be read ({reason}); name a lexicon file") from None
    first, *rest = raw.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    lines = [
        _line(str(path), number, line)
        for number, line in enumerate(rest, 2)
        if line.strip() or (number - 2 < len(rest) - 1)
    ]
    return ListFile(str(path), raw, Line(str(path), 1, first, None), tuple(lines))


def canonical(term: Term) -> bytes:
    """Return the line of ``term`` as it is written, without its end."""
    return dumps([term]).split(b"\n")[1]


def _line(path: str, number: int, raw: bytes) -> Line:
    try:
        return Line(path, number, raw, _parse(raw.removesuffix(b"\r")))
    except LexiconError as error:
        return Line(path, number, raw, None, str(error))


def _parse(raw: bytes) -> Term:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        byte = raw[error.start : error.start + 1].hex()
        raise LexiconError(f"byte 0x{byte} is not valid UTF-8; save the file as UTF-8") from None
    if not text.strip():
        raise LexiconError("an empty line; remove it")
    if "\x00" in text or "\r" in text:
        raise LexiconError("a control character; save the file as plain UTF-8 text")
    try:
        row = next(csv.reader([text], strict=True))
    except csv.Error as error:
        raise LexiconError(f"not valid CSV ({error}); quote the field") from None
    if len(row) != len(COLUMNS):
        raise LexiconError(
            f"{len(row)} fields in place of {len(COLUMNS)}; quote fields that hold a comma"
        )
    values = {name: value.strip() for name, value in zip(COLUMNS, row, strict=True)}
    given: str = values.pop("severity")
    severity: Any = given or None
    if given in map(str, SEVERITIES):
        severity = int(given)
    return Term(severity=severity, **values)

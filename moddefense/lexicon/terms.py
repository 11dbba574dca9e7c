"""Terms and lexicons: what a word list says, read from and written to CSV."""

from __future__ import annotations

import csv
import hashlib
import io
import operator
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from moddefense.errors import LexiconError, ReadError, at
from moddefense.folding import FOLD_STEPS
from moddefense.resources import lexicons_dir

__all__ = [
    "COLUMNS", "KINDS", "MATCHES", "SEVERITIES", "STATUSES", "STEPS", "Lexicon", "Term",
    "check_steps", "list_names", "load_lexicon",
]  # fmt: skip

KINDS = ("block", "allow")
MATCHES = ("word", "prefix", "suffix", "substring", "text")
STATUSES = ("active", "retired")
SEVERITIES = (1, 2, 3, 4)
STEPS = (*FOLD_STEPS, "leet", "repetition", "separators", "masking", "spelling")
"""Every step a hit may be found through; any can be switched off, by term, list or matcher."""

_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Term:
    """One line of a word list; the columns are explained in ``lexicons/README.md``.

    A field out of range raises LexiconError.

    >>> Term("en-damn", "damn", severity=1).match
    'word'
    """

    id: str
    term: str
    kind: str = "block"
    match: str = "word"
    category: str = "profanity"
    severity: int | None = None
    lang: str = "en"
    status: str = "active"
    source: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name != "severity":
                _check_text(field.name, value)
        for name in ("id", "term", "lang"):
            value = getattr(self, name)
            if not value.strip():
                raise LexiconError(f"{name} is empty; give one, or remove the line")
            if value != value.strip():
                raise LexiconError(f"{name} {value!r} has space around it; remove the space")
        if any(char.isspace() for char in self.id):
            raise LexiconError(f"id {self.id!r} has white space in it; use a hyphen")
        _check_choice("kind", self.kind, KINDS)
        _check_choice("match", self.match, MATCHES)
        _check_choice("status", self.status, STATUSES)
        if self.kind == "allow":
            if self.severity is not None:
                raise LexiconError(f"severity {self.severity!r} on an allow term; leave it empty")
        else:
            if self.severity is None:
                raise LexiconError("severity of a block term is empty; use 1 (mild) to 4 (extreme)")
            if self.severity not in SEVERITIES:
                raise LexiconError(
                    f"unknown severity {self.severity!r}; use 1 (mild) to 4 (extreme)"
                )
            if not self.category:
                raise LexiconError("category of a block term is empty; name one, like profanity")


COLUMNS = tuple(field.name for field in fields(Term))


class Lexicon:
    """An immutable list of terms, ordered by id, with retired ones kept for the record.

    ``off`` maps ids to the steps (of STEPS) that do harm with that term and are left out for it.
    An id given twice, or a step that does not exist, raises LexiconError.

    >>> ours = Lexicon([Term("x-jerk", "jerk", severity=1), Term("x-crap", "crap", severity=1)])
    >>> [term.id for term in ours], len(ours | ours)
    (['x-crap', 'x-jerk'], 2)
    """

    __slots__ = ("_by_id", "_fingerprint", "_off", "name", "terms")

    name: str
    terms: tuple[Term, ...]
    _by_id: dict[str, Term]
    _off: dict[str, frozenset[str]]
    _fingerprint: str | None

    def __init__(
        self,
        terms: Iterable[Term],
        *,
        name: str = "",
        off: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        by_id: dict[str, Term] = {}
        for term in terms:
            if by_id.setdefault(term.id, term) != term:
                raise LexiconError(f"id {term.id!r} is used twice; give one of them another id")
        steps = {key: frozenset(value) for key, value in (off or {}).items() if value}
        for key, value in steps.items():
            if key not in by_id:
                raise LexiconError(f"off: no term has the id {key!r}; correct the id")
            check_steps(value)
        put = object.__setattr__
        put(self, "name", name)
        put(self, "terms", tuple(by_id[key] for key in sorted(by_id)))
        put(self, "_by_id", by_id)
        put(self, "_off", steps)
        put(self, "_fingerprint", None)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Lexicon is immutable; cannot set {name!r}")

    def __iter__(self) -> Iterator[Term]:
        return iter(self.terms)

    def __len__(self) -> int:
        return len(self.terms)

    def __contains__(self, key: object) -> bool:
        return key in self._by_id

    def __getitem__(self, key: str) -> Term:
        return self._by_id[key]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Lexicon):
            return NotImplemented
        return self.terms == other.terms and self._off == other._off

    def __hash__(self) -> int:
        return hash(self.terms)

    def __repr__(self) -> str:
        return f"<Lexicon {self.name or 'unnamed'}: {len(self)} terms>"

    def __or__(self, other: Lexicon) -> Lexicon:
        """Merge two lists; the same id with different content raises LexiconError."""
        off = {key: self.off(key) | other.off(key) for key in {*self._off, *other._off}}
        names = dict.fromkeys(name for name in (self.name, other.name) if name)
        try:
            return Lexicon((*self.terms, *other.terms), name=" + ".join(names), off=off)
        except LexiconError as error:
            raise LexiconError(f"{self.name or '?'} | {other.name or '?'}: {error}") from None

    def off(self, key: str) -> frozenset[str]:
        """Steps that are left out for the term with this id."""
        return self._off.get(key, _NONE)

    def without(self, steps: Collection[str], ids: Collection[str] | None = None) -> Lexicon:
        """Return a copy with ``steps`` left out for the terms ``ids``, by default for all."""
        chosen = self._by_id if ids is None else ids
        off = dict(self._off)
        for key in chosen:
            off[key] = self.off(key) | frozenset(steps)
        return Lexicon(self.terms, name=self.name, off=off)

    @property
    def fingerprint(self) -> str:
        """SHA-256, in hexadecimal, of the content in its canonical form; the name is no part."""
        if self._fingerprint is None:
            digest = hashlib.sha256(dumps(self.terms))
            for key in sorted(self._off):
                digest.update(f"{key}\t{','.join(sorted(self._off[key]))}\n".encode())
            object.__setattr__(self, "_fingerprint", digest.hexdigest())
        return str(self._fingerprint)

    @classmethod
    def read(cls, path: str | Path) -> Lexicon:
        """Read a CSV file with the columns of Term.

        Raises LexiconError, with file and line, when the file breaks the format, and ReadError when
        it cannot be read.
        """
        return cls(read_terms(path), name=Path(path).stem)

    def write(self, path: str | Path) -> None:
        """Write the CSV file, sorted by id, under its lock, whole or not at all.

        Raises WriteError.
        """
        from moddefense.lexicon.curation.editing import write_file

        write_file(path, dumps(self.terms))


def check_steps(steps: Collection[str]) -> frozenset[str]:
    """Return ``steps`` as a set; raises LexiconError for a name that is not in STEPS."""
    for step in steps:
        if step not in STEPS:
            raise LexiconError(f"unknown step {step!r}; the steps are {', '.join(STEPS)}")
    return frozenset(steps)


def dumps(terms: Iterable[Term]) -> bytes:
    """Return the CSV file of ``terms`` as bytes: header, one term a line, sorted by id."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    rows = sorted(terms, key=lambda term: term.id)
    writer.writerows(map(operator.attrgetter(*COLUMNS), rows))
    return buffer.getvalue().encode("utf-8")


def read_terms(path: str | Path) -> list[Term]:
    """Read the terms of a CSV file in the file's order; the errors are those of Lexicon.read."""
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        reason = error.strerror or error
        raise ReadError(f"{at(path)}cannot be read ({reason}); name a lexicon file") from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        value = raw[error.start : error.start + 1].hex()
        raise LexiconError(
            f"{at(path, line)}byte 0x{value} is not valid UTF-8; save the file as UTF-8"
        ) from None
    if "\x00" in text:
        line = text.count("\n", 0, text.index("\x00")) + 1
        raise LexiconError(f"{at(path, line)}a NUL character; save the file as plain UTF-8 text")
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    terms: list[Term] = []
    seen: dict[str, int] = {}
    line = 1
    try:
        header = tuple(next(rows, ()))
        if header != COLUMNS:
            raise LexiconError(
                f"columns are {','.join(header) or 'missing'!r}; the first line must be "
                f"{','.join(COLUMNS)}"
            )
        line = rows.line_num + 1
        for row in rows:
            term = _parse(row)
            if term.id in seen:
                raise LexiconError(
                    f"id {term.id!r} is used in line {seen[term.id]} too; give one another id"
                )
            seen[term.id] = line
            terms.append(term)
            line = rows.line_num + 1
    except LexiconError as error:
        raise LexiconError(f"{at(path, line)}{error}") from None
    except csv.Error as error:
        raise LexiconError(f"{at(path, line)}not valid CSV ({error}); quote the field") from None
    return terms


def list_names() -> list[str]:
    """Names of the shipped lists, like ``en/profanity``, sorted."""
    return sorted(_index())


def load_lexicon(*names: str) -> Lexicon:
    """Load shipped lists by language (``"en"``) or by name (``"en/profanity"``); all by default.

    Raises LexiconError when a name is unknown.

    >>> load_lexicon("en").name
    'en'
    """
    index = _index()
    root = lexicons_dir()
    chosen: dict[str, None] = {}
    for name in names or list(index):
        matching = [key for key in index if key == name or index[key].get("lang") == name]
        if not matching:
            known = ", ".join(sorted({*index, *(str(item.get("lang")) for item in index.values())}))
            raise LexiconError(f"no shipped list or language is called {name!r}; there are {known}")
        chosen.update(dict.fromkeys(matching))
    merged = Lexicon(())
    for key in sorted(chosen):
        merged = merged | _load(root, index[key])
    return Lexicon(merged.terms, name=" + ".join(names), off=merged._off)


def _index() -> dict[str, dict[str, Any]]:
    path = lexicons_dir() / "index.toml"
    try:
        with path.open("rb") as stream:
            index = tomllib.load(stream)
    except OSError as error:
        reason = error.strerror or error
        raise ReadError(f"{at(path)}cannot be read ({reason}); reinstall the package") from None
    except tomllib.TOMLDecodeError as error:
        raise LexiconError(f"{at(path)}not valid TOML ({error}); correct it") from None
    lists: dict[str, dict[str, Any]] = index.get("lists", {})
    return lists


def _load(root: Path, entry: Mapping[str, Any]) -> Lexicon:
    lexicon = Lexicon.read(root / str(entry["file"]))
    try:
        if steps := entry.get("through_off"):
            lexicon = lexicon.without(steps)
        for step, ids in entry.get("term_off", {}).items():
            lexicon = lexicon.without([step], ids)
    except LexiconError as error:
        raise LexiconError(f"{at(root / 'index.toml')}{error}") from None
    return lexicon


def _parse(row: list[str]) -> Term:
    if len(row) != len(COLUMNS):
        raise LexiconError(
            f"{len(row)} fields in place of {len(COLUMNS)}; quote fields that hold a comma"
        )
    values: dict[str, Any] = dict(zip(COLUMNS, row, strict=True))
    severity = values["severity"]
    if severity == "":
        values["severity"] = None
    elif severity in map(str, SEVERITIES):
        values["severity"] = int(severity)
    return Term(**values)


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise LexiconError(f"unknown {name} {value!r}; use {', '.join(choices)}")


def _check_text(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise LexiconError(f"{name} {value!r} is not text; give a string")
    for char in "\x00\r\n":
        if char in value:
            raise LexiconError(f"{name} {value!r} has a {char!r} in it; remove it")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise LexiconError(f"{name} {value!r} has half a surrogate pair; retype it") from None

"""Lint lists: what is wrong with which line, why, and how to mend it; and mend what is safe."""

from __future__ import annotations

import os
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from moddefense.lexicon.curation.editing import id_prefix, locked, write_atomically
from moddefense.lexicon.curation.lines import (
    HEADER,
    Finding,
    Line,
    ListFile,
    canonical,
    read_lines,
)
from moddefense.lexicon.curation.overlap import Entry, overlaps
from moddefense.lexicon.terms import Lexicon, Term
from moddefense.resources import lexicons_dir

__all__ = ["CATEGORIES", "RULES", "Finding", "fix", "lint", "shipped_files"]

CATEGORIES: Mapping[str, tuple[int, int]] = {
    "profanity": (1, 3),
    "insult": (1, 3),
    "slur": (1, 4),
    "hate": (2, 4),
    "sexual": (1, 4),
    "threat": (2, 4),
    "self-harm": (2, 4),
    "spam": (1, 3),
}
"""Categories of block terms, and the severities that need no explanation in the note."""

RULES: Mapping[str, str] = {
    "unreadable": "the line is no term",
    "header": "the first line does not name the columns",
    "form": "white space, quotes or line ends as they are never written",
    "order": "lines are not sorted by id",
    "repeated": "a line stands twice",
    "id": "an id that is not of the list's form, or is used twice",
    "metadata": "category, severity, language, source or note is missing or unlikely",
    "duplicate": "two terms are the same after folding",
    "shadowed": "another term hits wherever this one does",
    "never-matches": "the term is never found",
    "protects-nothing": "an allow term that cancels no block term",
    "harmless-words": "a term inside words hits harmless words",
}
"""The rules, and what each finds."""

_LOOSE = ("prefix", "suffix", "substring")
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LANG = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_KEBAB = re.compile(r"[a-z]+(-[a-z]+)*")


def lint(
    files: Sequence[str | Path] = (),
    *,
    beside: Iterable[Lexicon] = (),
    harmless: Iterable[str] = (),
) -> list[Finding]:
    """Return what is wrong with the lists ``files``, by default the shipped ones, in their order.

    ``beside`` are lists that they are used with: looked at, not linted; without any block term in
    ``files`` or ``beside``, allow terms are held against the shipped lists. ``harmless`` are texts
    whose words no term should hit. Raises ReadError.
    """
    index = _indexed()
    sources = [read_lines(path) for path in files or shipped_files()]
    findings: list[Finding] = []
    entries: list[Entry] = []
    seen: dict[str, Line] = {}
    for source in sources:
        listed = index.get(os.path.realpath(source.path), {})
        findings += _form(source)
        findings += _ids(source, seen, listed)
        for line in source.lines:
            if line.term is None:
                findings.append(line.finding("unreadable", line.error))
                continue
            findings += _metadata(line, line.term, listed)
            if line.term.status == "active":
                entries.append(Entry(line.term, _off(listed, line.term), line))
    for lexicon in beside:
        entries += [Entry(t, lexicon.off(t.id)) for t in lexicon if t.status == "active"]
    if not any(entry.term.kind == "block" for entry in entries):
        from moddefense.lexicon.terms import load_lexicon

        shipped = load_lexicon()
        entries += [
            Entry(term, shipped.off(term.id))
            for term in shipped
            if term.kind == "block" and term.status == "active"
        ]
    findings += overlaps(entries, harmless)
    place = {source.path: number for number, source in enumerate(sources)}
    return sorted(set(findings), key=lambda found: (place[found.path], found))


def fix(files: Sequence[str | Path]) -> list[Finding]:
    """Mend what is safe (order, white space, line ends, repeated lines) and return what was mended.

    A line that cannot be read is kept as it is. A file without the right header is left alone.
    Each file is replaced whole or not at all. Raises ReadError and WriteError.
    """
    mended: list[Finding] = []
    for path in files:
        with locked(path):
            source = read_lines(path)
            if source.header.raw.decode("utf-8", "replace").strip() != HEADER:
                continue
            found = [one for one in (*_form(source), *_ids(source, {}, {})) if one.fixable]
            lines = {
                (canonical(line.term) if line.term else line.raw.rstrip()): line
                for line in reversed(source.lines)
                if line.raw.strip()
            }
            ordered = sorted(lines, key=lambda text: (_sort_id(lines[text]), lines[text].number))
            data = b"\n".join((HEADER.encode(), *ordered)) + b"\n"
            if data != source.raw:
                write_atomically(path, data)
                mended += found
    return mended


def shipped_files() -> list[Path]:
    """Paths of the shipped lists, by name."""
    return sorted(Path(path) for path in _indexed())


def _sort_id(line: Line) -> str:
    if line.term is not None:
        return line.term.id
    return line.raw.split(b",")[0].strip().decode("utf-8", "replace")


def _indexed() -> dict[str, dict[str, object]]:
    root = lexicons_dir()
    index = tomllib.loads((root / "index.toml").read_text(encoding="utf-8")).get("lists", {})
    return {
        os.path.realpath(root / entry["file"]): {**entry, "name": name}
        for name, entry in index.items()
    }


def _off(listed: Mapping[str, object], term: Term) -> frozenset[str]:
    steps = {str(step) for step in _list(listed.get("through_off"))}
    by_step = listed.get("term_off")
    if isinstance(by_step, Mapping):
        steps |= {str(step) for step, ids in by_step.items() if term.id in ids}
    return frozenset(steps)


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _form(source: ListFile) -> Iterator[Finding]:
    first = source.header
    header = first.raw.decode("utf-8", "replace")
    if header.strip() != HEADER:
        yield first.finding("header", f"the columns are not {HEADER}; make that the first line")
    elif header.removesuffix("\r") != HEADER or source.raw.startswith(b"\xef\xbb\xbf"):
        yield first.finding(
            "form", "a byte order mark or white space; --fix removes it", fixable=True
        )
    returns = next((line for line in (first, *source.lines) if line.raw.endswith(b"\r")), None)
    if returns:
        yield returns.finding("form", "lines end with CR LF; --fix makes it LF", fixable=True)
    if source.raw and not source.raw.endswith(b"\n"):
        last = source.lines[-1] if source.lines else first
        yield last.finding("form", "the last line has no end; --fix adds it", fixable=True)
    top: Line | None = None
    written: dict[bytes, Line] = {}
    for line in source.lines:
        if line.term is None:
            if not line.raw.strip():
                yield line.finding("form", "an empty line; --fix removes it", fixable=True)
            continue
        text = canonical(line.term)
        if text in written:
            yield line.finding(
                "repeated", f"the same as line {written[text].number}; --fix removes it",
                fixable=True,
            )  # fmt: skip
            continue
        written[text] = line
        if line.raw.removesuffix(b"\r") != text:
            yield line.finding(
                "form", "white space around a field, or quotes it does not need; --fix mends it",
                fixable=True,
            )  # fmt: skip
        if top is not None and top.term is not None and line.term.id < top.term.id:
            yield line.finding(
                "order", f"{line.term.id} sorts before {top.term.id} in line {top.number};"
                " --fix sorts", fixable=True,
            )  # fmt: skip
        else:
            top = line


def _ids(
    source: ListFile, seen: dict[str, Line], listed: Mapping[str, object]
) -> Iterator[Finding]:
    terms = [line.term for line in source.lines if line.term]
    if listed:
        prefix = str(listed["name"]).replace("/", "-") + "-"
    else:
        langs = Counter(term.lang for term in terms).most_common(1)
        prefix = id_prefix(source.path, [term.id for term in terms], langs[0][0] if langs else "en")
    usual = sum(term.id.startswith(prefix) for term in terms) * 2 > len(terms)
    for line in source.lines:
        term = line.term
        if term is None:
            continue
        before = seen.setdefault(term.id, line)
        same = before.path == line.path and before.term == term
        if before is not line and not same:
            yield line.finding(
                "id", f"{term.id} is used in {before.path}:{before.number} too;"
                " give this one another id",
            )  # fmt: skip
        if not _ID.fullmatch(term.id):
            yield line.finding(
                "id", f"{term.id!r} is not of lower-case ASCII letters, digits and single"
                " hyphens; rename it before anybody uses it",
            )  # fmt: skip
        elif (usual or listed) and not term.id.startswith(prefix):
            yield line.finding(
                "id", f"{term.id} does not begin with {prefix} as ids of this list do;"
                " rename it, or move the line",
            )  # fmt: skip


def _metadata(line: Line, term: Term, listed: Mapping[str, object]) -> Iterator[Finding]:
    def wrong(message: str) -> Finding:
        return line.finding("metadata", message)

    if term.term != " ".join(term.term.split()):
        yield wrong("the term has white space other than single spaces; write single ones")
    if not _LANG.fullmatch(term.lang):
        yield wrong(f"lang {term.lang!r} is no language tag; use one like en or pt-BR")
    elif listed and term.lang != listed.get("lang"):
        yield wrong(f"lang {term.lang} in a list of {listed.get('lang')}; move the line")
    if not term.source:
        yield wrong("source is empty; say where the term comes from")
    if term.status == "retired":
        if not term.note:
            yield wrong("a retired term without a note; say why it went")
        return
    if term.match in _LOOSE and not term.note:
        yield wrong(f"match {term.match} without a note; say why no harmless word is hit")
    if term.kind == "allow":
        if not _KEBAB.fullmatch(term.category):
            yield wrong(
                f"category {term.category!r} of an allow term; say what kind of use it is,"
                " like name or idiom"
            )
        return
    if term.category not in CATEGORIES:
        yield wrong(f"unknown category {term.category!r}; use {', '.join(CATEGORIES)}")
        return
    low, high = CATEGORIES[term.category]
    if term.severity is not None and not low <= term.severity <= high and not term.note:
        yield wrong(
            f"severity {term.severity} is odd for {term.category}, usually {low} to {high};"
            " change it, or say why in the note"
        )

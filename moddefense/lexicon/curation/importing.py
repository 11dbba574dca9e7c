"""Make a list from a file of another shape, and say what could not be taken over."""

from __future__ import annotations

import dataclasses
import math
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from moddefense.errors import LexiconError, ReadError, at
from moddefense.folding import fold
from moddefense.lexicon.curation.editing import free_id, slug
from moddefense.lexicon.curation.linting import CATEGORIES
from moddefense.lexicon.curation.shapes import Raw, read_shape
from moddefense.lexicon.terms import MATCHES, SEVERITIES, Lexicon, Term

__all__ = ["Imported", "import_list"]

_LANG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")


@dataclasses.dataclass(frozen=True)
class Imported:
    """The list; entries left out, by reason; and terms that lost or gained something, by what."""

    lexicon: Lexicon
    left_out: Mapping[str, int]
    changed: Mapping[str, int]


def import_list(
    path: str | Path,
    *,
    format: str,
    kind: str = "block",
    match: str = "word",
    category: str = "profanity",
    severity: int = 2,
    scale: tuple[float, float] | None = None,
    categories: Mapping[str, str] | None = None,
    lang: str = "en",
    only_lang: Collection[str] = (),
    id_prefix: str | None = None,
    source: str | None = None,
) -> Imported:
    """Read a list of one of FORMATS; what an entry does not say is as the other arguments say.

    ``scale`` (lowest, highest) of the file's severities is mapped onto 1 to 4; without it, numbers
    from 1 to 4 are rounded and others become ``severity``. ``categories`` maps theirs to ours; one
    that is not mapped becomes ``category``, and is kept in the note. Raises ReadError, and
    LexiconError when the file is not of the format.
    """
    if scale is not None and not scale[0] < scale[1]:
        raise LexiconError(f"scale {scale[0]}:{scale[1]}: give the lower end first, like 0:3")
    settings = _Settings(kind, match, category, severity, scale, categories or {}, lang)
    text = _text(path)
    prefix = f"{lang}-{slug(Path(path).stem)}-" if id_prefix is None else id_prefix
    origin = Path(path).name if source is None else source
    left_out: Counter[str] = Counter()
    changed: Counter[str] = Counter()
    terms: dict[str, Term] = {}
    seen: set[tuple[str, str, str, str]] = set()
    try:
        entries = list(_expand(read_shape(text, format), match, left_out))
    except LexiconError as error:
        raise LexiconError(f"{at(path)}{error}") from None
    own = format in ("csv", "json") and _is_own(entries)
    for raw in entries:
        if only_lang and (raw.lang or lang) not in only_lang:
            left_out["another language"] += 1
            continue
        changes: list[str] = []
        try:
            if own:
                term = _own(raw)
            else:
                key = free_id(prefix, raw.id or raw.term, terms)
                fields = settings.fields(raw, changes)
                term = Term(key, " ".join(raw.term.split()), source=raw.source or origin, **fields)
        except LexiconError as error:
            left_out[re.sub(r"'.*'", "…", str(error)).split(";")[0]] += 1
            continue
        said = term.kind, term.match, term.lang, " ".join(fold(term.term).split())
        if not own and said in seen:
            left_out["the same as another after folding"] += 1
        elif term.id in terms:
            left_out["an id that another has"] += 1
        else:
            seen.add(said)
            terms[term.id] = term
            changed.update(changes)
    return Imported(Lexicon(terms.values(), name=Path(path).stem), left_out, changed)


@dataclasses.dataclass(frozen=True)
class _Settings:
    kind: str
    match: str
    category: str
    severity: int
    scale: tuple[float, float] | None
    categories: Mapping[str, str]
    lang: str

    def fields(self, raw: Raw, changes: list[str]) -> dict[str, Any]:
        """Return the fields of Term that ``raw`` says, the others by default."""
        kind = raw.kind or self.kind
        match = raw.match or self.match
        if match not in MATCHES:
            changes.append(f"match unknown, {self.match} instead")
            match = self.match
        lang = (raw.lang or self.lang).strip().rstrip("+")
        if not _LANG.fullmatch(lang):
            changes.append(f"language unknown, {self.lang} instead")
            lang = self.lang
        note = raw.note or ""
        category, kept = self._category(raw, kind, changes)
        severity = None if kind == "allow" else self._severity(raw.severity, changes)
        return {
            "kind": kind, "match": match, "category": category, "severity": severity,
            "lang": lang, "status": raw.status or "active",
            "note": "; ".join(part for part in (note, kept) if part),
        }  # fmt: skip

    def _category(self, raw: Raw, kind: str, changes: list[str]) -> tuple[str, str]:
        given = raw.category or ""
        if kind == "allow" and not self.categories.get(given):
            return given or "imported", ""
        parts = [part.strip() for part in re.split(r"[|,]", given) if part.strip()]
        for part in (given, *parts, *(re.sub(r":.*", "", part) for part in parts)):
            mapped = self.categories.get(part, part)
            if mapped in CATEGORIES or part in self.categories:
                return mapped, ""
        if given:
            changes.append(f"category unknown, {self.category} instead, theirs in the note")
            return self.category, f"category there: {given}"
        changes.append(f"no category, {self.category} instead")
        return self.category, ""

    def _severity(self, given: str | None, changes: list[str]) -> int:
        try:
            number = float(given) if given else math.nan
        except ValueError:
            number = math.nan
        if math.isnan(number):
            changes.append(f"no severity, {self.severity} instead")
            return self.severity
        low, high = self.scale or (1, 4)
        if not low <= number <= high:
            changes.append(f"severity outside {low:g} to {high:g}, {self.severity} instead")
            return self.severity
        return math.floor(1 + 3 * (number - low) / (high - low) + 0.5)


def _expand(entries: Iterator[Raw], match: str, left_out: Counter[str]) -> Iterator[Raw]:
    """Drop what cannot be a term; make allow terms of exceptions, where the match needs them."""
    for raw in entries:
        if raw.skip:
            left_out[raw.skip] += 1
            continue
        yield raw
        if (raw.match or match) == "word":
            left_out["an exception, not needed with match word"] += len(raw.exceptions)
        else:
            for pattern in raw.exceptions:
                yield Raw(
                    pattern.replace("*", raw.term), kind="allow", match="word",
                    category="exception", lang=raw.lang,
                )  # fmt: skip
    left_out += Counter()  # drops zero counts


def _own(raw: Raw) -> Term:
    return Term(
        raw.id or "", raw.term, raw.kind or "", raw.match or "", raw.category or "",
        int(raw.severity) if raw.severity else None, raw.lang or "", raw.status or "active",
        raw.source or "", raw.note or "",
    )  # fmt: skip


def _is_own(entries: list[Raw]) -> bool:
    """Whether the file is one that this library wrote: every entry has an id and a kind."""
    return bool(entries) and all(
        raw.id and raw.kind and raw.match in MATCHES and raw.lang and raw.status
        and (raw.severity or "1") in map(str, SEVERITIES)
        for raw in entries
    )  # fmt: skip


def _text(path: str | Path) -> str:
    try:
        return Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ReadError(f"{at(path)}cannot be read ({error.strerror or error})") from None
    except UnicodeDecodeError:
        raise LexiconError(f"{at(path)}not valid UTF-8; save the file as UTF-8") from None

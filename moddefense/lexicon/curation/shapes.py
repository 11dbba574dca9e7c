"""The shapes in which other tools keep their lists, read as entries with whatever they say."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from moddefense.errors import LexiconError

__all__ = ["FORMATS", "Raw", "read_shape"]

_NAMES = {
    "term": ("term", "word", "text", "phrase", "keyword", "keywords"),
    "lang": ("lang", "language"),
    "severity": ("severity", "severity_rating", "score"),
    "category": ("category", "categories", "tags", "category_1"),
    "id": ("id",),
    "kind": ("kind",),
    "match": ("match",),
    "status": ("status",),
    "source": ("source",),
    "note": ("note", "notes", "comment"),
    "whole_word": ("whole_word",),
    "exceptions": ("exceptions",),
}
_TRUE, _FALSE = ("true", "1", "yes"), ("false", "0", "no")


@dataclasses.dataclass(slots=True)
class Raw:
    """One entry of a foreign list; None: it does not say. ``skip`` is why it cannot be a term."""

    term: str
    kind: str | None = None
    match: str | None = None
    severity: str | None = None
    category: str | None = None
    lang: str | None = None
    id: str | None = None
    status: str | None = None
    source: str | None = None
    note: str | None = None
    exceptions: tuple[str, ...] = ()
    skip: str = ""


def read_shape(text: str, shape: str) -> Iterator[Raw]:
    r"""Yield the entries of a list in one of FORMATS. Raises LexiconError when it is not of it.

    >>> [(raw.term, raw.match) for raw in read_shape("*crap*\njerk", "discord")]
    [('crap', 'substring'), ('jerk', 'word')]
    """
    if shape not in _READERS:
        raise LexiconError(f"unknown format {shape!r}; use {', '.join(FORMATS)}")
    return _READERS[shape](text)


def _plain(text: str) -> Iterator[Raw]:
    for line in text.splitlines():
        term = line.strip()
        if term and not line.startswith("# ") and term != "#":
            yield Raw(term)


def _csv(text: str) -> Iterator[Raw]:
    return _rows(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def _tsv(text: str) -> Iterator[Raw]:
    # Most tables with tabs know no quotes: a quotation mark in them is one.
    stream = io.StringIO(text, newline="")
    if text.startswith('"'):
        return _rows(csv.DictReader(stream, delimiter="\t", strict=True))
    return _rows(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE, strict=True))


def _rows(reader: csv.DictReader[str]) -> Iterator[Raw]:
    header = [name.strip().lower() for name in reader.fieldnames or ()]
    reader.fieldnames = header
    if not any(name in header for name in _NAMES["term"]):
        raise LexiconError(
            f"columns are {', '.join(header) or 'missing'}; one must be term, word, text, phrase"
            " or keyword (or use format plain)"
        )
    try:
        for row in reader:
            values = {key: value for key, value in row.items() if key == "exceptions" or value}
            extra = values.pop(None, None)
            entry = _entry(values)
            if extra:
                entry.skip = "a row with more fields than columns"
            yield entry
    except csv.Error as error:
        raise LexiconError(f"line {reader.line_num}: not valid CSV ({error})") from None


def _json(text: str) -> Iterator[Raw]:
    for item in _items(_loads(text), ("words", "terms", "entries", "list")):
        if isinstance(item, str):
            yield Raw(item)
        elif not isinstance(item, dict):
            yield Raw(str(item), skip="neither text nor object")
        elif "|" in str(item.get("match", "")) or not _first(item, "term"):
            yield from _several(item)
        else:
            yield _entry(item)


def _several(item: Mapping[str, Any]) -> Iterator[Raw]:
    """Entries with the spellings in ``match``, ``|`` between them; ``*`` repeats the letter."""
    texts = [part.strip() for part in str(item.get("match", "")).split("|") if part.strip()]
    if not texts:
        yield Raw(str(item.get("id", "")), skip="an object without a term")
    for text in texts:
        raw = _entry({**item, "term": text.replace("*", ""), "match": None})
        if item.get("allow_partial") is False:
            raw.match = "word"
        if len(texts) > 1:
            raw.id = None
        yield raw


def _discord(text: str) -> Iterator[Raw]:
    if text.lstrip()[:1] in ("{", "["):
        rule = _loads(text)
        if isinstance(rule, dict):
            rule = rule.get("trigger_metadata", rule)
        keywords = rule.get("keyword_filter", []) if isinstance(rule, dict) else rule
        allowed = rule.get("allow_list", []) if isinstance(rule, dict) else []
        patterns = rule.get("regex_patterns", []) if isinstance(rule, dict) else []
    else:
        keywords = [part for line in text.splitlines() for part in line.split(",")]
        allowed = patterns = []
    for kind, words in (("block", keywords), ("allow", allowed)):
        for word in words:
            if not isinstance(word, str):
                yield Raw(str(word), skip="not text")
            elif word.strip():
                yield _wildcards(word.strip(), kind)
    for pattern in patterns:
        yield Raw(str(pattern), skip="a regular expression")


def _wildcards(word: str, kind: str) -> Raw:
    before, after = word.startswith("*"), word.endswith("*") and len(word) > 1
    term = word[before : len(word) - after]
    match = {(True, True): "substring", (True, False): "suffix", (False, True): "prefix"}.get(
        (before, after), "word"
    )
    if "*" in term or not term.strip():
        return Raw(word, skip="a wildcard within a word, or alone")
    return Raw(term.strip(), kind=kind, match=match)


def _mastodon(text: str) -> Iterator[Raw]:
    if text.lstrip()[:1] not in ("{", "["):
        yield from _csv(text)
        return
    found = _loads(text)
    filters = found if isinstance(found, list) else [found]
    for item in filters:
        if not isinstance(item, dict):
            raise LexiconError("a Mastodon filter is an object; export it from the filters API")
        keywords = item.get("keywords_attributes", item.get("keywords"))
        for keyword in [item] if keywords is None else keywords:
            if isinstance(keyword, dict) and _first(keyword, "term"):
                yield _entry(keyword)
            else:
                yield Raw(str(keyword)[:40], skip="an object without a keyword")


def _entry(values: Mapping[str, Any]) -> Raw:
    got = {name: _first(values, name) for name in _NAMES}
    raw = Raw(got["term"] or "")
    for name in ("kind", "severity", "category", "lang", "id", "match", "status", "source", "note"):
        setattr(raw, name, got[name])
    whole = (got["whole_word"] or "").lower()
    if whole in _TRUE + _FALSE:
        raw.match = "word" if whole in _TRUE else "substring"
    if got["exceptions"] is not None or "exceptions" in values:
        # The shape with exceptions marks a letter that may be repeated with an asterisk.
        raw.exceptions = tuple(part for part in (got["exceptions"] or "").split("|") if part)
        raw.term = raw.term.replace("*", "")
    if not raw.term.strip():
        raw.skip = "an entry without a term"
    return raw


def _first(values: Mapping[str, Any], name: str) -> str | None:
    for key in _NAMES[name]:
        value = values.get(key)
        if value is None or value == "" or value == []:
            continue
        if isinstance(value, list):
            return "|".join(map(str, value))
        if isinstance(value, dict):
            continue
        return str(value).lower() if isinstance(value, bool) else str(value)
    return None


def _loads(text: str) -> Any:
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        raise LexiconError(f"line {line}: not valid JSON ({error}); correct it") from None


def _items(found: Any, keys: tuple[str, ...]) -> list[Any]:
    if isinstance(found, dict):
        found = next((found[key] for key in keys if isinstance(found.get(key), list)), None)
    if not isinstance(found, list):
        raise LexiconError(f"a JSON list is a list, or an object with one in {', '.join(keys)}")
    return found


_READERS: Mapping[str, Callable[[str], Iterator[Raw]]] = {
    "plain": _plain,
    "csv": _csv,
    "tsv": _tsv,
    "json": _json,
    "discord": _discord,
    "mastodon": _mastodon,
}
FORMATS = tuple(_READERS)
"""``plain`` is a term a line; ``csv``, ``tsv`` and ``json`` go by their columns or keys."""

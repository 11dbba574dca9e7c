"""Write a list in another shape, and say what that shape cannot express."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections import Counter
from collections.abc import Callable, Mapping

from moddefense.errors import LexiconError
from moddefense.lexicon.terms import Lexicon, Term, dumps

__all__ = ["DISCORD_ALLOWED", "DISCORD_KEYWORDS", "DISCORD_LENGTH", "EXPORTS", "Exported", "export"]

DISCORD_KEYWORDS = 1000
DISCORD_ALLOWED = 100
DISCORD_LENGTH = 60
_LOST = "id, category, severity, language, source and note"
_WILDCARDS = {"word": "{}", "prefix": "{}*", "suffix": "*{}", "substring": "*{}*"}


@dataclasses.dataclass(frozen=True)
class Exported:
    """The file's content; terms left out, by reason; and what all or some of the others lost."""

    text: str
    written: int
    left_out: Mapping[str, int]
    lost: Mapping[str, int]


def export(lexicon: Lexicon, format: str) -> Exported:
    """Return a list in one of EXPORTS: the most severe terms first where a shape has a limit.

    Raises LexiconError for another format.

    >>> ours = Lexicon([Term("x-crap", "crap", match="prefix", severity=1)])
    >>> export(ours, "discord").text.split()
    ['{', '"keyword_filter":', '[', '"crap*"', '],', '"allow_list":', '[]', '}']
    """
    if format not in EXPORTS:
        raise LexiconError(f"unknown format {format!r}; use {', '.join(EXPORTS)}")
    left_out: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    off = sum(bool(lexicon.off(term.id)) for term in lexicon)
    if off:
        lost["steps switched off"] = off
    terms = sorted(lexicon, key=lambda term: (-(term.severity or 0), term.id))
    text, written = EXPORTS[format](terms, left_out, lost)
    return Exported(text, written, dict(left_out), dict(lost))


_Writer = Callable[[list[Term], Counter[str], Counter[str]], tuple[str, int]]


def _plain(terms: list[Term], left_out: Counter[str], lost: Counter[str]) -> tuple[str, int]:
    lines = []
    for term in _active(terms, left_out, lost):
        if term.kind == "allow":
            left_out["allow terms"] += 1
        elif term.term.startswith("# ") or term.term == "#" or len(term.term.splitlines()) != 1:
            left_out["terms that read as a comment or several lines"] += 1
        else:
            if term.match != "word":
                lost[f"match {term.match}"] += 1
            lines.append(term.term)
    lines = list(dict.fromkeys(lines))
    return "".join(line + "\n" for line in lines), len(lines)


def _csv(terms: list[Term], left_out: Counter[str], lost: Counter[str]) -> tuple[str, int]:
    return dumps(terms).decode("utf-8"), len(terms)


def _json(terms: list[Term], left_out: Counter[str], lost: Counter[str]) -> tuple[str, int]:
    rows = [dataclasses.asdict(term) for term in sorted(terms, key=lambda term: term.id)]
    return json.dumps(rows, ensure_ascii=False, indent=1) + "\n", len(rows)


def _discord(terms: list[Term], left_out: Counter[str], lost: Counter[str]) -> tuple[str, int]:
    words: dict[str, dict[str, None]] = {"block": {}, "allow": {}}
    limits = {"block": DISCORD_KEYWORDS, "allow": DISCORD_ALLOWED}
    for term in _active(terms, left_out, lost):
        if term.match not in _WILDCARDS:
            left_out[f"match {term.match}"] += 1
            continue
        if "*" in term.term:
            left_out["terms with an asterisk"] += 1
            continue
        word = _WILDCARDS[term.match].format(term.term)
        if len(word) > DISCORD_LENGTH:
            left_out[f"keywords longer than {DISCORD_LENGTH} characters"] += 1
        elif len(words[term.kind]) >= limits[term.kind] and word not in words[term.kind]:
            left_out[f"{term.kind} terms beyond {limits[term.kind]:,}"] += 1
        else:
            words[term.kind][word] = None
    rule = {"keyword_filter": list(words["block"]), "allow_list": list(words["allow"])}
    return json.dumps(rule, ensure_ascii=False, indent=1) + "\n", sum(map(len, words.values()))


def _mastodon(terms: list[Term], left_out: Counter[str], lost: Counter[str]) -> tuple[str, int]:
    keywords = _whole_words(terms, left_out, lost)
    group = {
        "title": "moddefense",
        "context": ["home", "notifications", "public", "thread", "account"],
        "filter_action": "warn",
        "keywords_attributes": [
            {"keyword": word, "whole_word": whole} for word, whole in keywords.items()
        ],
    }
    return json.dumps(group, ensure_ascii=False, indent=1) + "\n", len(keywords)


def _mastodon_csv(terms: list[Term], left_out: Counter[str], lost: Counter[str]) -> tuple[str, int]:
    keywords = _whole_words(terms, left_out, lost)
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(("keyword", "whole_word"))
    writer.writerows((word, "true" if whole else "false") for word, whole in keywords.items())
    return buffer.getvalue(), len(keywords)


def _whole_words(terms: list[Term], left_out: Counter[str], lost: Counter[str]) -> dict[str, bool]:
    keywords: dict[str, bool] = {}
    for term in _active(terms, left_out, lost):
        if term.kind == "allow":
            left_out["allow terms"] += 1
        elif term.match not in ("word", "substring"):
            left_out[f"match {term.match}"] += 1
        else:
            whole = term.match == "word"
            keywords[term.term] = keywords.get(term.term, True) and whole
    return keywords


def _active(terms: list[Term], left_out: Counter[str], lost: Counter[str]) -> list[Term]:
    active = [term for term in terms if term.status == "active"]
    if len(active) < len(terms):
        left_out["retired terms"] += len(terms) - len(active)
    if active:
        lost[_LOST] += len(active)
    return active


EXPORTS: Mapping[str, _Writer] = {
    "plain": _plain,
    "csv": _csv,
    "json": _json,
    "discord": _discord,
    "mastodon": _mastodon,
    "mastodon-csv": _mastodon_csv,
}
"""``csv`` and ``json`` keep everything; the others keep what their tools know."""

"""What terms do to one another and to harmless words, found by matching them against themselves."""

from __future__ import annotations

import dataclasses
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence

from moddefense.folding import fold
from moddefense.lexicon.curation.harmless import common_words, is_derived, words_of
from moddefense.lexicon.curation.lines import Finding, Line
from moddefense.lexicon.matching import Match, Matcher
from moddefense.lexicon.patterns import is_word
from moddefense.lexicon.terms import Lexicon, Term

__all__ = ["Entry", "overlaps"]

_LITERAL = ("leet", "repetition", "separators", "masking")
_SHOWN = 5
_LOOSE = ("prefix", "suffix", "substring")


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """An active term, the steps that are off for it, and its line; None: looked at, not linted."""

    term: Term
    off: frozenset[str]
    line: Line | None = None

    @property
    def text(self) -> str:
        """The folded text, white space as single spaces."""
        return " ".join(fold(self.term.term).split())

    @property
    def name(self) -> str:
        """The id, and the place where it is listed."""
        return (
            f"{self.term.id} ({self.line.path}:{self.line.number})" if self.line else self.term.id
        )


def overlaps(entries: Sequence[Entry], harmless: Iterable[str] = ()) -> Iterator[Finding]:
    """Yield the findings of the rules about what terms hit; ``harmless`` are texts."""
    blocks = [entry for entry in entries if entry.term.kind == "block"]
    allows = [entry for entry in entries if entry.term.kind == "allow"]
    dead = set()
    block_matcher, allow_matcher = _matcher(blocks), _matcher(allows, literal=True)
    for group, matcher in ((blocks, block_matcher), (allows, allow_matcher)):
        own = matcher.find_many([entry.term.term for entry in group])
        for place, (entry, hits) in enumerate(zip(group, own, strict=True)):
            if not _readable(entry.text) or not any(int(hit.term.id) == place for hit in hits):
                dead.add(id(entry))
                if entry.line:
                    yield entry.line.finding("never-matches", _why_never(entry))
        live = [entry for entry in group if id(entry) not in dead]
        yield from _duplicates(live)
        if group is blocks:
            yield from _shadowed(blocks, own, dead)
    yield from _cancelled(blocks, allows, allow_matcher, dead)
    yield from _protection(blocks, allows, block_matcher, allow_matcher, dead)
    yield from _harmless(blocks, allows, harmless)


def _matcher(entries: Sequence[Entry], *, literal: bool = False) -> Matcher:
    """Compile terms as block terms whose ids are their places; ``literal``: without evasion."""
    lexicon = Lexicon(
        (
            dataclasses.replace(
                entry.term, id=f"{place:07}", kind="block", severity=1, category="profanity"
            )
            for place, entry in enumerate(entries)
        ),
        off={f"{place:07}": entry.off for place, entry in enumerate(entries)},
    )
    return Matcher(lexicon, off=_LITERAL if literal else ())


def _why_never(entry: Entry) -> str:
    if not entry.text:
        return "folds to nothing; retire it"
    if not _readable(entry.text):
        return "has neither letter, digit nor symbol, only separators; retire it"
    return (
        "is not found in its own text (a URL, an address or code is read with match substring"
        " alone); change its match, or retire it"
    )


def _readable(text: str) -> bool:
    """Whether there is a letter, a digit or a symbol like an emoji to find."""
    return any(is_word(char) or unicodedata.category(char) == "So" for char in text)


def _duplicates(entries: Sequence[Entry]) -> Iterator[Finding]:
    seen: dict[tuple[str, str, str], Entry] = {}
    for entry in entries:
        first = seen.setdefault((entry.text, entry.term.match, entry.term.lang), entry)
        if first is not entry and entry.line and not _same_line(first, entry):
            yield entry.line.finding(
                "duplicate", f"{entry.term.term!r} folds to the same as {first.name};"
                " keep one, retire the other",
            )  # fmt: skip


def _same_line(one: Entry, other: Entry) -> bool:
    """Whether both are copies of one line, which is a finding of its own."""
    here, there = one.line, other.line
    return bool(here and there and here.path == there.path and one.term == other.term)


def _shadowed(
    entries: Sequence[Entry], own: Sequence[Sequence[Match]], dead: set[int]
) -> Iterator[Finding]:
    for place, (entry, hits) in enumerate(zip(entries, own, strict=True)):
        if entry.line is None or id(entry) in dead:
            continue
        for hit in hits:
            other = entries[int(hit.term.id)]
            if int(hit.term.id) != place and _redundant(entry, other, hit):
                yield entry.line.finding(
                    "shadowed", f"{other.name}, match {other.term.match}, severity"
                    f" {other.term.severity}, hits wherever this one does; retire this one, or"
                    " raise its severity",
                )  # fmt: skip
                break


def _redundant(entry: Entry, other: Entry, hit: Match) -> bool:
    """Whether ``other`` makes ``entry``, in whose text it has ``hit``, a term too many."""
    term, wider = entry.term, other.term
    if hit.through or term.lang != wider.lang or other.off - entry.off:
        return False
    if (wider.severity or 0) < (term.severity or 0):
        return False
    if entry.text == other.text and term.match == wider.match:
        return False
    # A phrase that holds a listed word sorts the text under another category: that is worth a line.
    if wider.match == term.match and wider.category != term.category:
        return False
    return _everywhere(term, wider, hit)


def _everywhere(term: Term, other: Term, hit: Match) -> bool:
    """Whether the word borders that ``other`` needs are there wherever ``term`` is found."""
    if other.match == "text":
        return term.match == "text" and hit.text == term.term
    left = other.match in ("word", "prefix")
    right = other.match in ("word", "suffix")
    return (not left or hit.start > 0 or term.match in ("word", "prefix", "text")) and (
        not right or hit.end < len(term.term) or term.match in ("word", "suffix", "text")
    )


def _cancelled(
    blocks: Sequence[Entry], allows: Sequence[Entry], matcher: Matcher, dead: set[int]
) -> Iterator[Finding]:
    """Block terms that an allow term contains wherever they are."""
    for entry, hits in zip(
        blocks, matcher.find_many([block.term.term for block in blocks]), strict=True
    ):
        if entry.line is None or id(entry) in dead:
            continue
        for hit in hits:
            allow = allows[int(hit.term.id)]
            whole = hit.start == 0 and hit.end == len(entry.term.term)
            if whole and _everywhere(entry.term, allow.term, hit):
                yield entry.line.finding(
                    "never-matches",
                    f"the allow term {allow.name} cancels it everywhere; retire one of the two",
                )
                break


def _protection(
    blocks: Sequence[Entry],
    allows: Sequence[Entry],
    block_matcher: Matcher,
    allow_matcher: Matcher,
    dead: set[int],
) -> Iterator[Finding]:
    texts = [entry.term.term for entry in allows]
    hit_by = block_matcher.find_many(texts)
    inner = allow_matcher.find_many(texts)
    for place, entry in enumerate(allows):
        if entry.line is None or id(entry) in dead:
            continue
        if not hit_by[place]:
            yield entry.line.finding(
                "protects-nothing", "no block term is hit in it; retire it, or lint it together"
                " with the list that it is for",
            )  # fmt: skip
            continue
        others = [
            allows[int(hit.term.id)]
            for hit in inner[place]
            if int(hit.term.id) != place
            and allows[int(hit.term.id)].text != entry.text
            and _everywhere(entry.term, allows[int(hit.term.id)].term, hit)
        ]
        if others and not _left(entry, others, [blocks[int(h.term.id)] for h in hit_by[place]]):
            yield entry.line.finding(
                "shadowed", f"{', '.join(o.name for o in others)} protects all that this one does;"
                " retire this one",
            )  # fmt: skip


def _left(entry: Entry, allows: Sequence[Entry], blocks: Sequence[Entry]) -> bool:
    """Whether a block term is still hit in the text of ``entry`` when ``allows`` are there."""
    terms = dict(enumerate((*allows, *blocks)))
    lexicon = Lexicon(
        (dataclasses.replace(item.term, id=str(place)) for place, item in terms.items()),
        off={str(place): item.off for place, item in terms.items()},
    )
    return any(hit.term.kind == "block" for hit in Matcher(lexicon).find(entry.term.term))


def _harmless(
    blocks: Sequence[Entry], allows: Sequence[Entry], texts: Iterable[str]
) -> Iterator[Finding]:
    """Block terms that hit other words: from inside, or through an evasion step."""
    if not any(entry.line for entry in blocks):
        return
    items = (*blocks, *allows)
    matcher = Matcher(
        Lexicon(
            (dataclasses.replace(item.term, id=f"{n:07}") for n, item in enumerate(items)),
            off={f"{n:07}": item.off for n, item in enumerate(items)},
        )
    )
    listed = {entry.text for entry in blocks}
    given = words_of(texts)
    for lang in dict.fromkeys(entry.term.lang for entry in blocks if entry.line):
        known = common_words(lang)
        words = [word for word in {**known, **given} if word not in listed]
        found: dict[int, list[str]] = {}
        for word, hits in zip(words, matcher.find_many(words), strict=True):
            places = {int(hit.term.id): hit for hit in hits if hit.term.lang == lang}
            for place, hit in places.items():
                if _false(word, hit, items[place].text, places.values(), known):
                    found.setdefault(place, []).append(word)
        for place, hit_words in found.items():
            line = items[place].line
            if line is not None:
                hit_words.sort(key=lambda word: (-known.get(word, 0) - given.get(word, 0), word))
                yield line.finding("harmless-words", _say(items[place].term, hit_words))


def _false(
    word: str, hit: Match, text: str, hits: Iterable[Match], known: Mapping[str, int]
) -> bool:
    """Whether ``word`` is another word than the term: not a form of it, nor a respelling."""
    if hit.term.match in _LOOSE:
        return not is_derived(word, text, known)
    # As it is written, a whole word is the term's own; another term may explain what is left.
    return bool(hit.through) and not any(not other.through for other in hits)


def _say(term: Term, words: Sequence[str]) -> str:
    shown = ", ".join(words[:_SHOWN]) + (", …" if len(words) > _SHOWN else "")
    plural = "s" if len(words) > 1 else ""
    if term.match in _LOOSE:
        return (
            f"match {term.match} hits {len(words)} harmless word{plural} ({shown});"
            " use match word, or add allow terms"
        )
    return (
        f"an evasion step reads {len(words)} harmless word{plural} ({shown}) as this term;"
        " add allow terms, or switch the step off for it"
    )

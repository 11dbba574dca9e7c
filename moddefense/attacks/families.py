"""The families of attacks, and the one function that applies them."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Collection, Sequence

from moddefense.attacks import characters, spelling, words
from moddefense.attacks.edits import Change, Perturbed, Span, assemble, trimmed, word_spans
from moddefense.errors import ConfigurationError

__all__ = ["FAMILIES", "GROUPS", "Family", "families_of", "perturb"]

Changes = Callable[[str, Sequence[Span], float, random.Random], Sequence[Change]]


@dataclasses.dataclass(frozen=True)
class Family:
    """One way to attack a text; ``local`` ones change nothing outside the words they are given."""

    name: str
    group: str
    changes: Changes
    local: bool = True
    about: str = ""


def perturb(
    text: str,
    family: str | Family,
    *,
    strength: float,
    rng: random.Random,
    words: float | Collection[int] = 1.0,
) -> Perturbed:
    """Attack ``text`` with one family; the state of ``rng`` alone decides what is drawn.

    ``strength`` goes from 0 (nothing is changed) to 1. ``words`` are the words under attack: a
    share of all, drawn at random and at least one, or indices into ``word_spans(text)``. Raises
    ConfigurationError on an unknown family, and on a strength or share out of range.

    >>> perturb("stop it", "fullwidth", strength=1, rng=random.Random(0), words=[0]).text
    'ｓｔｏｐ it'
    """
    chosen = families_of([family])[0] if isinstance(family, str) else family
    if not 0 <= strength <= 1:
        raise ConfigurationError(f"strength: {strength} is out of range; give a number from 0 to 1")
    if strength == 0:
        return Perturbed(text, ())
    spans = _under_attack(word_spans(text), words, rng)
    return assemble(text, chosen.changes(text, spans, strength, rng))


def families_of(names: Sequence[str]) -> list[Family]:
    """Return the families of these names, or of groups of these names; ``all`` is all of them.

    >>> [family.name for family in families_of(["typing"])]
    ['keyboard', 'swap', 'delete', 'insert']
    """
    found: dict[str, Family] = {}
    for name in names:
        members = [f for f in FAMILIES.values() if name in (f.name, f.group, "all")]
        if not members:
            raise ConfigurationError(
                f"attacks: unknown {name!r}; groups are {', '.join(GROUPS)}; families are "
                f"{', '.join(FAMILIES)}"
            )
        found |= {member.name: member for member in members}
    return list(found.values())


def _under_attack(
    spans: list[Span], words: float | Collection[int], rng: random.Random
) -> list[Span]:
    if isinstance(words, Collection):
        return [spans[index] for index in sorted(set(words))]
    if not 0 < words <= 1:
        raise ConfigurationError(f"words: {words} is out of range; give a share up to 1")
    if words == 1 or not spans:
        return spans
    return sorted(rng.sample(spans, max(1, round(words * len(spans)))))


def _about(function: Callable[..., object]) -> str:
    return (function.__doc__ or "").partition("\n")[0]


def _lettered(pieces: Callable[[str, float, random.Random], list[str]], least: int) -> Changes:
    """Attack each word of ``least`` characters and more, a piece for a character."""

    def changes(
        text: str, spans: Sequence[Span], strength: float, rng: random.Random
    ) -> list[Change]:
        return [
            Change(start + place, start + place + 1, piece)
            for start, end in spans
            if end - start >= least
            for place, piece in enumerate(pieces(text[start:end], strength, rng))
        ]

    return changes


def _respelt(respell: Callable[[str, float, random.Random], str], least: int) -> Changes:
    """Attack each word of ``least`` characters and more as a whole."""

    def changes(
        text: str, spans: Sequence[Span], strength: float, rng: random.Random
    ) -> list[Change]:
        return [
            trimmed(start, text[start:end], respell(text[start:end], strength, rng))
            for start, end in spans
            if end - start >= least
        ]

    return changes


_LETTERED = {
    "visual": {
        "homoglyph": (characters.homoglyph, 1),
        "fullwidth": (characters.fullwidth, 1),
        "styled": (characters.styled, 1),
        "enclosed": (characters.enclosed, 1),
        "zero-width": (characters.zero_width, 2),
        "bidi": (characters.bidi, 2),
        "reorder": (characters.reorder, 2),
        "soft-hyphen": (characters.soft_hyphen, 2),
        "diacritics": (characters.diacritics, 1),
        "zalgo": (characters.zalgo, 1),
        "casing": (characters.casing, 1),
    },
    "disguise": {
        "leet": (characters.leetspeak, 2),
        "repetition": (characters.repetition, 2),
        "masking": (characters.masking, 3),
        "spacing": (characters.spacing, 2),
        "punctuation": (characters.punctuation, 2),
        "emoji": (characters.emoji, 2),
        "markup": (characters.markup, 2),
    },
    "typing": {
        "keyboard": (spelling.keyboard, 3),
        "swap": (spelling.swap, 3),
        "delete": (spelling.delete, 3),
        "insert": (spelling.insert, 3),
    },
}

_ALL = (
    *(
        Family(name, group, _lettered(function, least), about=_about(function))
        for group, members in _LETTERED.items()
        for name, (function, least) in members.items()
    ),
    Family("phonetic", "spelling", _respelt(spelling.phonetic, 2), about=_about(spelling.phonetic)),
    Family(
        "misspelling",
        "spelling",
        _respelt(spelling.misspelling, 3),
        about=_about(spelling.misspelling),
    ),
    Family("join", "boundaries", words.join, local=False, about=_about(words.join)),
    Family("split", "boundaries", words.split, about=_about(words.split)),
    Family(
        "separators", "boundaries", words.separators, local=False, about=_about(words.separators)
    ),
    Family("no-spaces", "boundaries", words.no_spaces, local=False, about=_about(words.no_spaces)),
    Family("love", "additions", words.love, local=False, about=_about(words.love)),
    Family("append", "additions", words.append, local=False, about=_about(words.append)),
    Family("prepend", "additions", words.prepend, local=False, about=_about(words.prepend)),
    Family("padding", "additions", words.padding, local=False, about=_about(words.padding)),
)

FAMILIES: dict[str, Family] = {family.name: family for family in _ALL}
"""Every family that needs no bundle, by name."""

GROUPS = tuple(dict.fromkeys(family.group for family in _ALL))
"""The groups of families."""

"""Attacks on words as wholes: their boundaries, and harmless words around them.

Each function takes the text, the spans of the words under attack, a strength in (0, 1] and a
random generator, and returns changes of the text.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from moddefense.attacks.characters import picked
from moddefense.attacks.edits import Change, Span
from moddefense.attacks.tables import lines

__all__ = [
    "append", "join", "love", "no_spaces", "padding", "prepend", "separators", "split",
]  # fmt: skip

_MOST_WORDS = 8  # of harmless ones, at full strength
_MOST_SENTENCES = 3
_SPACE = re.compile(r"\s+")


def join(text: str, spans: Sequence[Span], strength: float, rng: random.Random) -> list[Change]:
    """Leave out a share of the spaces beside the words."""
    gaps = _gaps(text, spans)
    return [Change(*gaps[i], "") for i in picked(list(range(len(gaps))), strength, rng)]


def no_spaces(
    text: str, spans: Sequence[Span], strength: float, rng: random.Random
) -> list[Change]:
    """Leave out all spaces of the text."""
    return [Change(*found.span(), "") for found in _SPACE.finditer(text)]


def separators(
    text: str, spans: Sequence[Span], strength: float, rng: random.Random
) -> list[Change]:
    """Write one sign for a share of the spaces: you_silly_goose."""
    gaps, sign = _gaps(text, spans), rng.choice("_.-*/|+")
    return [Change(*gaps[i], sign) for i in picked(list(range(len(gaps))), strength, rng)]


def split(text: str, spans: Sequence[Span], strength: float, rng: random.Random) -> list[Change]:
    """Put a space into words; into more than one place of long words at full strength."""
    changes = []
    for start, end in spans:
        if end - start > 2:
            number = max(1, round(strength * (end - start) / 5))
            places = rng.sample(range(start + 1, end), min(number, end - start - 1))
            changes += [Change(place, place, " ") for place in places]
    return changes


def love(text: str, spans: Sequence[Span], strength: float, rng: random.Random) -> list[Change]:
    """Append "love", once or, the stronger, again and again (Gröndahl 2018)."""
    return [Change(len(text), len(text), " love" * max(1, round(strength * _MOST_WORDS)))]


def append(text: str, spans: Sequence[Span], strength: float, rng: random.Random) -> list[Change]:
    """Append harmless words."""
    return [Change(len(text), len(text), " " + " ".join(_benign(strength, rng)))]


def prepend(text: str, spans: Sequence[Span], strength: float, rng: random.Random) -> list[Change]:
    """Begin with harmless words."""
    return [Change(0, 0, " ".join(_benign(strength, rng)) + " ")]


def padding(text: str, spans: Sequence[Span], strength: float, rng: random.Random) -> list[Change]:
    """Put harmless sentences around the text."""
    number = max(1, round(strength * _MOST_SENTENCES))
    before, after = (" ".join(rng.sample(lines("sentences"), number)) for _ in range(2))
    return [Change(0, 0, f"{before} "), Change(len(text), len(text), f" {after}")]


def _gaps(text: str, spans: Sequence[Span]) -> list[Span]:
    """The white space right before or behind the words."""
    beside = {start for start, _ in spans} | {end for _, end in spans}
    return [
        found.span()
        for found in _SPACE.finditer(text)
        if found.start() > 0 and found.end() < len(text) and beside.intersection(found.span())
    ]


def _benign(strength: float, rng: random.Random) -> list[str]:
    return rng.choices(lines("benign"), k=max(1, round(strength * _MOST_WORDS)))

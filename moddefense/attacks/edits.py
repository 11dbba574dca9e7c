"""What an attack changed: spans of the original, and where they stand in the attacked text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

__all__ = [
    "Change",
    "Edit",
    "Perturbed",
    "Span",
    "apply_edits",
    "assemble",
    "trimmed",
    "word_spans",
]

Span = tuple[int, int]

_WORD = re.compile(r"\w+(?:['’]\w+)*")


class Change(NamedTuple):
    """Replace ``original[start:end]`` by ``text``; an empty span inserts."""

    start: int
    end: int
    text: str


class Edit(NamedTuple):
    """``original[start:end]`` became ``attacked[new_start:new_end] == text``."""

    start: int
    end: int
    new_start: int
    new_end: int
    text: str


class Perturbed(NamedTuple):
    """An attacked text and its edits, in order and apart."""

    text: str
    edits: tuple[Edit, ...]


def word_spans(text: str) -> list[Span]:
    """Return the half-open spans of the words of ``text``: letters, digits, apostrophes within.

    >>> word_spans("You can't!")
    [(0, 3), (4, 9)]
    """
    return [found.span() for found in _WORD.finditer(text)]


def assemble(text: str, changes: Iterable[Change]) -> Perturbed:
    """Return ``text`` with all ``changes`` made; what changes nothing is left out.

    Changes may come in any order. Raises ValueError when two overlap.

    >>> assemble("what a jerk", [Change(8, 9, "3")])
    Perturbed(text='what a j3rk', edits=(Edit(start=8, end=9, new_start=8, new_end=9, text='3'),))
    """
    pieces: list[str] = []
    edits: list[Edit] = []
    last = length = 0
    for start, end, new in sorted(changes):
        if start < last:
            raise ValueError(f"changes overlap at {start}")
        if text[start:end] == new:
            continue
        length += start - last
        pieces += (text[last:start], new)
        edits.append(Edit(start, end, length, length + len(new), new))
        length += len(new)
        last = end
    return Perturbed("".join((*pieces, text[last:])), tuple(edits))


def apply_edits(original: str, edits: Iterable[Edit]) -> str:
    """Return the attacked text, from the original and the edits alone.

    >>> apply_edits("what a jerk", [Edit(8, 9, 8, 9, "3")])
    'what a j3rk'
    """
    return assemble(original, [Change(edit.start, edit.end, edit.text) for edit in edits]).text


def trimmed(start: int, old: str, new: str) -> Change:
    """Return the change of ``old``, which begins at ``start``, to ``new``, as short as it can be.

    >>> trimmed(10, "stupid", "stoopid")
    Change(start=12, end=13, text='oo')
    """
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    return Change(start + head, start + len(old) - tail, new[head : len(new) - tail])

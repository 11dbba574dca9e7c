"""What an attacked text may cost: one that nobody could read, or that is another text, is void."""

from __future__ import annotations

import dataclasses
from difflib import SequenceMatcher

from moddefense.attacks.edits import Perturbed, word_spans
from moddefense.errors import ConfigurationError
from moddefense.folding import fold

__all__ = ["Limits", "readability"]


@dataclasses.dataclass(frozen=True)
class Limits:
    """Bounds on an attacked text; each is a share, and the defaults bound readability alone.

    ``edits``: edit distance, in characters of the original. ``words``: words changed, of all.
    ``readability``: characters of the folded original that the folded result still has, in order.
    """

    edits: float = float("inf")
    words: float = 1.0
    readability: float = 0.3

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if not value >= 0:
                raise ConfigurationError(f"limits: {field.name} is {value}; give a share from 0 up")

    def broken(self, original: str, attacked: Perturbed, *, visual: bool = False) -> str | None:
        """Return the name of the first bound that ``attacked`` breaks, or None.

        ``visual`` says that a reader sees the original, so that readability needs no measuring.
        """
        edits = attacked.edits
        size = max(len(original), 1)
        if sum(max(e.end - e.start, len(e.text)) for e in edits) > self.edits * size:
            return "edits"
        if self.words < 1 and changed_words(original, attacked) > self.words:
            return "words"
        if not visual and readability(original, attacked) < self.readability:
            return "readability"
        return None


def changed_words(original: str, attacked: Perturbed) -> float:
    """Share of the words of ``original`` that an edit touches, inside or at its ends."""
    spans = word_spans(original)
    if not spans:
        return 0.0
    touched = sum(
        any((edit.start < end and start < edit.end) or start < edit.start == edit.end < end
            for edit in attacked.edits)
        for start, end in spans
    )  # fmt: skip
    return touched / len(spans)


def readability(original: str, attacked: Perturbed) -> float:
    """Share of the characters of ``original`` that are left, in order, after folding both.

    >>> from moddefense.attacks.edits import Change, assemble
    >>> readability("jerk", assemble("jerk", [Change(1, 2, "é")]))
    1.0
    >>> readability("jerk", assemble("jerk", [Change(1, 2, "3")]))
    0.75
    """
    lost = sum(
        _lost(original[edit.start : edit.end], edit.text)
        for edit in attacked.edits
        if edit.end > edit.start
    )
    return 1 - lost / max(len(original), 1)


def _lost(old: str, new: str) -> int:
    # Between Latin letters, for only there does the fold heal look-alikes.
    before, after = fold(f"x{old}x"), fold(f"x{new}x")
    if before == after:
        return 0
    if len(old) == 1:
        return int(before[1:-1] not in after[1:-1])
    blocks = SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks()
    return len(before) - sum(block.size for block in blocks)

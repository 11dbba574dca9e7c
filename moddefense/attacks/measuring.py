"""How a target stands up to attacks: recall before and after, at an equal rate of false alarms."""

from __future__ import annotations

import dataclasses
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from moddefense.attacks.families import Family, perturb
from moddefense.attacks.search import SEARCHES, Found, Subject, Tactics, drive
from moddefense.attacks.targets import Target
from moddefense.errors import ConfigurationError

__all__ = ["Baseline", "Measured", "attack", "baseline", "threshold_at"]

_CHUNK = 512  # texts under attack at once: bounds what a round of a search asks


class Baseline(NamedTuple):
    """A target on texts as they are: harmful ``texts``, their scores, and where it flags.

    ``harmless`` are as many harmless texts as there are harmful ones, or all: they show whether an
    attack makes the target suspicious of everything.
    """

    texts: tuple[str, ...]
    scores: np.ndarray
    threshold: float
    false_positives: float | None
    harmless: tuple[str, ...] = ()

    @property
    def flagged(self) -> np.ndarray:
        """Mask of the harmful texts that are flagged."""
        return self.scores >= self.threshold


@dataclasses.dataclass(frozen=True)
class Measured:
    """What one family at one strength did to a target.

    Counts are of harmful texts. ``flagged`` are flagged under attack, ``got_through`` were flagged
    before and are not now. ``void`` are attacks that broke a limit: they count as no attack.
    ``queries`` is the mean of the texts scored for one attack. ``decided`` says what flagged the
    attacked texts, by count. ``false_alarms`` is the share of harmless texts that are flagged when
    the same is done to them, blindly: what keeps its recall only because anything odd is flagged,
    shows here.
    """

    family: str
    group: str
    strength: float
    texts: int
    flagged_clean: int
    flagged: int
    got_through: int
    unchanged: int
    void: int
    queries: float
    edits: float
    decided: dict[str, int]
    false_alarms: float | None
    examples: tuple[dict[str, Any], ...] = ()

    @property
    def recall_clean(self) -> float | None:
        """Share of the texts flagged as they are."""
        return _share(self.flagged_clean, self.texts)

    @property
    def recall(self) -> float | None:
        """Share of the texts flagged under attack."""
        return _share(self.flagged, self.texts)

    @property
    def kept(self) -> float | None:
        """Recall under attack, relative to that of the clean texts."""
        return _share(self.flagged, self.flagged_clean)

    @property
    def success(self) -> float | None:
        """Share of the texts flagged before that the attack got through."""
        return _share(self.got_through, self.flagged_clean)

    def as_dict(self) -> dict[str, Any]:
        """Return counts and shares as plain values."""
        values = dataclasses.asdict(self) | {"examples": list(self.examples)}
        shares = {
            name: getattr(self, name) for name in ("recall_clean", "recall", "kept", "success")
        }
        return {**values, **{k: None if v is None else round(v, 4) for k, v in shares.items()}}


def threshold_at(scores: np.ndarray, rate: float) -> float:
    """The lowest threshold that at most ``rate`` of the scores (of harmless texts) reach.

    >>> threshold_at(np.array([0.1, 0.2, 0.3, 0.9]), 0.25)
    0.9
    """
    ordered = np.sort(scores)[::-1]
    allowed = int(rate * len(ordered) + 1e-9)
    if allowed >= len(ordered):
        return float("-inf")
    # Just above the first score that must stay below; equal scores cannot be told apart.
    above = ordered[ordered > ordered[allowed]]
    return float(above[-1]) if above.size else float(np.nextafter(ordered[allowed], np.inf))


def baseline(
    target: Target, harmful: Sequence[str], harmless: Sequence[str], *, false_positives: float
) -> Baseline:
    """Score texts as they are, and find where the target flags.

    The threshold is the target's own, else that at which ``false_positives`` (a share) of the
    harmless texts are flagged. Raises ConfigurationError where there are none to find it.
    """
    if target.threshold is None and not harmless:
        raise ConfigurationError(
            f"target {target.name}: no harmless text to set the threshold by; the corpus needs some"
        )
    quiet = target.score(harmless)
    threshold = (
        threshold_at(quiet, false_positives) if target.threshold is None else target.threshold
    )
    share = float(np.mean(quiet >= threshold)) if len(quiet) else None
    some = tuple(harmless[: len(harmful)])
    return Baseline(tuple(harmful), target.score(harmful), threshold, share, some)


def attack(
    target: Target,
    before: Baseline,
    family: Family,
    *,
    strength: float,
    tactics: Tactics | None = None,
    seed: int = 0,
    examples: int = 0,
) -> Measured:
    """Attack every harmful text with one family and measure what is flagged then.

    Searches other than ``once`` attack only what is flagged. What is drawn for a text depends on
    seed, family, strength and text, and on nothing else. ``examples`` is how many to show.
    """
    tactics = tactics or Tactics()
    if tactics.search not in SEARCHES:
        raise ConfigurationError(
            f"search: unknown {tactics.search!r}; known are {', '.join(SEARCHES)}"
        )
    rows = list(range(len(before.texts)))
    if tactics.search != "once":
        rows = np.flatnonzero(before.flagged).tolist()
    subjects = [
        Subject(
            before.texts[row], family, strength, float(before.scores[row]), before.threshold,
            tactics, _generator(before.texts[row], family, strength, seed),
        )
        for row in rows
    ]  # fmt: skip
    found: list[Found] = []
    for begin in range(0, len(subjects), _CHUNK):
        part = subjects[begin : begin + _CHUNK]
        found += drive([SEARCHES[tactics.search](subject) for subject in part], target.score)
    scores = before.scores.copy()
    for row, one in zip(rows, found, strict=True):
        scores[row] = one.score
    flagged = scores >= before.threshold
    texts = list(before.texts)
    for row, one in zip(rows, found, strict=True):
        texts[row] = one.attacked.text
    return Measured(
        family=family.name,
        group=family.group,
        strength=strength,
        texts=len(texts),
        flagged_clean=int(before.flagged.sum()),
        flagged=int(flagged.sum()),
        got_through=int((before.flagged & ~flagged).sum()),
        unchanged=sum(not one.attacked.edits for one in found),
        void=sum(one.void for one in found),
        queries=_mean([one.queries for one in found]),
        edits=_mean([len(one.attacked.edits) for one in found]),
        decided=_decided(target, [texts[row] for row in np.flatnonzero(flagged).tolist()]),
        false_alarms=_false_alarms(target, before, family, strength, tactics, seed),
        examples=_examples(target, before, texts, scores, examples),
    )


def _generator(text: str, family: Family, strength: float, seed: int) -> random.Random:
    return random.Random(f"{seed}\0{family.name}\0{strength}\0{text}")


def _false_alarms(
    target: Target, before: Baseline, family: Family, strength: float, tactics: Tactics, seed: int
) -> float | None:
    attacked = [
        perturb(
            text, family,
            strength=strength, rng=_generator(text, family, strength, seed), words=tactics.words,
        ).text
        for text in before.harmless
    ]  # fmt: skip
    if not attacked:
        return None
    return round(float(np.mean(target.score(attacked) >= before.threshold)), 4)


def _decided(target: Target, texts: list[str]) -> dict[str, int]:
    if target.decided is None:
        return {}
    return dict(sorted(Counter(target.decided(texts)).items()))


def _examples(
    target: Target, before: Baseline, texts: list[str], scores: np.ndarray, number: int
) -> tuple[dict[str, Any], ...]:
    """Texts flagged before, first those that got through now, each in the order of the corpus."""
    through = scores < before.threshold
    rows = [r for r in np.flatnonzero(before.flagged).tolist() if texts[r] != before.texts[r]]
    rows.sort(key=lambda row: not through[row])
    describe = target.describe or (lambda text: {})
    return tuple(
        {
            "before": before.texts[row], "after": texts[row], "got_through": bool(through[row]),
            "score_before": round(float(before.scores[row]), 4),
            "score_after": round(float(scores[row]), 4),
            "told_before": describe(before.texts[row]), "told_after": describe(texts[row]),
        }
        for row in rows[:number]
    )  # fmt: skip


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _mean(values: Sequence[float]) -> float:
    return round(float(np.mean(values)), 2) if values else 0.0

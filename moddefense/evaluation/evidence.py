"""What a pipeline says about texts: its decisions, what they cost, and every text's score.

The pipeline decides as ``screen`` does. Apart from that the classifier scores every text, also
those that the pipeline did not need it for, with all its dropout samples, as ``screen`` does with
``--stages classifier``.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from moddefense.classifier.uncertainty import Spread, spread_of
from moddefense.pipeline import Guard, Stage
from moddefense.screening import Screening

if TYPE_CHECKING:
    from moddefense.classifier.model import Classifier
    from moddefense.models import Models

__all__ = ["Cost", "Decisions", "Progress", "Scores", "decide", "models_of", "score"]

BATCH = 2048
Progress = Callable[[str, int, int], None]  # what, texts done, texts in all


@dataclasses.dataclass
class Cost:
    """Texts that a stage got to see, and the seconds it took for them."""

    texts: int = 0
    seconds: float = 0.0


@dataclasses.dataclass(frozen=True)
class Decisions:
    """Codes into ``DECISIONS`` and ``DECIDERS``, int8 ``[texts]``, and the cost of each stage."""

    decision: np.ndarray
    decided_by: np.ndarray
    cost: dict[str, Cost]
    seconds: float


@dataclasses.dataclass(frozen=True)
class Scores:
    """Calibrated probabilities of harm ``[texts]`` and of each label ``[texts, labels]``.

    ``members`` are the scores of an ensemble's other members, ``[members, texts]``. ``seconds``
    covers tokens and probabilities, without dropout samples.
    """

    harm: np.ndarray
    label_names: tuple[str, ...]
    labels: np.ndarray
    spread: Spread
    members: np.ndarray
    seconds: float

    def ensemble_spread(self) -> Spread:
        """How far the members' scores, this classifier's among them, differ."""
        return spread_of([self.harm, *self.members])


def decide(guard: Guard, texts: Sequence[str], *, progress: Progress | None = None) -> Decisions:
    """Screen texts, and time each stage."""
    cost = {stage.name: Cost() for stage in guard.stages}
    timed = [_Timed(stage, cost[stage.name]) for stage in guard.stages]
    copy = Guard(timed, guard.policy, fingerprints=guard.fingerprints)
    copy.screen(texts[:1])  # loads the models
    for one in cost.values():
        one.texts, one.seconds = 0, 0.0
    decision, decided_by = [np.zeros(0, np.int8)], [np.zeros(0, np.int8)]
    began = time.perf_counter()
    for begin in range(0, len(texts), BATCH):
        screening = copy.screen(texts[begin : begin + BATCH])
        decision.append(screening.decision)
        decided_by.append(screening.decided_by)
        if progress is not None:
            progress("screening", begin + len(screening), len(texts))
    return Decisions(
        np.concatenate(decision), np.concatenate(decided_by), cost, time.perf_counter() - began
    )


def score(
    guard: Guard,
    texts: Sequence[str],
    *,
    members: Sequence[Guard] = (),
    progress: Progress | None = None,
) -> Scores | None:
    """Score every text with the classifier alone; None where the pipeline has no classifier."""
    models = models_of(guard)
    if models is None:
        return None
    classifier = models.classifier
    probabilities, spreads = [], []
    seconds = 0.0
    for begin in range(0, len(texts), BATCH):
        began = time.perf_counter()
        pooled, owner = classifier.pool(models.tokenizer(texts[begin : begin + BATCH]))
        probabilities.append(classifier.probabilities(pooled, owner))
        seconds += time.perf_counter() - began
        spreads.append(spread_of(classifier.samples(pooled, owner)))
        if progress is not None:
            progress("scoring", begin + len(probabilities[-1]), len(texts))
    names = classifier.label_names
    merged = np.concatenate(probabilities) if probabilities else np.zeros((0, 1 + len(names)))
    others = [_members_score(one, texts) for one in members]
    return Scores(
        harm=merged[:, 0],
        label_names=names,
        labels=merged[:, -len(names) :],
        spread=Spread(
            *(
                np.concatenate([getattr(part, field.name) for part in spreads] or [np.zeros(0)])
                for field in dataclasses.fields(Spread)
            )
        ),
        members=np.array(others).reshape(len(others), len(texts)),
        seconds=seconds,
    )


class _Timed:
    """A stage that keeps a record of its cost."""

    def __init__(self, stage: Stage, cost: Cost) -> None:
        self.name = stage.name
        self._stage = stage
        self._cost = cost

    def examine(self, screening: Screening, rows: np.ndarray) -> None:
        """Let the stage examine the rows."""
        began = time.perf_counter()
        self._stage.examine(screening, rows)
        self._cost.seconds += time.perf_counter() - began
        self._cost.texts += len(rows)


def models_of(guard: Guard) -> Models | None:
    """Return the models behind a pipeline's classifier; None where it has none."""
    for stage in guard.stages:
        if stage.name == "classifier":
            models: Models | None = getattr(stage, "models", None)
            return models
    return None


def _members_score(guard: Guard, texts: Sequence[str]) -> np.ndarray:
    models = models_of(guard)
    assert models is not None  # evaluate() loads members with their classifier
    classifier: Classifier = models.classifier
    parts = [
        classifier.score(models.tokenizer(texts[begin : begin + BATCH]))[:, 0]
        for begin in range(0, len(texts), BATCH)
    ]
    return np.concatenate(parts) if parts else np.zeros(0)

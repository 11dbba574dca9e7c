"""What every stage says of every row of a corpus, so that policies can be tried on it."""

from __future__ import annotations

import dataclasses

import numpy as np

from moddefense.classifier.calibration import prevalence_weights
from moddefense.corpus import Corpus
from moddefense.pipeline import Guard
from moddefense.policy import STAGES, Policy
from moddefense.policy.deciding import REVIEW, classify, printed
from moddefense.screening import Screening

__all__ = ["Evidence", "flagged", "gather", "open_rows", "replay", "trigger_values"]

ROWS = 4096  # at a time: what the classifier pools must fit in memory


@dataclasses.dataclass(frozen=True)
class Evidence:
    """Columns of all stages over all rows, whatever the others said.

    ``screening`` has the evidence and no decisions; ``harmful`` is float32 ``[texts]``, 0 or 1;
    ``weights`` ``[texts]`` add up to 1 and give the harmful their share in nature.
    """

    screening: Screening
    harmful: np.ndarray
    weights: np.ndarray

    def __len__(self) -> int:
        return len(self.harmful)


def gather(guard: Guard, corpus: Corpus, *, prevalence: float) -> Evidence:
    """Let every stage of ``guard`` examine every row, dropout sampling included.

    ``prevalence`` is the share of harmful texts where the policy will run; 0 keeps the corpus's.
    """
    screening = Screening(list(corpus.texts), guard.policy)
    screening.sample_all = True
    for stage in guard.stages:
        for begin in range(0, len(corpus), ROWS):
            stage.examine(screening, np.arange(begin, min(begin + ROWS, len(corpus))))
        if stage.name == "lexicon" and "lexicon" in guard.policy.shadow_stages:
            screening.readings.clear()
    weights = prevalence_weights(corpus.harmful, prevalence)
    return Evidence(screening, corpus.harmful, weights / weights.sum())


def replay(policy: Policy, evidence: Evidence) -> Screening:
    """Return the screening that a guard with ``policy`` would give of the same texts."""
    told = evidence.screening
    played = Screening(told.texts, policy)
    played.matches = list(told.matches)
    played.label_names = told.label_names
    played.labels = np.full_like(told.labels, np.nan)
    for stage in STAGES:
        rows = played.undecided()
        if stage == "trigger":
            played.trigger[rows] = told.trigger[rows]
            played.obfuscated[rows] = told.obfuscated[rows]
        elif stage == "classifier":
            played.score[rows], played.labels[rows] = told.score[rows], told.labels[rows]
            near = rows[policy.needs_sampling(told.score[rows])]
            played.uncertainty[near] = told.uncertainty[near]
        policy.decide(played, rows, stage)
    policy.close(played)
    return played


def open_rows(policy: Policy, evidence: Evidence) -> np.ndarray:
    """Mask of the rows that the lists leave undecided."""
    return _after_lists(policy, evidence)[0]


def flagged(policy: Policy, evidence: Evidence) -> np.ndarray:
    """Mask of the rows that the lists leave undecided and the classifier would not allow."""
    told = evidence.screening
    near = policy.needs_sampling(told.score)
    found = classify(
        policy, told.score, np.where(near, told.uncertainty, np.nan), told.labels, told.label_names
    )
    return (found >= REVIEW) & open_rows(policy, evidence)


def trigger_values(policy: Policy, evidence: Evidence) -> np.ndarray:
    """The trigger's probability of each row; infinity where the row goes on whatever it says."""
    _, certain = _after_lists(policy, evidence)
    return np.where(certain, np.inf, printed(evidence.screening.trigger))


def _after_lists(policy: Policy, evidence: Evidence) -> tuple[np.ndarray, np.ndarray]:
    """Masks: the rows that are undecided after the lists, and those that must be classified."""
    told = evidence.screening
    played = Screening(told.texts, policy)
    played.matches = list(told.matches)
    policy.decide(played, np.arange(len(played)), "lexicon")
    certain = played.forced | (played.floor >= REVIEW)
    if policy.trigger_obfuscated:
        certain |= told.obfuscated
    return played.decision < 0, certain

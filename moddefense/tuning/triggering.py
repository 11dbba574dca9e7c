"""The trigger's threshold: as few rows to the classifier as a promised recall allows."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from moddefense.errors import ConfigurationError
from moddefense.policy import Policy
from moddefense.tuning.bounds import certified_threshold, lower_bound, rows_needed
from moddefense.tuning.evidence import Evidence, flagged, open_rows, trigger_values

__all__ = ["OF", "Promise", "promise", "supported_threshold", "tune_trigger", "wanted_rows"]

OF = {
    "flagged": "rows that the classifier would flag",
    "harmful": "rows labelled harmful that the lists leave undecided",
}


@dataclasses.dataclass(frozen=True)
class Promise:
    """With probability 1 - delta, at least ``recall`` of the rows ``of`` reach the classifier.

    ``rows`` were seen, ``missed`` of them at ``threshold``, the highest that supports the promise;
    both None where the rows are too few, of which ``needed`` is the least number. ``mix`` says
    for which texts it holds: ``corpus``, texts mixed like the corpus, or ``prevalence``, with the
    harmful as rare as in nature, for which the corpus was thinned.
    """

    of: str
    mix: str
    recall: float
    delta: float
    rows: int
    needed: int
    threshold: float | None
    missed: int | None

    @property
    def supported(self) -> bool:
        """Whether the data support it at all."""
        return self.threshold is not None

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, and Clopper–Pearson's lower bound on the recall."""
        bound = None
        if self.missed is not None:
            bound = round(lower_bound(self.rows - self.missed, self.rows, delta=self.delta), 6)
        return {**dataclasses.asdict(self), "at_least": bound}


def wanted_rows(policy: Policy, evidence: Evidence, of: str) -> np.ndarray:
    """Mask of the rows that a promise is about."""
    if of == "flagged":
        return flagged(policy, evidence)
    return open_rows(policy, evidence) & (evidence.harmful == 1)


def promise(
    policy: Policy, evidence: Evidence, *, recall: float, delta: float, of: str = "flagged"
) -> Promise:
    """Return the highest trigger threshold that keeps ``recall``, and what supports it.

    It is promised for texts mixed like the corpus and, where enough rows are left when the corpus
    is thinned to the prevalence, for those too: the lower threshold counts.
    """
    values = trigger_values(policy, evidence)
    wanted = wanted_rows(policy, evidence, of)
    thinned = wanted & _thinned(evidence.weights)
    threshold, mix = supported_threshold(
        values[wanted], values[thinned], recall=recall, delta=delta
    )
    seen = values[wanted if mix == "corpus" else thinned]
    return Promise(
        of=of,
        mix=mix,
        recall=recall,
        delta=delta,
        rows=len(seen),
        needed=rows_needed(recall=recall, delta=delta),
        threshold=threshold,
        missed=None if threshold is None else int(np.sum(seen < threshold)),
    )


def supported_threshold(
    whole: np.ndarray, thinned: np.ndarray, *, recall: float, delta: float
) -> tuple[float | None, str]:
    """The highest threshold that wanted rows support, None if none, and for which ``mix``.

    The values of the trigger are those of the corpus and of the corpus thinned to the prevalence.
    """
    found = certified_threshold(whole, recall=recall, delta=delta)
    rarer = certified_threshold(thinned, recall=recall, delta=delta)
    if found is None or rarer is None:
        return found, "corpus" if rarer is None else "prevalence"
    return min(found, rarer), "prevalence"


def _thinned(weights: np.ndarray) -> np.ndarray:
    """Mask of rows drawn so that they are a sample at the prevalence: all of the rarer class."""
    generator = np.random.Generator(np.random.PCG64(0))
    return generator.random(len(weights)) < weights / weights.max()


def tune_trigger(
    policy: Policy, evidence: Evidence, *, recall: float, delta: float, of: str = "flagged"
) -> tuple[Policy, Promise]:
    """Return ``policy`` with the trigger threshold that a promise supports, and the promise.

    Raises ConfigurationError with the number of rows that it would take when the data support no
    threshold.
    """
    found = promise(policy, evidence, recall=recall, delta=delta, of=of)
    if found.threshold is None:
        raise ConfigurationError(
            f"{found.rows:,} {OF[of]} cannot show a recall of {recall:g} with probability "
            f"{1 - delta:g}; that takes at least {found.needed:,} of them: give a larger corpus, a "
            "lower --target-recall or a higher --delta"
        )
    return dataclasses.replace(policy, trigger_threshold=found.threshold), found

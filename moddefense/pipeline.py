"""Texts through the stages: each gathers evidence on what is still undecided, the policy decides.

This module imports no concrete stage; ``moddefense.bundle.load`` puts a Guard together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from moddefense.errors import ConfigurationError
from moddefense.lexicon.collection import collection_paused
from moddefense.policy import STAGES, Policy
from moddefense.screening import Screening, Verdict

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Guard", "Stage", "check_stages"]


class Stage(Protocol):
    """One kind of evidence. ``name`` is one of ``STAGES``."""

    name: str

    def examine(self, screening: Screening, rows: np.ndarray) -> None:
        """Fill this stage's columns of ``screening`` at ``rows`` (indices); decide nothing."""


def check_stages(names: Sequence[str]) -> tuple[str, ...]:
    """Return the stage names in the order in which they run.

    Raises ConfigurationError on an unknown name or when there is none.

    >>> check_stages(["classifier", "lexicon"])
    ('lexicon', 'classifier')
    """
    unknown = [name for name in names if name not in STAGES]
    if unknown or not names:
        what = f"unknown stage {unknown[0]!r}" if unknown else "no stage named"
        raise ConfigurationError(f"stages: {what}; known are {', '.join(STAGES)}")
    return tuple(name for name in STAGES if name in names)


class Guard:
    """A trained pipeline, ready to screen: the stages in their order and the policy.

    Made by ``moddefense.load``. Sharing one between threads is safe; screening changes no state.
    """

    def __init__(
        self,
        stages: Sequence[Stage],
        policy: Policy,
        *,
        fingerprints: Mapping[str, Any],
        folder: Path | None = None,
        explains: bool = False,
        shadow: Guard | None = None,
    ) -> None:
        self.stages = tuple(stages)
        self.policy = policy
        self.fingerprints = dict(fingerprints)
        self.explains = explains  # whether every screening comes with attributions
        self.folder = folder  # of the bundle, from which another process can load the like
        self.shadow = shadow  # sees every text too, and has no say

    def screen(self, texts: Sequence[str], *, explain: bool | None = None) -> Screening:
        """Screen texts and return their evidence and decisions as columns.

        With ``explain``, also what each word adds to the classifier's score, of every text; None
        is as ``explaining`` has it.

        The result for a text does not depend on the others in the batch. Raises TypeError when
        ``texts`` is one string or has an element that is not a string.
        """
        if isinstance(texts, str):
            raise TypeError("screen() takes a sequence of texts; for one text use screen_one()")
        texts = list(texts)
        if not set(map(type, texts)) <= {str}:
            for index, text in enumerate(texts):
                if not isinstance(text, str):
                    raise TypeError(f"texts[{index}] is a {type(text).__name__}, not a str")
        screening = Screening(texts, self.policy)
        with collection_paused():
            for stage in self.stages:
                rows = screening.undecided()
                if rows.size:
                    stage.examine(screening, rows)
                    self.policy.decide(screening, rows, stage.name)
            self.policy.close(screening)
        if self.explains if explain is None else explain:
            screening.attributions = {}
            for stage in self.stages:
                attribute = getattr(stage, "attribute", None)
                if attribute is not None:
                    attribute(screening, np.arange(len(screening)))
        if self.shadow is not None:
            screening.shadow = self.shadow.screen(texts)
        return screening

    def with_policy(self, policy: Policy) -> Guard:
        """Return a guard with the same stages and models that decides by another policy."""
        fingerprints = {**self.fingerprints, "policy": policy.fingerprint}
        return self.copy(policy=policy, fingerprints=fingerprints)

    def explaining(self) -> Guard:
        """Return a guard that gives attributions with every screening."""
        fingerprints = {**self.fingerprints, "explain": True}
        return self.copy(explains=True, fingerprints=fingerprints)

    def shadowing(self, other: Guard) -> Guard:
        """Return a guard that decides as this one and records what ``other`` would decide.

        ``other`` is a whole pipeline: see ``moddefense.shadowing.on_trial`` for one with a list or
        a bundle on trial. Both screen every text.
        """
        other = other.copy(explains=False)
        fingerprints = {**self.fingerprints, "shadow": other.fingerprints}
        return self.copy(shadow=other, fingerprints=fingerprints)

    def copy(self, **changes: Any) -> Guard:
        """Return a guard that differs in ``changes``, arguments by name as one is made with."""
        given = ("stages", "policy", "fingerprints", "folder", "explains", "shadow")
        return Guard(**{name: getattr(self, name) for name in given} | changes)

    def screen_one(self, text: str) -> Verdict:
        """Screen one text."""
        return self.screen([text]).row(0)

    def screen_batches(self, batches: Any, **settings: Any) -> Iterator[pa.RecordBatch]:
        """Screen Arrow data of any size; see ``moddefense.batch.arrow.screen_batches``."""
        from moddefense.batch.arrow import screen_batches

        return screen_batches(self, batches, **settings)

    def explain(self, text: str) -> dict[str, Any]:
        """Return every stage's evidence for one text, and why the decision fell, as plain values.

        Unlike ``screen``, no stage is skipped because an earlier one has decided: ``evidence`` has
        what each says; ``decided`` is the record that ``screen`` gives.
        """
        from moddefense.explanation import explain

        return explain(self, text)

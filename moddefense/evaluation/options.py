"""What to measure, and how."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from moddefense.errors import ConfigurationError

__all__ = ["Options"]


@dataclasses.dataclass(frozen=True)
class Options:
    """What to measure, and how.

    ``prevalence`` weighs the texts so that this share is harmful (0: as they are); ``threshold``
    is what counts as flagged by score (None: the policy's ``classifier.review``, and 0.5, the more
    likely label, for uncertainty). ``slices`` names columns of the corpus. ``identities`` maps
    terms to their forms (None: the shipped terms), ``identity_columns`` names columns.
    ``examples`` is how many texts of each kind of error to include. ``alphas`` are the shares of
    true labels that conformal sets may miss. ``resamples`` and ``seed`` make the intervals.
    """

    prevalence: float = 0.0
    threshold: float | None = None
    slices: tuple[str, ...] = ()
    identities: Mapping[str, Sequence[str]] | None = None
    identity_columns: tuple[str, ...] = ()
    examples: int = 0
    alphas: tuple[float, ...] = (0.01, 0.05, 0.1, 0.2)
    resamples: int = 500
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.prevalence < 1:
            raise ConfigurationError(
                f"prevalence: {self.prevalence} is out of range; give a share below 1, or 0 to "
                "take the texts as they are"
            )
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise ConfigurationError(f"threshold: {self.threshold} is not between 0 and 1")

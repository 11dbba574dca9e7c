"""Parts of a labelled corpus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moddefense.errors import ConfigurationError

if TYPE_CHECKING:
    from moddefense.corpus import Corpus

__all__ = ["take_split"]


def take_split(corpus: Corpus, name: str | None) -> Corpus:
    """Return the rows of one split, all for None. Raises ConfigurationError when there are none."""
    if name is None:
        return corpus
    import numpy as np

    rows = [row for row, split in enumerate(corpus.splits or ()) if split == name]
    if not rows:
        known = ", ".join(sorted(set(corpus.splits or ()))) or "none"
        raise ConfigurationError(f"{corpus.source}: no split {name!r}; there is {known}")
    return corpus.take(np.array(rows))

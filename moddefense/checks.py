"""What is doubtful about a corpus but no reason to stop, as notes with counts."""

from __future__ import annotations

import numpy as np

from moddefense.corpus import Corpus, Split
from moddefense.folding import fold_many

__all__ = ["contradictions", "few_texts"]

FEW = 20  # texts of a class, below which a figure says little


def contradictions(corpus: Corpus) -> list[str]:
    """Note how many texts have other labels than an equal text (when folded) before them.

    Unknown labels contradict nothing.
    """
    known: dict[str, np.ndarray] = {}
    count = 0
    for folded, labels in zip(fold_many(corpus.texts), corpus.labels, strict=True):
        key = " ".join(folded.split())
        before = known.setdefault(key, labels)
        if before is labels:
            continue
        # Comparing with unknown is never true: it is not a number.
        count += bool(((before == 1 - labels) & ~np.isnan(before + labels)).any())
        known[key] = np.where(np.isnan(before), labels, before)
    if not count:
        return []
    return [f"{count} texts have other labels than the same text before; the first one counts"]


def few_texts(split: Split) -> list[str]:
    """Note each split that has next to no texts of a class, and what this means."""
    means = {
        "train": "the classifier has little to learn from",
        "val": "calibration and thresholds are guesses",
        "test": "its figures say little",
    }
    notes = []
    for name, meaning in means.items():
        harmful = getattr(split, name).harmful
        if not len(harmful):
            continue
        for what, count in (("harmful", np.sum(harmful == 1)), ("harmless", np.sum(harmful == 0))):
            if count < FEW:
                notes.append(f"{name}: only {count} {what} texts: {meaning}")
    return notes

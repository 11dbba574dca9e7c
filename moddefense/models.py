"""The trained models of one bundle, loaded when first used, and the pipeline stages they serve."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from moddefense.obfuscation import obfuscated

if TYPE_CHECKING:
    from moddefense.classifier.model import Classifier
    from moddefense.screening import Screening
    from moddefense.tokens import Tokenizer, Tokens
    from moddefense.trigger import Trigger

__all__ = ["ClassifierStage", "Models", "TriggerStage"]


class Models:
    """Tokenizer, trigger and classifier; ``read`` makes all three and is called at most once.

    Loading imports TensorFlow, which takes seconds: an input that the lexicons decide does not pay.
    """

    def __init__(self, read: Callable[[], tuple[Tokenizer, Trigger, Classifier]]) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._parts: tuple[Tokenizer, Trigger, Classifier] | None = None

    @property
    def _loaded(self) -> tuple[Tokenizer, Trigger, Classifier]:
        with self._lock:
            if self._parts is None:
                self._parts = self._read()
            return self._parts

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer, which trigger and classifier share."""
        return self._loaded[0]

    @property
    def trigger(self) -> Trigger:
        """The trigger."""
        return self._loaded[1]

    @property
    def classifier(self) -> Classifier:
        """The classifier."""
        return self._loaded[2]

    def tokens(self, screening: Screening, rows: np.ndarray) -> Tokens:
        """Tokens of ``rows``; the stage that asks first pays, the next gets them for nothing."""
        from moddefense.tokens import TokenColumn

        if screening.tokens is None:
            texts = list(screening.texts)
            for row, reading in screening.readings.items():
                texts[row] = reading
            screening.tokens = TokenColumn(self.tokenizer, texts)
        return screening.tokens.take(rows)


class TriggerStage:
    """Fills ``screening.trigger`` and, of the rows that it would keep back, ``obfuscated``."""

    name = "trigger"

    def __init__(self, models: Models) -> None:
        self.models = models

    def examine(self, screening: Screening, rows: np.ndarray) -> None:
        """Score the texts at ``rows``."""
        tokens = self.models.tokens(screening, rows)
        screening.trigger[rows] = self.models.trigger.probabilities(tokens)
        if not screening.sample_all:
            below = screening.policy.kept_back(screening.trigger[rows])
            rows = rows[below & ~screening.forced[rows] & screening.policy.trigger_obfuscated]
        screening.obfuscated[rows] = obfuscated([screening.texts[row] for row in rows.tolist()])


class ClassifierStage:
    """Fills ``screening.score``, ``labels`` and, where it matters, ``uncertainty``.

    Dropout sampling runs on the rows near a threshold of the screening's policy, or on all with
    ``sample_all``.
    """

    name = "classifier"

    def __init__(self, models: Models, *, sample_all: bool = False) -> None:
        self.models = models
        self.sample_all = sample_all

    def examine(self, screening: Screening, rows: np.ndarray) -> None:
        """Score the texts at ``rows``."""
        classifier = self.models.classifier
        pooled, owner = classifier.pool(self.models.tokens(screening, rows))
        probabilities = classifier.probabilities(pooled, owner)
        score = probabilities[:, 0]
        screening.score[rows] = score
        if not screening.label_names:
            screening.label_names = classifier.label_names
            screening.labels = np.full((len(screening), len(classifier.label_names)), np.nan)
        screening.labels[rows] = probabilities[:, -len(classifier.label_names) :]
        every = self.sample_all or screening.sample_all
        unsure = np.ones(len(rows), bool) if every else screening.policy.needs_sampling(score)
        if unsure.any():
            sampled = unsure[owner]
            renumbered = (np.cumsum(unsure) - 1)[owner[sampled]]
            screening.uncertainty[rows[unsure]] = classifier.spread(pooled[sampled], renumbered)

    def attribute(self, screening: Screening, rows: np.ndarray) -> None:
        """Fill ``screening.attributions`` at ``rows``, whether or not they were classified."""
        from moddefense.classifier.highlighting import word_attributions

        assert screening.attributions is not None
        for row in rows.tolist():
            screening.attributions[row] = word_attributions(
                self.models.classifier, self.models.tokenizer, screening.texts[row],
                screening.edits.get(row, ()),
                [(m.start, m.end) for m in screening.matches[row] if m.term.kind == "block"],
            )  # fmt: skip

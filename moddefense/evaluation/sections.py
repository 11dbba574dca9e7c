"""The sections of an evaluation, each made of the same evidence."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import Any

import numpy as np

from moddefense.classifier.calibration import prevalence_weights
from moddefense.corpus import Corpus
from moddefense.evaluation.bias import bias_figures
from moddefense.evaluation.conformal import halves_figures, transfer_figures
from moddefense.evaluation.decisions import cost_figures, decision_figures, flagged_figures
from moddefense.evaluation.evidence import Decisions, Scores
from moddefense.evaluation.identities import (
    identity_columns,
    identity_mentions,
    read_identities,
)
from moddefense.evaluation.options import Options
from moddefense.evaluation.reliability import reliability
from moddefense.evaluation.scores import Settings, curves, score_figures
from moddefense.evaluation.selective import score_distance, selective_figures
from moddefense.evaluation.slices import by_length, by_value
from moddefense.pipeline import Guard
from moddefense.policy import DECIDERS, DECISIONS

__all__ = ["Subject", "harm_of"]

LISTED = 20  # worst errors of each kind, without their texts
EVEN_ODDS = 0.5  # where a calibrated score says harmful rather than harmless
BIAS_RESAMPLES = 200


@dataclasses.dataclass(frozen=True)
class Subject:
    """The evidence on one corpus, and the sections that are made of it."""

    corpus: Corpus
    harm: np.ndarray
    decisions: Decisions
    scores: Scores | None
    guard: Guard
    options: Options

    def sections(self, held: tuple[np.ndarray, np.ndarray] | None) -> dict[str, Any]:
        """Return every section; ``held`` are scores and labels to calibrate conformal sets on."""
        seconds = self.scores.seconds if self.scores is not None else None
        return {
            "corpus": self._about(),
            "options": self._settings(),
            "scores": self._scores_section(),
            "curves": self._curves_section(),
            "reliability": self._reliability_section(),
            "slices": self._slices_section(),
            "decisions": decision_figures(self.decisions, self.harm, self._weights),
            "cost": cost_figures(self.decisions, seconds),
            "uncertainty": self._uncertainty_section(),
            "conformal": self._conformal_section(held),
            "bias": self._bias_section(),
            "errors": self._errors_section(),
        }

    @functools.cached_property
    def _weights(self) -> np.ndarray:
        return prevalence_weights(self.harm, self.options.prevalence)

    @property
    def _threshold(self) -> float:
        chosen = self.options.threshold
        return self.guard.policy.classifier_review if chosen is None else chosen

    @property
    def _even(self) -> float:
        """Where errors are counted for uncertainty."""
        return EVEN_ODDS if self.options.threshold is None else self.options.threshold

    def _about(self) -> dict[str, Any]:
        corpus = self.corpus
        return {
            "source": ", ".join(Path(part).name for part in corpus.source.split(", ")),
            "sha256": corpus.fingerprint,
            "splits": sorted(set(corpus.splits)) if corpus.splits is not None else None,
            "labels": list(corpus.label_names),
            "texts": len(corpus),
            "harmful": int((self.harm == 1).sum()),
            "harmless": int((self.harm == 0).sum()),
        }

    def _settings(self) -> dict[str, Any]:
        options = self.options
        return {
            "prevalence": options.prevalence,
            "threshold": self._threshold,
            "uncertainty_threshold": self._even,
            "slices": list(options.slices),
            "identity_columns": list(options.identity_columns),
            "alphas": list(options.alphas),
            "resamples": options.resamples,
            "seed": options.seed,
            "policy": self.guard.policy.as_dict(),
        }

    def _targets(self) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Labels, scores and weights of harm and of each label, where the label is known."""
        if self.scores is None:
            return {}
        found = {"harm": (self.harm, self.scores.harm, self._weights)}
        names = self.scores.label_names
        for k, name in enumerate(names if len(names) > 1 else ()):
            if name in self.corpus.label_names:
                column = self.corpus.labels[:, self.corpus.label_names.index(name)]
                known = ~np.isnan(column)
                found[name] = (column[known], self.scores.labels[known, k], self._weights[known])
        return found

    def _scores_section(self) -> dict[str, Any]:
        return {
            name: score_figures(
                labels, values, weights, settings=self._figures(),
                threshold=self._threshold if name == "harm" else self._even,
            )
            for name, (labels, values, weights) in self._targets().items()
        }  # fmt: skip

    def _curves_section(self) -> dict[str, Any]:
        return {name: curves(*arrays) for name, arrays in self._targets().items()}

    def _reliability_section(self) -> dict[str, Any]:
        bins = self._figures().bins
        return {name: reliability(*arrays, bins=bins) for name, arrays in self._targets().items()}

    def _slices_section(self) -> dict[str, list[dict[str, Any]]]:
        parts = {name: by_value(self.corpus.columns[name]) for name in self.options.slices}
        parts["length in characters"] = by_length(self.corpus.texts)
        return {
            name: [self._slice(value, rows) for value, rows in values]
            for name, values in parts.items()
        }

    def _slice(self, value: str, rows: np.ndarray) -> dict[str, Any]:
        figures = None
        if self.scores is not None:
            figures = score_figures(
                self.harm[rows], self.scores.harm[rows], self._weights[rows],
                threshold=self._threshold, settings=self._figures(),
            )  # fmt: skip
        return {
            "value": value,
            "texts": len(rows),
            **flagged_figures(self.decisions.decision[rows], self.harm[rows]),
            "scores": figures,
        }

    def _uncertainty_section(self) -> dict[str, Any] | None:
        if self.scores is None:
            return None
        spread = self.scores.spread
        measures = {
            "score_distance": score_distance(self.scores.harm, self._even),
            "entropy": spread.entropy,
            "deviation": spread.deviation,
            "information": spread.information,
        }
        if len(self.scores.members):
            members = self.scores.ensemble_spread()
            measures |= {
                "ensemble_entropy": members.entropy,
                "ensemble_deviation": members.deviation,
                "ensemble_information": members.information,
            }
        errors = (self.scores.harm >= self._even) != (self.harm == 1)
        return {
            "threshold": self._even,
            "members": len(self.scores.members) + 1 if len(self.scores.members) else 0,
            **selective_figures(
                measures, self.harm, errors, self._weights,
                resampled=self.options.resamples, seed=self.options.seed,
            ),
        }  # fmt: skip

    def _conformal_section(
        self, held: tuple[np.ndarray, np.ndarray] | None
    ) -> dict[str, Any] | None:
        if self.scores is None:
            return None
        if held is not None:
            return transfer_figures(
                held, (self.scores.harm, self.harm), self._weights, self.options.alphas
            )
        return halves_figures(
            self.scores.harm, self.harm, self._weights, self.options.alphas, seed=self.options.seed
        )

    def _bias_section(self) -> dict[str, Any] | None:
        if self.scores is None:
            return None
        options = self.options
        chosen = {name: self.corpus.columns[name] for name in options.identity_columns}
        mentions = identity_columns(chosen)
        if options.identities is not None or not chosen:
            terms = read_identities() if options.identities is None else options.identities
            mentions |= identity_mentions(self.corpus.texts, terms)
        return bias_figures(
            self.harm, self.scores.harm, mentions, threshold=self._threshold,
            resampled=min(BIAS_RESAMPLES, options.resamples), seed=options.seed,
        )  # fmt: skip

    def _errors_section(self) -> dict[str, list[dict[str, Any]]] | None:
        if self.scores is None:
            return None
        harm, keep = self.scores.harm, max(LISTED, self.options.examples)
        kinds = {
            "false_positives": (self.harm == 0) & (harm >= self._threshold),
            "misses": (self.harm == 1) & (harm < self._threshold),
        }
        found = {}
        for kind, mask in kinds.items():
            rows = np.flatnonzero(mask)
            worst = -harm[rows] if kind == "false_positives" else harm[rows]
            rows = rows[np.argsort(worst, kind="stable")][:keep]
            found[kind] = [self._error(row, place) for place, row in enumerate(rows.tolist())]
        return found

    def _error(self, row: int, place: int) -> dict[str, Any]:
        assert self.scores is not None
        record = {
            "id": self.corpus.ids[row] if self.corpus.ids is not None else str(row),
            "score": round(float(self.scores.harm[row]), 6),
            "uncertainty": round(float(self.scores.spread.deviation[row]), 6),
            "decision": DECISIONS[self.decisions.decision[row]],
            "decided_by": DECIDERS[self.decisions.decided_by[row]],
        }
        if place < self.options.examples:
            record["text"] = self.corpus.texts[row]
        return record

    def _figures(self) -> Settings:
        return Settings(resamples=self.options.resamples, seed=self.options.seed)


def harm_of(corpus: Corpus) -> np.ndarray:
    """1 harmful, 0 not: what the column ``label`` says, else what any label says."""
    if "label" in corpus.label_names:
        return corpus.labels[:, corpus.label_names.index("label")].astype(np.float64)
    return corpus.harmful.astype(np.float64)

"""From a guard and a labelled corpus to a policy, what was promised of it, and what it costs."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from moddefense.corpus import SPLITS, Corpus
from moddefense.errors import ConfigurationError, at
from moddefense.pipeline import Guard
from moddefense.policy import Policy
from moddefense.tuning.cost import cost_report
from moddefense.tuning.evidence import gather
from moddefense.tuning.reviewing import conformal_band, errors, spend_budget
from moddefense.tuning.triggering import OF, Promise, promise, tune_trigger

__all__ = ["Tuned", "tune", "validation_rows"]

MIX = {"corpus": "mixed as in the corpus", "prevalence": "mixed as at the prevalence"}
UNCHOSEN = "tune: nothing to tune; give --target-recall, --review-budget or --conformal"


@dataclasses.dataclass(frozen=True)
class Tuned:
    """A tuned policy, the comments that belong into its file, and the report of ``tune``."""

    policy: Policy
    notes: dict[str, str]
    report: dict[str, Any]

    def to_toml(self) -> str:
        """Return the policy as TOML, with what was promised from which data as comments."""
        return self.policy.to_toml(self.notes)


def tune(
    guard: Guard,
    corpus: Corpus,
    *,
    target_recall: float | None = None,
    delta: float = 0.05,
    of: str = "flagged",
    review_budget: float | None = None,
    conformal: float | None = None,
    prevalence: float = 0.1,
) -> Tuned:
    """Choose thresholds on a labelled corpus that the bundle was not trained on.

    First the band of the classifier, if ``review_budget`` (share of rows that people can review)
    or ``conformal`` (the alpha of class-conditional sets) is given; then the trigger's threshold,
    the highest at which with probability 1 - ``delta`` over the corpus at least ``target_recall``
    of the rows ``of`` (flagged by the classifier, or labelled harmful) reach the classifier.
    Shares and costs are given at ``prevalence``. Raises ConfigurationError on values out of range,
    on a corpus of one class, and, with the number of rows it would take, on one that is too small.

    >>> tune(md.load(), Corpus.read("ours.csv"), target_recall=0.99)  # doctest: +SKIP
    """
    _check(target_recall, delta, of, review_budget, conformal, prevalence)
    if len(np.unique(corpus.harmful)) < 2:
        raise ConfigurationError(
            f"{at(corpus.source)}all {len(corpus)} rows have one label; both are needed to tune"
        )
    evidence = gather(guard, corpus, prevalence=prevalence)
    policy, promised, report = guard.policy, None, dict[str, Any]()
    if review_budget is not None:
        policy = spend_budget(policy, evidence, budget=review_budget)
    elif conformal is not None:
        policy = conformal_band(policy, evidence, alpha=conformal)
    if target_recall is not None:
        policy, promised = tune_trigger(policy, evidence, recall=target_recall, delta=delta, of=of)
        other = next(name for name in OF if name != of)
        beside = promise(policy, evidence, recall=target_recall, delta=delta, of=other)
        report["promise"] = promised.as_dict()
        report["beside"] = beside.as_dict()
    if review_budget is not None:
        unaided = spend_budget(policy, evidence, budget=0.0)  # by the same trigger
        report["review"] = {
            "budget": review_budget,
            **errors(policy, evidence),
            "errors_without_review": errors(unaided, evidence)["errors"],
        }
    elif conformal is not None:
        report["conformal"] = {"alpha": conformal, **errors(policy, evidence)}
    report["cost"] = cost_report(guard.with_policy(policy), evidence)
    report["policy"] = policy.as_dict()
    about = {
        "corpus": Path(corpus.source).name,
        "corpus_sha256": corpus.fingerprint,
        "rows": len(corpus),
        "harmful": int(corpus.harmful.sum()),
        "prevalence": prevalence,
        "bundle": guard.fingerprints.get("bundle"),
        "lexicon": guard.fingerprints.get("lexicon"),
    }
    notes = _notes(about, promised, report)
    return Tuned(policy, notes, {"from": about, **report})


def validation_rows(corpus: Corpus, split: str | None = None) -> Corpus:
    """Return the rows to tune on: those of ``split``, else of validation where there are splits.

    Raises ConfigurationError when there is no such row.
    """
    if corpus.splits is None:
        if split is not None:
            raise ConfigurationError(f"{at(corpus.source)}no column 'split'; leave --split out")
        return corpus
    wanted = SPLITS.get((split or "val").lower(), split)
    names = np.array([SPLITS.get(name.lower(), name) for name in corpus.splits])
    rows = np.flatnonzero(names == wanted)
    if not rows.size:
        known = ", ".join(sorted(set(corpus.splits)))
        raise ConfigurationError(
            f"{at(corpus.source)}no row of split {wanted!r}; there are {known}: name one of them "
            "that the bundle was not trained on with --split"
        )
    return corpus.take(rows)


def _check(
    target_recall: float | None, delta: float, of: str, review_budget: float | None,
    conformal: float | None, prevalence: float,
) -> None:  # fmt: skip
    if target_recall is None and review_budget is None and conformal is None:
        raise ConfigurationError(UNCHOSEN)
    if review_budget is not None and conformal is not None:
        raise ConfigurationError(
            "tune: --review-budget and --conformal both choose the band; give one of them"
        )
    if of not in OF:
        raise ConfigurationError(f"tune: {of!r} is none of {', '.join(OF)}")
    for name, value in (("--target-recall", target_recall), ("--delta", delta),
                        ("--conformal", conformal)):  # fmt: skip
        if value is not None and not 0 < value < 1:
            raise ConfigurationError(f"tune: {name} {value:g} is not between 0 and 1")
    for name, value in (("--review-budget", review_budget), ("--prevalence", prevalence)):
        if value is not None and not 0 <= value < 1:
            raise ConfigurationError(f"tune: {name} {value:g} is not a share from 0 to below 1")


def _notes(
    about: dict[str, Any], promised: Promise | None, report: dict[str, Any]
) -> dict[str, str]:
    bundle = about["bundle"] or {"name": "?", "sha256": ""}
    head = [
        "Tuned by `moddefense tune`, for texts like those that it saw, with this bundle and these",
        "lists; tune again when one of them changes.",
        f"corpus: {about['corpus']}, {about['rows']:,} rows, {about['harmful']:,} of them harmful, "
        f"sha256 {about['corpus_sha256'][:16]}",
        f"bundle: {bundle['name']}, sha256 {bundle['sha256'][:16]}; "
        f"shares are for {about['prevalence']:.0%} harmful",
    ]
    notes = {}
    if promised is not None and promised.missed is not None:
        head.append(
            f"promised: with probability {1 - promised.delta:g}, at least {promised.recall:g} of "
            f"the {OF[promised.of]}"
        )
        head.append(
            f"reach the classifier; {promised.missed:,} of {promised.rows:,} such rows did not "
            f"({MIX[promised.mix]})"
        )
        notes["trigger.threshold"] = f"promised recall {promised.recall:g}"
    if "review" in report:
        review = report["review"]
        head.append(
            f"review: {review['reviewed']:.2%} of the rows, of a budget of {review['budget']:.2%}; "
            f"errors {review['errors']:.2%}, without review {review['errors_without_review']:.2%}"
        )
        notes["classifier.review"] = notes["classifier.block"] = "for the review budget"
    if "conformal" in report:
        band = report["conformal"]
        head.append(
            f"conformal: with probability {1 - band['alpha']:g} in each class, a text that reaches "
            "the classifier"
        )
        head.append("is not decided against its label; no or two labels in the set are a review")
        notes["classifier.review"] = notes["classifier.block"] = f"conformal {band['alpha']:g}"
    return {"": "\n".join(head), **notes}

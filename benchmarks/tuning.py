"""Is the promised recall kept? The trigger tuned on validation, judged on test; 10 % harmful.

The shipped bundle on jigsaw_toxic, mixed so that 10 % are harmful: thresholds chosen on 200 samples
of half the validation split, drawn without replacement, and what each gives on the test split. (Of
a sample with replacement, a text that comes twice would count as two that agree.) Beside that the
policy that ``moddefense tune`` makes of the whole validation split.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from corpora import CHECKOUT, corpus_path

import moddefense as md
from moddefense.corpus import Corpus
from moddefense.tuning import tune
from moddefense.tuning.choosing import validation_rows
from moddefense.tuning.cost import cost_report
from moddefense.tuning.evidence import Evidence, flagged, gather, open_rows, trigger_values
from moddefense.tuning.triggering import supported_threshold

TITLE = "Promised recall of the trigger"
PREVALENCE = 0.1
SAMPLES = 200
PROMISES = ((0.95, 0.05), (0.98, 0.05), (0.99, 0.05), (0.99, 0.2))
START, END = "<!-- results -->", "<!-- /results -->"


def report() -> str:
    """Measure and return the results as Markdown."""
    corpus = Corpus.read(corpus_path("jigsaw_toxic"))
    guard = md.load()
    val = validation_rows(corpus)
    ours = gather(guard, val, prevalence=PREVALENCE)
    theirs = gather(guard, validation_rows(corpus, "test"), prevalence=PREVALENCE)
    return "\n\n".join([_resampled(guard, ours, theirs), _tuned(guard, val, theirs)])


def _resampled(guard: md.Guard, ours: Evidence, theirs: Evidence) -> str:
    generator = np.random.Generator(np.random.PCG64(1))
    values, wanted = trigger_values(guard.policy, ours), flagged(guard.policy, ours)
    lines = [
        "| promised recall | delta | kept on test | least | mean | rows to the classifier |",
        "|---|---|---|---|---|---|",
    ]
    for recall, delta in PROMISES:
        found, shares = [], []
        for _ in range(SAMPLES):
            rows = generator.permutation(len(ours))[: len(ours) // 2]
            rare = generator.random(len(rows)) < ours.weights[rows] / ours.weights.max()
            threshold, _ = supported_threshold(
                values[rows[wanted[rows]]], values[rows[wanted[rows] & rare]],
                recall=recall, delta=delta,
            )  # fmt: skip
            assert threshold is not None
            found.append(_recall(guard, theirs, threshold))
            shares.append(_share(guard, theirs, threshold))
        kept = np.mean(np.array(found) >= recall)
        lines.append(
            f"| {recall} | {delta} | {kept:.1%} | {min(found):.4f} | {np.mean(found):.4f} | "
            f"{np.mean(shares):.1%} |"
        )
    return f"{SAMPLES} samples of {len(ours) // 2:,} rows each:\n\n" + "\n".join(lines)


def _tuned(guard: md.Guard, val: Corpus, theirs: Evidence) -> str:
    tuned = tune(guard, val, target_recall=0.99, delta=0.05, prevalence=PREVALENCE)
    judged = cost_report(guard.with_policy(tuned.policy), theirs)
    recall = judged["recall"]["flagged"]["recall_at_prevalence"]
    lines = [
        "| tuned at 0.99 / 0.05, on the test split | |",
        "|---|---|",
        f"| trigger threshold | {tuned.policy.trigger_threshold} |",
        f"| recall of what the classifier would flag | {recall:.4f} |",
        f"| recall of harmful rows | {judged['recall']['harmful']['recall_at_prevalence']:.4f} |",
    ]
    for name, stage in judged["stages"].items():
        lines.append(
            f"| rows to the {name}; seconds per 1,000 rows | {stage['share']:.1%}; "
            f"{stage['seconds_per_1000']:.4f} |"
        )
    lines.append(
        "| whole pipeline; classifier on every row, seconds per 1,000 | "
        f"{judged['seconds_per_1000']:.4f}; {judged['classifier_alone_seconds_per_1000']:.4f}, "
        f"{judged['speed_up']:.2f} times |"
    )
    return "\n".join(lines)


def _recall(guard: md.Guard, evidence: Evidence, threshold: float) -> float:
    wanted = flagged(guard.policy, evidence)
    reached = trigger_values(guard.policy, evidence)[wanted] >= threshold
    return float(np.average(reached, weights=evidence.weights[wanted]))


def _share(guard: md.Guard, evidence: Evidence, threshold: float) -> float:
    reached = trigger_values(guard.policy, evidence) >= threshold
    return float(evidence.weights[reached & open_rows(guard.policy, evidence)].sum())


def main() -> None:
    """Print the results; with --write, put them into docs/tuning.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="replace those in docs/tuning.md")
    write = parser.parse_args().write
    found = report()
    print(found)
    if write:
        page = Path(CHECKOUT, "docs", "tuning.md")
        text = page.read_text(encoding="utf-8")
        head, tail = text.split(START)[0], text.split(END)[1]
        page.write_text(f"{head}{START}\n{found}\n{END}{tail}", encoding="utf-8")


if __name__ == "__main__":
    main()

"""Every family of attacks at several strengths, on every word or on the most important ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ablation import FOLDER, comments
from markers import say_progress, table

from moddefense.attacks.running import Plan, System, names_of, run
from moddefense.attacks.search import Tactics

TITLE = "Every family of attacks"
STRENGTHS = (0.25, 0.5, 1.0)
AIMED, AIMED_AT = 0.2, (0.5,)  # share of the words, the most important ones; strengths
HARMFUL, HARMLESS = 150, 1500
# What is promised of the whole pipeline with every word attacked at half strength.
GOALS = {
    **dict.fromkeys(names_of(["visual"]), 0.99),
    **dict.fromkeys(("leet", "repetition", "spacing", "punctuation", "masking"), 0.92),
    **dict.fromkeys(names_of(["typing"]), 0.85),
    "no-spaces": 0.85, "love": 0.95,
}  # fmt: skip


def report(bundle: str = "default") -> str:
    """Attack a bundle and return the results as Markdown."""
    harmful, harmless = comments(HARMFUL, HARMLESS)
    rows: dict[str, list[str]] = {}
    notes = []
    aimed = Tactics(words=AIMED, aimed=True, budget=400)
    for tactics, strengths in ((Tactics(), STRENGTHS), (aimed, AIMED_AT)):
        plan = Plan(strengths=strengths, tactics=tactics)
        found = run(
            [System("bundle", bundle)], plan, harmful, harmless, cache=FOLDER / "families.jsonl",
            progress=say_progress,
        )  # fmt: skip
        (row,) = found["results"]
        cells = {(one["family"], one["strength"]): one for one in row["attacks"]}
        for family in dict.fromkeys(one["family"] for one in row["attacks"]):
            rows.setdefault(family, []).extend(_kept(cells[family, s]) for s in strengths)
            if not tactics.aimed:
                half = cells[family, 0.5]
                rows[family].append(f"{half['false_alarms']:.2f}")
                notes += _below(family, half)
        recall = row["recall"]
    ordered = [[name, *cells] for name, cells in rows.items()]
    return "\n\n".join(
        [
            f"{len(harmful)} harmful comments of jigsaw_toxic test, {len(harmless):,} harmless "
            f"ones for the threshold: share still flagged by the whole pipeline, relative to the "
            f"comments as they are ({recall:.3f} of them flagged at {plan.false_positives:.0%} "
            f"false positives). Of every word, and of the {AIMED:.0%} that matter most to the "
            "pipeline. Alarms: harmless comments flagged when every word of theirs is attacked "
            "at strength 0.5.",
            table(
                ["every word, strength", *map(str, STRENGTHS), "alarms",
                 *(f"aimed, {s}" for s in AIMED_AT)],
                ordered,
            ),
            "Below what is aimed at, every word at strength 0.5: "
            + (", ".join(notes) if notes else "none")
            + ".",
        ]
    )  # fmt: skip


def _kept(one: Mapping[str, Any]) -> str:
    return f"{one['kept']:.2f}"


def _below(family: str, one: Mapping[str, Any]) -> list[str]:
    goal = GOALS.get(family)
    if goal is None or one["kept"] >= goal:
        return []
    return [f"{family} ({one['kept']:.3f} of {goal})"]


if __name__ == "__main__":
    print(report())

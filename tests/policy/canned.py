"""Stages that say what a table says, so that the policy alone is under test."""

from __future__ import annotations

import math

import moddefense as md
from moddefense.lexicon import Match, Term
from moddefense.pipeline import Guard

POLICY = md.Policy(
    trigger_threshold=0.2, classifier_review=0.4, classifier_block=0.8, uncertainty_reach=1.0,
    audit_rate=0.0,
)  # fmt: skip


def hit(severity=None, *, kind="block", match="word"):
    term = Term(
        f"x-{severity or match}", "crap", kind=kind, match=match, severity=severity,
        category="profanity" if kind == "block" else "",
    )  # fmt: skip
    return Match(term, 0, 4, "crap", ())


class Canned:
    """A stage that says of each text what a table says."""

    def __init__(self, name, table):
        self.name, self.table, self.seen = name, table, []

    def examine(self, screening, rows):
        for row in rows.tolist():
            value = self.table[screening.texts[row]]
            self.seen.append(screening.texts[row])
            if self.name == "lexicon":
                screening.matches[row] = tuple(value)
            elif self.name == "trigger":
                screening.trigger[row] = value
            else:
                screening.score[row], screening.uncertainty[row] = value


def decide(
    policy=POLICY, *, matches=(), trigger=0.5, score=0.5, spread=math.nan, stages=None, text="hm"
):
    """The verdict on one text with this evidence; ``stages`` are those that run."""
    evidence = {"lexicon": matches, "trigger": trigger, "classifier": (score, spread)}
    made = [Canned(name, {text: evidence[name]}) for name in stages or evidence]
    return Guard(made, policy, fingerprints={}).screen_one(text)


def outcome(*arguments, **evidence):
    verdict = decide(*arguments, **evidence)
    return verdict.decision, verdict.decided_by


LADDER = [
    # Evidence of every stage at once: each line takes away what decided the one before.
    ({"text": "\u200b", "matches": [hit(4)], "score": 1.0}, ("allow", "default")),
    ({"matches": [hit(kind="allow", match="text"), hit(4)], "score": 1.0}, ("allow", "whitelist")),
    ({"matches": [hit(4)], "trigger": 0.0, "score": 0.0}, ("block", "blacklist")),
    ({"matches": [hit(3)], "trigger": 0.0, "score": 0.0}, ("review", "blacklist")),
    ({"matches": [hit(1)], "trigger": 0.0, "score": 0.9}, ("block", "classifier")),
    ({"trigger": 0.0, "score": 1.0}, ("allow", "trigger")),
    ({"trigger": 0.5, "score": 0.9, "spread": 0.05}, ("block", "classifier")),
    ({"trigger": 0.5, "score": 0.9, "spread": 0.15}, ("review", "classifier")),
]

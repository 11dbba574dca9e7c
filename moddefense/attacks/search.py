"""How an attacker looks for what gets through: drawing once, at random, greedily or with a beam.

A search is a generator that yields texts and is sent their scores, so that ``drive`` can put the
questions of all texts into one batch. It never asks more than its budget.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from moddefense.attacks.edits import Change, Perturbed, assemble, word_spans
from moddefense.attacks.families import Family, perturb
from moddefense.attacks.limits import Limits

__all__ = ["SEARCHES", "Found", "Subject", "Tactics", "drive"]

Words = tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Tactics:
    """How hard an attacker tries.

    ``budget`` is the number of texts that may be scored for one attack; ``words`` the share of the
    words under attack, at random or, with ``aimed``, the most important ones; ``candidates`` the
    draws for a word; ``width`` the states that a beam keeps. Greedy and beam searches always aim.
    """

    search: str = "once"
    budget: int = 50
    words: float = 1.0
    aimed: bool = False
    candidates: int = 3
    width: int = 4
    limits: Limits = dataclasses.field(default_factory=Limits)


class Subject(NamedTuple):
    """One text under attack: flagged from ``threshold`` on; ``score`` is that of the text."""

    text: str
    family: Family
    strength: float
    score: float
    threshold: float
    tactics: Tactics
    rng: random.Random


class Found(NamedTuple):
    """The best that a search found; ``void`` counts what broke a limit and does not count."""

    attacked: Perturbed
    score: float
    queries: int
    void: int


Search = Generator[list[str], Sequence[float], Found]


def drive(searches: Iterable[Search], score: Callable[[Sequence[str]], np.ndarray]) -> list[Found]:
    """Run searches side by side: all that they ask in one round is one batch of ``score``."""
    running = list(searches)
    found: dict[int, Found] = {}

    def go_on(answered: dict[int, list[float] | None]) -> dict[int, list[str]]:
        asked = {}
        for place, scores in answered.items():
            try:
                asked[place] = running[place].send(scores)  # type: ignore[arg-type]  # None starts
            except StopIteration as end:
                found[place] = end.value
        return asked

    asked = go_on(dict.fromkeys(range(len(running))))
    while asked:
        answers = iter(score([text for batch in asked.values() for text in batch]).tolist())
        asked = go_on({place: [next(answers) for _ in batch] for place, batch in asked.items()})
    return [found[place] for place in range(len(running))]


def once(subject: Subject) -> Search:
    """Attack once, without looking: what somebody does who does not know the target."""
    state = _State(subject)
    words = yield from _aimed(subject, state)
    attacked = _draw(subject, words)
    (score,) = yield [attacked.text]
    queries = subject.tactics.budget - state.left + 1
    if _void(subject, attacked):
        return Found(Perturbed(subject.text, ()), subject.score, queries, 1)
    return Found(attacked, score, queries, 0)


def at_random(subject: Subject) -> Search:
    """Draw words and changes anew until something gets through."""
    state = _State(subject)
    words = yield from _aimed(subject, state)
    while state.left and not state.through:
        yield from state.ask([_draw(subject, words)])
    return state.found()


def greedy(subject: Subject) -> Search:
    """Attack the most important word, then the next, each time keeping the best draw.

    How important a word is, says how far the score falls without it. A family that does not attack
    single words is drawn at random.
    """
    if not subject.family.local:
        return (yield from at_random(subject))
    state = _State(subject)
    changes: list[Change] = []
    for word in (yield from _by_importance(subject, state)):
        if not state.left or state.through:
            break
        drawn = [changes + _of_word(subject, word) for _ in range(subject.tactics.candidates)]
        scores = yield from state.ask([assemble(subject.text, option) for option in drawn])
        if scores and min(scores) < float("inf"):  # else all are void: the word stays as it is
            changes = drawn[int(np.argmin(scores))]
    return state.found()


def beam(subject: Subject) -> Search:
    """As greedy, but going on with several of the best texts, which may leave a word out."""
    if not subject.family.local:
        return (yield from at_random(subject))
    state = _State(subject)
    kept: list[tuple[float, list[Change]]] = [(subject.score, [])]
    for word in (yield from _by_importance(subject, state)):
        if not state.left or state.through:
            break
        drawn = [
            changes + _of_word(subject, word)
            for _, changes in kept
            for _ in range(subject.tactics.candidates)
        ]
        scores = yield from state.ask([assemble(subject.text, option) for option in drawn])
        new = list(zip(scores, drawn, strict=False))
        kept = sorted([*kept, *new], key=lambda one: one[0])[: subject.tactics.width]
    return state.found()


SEARCHES: dict[str, Callable[[Subject], Search]] = {
    "once": once, "random": at_random, "greedy": greedy, "beam": beam,
}  # fmt: skip
"""Searches by name."""


class _State:
    """What one search has asked, and the best valid answer."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.left = subject.tactics.budget
        self.best = Perturbed(subject.text, ())
        self.score = subject.score
        self.void = 0

    @property
    def through(self) -> bool:
        return self.score < self.subject.threshold

    def ask(self, options: list[Perturbed]) -> Generator[list[str], Sequence[float], list[float]]:
        """Score what the budget allows of ``options``; void ones score infinity."""
        options = options[: self.left]
        if not options:
            return []
        self.left -= len(options)
        scores = list((yield [option.text for option in options]))
        for place in sorted(range(len(options)), key=scores.__getitem__):
            if scores[place] >= self.score:
                break  # no better than what there is, whether valid or not
            if _void(self.subject, options[place]):
                self.void += 1
                scores[place] = float("inf")
            else:
                self.best, self.score = options[place], scores[place]
                break
        return scores

    def found(self) -> Found:
        return Found(self.best, self.score, self.subject.tactics.budget - self.left, self.void)


def _aimed(
    subject: Subject, state: _State
) -> Generator[list[str], Sequence[float], float | list[int]]:
    """The words under attack: the most important ones, or a share of all."""
    if subject.tactics.aimed and subject.family.local and state.left > 1:
        return (yield from _by_importance(subject, state))
    return subject.tactics.words


def _draw(subject: Subject, words: float | list[int]) -> Perturbed:
    return perturb(
        subject.text, subject.family, strength=subject.strength, rng=subject.rng, words=words
    )


def _of_word(subject: Subject, word: int) -> list[Change]:
    _, edits = perturb(
        subject.text, subject.family, strength=subject.strength, rng=subject.rng, words=[word]
    )
    return [Change(edit.start, edit.end, edit.text) for edit in edits]


def _by_importance(
    subject: Subject, state: _State
) -> Generator[list[str], Sequence[float], list[int]]:
    """Words by how far the score falls without them; as many as the tactics allow."""
    spans = word_spans(subject.text)
    asked = spans[: state.left // 2]
    if not asked:
        return []
    state.left -= len(asked)
    scores = yield [subject.text[:start] + subject.text[end:] for start, end in asked]
    most = max(1, round(subject.tactics.words * len(spans)))
    return sorted(range(len(asked)), key=lambda word: (scores[word], word))[:most]


def _void(subject: Subject, attacked: Perturbed) -> bool:
    visual = subject.family.group == "visual"
    return subject.tactics.limits.broken(subject.text, attacked, visual=visual) is not None

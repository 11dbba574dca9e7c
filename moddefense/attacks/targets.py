"""What is attacked: a stage of the pipeline, the whole of it, or any classifier of texts.

A target gives each text a score, higher for more harmful. ``Target("mine", model.predict)`` is all
that another classifier needs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from moddefense.errors import ConfigurationError
from moddefense.folding import FOLD_STEPS
from moddefense.policy import DECIDERS, DECISIONS, read_policy
from moddefense.resources import bundle_dir
from moddefense.screening import Screening

if TYPE_CHECKING:
    from moddefense.lexicon import Match
    from moddefense.models import Models
    from moddefense.pipeline import Guard, Stage
    from moddefense.tokens import Tokenizer, Tokens

__all__ = ["DEFENCES", "TARGETS", "Target", "load_target"]

TARGETS = ("lexicon", "trigger", "classifier", "pipeline", "decision")
"""``decision`` is the pipeline with the thresholds of its policy, ``pipeline`` with one of ours."""

DEFENCES = ("folding", "matching", "lexicon")
"""What can be switched off: the reader's fold, reading through disguises, the lists.

``matching`` is all that reads through disguises: the matcher's evasion steps, what the models read
instead of misspelt words and of words run together, and the signs of hiding that set them off.
"""

_ENDLESS = 1 << 30  # letters of a run of words that no text has
SEVERE = 2  # a lexicon flags a text that it hits at this severity or above

Scores = Callable[[Sequence[str]], Sequence[float] | np.ndarray]


@dataclasses.dataclass(frozen=True)
class Target:
    """Scores of texts, float64 ``[texts]``, and what told: a short name for each text.

    ``threshold`` is the target's own, from which on a text is flagged; None leaves it to the
    harmless texts of a corpus. ``describe`` gives what is worth showing of one text.

    >>> target = Target("shouting", lambda texts: [text.isupper() for text in texts])
    >>> target.score(["hello", "HELLO"])
    array([0., 1.])
    """

    name: str
    scores: Scores
    threshold: float | None = None
    decided: Callable[[Sequence[str]], list[str]] | None = None
    describe: Callable[[str], dict[str, Any]] | None = None

    def score(self, texts: Sequence[str]) -> np.ndarray:
        """Return the scores of ``texts``. Raises ConfigurationError unless they are numbers."""
        found = np.asarray(self.scores(list(texts)) if texts else [], np.float64)
        if found.shape != (len(texts),):
            raise ConfigurationError(
                f"target {self.name}: gave {found.shape} scores for {len(texts)} texts; give one "
                "number a text"
            )
        if np.isnan(found).any():
            raise ConfigurationError(f"target {self.name}: a score is not a number")
        return found


def load_target(name: str, bundle: str | Path, *, without: Sequence[str] = ()) -> Target:
    """Return a stage of a bundle, or all of them, as a target.

    ``without`` names DEFENCES to switch off. Raises ConfigurationError on an unknown name,
    BundleError when the bundle is damaged.
    """
    from moddefense.bundle import load, read_manifest

    if name not in TARGETS:
        raise ConfigurationError(f"target: unknown {name!r}; known are {', '.join(TARGETS)}")
    for defence in without:
        if defence not in DEFENCES:
            raise ConfigurationError(
                f"defence: unknown {defence!r}; known are {', '.join(DEFENCES)}"
            )
    read_manifest(bundle_dir(str(bundle)))
    policy = read_policy(bundle_dir(str(bundle)) / "policy.toml")
    if name != "decision":  # where the score is all that counts, what is spent on doubt is lost
        policy = dataclasses.replace(policy, uncertainty_reach=0.0, audit_rate=0.0)
    guard = _weakened(load(bundle, policy=policy), without)
    if name in ("pipeline", "decision"):
        return _pipeline(name, guard)
    for stage in guard.stages:
        if stage.name == name:
            return _stage(name, stage, guard)
    raise ConfigurationError(f"target: {name} is not there without {', '.join(without)}")


def _stage(name: str, stage: Stage, guard: Guard) -> Target:
    def examine(texts: Sequence[str]) -> Screening:
        screening = Screening(list(texts), guard.policy)
        stage.examine(screening, np.arange(len(texts)))
        return screening

    def severities(texts: Sequence[str]) -> list[int]:
        return [_severity(matches) for matches in examine(texts).matches]

    if name == "lexicon":
        return Target(
            name, severities, SEVERE,
            decided=lambda texts: [_through(matches) for matches in examine(texts).matches],
            describe=lambda text: {"matches": _shown(examine([text]).matches[0])},
        )  # fmt: skip
    column = "trigger" if name == "trigger" else "score"
    return Target(name, lambda texts: getattr(examine(texts), column))


def _pipeline(name: str, guard: Guard) -> Target:
    def scores(texts: Sequence[str]) -> np.ndarray:
        screening = guard.screen(texts)
        if name == "decision":
            return screening.decision.astype(np.float64)
        # What the lists alone decide comes above every probability; what the trigger let go, below.
        listed = (screening.floor > 0) | (screening.decided_by == DECIDERS.index("blacklist"))
        score = np.nan_to_num(screening.score, nan=0.0)
        known = np.isnan(screening.score) & (screening.decision > 0)
        return np.where(known, 2.0, score + listed)

    def decided(texts: Sequence[str]) -> list[str]:
        screening = guard.screen(texts)
        return [
            _through(matches) if DECIDERS[by] == "blacklist" else DECIDERS[by]
            for by, matches in zip(screening.decided_by.tolist(), screening.matches, strict=True)
        ]

    def describe(text: str) -> dict[str, Any]:
        verdict = guard.screen_one(text)
        return {
            "decision": verdict.decision,
            "decided_by": verdict.decided_by,
            "score": verdict.score,
            "reason": verdict.reason,
            "matches": _shown(verdict.matches),
        }

    threshold = float(DECISIONS.index("review")) if name == "decision" else None
    return Target(name, scores, threshold, decided=decided, describe=describe)


def _severity(matches: Sequence[Match]) -> int:
    return max((match.term.severity or 0 for match in matches), default=0)


def _through(matches: Sequence[Match]) -> str:
    """How the worst hit was read: as written, through the fold, or through a disguise."""
    if not matches:
        return "nothing"
    worst = _severity(matches)
    ways = [frozenset(m.through) for m in matches if (m.term.severity or 0) == worst]
    if not all(ways):
        return "lexicon"
    return "folding" if any(way <= frozenset(FOLD_STEPS) for way in ways) else "matching"


def _shown(matches: Sequence[Match]) -> list[dict[str, Any]]:
    return [
        {"term": match.term.id, "text": match.text, "through": list(match.through)}
        for match in matches
    ]


def _weakened(guard: Guard, without: Sequence[str]) -> Guard:
    """Return ``guard`` with defences switched off."""
    from moddefense.lexicon import Matcher
    from moddefense.lexicon.stage import EVASIONS, LexiconStage
    from moddefense.pipeline import Guard

    off = {*(FOLD_STEPS if "folding" in without else ()),
           *(EVASIONS if "matching" in without else ())}  # fmt: skip
    stages: list[Stage] = []
    weak: dict[int, Any] = {}
    for stage in guard.stages:
        if isinstance(stage, LexiconStage):
            if "lexicon" in without:
                continue
            if off:
                stage = LexiconStage(Matcher(stage.matcher.lexicon, off=off))
        elif off:
            models = stage.models  # type: ignore[attr-defined]
            stage.models = weak.setdefault(id(models), _literal(models, without))  # type: ignore[attr-defined]
        stages.append(stage)
    policy = guard.policy
    if "matching" in without:
        policy = dataclasses.replace(policy, trigger_obfuscated=False)
    return Guard(stages, policy, fingerprints=guard.fingerprints)


class _Literal:
    """A tokenizer that reads words as they are written.

    Without ``folding`` it lowers the case and folds nothing else; without ``matching`` it reads
    nothing else for misspelt and disguised words, and does not cut apart what is run together.
    """

    def __init__(self, tokenizer: Tokenizer, without: Sequence[str]) -> None:
        from moddefense.segmentation import Segmenter
        from moddefense.tokens import Tokenizer

        self._folds = "folding" not in without
        if "matching" in without:
            tokenizer = Tokenizer(tokenizer.pieces, tokenizer.openings, graph=tokenizer.graph)
            tokenizer.segmenter = Segmenter((), least=_ENDLESS)
        self._tokenizer = tokenizer

    def __call__(self, texts: Sequence[str]) -> Tokens:
        if self._folds:
            return self._tokenizer(texts)
        return self._tokenizer.tokenize_folded([text.lower() for text in texts])

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tokenizer, name)


def _literal(models: Models, without: Sequence[str]) -> Models:
    from moddefense.models import Models

    def read() -> Any:
        return _Literal(models.tokenizer, without), models.trigger, models.classifier

    return Models(read)

"""The settings of a policy, checked, with the meaning of each."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import numbers
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from moddefense.errors import PolicyError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from moddefense.screening import Screening

__all__ = ["DECIDERS", "DECISIONS", "STAGES", "CategoryRule", "LabelRule", "Policy", "coerce"]

DECISIONS = ("allow", "review", "block")
DECIDERS = ("whitelist", "blacklist", "trigger", "classifier", "audit", "default")
STAGES = ("lexicon", "trigger", "classifier")
NEVER = 5  # a severity that no term has


@dataclasses.dataclass(frozen=True)
class CategoryRule:
    """Severities for the terms of one category; None: those of ``lexicon``."""

    block_severity: int | None = None
    review_severity: int | None = None
    trigger_severity: int | None = None


@dataclasses.dataclass(frozen=True)
class LabelRule:
    """Probabilities of one label from which on a text is at least reviewed, or blocked."""

    review: float | None = None
    block: float | None = None


def _setting(default: Any, meaning: str) -> Any:
    return dataclasses.field(default=default, metadata={"meaning": meaning})


@dataclasses.dataclass(frozen=True)
class Policy:
    """Every threshold of a screening; the TOML has the same keys, ``section.name``.

    Probabilities are in 0..1 and refer to calibrated scores; severities are those of the lexicon
    (1 mild to 4 extreme; 5 switches an action off); ``uncertainty_reach`` counts spreads (0: the
    score alone decides); ``uncertainty_margin`` is how far from a threshold, in log-odds, dropout
    sampling runs. ``categories`` and ``labels`` may be given as mappings of mappings, and are kept
    as sorted pairs. Raises PolicyError on values that are out of range or contradict each other.

    >>> Policy(classifier_review=0.4, classifier_block=0.9).classifier_block
    0.9
    >>> Policy(categories={"threat": {"block_severity": 2, "review_severity": 1}}).rule("threat")
    CategoryRule(block_severity=2, review_severity=1, trigger_severity=1)
    """

    lexicon_block_severity: int = _setting(4, "a term this severe blocks; 5: never")
    lexicon_review_severity: int = _setting(3, "a term this severe asks for review at least")
    lexicon_trigger_severity: int = _setting(1, "a term this severe makes the classifier run")
    trigger_threshold: float = _setting(0.05, "below, the classifier is not worth running: allow")
    trigger_obfuscated: bool = _setting(True, "signs of obfuscation make the classifier run")
    classifier_review: float = _setting(0.5, "scores surely below are allowed")
    classifier_block: float = _setting(0.9, "scores surely at or above are blocked")
    uncertainty_reach: float = _setting(0.5, "spreads that a score must keep from a threshold")
    uncertainty_margin: float = _setting(
        1.25, "dropout sampling runs this near to a threshold, in log-odds"
    )
    audit_rate: float = _setting(0.01, "share of untriggered rows classified all the same")
    audit_seed: int = _setting(0, "which rows these are")
    default_decision: str = _setting("allow", "for what no stage decides")
    shadow_stages: tuple[str, ...] = _setting((), "stages that gather evidence and have no say")
    categories: tuple[tuple[str, CategoryRule], ...] = _setting((), "severities of one category")
    labels: tuple[tuple[str, LabelRule], ...] = _setting((), "thresholds of one label")

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name in RULES:
                value = _rules(value, RULES[field.name], f"policy: {field.name}")
            else:
                where = f"policy: {field.name.replace('_', '.', 1)}"
                value = coerce(value, field.default, where)
            object.__setattr__(self, field.name, value)  # 1 for 1.0, say
        problem = _problem(self)
        if problem:
            key, why = problem
            raise PolicyError(f"policy: {key}: {why}")

    def rule(self, category: str) -> CategoryRule:
        """The severities that hold for a category, none of them None."""
        return self._resolved.get(category) or self._resolved[None]

    @functools.cached_property
    def _resolved(self) -> dict[str | None, CategoryRule]:
        """The rules of the categories that have one, and under None that of all others."""
        general = CategoryRule(
            self.lexicon_block_severity, self.lexicon_review_severity, self.lexicon_trigger_severity
        )
        of_general = dataclasses.asdict(general)
        return {
            name: CategoryRule(**{**of_general, **_given(own)})
            for name, own in ((None, CategoryRule()), *self.categories)
        }

    def as_dict(self) -> dict[str, dict[str, Any]]:
        """Return the settings as nested ``{section: {name: value}}``, as the TOML has them."""
        nested: dict[str, dict[str, Any]] = {}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name in RULES:
                if value:
                    nested[field.name] = {name: _given(rule) for name, rule in value}
                continue
            section, name = field.name.split("_", 1)
            nested.setdefault(section, {})[name] = (
                list(value) if value.__class__ is tuple else value
            )
        return nested

    def to_toml(self, notes: Mapping[str, str] | None = None) -> str:
        """Return the policy as TOML text that ``read_policy`` reads back to an equal policy.

        ``notes`` are comments by key, like ``trigger.threshold``, and for the head by ``""``.
        """
        notes = notes or {}
        lines = [f"# {line}" for line in notes.get("", "").splitlines()]
        for section, settings in self.as_dict().items():
            tables = settings if section in RULES else {"": settings}
            for inner, values in tables.items():
                head = f"{section}.{json.dumps(inner)}" if inner else section
                lines += ["", f"[{head}]"] if lines else [f"[{head}]"]
                for name, value in values.items():
                    note = notes.get(f"{section}.{name}", "")
                    lines.append(f"{name} = {json.dumps(value)}" + (f"  # {note}" if note else ""))
        return "\n".join(lines) + "\n"

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the settings, the same for equal policies however they are written."""
        canonical = json.dumps(self.as_dict(), sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()

    def needs_sampling(self, score: np.ndarray) -> np.ndarray:
        """Mask of the scores so near a threshold that dropout sampling can change the decision."""
        from moddefense.policy import deciding

        return deciding.needs_sampling(self, score)

    def kept_back(self, trigger: np.ndarray) -> np.ndarray:
        """Mask of what the trigger's probability does not send on to the classifier."""
        from moddefense.policy import deciding

        return deciding.kept_back(self, trigger)

    def bounds(self, score: np.ndarray, uncertainty: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper ends of what the score may be; equal where it was not sampled (NaN).

        All that is compared is compared as records print it.
        """
        from moddefense.policy import deciding

        return deciding.bounds(self, score, uncertainty)

    def decide(self, screening: Screening, rows: np.ndarray, stage: str) -> None:
        """Turn what ``stage`` found on ``rows`` into decisions where it suffices for one."""
        from moddefense.policy import deciding

        deciding.decide(self, screening, rows, stage)

    def close(self, screening: Screening) -> None:
        """Decide what no stage has decided, and what shows nothing: floor, else the default."""
        from moddefense.policy import deciding

        deciding.close(self, screening)

    def reason(self, screening: Screening, row: int) -> str:
        """One line that says to a moderator why ``row`` was decided so."""
        from moddefense.policy.reasons import reason

        return reason(self, screening, row)

    def reason_column(self, screening: Screening) -> pa.Array:
        """What ``reason`` gives for every row, as an Arrow array: much faster than one by one."""
        from moddefense.policy.reason_column import reason_column

        return reason_column(self, screening)


RULES: Mapping[str, type[CategoryRule] | type[LabelRule]] = {
    "categories": CategoryRule,
    "labels": LabelRule,
}


def coerce(value: Any, default: Any, where: str) -> Any:
    """Return ``value`` with the type of ``default``; ``where`` begins the PolicyError if none."""
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        if isinstance(default, float):
            return float(value)
        if type(default) is int and isinstance(value, numbers.Integral):
            return int(value)
    if isinstance(default, tuple) and isinstance(value, list | tuple):
        if all(isinstance(item, str) for item in value):
            return tuple(value)
    elif type(value) is type(default):
        return value
    kind, like = type(default).__name__, repr(default)
    if isinstance(default, tuple):
        kind, like = "list of names", '["lexicon"]'
    raise PolicyError(f"{where}: {value!r} is not a {kind}, like {like}")


def _given(rule: CategoryRule | LabelRule) -> dict[str, Any]:
    return {k: v for k, v in dataclasses.asdict(rule).items() if v is not None}


def _rules(value: Any, kind: type[Any], where: str) -> Any:
    """Rules from a mapping of mappings, or from pairs, as sorted pairs."""
    pairs = value.items() if isinstance(value, Mapping) else value
    found = []
    for name, rule in pairs:
        settings = _given(rule) if isinstance(rule, kind) else rule
        if not isinstance(settings, Mapping):
            raise PolicyError(f"{where}.{name}: {rule!r} is not a table of settings")
        known = [field.name for field in dataclasses.fields(kind)]
        for key in settings:
            if key not in known:
                raise PolicyError(f"{where}.{name}.{key}: unknown key; known {', '.join(known)}")
        like = 1 if kind is CategoryRule else 0.5
        checked = {k: coerce(v, like, f"{where}.{name}.{k}") for k, v in settings.items()}
        found.append((str(name), kind(**checked)))
    return tuple(sorted(found, key=lambda pair: pair[0]))


def _problem(policy: Policy) -> tuple[str, str] | None:
    """The first thing wrong with the values, as (key, why and remedy)."""
    for key, value in _flat(policy.as_dict()):
        top = 10 if key.startswith("uncertainty.") else 1
        if isinstance(value, float) and not 0 <= value <= top:  # False for NaN too
            return key, f"{value} is out of range; give a number from 0 to {top}"
        if key.endswith("severity") and not 1 <= value <= NEVER:
            return key, f"{value} is out of range; give 1 to 4, or 5 for never"
    if policy.default_decision not in DECISIONS:
        return "default.decision", (
            f"{policy.default_decision!r} is no decision; give one of {', '.join(DECISIONS)}"
        )
    for stage in policy.shadow_stages:
        if stage not in STAGES:
            return "shadow.stages", f"{stage!r} is no stage; known are {', '.join(STAGES)}"
    if policy.classifier_block < policy.classifier_review:
        return "classifier.block", (
            f"{policy.classifier_block} is below classifier.review {policy.classifier_review}; "
            "block must not be easier to reach than review"
        )
    if policy.lexicon_block_severity < policy.lexicon_review_severity:
        return "lexicon.block_severity", (
            f"{policy.lexicon_block_severity} is below lexicon.review_severity "
            f"{policy.lexicon_review_severity}; block must not be easier to reach than review"
        )
    return _rule_problem(policy)


def _rule_problem(policy: Policy) -> tuple[str, str] | None:
    for name, _ in policy.categories:
        rule = policy.rule(name)
        if (rule.block_severity or 0) < (rule.review_severity or 0):
            return f"categories.{name}.block_severity", (
                f"{rule.block_severity} is below the review_severity {rule.review_severity} that "
                "holds here; block must not be easier to reach than review"
            )
    for name, own in policy.labels:
        if own.block is not None and own.review is not None and own.block < own.review:
            return f"labels.{name}.block", (
                f"{own.block} is below labels.{name}.review {own.review}; block must not be "
                "easier to reach than review"
            )
    return None


def _flat(nested: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    flat: list[tuple[str, Any]] = []
    for name, value in nested.items():
        key = f"{prefix}{name}"
        flat += _flat(value, f"{key}.") if isinstance(value, Mapping) else [(key, value)]
    return flat

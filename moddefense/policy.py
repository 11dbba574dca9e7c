"""The policy: every threshold in one immutable object, and the only place that decides.

Stages gather evidence; the policy turns it into allow, review or block, stage by stage:

1. whitelist: the whole text is an allow term of match ``text``: allow;
2. blacklist: a block term at ``lexicon.block_severity`` or above: block; at ``review_severity`` or
   above: at least review; any hit at ``trigger_severity`` or above goes on to the classifier;
3. trigger: below its threshold the classifier is not worth running: allow, but a seeded share of
   these rows (``audit.rate``) goes on all the same, so that misses are seen;
4. classifier: allow when the score is surely below ``review``, block when it is surely at or above
   ``block``, else review. Surely means with the uncertainty: score plus, or minus,
   ``uncertainty.reach`` times the spread over the dropout samples;
5. default: what no stage decided, and texts without anything to read, whatever their score.

Lower bounds are inclusive.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import numbers
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moddefense.errors import PolicyError, ReadError, at
from moddefense.folding import fold

if TYPE_CHECKING:
    import numpy as np

    from moddefense.screening import Screening

__all__ = ["DECIDERS", "DECISIONS", "STAGES", "Policy", "read_policy"]

DECISIONS = ("allow", "review", "block")
DECIDERS = ("whitelist", "blacklist", "trigger", "classifier", "audit", "default")
STAGES = ("lexicon", "trigger", "classifier")
REVIEW = DECISIONS.index("review")
_READABLE = re.compile(r"\w")  # most texts have a letter or digit: they need no folding here


@dataclasses.dataclass(frozen=True)
class Policy:
    """Every threshold of a screening; the TOML has the same keys, ``section.name``.

    Probabilities are in 0..1 and refer to calibrated scores; severities are those of the lexicon
    (1 mild to 4 extreme; 5 switches an action off); ``uncertainty_reach`` counts spreads (0: the
    score alone decides); ``uncertainty_margin`` is how far from a threshold, in log-odds, dropout
    sampling runs. Raises PolicyError on values that are out of range or contradict each other.

    >>> Policy(classifier_review=0.4, classifier_block=0.9).classifier_block
    0.9
    """

    lexicon_block_severity: int = 4
    lexicon_review_severity: int = 3
    lexicon_trigger_severity: int = 1
    trigger_threshold: float = 0.05
    classifier_review: float = 0.5
    classifier_block: float = 0.9
    uncertainty_reach: float = 0.5
    uncertainty_margin: float = 1.25
    audit_rate: float = 0.01
    audit_seed: int = 0
    default_decision: str = "allow"

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            where = f"policy: {field.name.replace('_', '.', 1)}"
            value = _coerce(getattr(self, field.name), field.default, where)
            object.__setattr__(self, field.name, value)  # 1 for 1.0, say
        problem = _problem(self)
        if problem:
            key, why = problem
            raise PolicyError(f"policy: {key}: {why}")

    def as_dict(self) -> dict[str, dict[str, Any]]:
        """Return the settings as nested ``{section: {name: value}}``, as the TOML has them."""
        nested: dict[str, dict[str, Any]] = {}
        for field in dataclasses.fields(self):
            section, name = field.name.split("_", 1)
            nested.setdefault(section, {})[name] = getattr(self, field.name)
        return nested

    def to_toml(self) -> str:
        """Return the policy as TOML text that ``read_policy`` reads back to an equal policy."""
        lines = []
        for section, settings in self.as_dict().items():
            lines.append(f"[{section}]")
            lines += [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
            lines.append("")
        return "\n".join(lines)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the settings, the same for equal policies however they are written."""
        canonical = json.dumps(self.as_dict(), sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()

    def needs_sampling(self, score: np.ndarray) -> np.ndarray:
        """Mask of the scores so near a threshold that dropout sampling can change the decision."""
        import numpy as np

        log_odds = _log_odds(score)
        mask = np.zeros(len(score), bool)
        if self.uncertainty_reach > 0:
            for threshold in (self.classifier_review, self.classifier_block):
                mask |= abs(log_odds - _log_odds(threshold)) < self.uncertainty_margin
        return mask

    def bounds(self, score: np.ndarray, uncertainty: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper ends of what the score may be; equal where it was not sampled (NaN)."""
        import numpy as np

        reach = self.uncertainty_reach * np.nan_to_num(uncertainty)
        return score - reach, score + reach

    def decide(self, screening: Screening, rows: np.ndarray, stage: str) -> None:
        """Turn what ``stage`` found on ``rows`` into decisions where it suffices for one."""
        {
            "lexicon": self._after_lexicon,
            "trigger": self._after_trigger,
            "classifier": self._after_classifier,
        }[stage](screening, rows)

    def close(self, screening: Screening) -> None:
        """Decide what no stage has decided, and what shows nothing: floor, else the default."""
        rows = screening.undecided()
        screening.set(rows, self.default_decision, "default")
        self._raise_to_floor(screening, rows)
        blank = [row for row, text in enumerate(screening.texts) if _blank(text)]
        if blank:
            screening.set(blank, self.default_decision, "default")

    def _after_lexicon(self, screening: Screening, rows: np.ndarray) -> None:
        for row in rows.tolist():
            matches = screening.matches[row]
            if not matches:
                continue
            if any(match.term.kind == "allow" for match in matches):
                screening.set(row, "allow", "whitelist")
                continue
            severity = max(match.term.severity or 0 for match in matches)
            if severity >= self.lexicon_block_severity:
                screening.set(row, "block", "blacklist")
            if severity >= self.lexicon_review_severity:
                screening.floor[row] = REVIEW
            if severity >= self.lexicon_trigger_severity:
                screening.forced[row] = True

    def _after_trigger(self, screening: Screening, rows: np.ndarray) -> None:
        below = screening.trigger[rows] < self.trigger_threshold
        quiet = rows[below & ~screening.forced[rows] & (screening.floor[rows] < REVIEW)]
        if self.audit_rate > 0:
            for row in quiet.tolist():
                screening.audited[row] = self._drawn(screening.texts[row])
        screening.set(quiet[~screening.audited[quiet]], "allow", "trigger")

    def _after_classifier(self, screening: Screening, rows: np.ndarray) -> None:
        low, high = self.bounds(screening.score[rows], screening.uncertainty[rows])
        screening.set(rows, "review", "classifier")
        screening.set(rows[high < self.classifier_review], "allow", "classifier")
        screening.set(rows[low >= self.classifier_block], "block", "classifier")
        screening.decided_by[rows[screening.audited[rows]]] = DECIDERS.index("audit")
        self._raise_to_floor(screening, rows)

    def _raise_to_floor(self, screening: Screening, rows: np.ndarray) -> None:
        low = rows[screening.decision[rows] < screening.floor[rows]]
        screening.decision[low] = screening.floor[low]
        screening.decided_by[low] = DECIDERS.index("blacklist")

    def _drawn(self, text: str) -> bool:
        """Whether the audit takes a text: by a seeded hash, so that batching cannot change it."""
        salted = f"{self.audit_seed}\0{text}".encode("utf-8", "surrogatepass")
        draw = int.from_bytes(hashlib.blake2b(salted, digest_size=8).digest(), "big")
        return draw < self.audit_rate * 2**64

    def reason(self, screening: Screening, row: int) -> str:
        """One line that says to a moderator why ``row`` was decided so."""
        decided_by = DECIDERS[screening.decided_by[row]]
        if decided_by in ("whitelist", "blacklist"):
            return _lexicon_reason(screening, row, decided_by)
        if decided_by == "trigger":
            return (
                f"trigger {screening.trigger[row]:.3f} below {self.trigger_threshold:.3f}: "
                "classifier not needed"
            )
        if decided_by == "default":
            why = "nothing to read" if _blank(screening.texts[row]) else "no stage decided"
            return f"{why}; default is {self.default_decision}"
        why = self._score_reason(float(screening.score[row]), float(screening.uncertainty[row]))
        return f"audit sample: {why}" if decided_by == "audit" else why

    def _score_reason(self, score: float, spread: float) -> str:
        reach = 0.0 if math.isnan(spread) else self.uncertainty_reach * spread
        shown = f"score {score:.3f}" + (f" ± {reach:.3f}" if reach else "")
        if score - reach >= self.classifier_block:
            return f"{shown} at or above block threshold {self.classifier_block:.3f}"
        if score + reach < self.classifier_review:
            return f"{shown} below review threshold {self.classifier_review:.3f}"
        if score >= self.classifier_block:
            return f"{shown} is not surely at block threshold {self.classifier_block:.3f}"
        if score >= self.classifier_review:
            return f"{shown} at or above review threshold {self.classifier_review:.3f}"
        return f"{shown} is not surely below review threshold {self.classifier_review:.3f}"


def _lexicon_reason(screening: Screening, row: int, decided_by: str) -> str:
    matches = screening.matches[row]
    if decided_by == "whitelist":
        allow = next(match for match in matches if match.term.kind == "allow")
        return f"whole text is allow term {allow.term.id}"
    worst = max(matches, key=lambda match: match.term.severity or 0)
    through = f" through {', '.join(worst.through)}" if worst.through else ""
    more = f" and {len(matches) - 1} more" if len(matches) > 1 else ""
    shown = " ".join(worst.text.split())
    shown = shown if len(shown) <= 40 else shown[:39] + "…"
    return (
        f"{worst.term.category} term {worst.term.id} (severity {worst.term.severity}) "
        f"in “{shown}”{through}{more}"
    )


def read_policy(path: str | Path, *, base: Policy | None = None) -> Policy:
    """Read a policy TOML; keys left out are those of ``base``, else the defaults.

    Raises ReadError when the file cannot be read and PolicyError, with the line, on TOML that does
    not parse, unknown sections or keys, wrong types and values out of range.
    """
    try:
        source = Path(path).read_bytes().decode("utf-8")
    except OSError as error:
        raise ReadError(f"{at(path)}{error.strerror}; name a policy TOML file") from error
    except UnicodeDecodeError as error:
        raise PolicyError(f"{at(path)}not valid UTF-8 at byte {error.start}") from error
    try:
        nested = tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{at(path)}not valid TOML: {error}") from error
    settings: dict[str, Any] = {}
    fields = {field.name: field for field in dataclasses.fields(Policy)}
    for section, names in nested.items():
        line = _line_of(source, section)
        if not isinstance(names, Mapping) or not any(f.startswith(f"{section}_") for f in fields):
            known = ", ".join(sorted({name.split("_", 1)[0] for name in fields}))
            raise PolicyError(f"{at(path, line)}unknown section {section!r}; known are {known}")
        for name, value in names.items():
            key = f"{section}_{name}"
            line = _line_of(source, section, name)
            if key not in fields:
                known = ", ".join(k.split("_", 1)[1] for k in fields if k.startswith(section + "_"))
                raise PolicyError(
                    f"{at(path, line)}unknown key {section}.{name}; [{section}] knows {known}"
                )
            settings[key] = _coerce(value, fields[key].default, f"{at(path, line)}{section}.{name}")
    try:
        return dataclasses.replace(base or Policy(), **settings)
    except PolicyError as error:
        key = str(error).removeprefix("policy: ").split(":", 1)[0]
        line = _line_of(source, *key.split(".", 1))
        raise PolicyError(f"{at(path, line)}{str(error).removeprefix('policy: ')}") from None


def _coerce(value: Any, default: Any, where: str) -> Any:
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        if isinstance(default, float):
            return float(value)
        if isinstance(default, int) and isinstance(value, numbers.Integral):
            return int(value)
    if type(value) is not type(default):
        raise PolicyError(f"{where}: {value!r} is not a {type(default).__name__}, like {default!r}")
    return value


def _problem(policy: Policy) -> tuple[str, str] | None:
    """The first thing wrong with the values, as (key, why and remedy)."""
    for section, settings in policy.as_dict().items():
        for name, value in settings.items():
            key = f"{section}.{name}"
            top = 10 if section == "uncertainty" else 1
            if isinstance(value, float) and not 0 <= value <= top:  # False for NaN too
                return key, f"{value} is out of range; give a number from 0 to {top}"
            if name.endswith("severity") and not 1 <= value <= 5:
                return key, f"{value} is out of range; give 1 to 4, or 5 for never"
    if policy.default_decision not in DECISIONS:
        return "default.decision", (
            f"{policy.default_decision!r} is no decision; give one of {', '.join(DECISIONS)}"
        )
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
    return None


def _blank(text: str) -> bool:
    """Whether a reader sees nothing: no text, white space or invisible characters only."""
    return not _READABLE.search(text) and not fold(text).strip()


def _log_odds(probability: Any) -> Any:
    import numpy as np

    inside = np.clip(probability, 1e-9, 1 - 1e-9)
    return np.log(inside / (1 - inside))


def _line_of(source: str, section: str, name: str | None = None) -> int | None:
    """Line of a section or key in TOML text, for messages; None when it is written unusually."""
    inside = False
    for number, line in enumerate(source.splitlines(), start=1):
        header = re.match(r"\s*\[\s*\"?([^\]\"]+?)\"?\s*\]", line)
        if header:
            inside = header.group(1) == section
            if inside and name is None:
                return number
        elif (
            inside and name is not None and re.match(rf"\s*\"?{re.escape(name)}\"?\s*=", line)
        ) or (name is None and re.match(rf"\s*\"?{re.escape(section)}\"?\s*[.=]", line)):
            return number
    return None

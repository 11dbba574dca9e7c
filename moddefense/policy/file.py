"""A policy as a TOML file: read, and checked with the line of what is wrong."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from moddefense.errors import PolicyError, ReadError, at
from moddefense.policy.settings import RULES, STAGES, CategoryRule, Policy, coerce

__all__ = ["policy_findings", "read_policy"]

Finding = tuple[str, str]  # key, and what is wrong with it and how to mend it


def read_policy(path: str | Path, *, base: Policy | None = None) -> Policy:
    """Read a policy TOML; keys left out are those of ``base``, else the defaults.

    Raises ReadError when the file cannot be read and PolicyError, with the line, on TOML that does
    not parse, unknown sections or keys, wrong types and values out of range.
    """
    source, nested = _parse(path)
    settings: dict[str, Any] = {}
    for key, problem in _settings(nested, settings):
        raise PolicyError(f"{_place(path, source, key)}{problem}")
    try:
        return dataclasses.replace(base or Policy(), **settings)
    except PolicyError as error:
        key, problem = _split(error)
        raise PolicyError(f"{_place(path, source, key)}{problem}") from None


def policy_findings(
    path: str | Path,
    *,
    base: Policy | None = None,
    categories: tuple[str, ...] | None = None,
    labels: tuple[str, ...] | None = None,
) -> list[str]:
    """Return all that is wrong with a policy TOML or has no effect, ``FILE:LINE: what and remedy``.

    ``categories`` and ``labels`` are those that lists and bundle know; None: not checked. Raises
    ReadError when the file cannot be read.
    """
    try:
        source, nested = _parse(path)
    except PolicyError as error:
        return [str(error)]
    settings: dict[str, Any] = {}
    found = list(_settings(nested, settings))
    if not found:
        try:
            policy = dataclasses.replace(base or Policy(), **settings)
        except PolicyError as error:
            found = [_split(error)]
        else:
            found = list(_idle(policy, settings, categories, labels))
    return [f"{_place(path, source, key)}{problem}" for key, problem in found]


def _idle(
    policy: Policy,
    settings: Mapping[str, Any],
    categories: tuple[str, ...] | None,
    labels: tuple[str, ...] | None,
) -> Iterator[Finding]:
    """Settings that are valid and yet cannot do what they seem to."""
    for name, known in (("categories", categories), ("labels", labels)):
        for own, _ in getattr(policy, name):
            if known is not None and own not in known:
                where = "category of the lists" if name == "categories" else "label of the bundle"
                listed = ", ".join(known)
                yield f"{name}.{own}", f"no {where} is called {own!r}; known are {listed}"
        for own, rule in settings.get(name, {}).items():
            if not rule:
                keys = " or ".join(field.name for field in dataclasses.fields(RULES[name]))
                why = f"it has no setting; give {keys}, or leave it out"
                yield f"{name}.{own}", f"[{name}.{own}] has no effect: {why}"
    shadow, triggers = policy.shadow_stages, policy.trigger_threshold > 0
    reach, rate = policy.uncertainty_reach, policy.audit_rate
    if set(shadow) >= set(STAGES):
        yield "shadow.stages", "shadow.stages names every stage: nothing decides; leave one out"
    if reach > 0 and policy.uncertainty_margin == 0:
        why = "with margin 0 no row is sampled; give a margin, or reach 0"
        yield "uncertainty.margin", f"uncertainty.reach {reach} has no effect: {why}"
    if triggers and rate == 0 and "trigger" not in shadow:
        why = "audit.rate 0 leaves the trigger's misses unseen; give a small share, like 0.01"
        yield "audit.rate", why
    if not triggers and settings.get("audit_rate"):
        why = "with trigger.threshold 0 every row is classified; leave audit.rate out"
        yield "audit.rate", f"audit.rate {rate} has no effect: {why}"
    if policy.classifier_review == 0:
        yield "classifier.review", "classifier.review 0 sends every row to review; give more than 0"
    for name, stage in (("labels", "classifier"), ("categories", "lexicon")):
        if getattr(policy, name) and stage in shadow:
            why = f"the {stage} is in shadow.stages; take one of them out"
            yield name, f"{name} have no effect: {why}"


def _parse(path: str | Path) -> tuple[str, dict[str, Any]]:
    try:
        source = Path(path).read_bytes().decode("utf-8")
    except OSError as error:
        raise ReadError(f"{at(path)}{error.strerror}; name a policy TOML file") from error
    except UnicodeDecodeError as error:
        raise PolicyError(f"{at(path)}not valid UTF-8 at byte {error.start}") from error
    try:
        return source, tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        why, _, line = str(error).partition(" (at line ")
        number = int(line.split(",")[0]) if line else len(source.splitlines())
        raise PolicyError(f"{at(path, number)}not valid TOML: {why}") from error


def _settings(nested: Mapping[str, Any], into: dict[str, Any]) -> Iterator[Finding]:
    """Put the settings of a file ``into`` a dict by field name; yield what is none."""
    fields = {field.name: field for field in dataclasses.fields(Policy)}
    sections = [name for name in fields if name not in RULES]
    for section, names in nested.items():
        if isinstance(names, Mapping) and section in RULES:
            yield from _rules(section, names, into)
            continue
        if not isinstance(names, Mapping) or not any(f.startswith(f"{section}_") for f in sections):
            known = sorted({name.split("_", 1)[0] for name in sections} | set(RULES))
            if section in known:
                like = f"{section}.NAME" if section in RULES else section
                yield section, f"{section} is not a table of settings; write [{like}]"
            else:
                yield section, f"unknown section {section!r}; known are {', '.join(known)}"
            continue
        for name, value in names.items():
            key, field = f"{section}.{name}", f"{section}_{name}"
            if field not in sections:
                own = [k.split("_", 1)[1] for k in sections if k.startswith(section + "_")]
                yield key, f"unknown key {key}; [{section}] knows {', '.join(own)}"
                continue
            try:
                into[field] = coerce(value, fields[field].default, key)
            except PolicyError as error:
                yield key, str(error)


def _rules(section: str, tables: Mapping[str, Any], into: dict[str, Any]) -> Iterator[Finding]:
    kind = RULES[section]
    known = [field.name for field in dataclasses.fields(kind)]
    for name, table in tables.items():
        if not isinstance(table, Mapping):
            yield f"{section}.{name}", f"{section}.{name}: {table!r} is not a table of settings"
            continue
        good = {}
        for key, value in table.items():
            where = f"{section}.{name}.{key}"
            if key not in known:
                yield where, f"unknown key {where}; known are {', '.join(known)}"
                continue
            try:
                good[key] = coerce(value, 1 if kind is CategoryRule else 0.5, where)
            except PolicyError as error:
                yield where, str(error)
        into.setdefault(section, {})[name] = good


def _split(error: PolicyError) -> Finding:
    message = str(error).removeprefix("policy: ")
    return message.split(":", 1)[0], message


def _place(path: str | Path, source: str, key: str) -> str:
    section, _, name = key.rpartition(".")
    places: list[tuple[str, str | None]] = [(section, name)] if section else []
    places += [(key, None), (key.partition(".")[0], None)]
    lines = (_line_of(source, *place) for place in places)
    return at(path, next((line for line in lines if line is not None), None))


def _line_of(source: str, section: str, name: str | None = None) -> int | None:
    """Line of a section or key in TOML text, for messages; None when it is written unusually."""
    inside = False
    for number, line in enumerate(source.splitlines(), start=1):
        header = re.match(r"\s*\[+\s*([^\]]+?)\s*\]", line)
        if header:
            inside = re.sub("[\"']", "", header.group(1)) == section
            if inside and name is None:
                return number
        elif (
            inside and name is not None and re.match(rf"\s*\"?{re.escape(name)}\"?\s*=", line)
        ) or (name is None and re.match(rf"\s*\"?{re.escape(section)}\"?\s*[.=]", line)):
            return number
    return None

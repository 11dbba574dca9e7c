"""A whole run: systems × targets × families × strengths, in parallel, kept as it goes."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import json
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from moddefense import __version__
from moddefense.attacks.cache import Cache
from moddefense.attacks.families import GROUPS, Family, families_of
from moddefense.attacks.measuring import Baseline, attack, baseline
from moddefense.attacks.search import SEARCHES, Tactics
from moddefense.attacks.substitution import SUBSTITUTIONS, substitutions
from moddefense.attacks.targets import TARGETS, Target, load_target
from moddefense.errors import ConfigurationError, EngineError

__all__ = ["Plan", "System", "names_of", "run"]

Progress = Callable[[int, int], None]


@dataclasses.dataclass(frozen=True)
class System:
    """A bundle under attack, with the DEFENCES that are switched off."""

    name: str
    bundle: str
    without: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is measured of every system."""

    targets: tuple[str, ...] = ("pipeline",)
    attacks: tuple[str, ...] = ("all",)
    strengths: tuple[float, ...] = (0.2, 0.5, 1.0)
    tactics: Tactics = dataclasses.field(default_factory=Tactics)
    false_positives: float = 0.05
    seed: int = 0
    examples: int = 0

    def __post_init__(self) -> None:
        for name in self.targets:
            if name not in TARGETS:
                raise ConfigurationError(
                    f"target: unknown {name!r}; known are {', '.join(TARGETS)}"
                )
        for name in ("targets", "attacks", "strengths"):
            if not getattr(self, name):
                raise ConfigurationError(f"{name}: none is given; give at least one")
            # Given twice, measured once.
            object.__setattr__(self, name, tuple(dict.fromkeys(getattr(self, name))))
        shares = [("strength", value) for value in self.strengths]
        for name, value in (*shares, ("words", self.tactics.words)):
            if not 0 < value <= 1:
                raise ConfigurationError(f"{name}: {value} is out of range; give 0 < S <= 1")
        if not 0 < self.false_positives < 1:
            raise ConfigurationError(
                f"false positives: {self.false_positives} is out of range; give a share below 1"
            )
        if self.tactics.search not in SEARCHES:
            raise ConfigurationError(
                f"search: unknown {self.tactics.search!r}; known are {', '.join(SEARCHES)}"
            )
        names_of(self.attacks)


@dataclasses.dataclass(frozen=True)
class _Job:
    """All that a worker needs; the same for every part of a run."""

    systems: tuple[System, ...]
    plan: Plan
    harmful: tuple[str, ...]
    harmless: tuple[str, ...]


Part = tuple[int, str, str | None, float]  # system, target, family (None: baseline), strength


def names_of(attacks: Sequence[str]) -> list[str]:
    """Return the names of the families that names, groups and ``all`` stand for.

    >>> names_of(["typing", "hotflip"])
    ['keyboard', 'swap', 'delete', 'insert', 'hotflip']
    """
    names: list[str] = []
    for name in attacks:
        if name in SUBSTITUTIONS:
            names.append(name)
        elif name == "substitution":
            names += SUBSTITUTIONS
        elif name == "all":
            names += [f.name for f in families_of(["all"])] + list(SUBSTITUTIONS)
        else:
            try:
                names += [family.name for family in families_of([name])]
            except ConfigurationError as error:
                more = ", ".join(("substitution", *SUBSTITUTIONS))
                raise ConfigurationError(f"{error}; with a bundle also {more}") from None
    return list(dict.fromkeys(names))


def run(
    systems: Sequence[System],
    plan: Plan,
    harmful: Sequence[str],
    harmless: Sequence[str],
    *,
    workers: int = 1,
    cache: str | Path | None = None,
    prepare: Callable[[], None] | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Measure every system and return the report as plain values.

    ``workers`` processes share the parts; the report does not depend on their number. ``cache``
    names a file of JSON lines: what is finished is kept there, and not done again by a run with the
    same settings. ``prepare`` is called first in every process; ``progress`` is told how many
    parts of how many are done. Raises ConfigurationError where the texts do not suffice.
    """
    if not harmful:
        raise ConfigurationError("corpus: no harmful text; there is nothing to attack")
    job = _Job(tuple(systems), plan, tuple(harmful), tuple(harmless))
    prints = [_fingerprint(system) for system in systems]
    cells = [(s, t) for s in range(len(systems)) for t in plan.targets
             if t not in systems[s].without]  # fmt: skip
    parts: list[Part] = [(s, t, None, 0.0) for s, t in cells]
    parts += [
        (s, t, family, strength)
        for s, t in cells for family in _attacks_on(systems[s], plan) for strength in plan.strengths
    ]  # fmt: skip
    keys = [_key(job, prints, part) for part in parts]
    with contextlib.closing(Cache(cache)) as kept:
        todo = [place for place, key in enumerate(keys) if key not in kept.known]
        done = len(parts) - len(todo)
        if progress:
            progress(done, len(parts))
        for place, values in _results(job, [parts[i] for i in todo], workers, prepare):
            kept.add(keys[todo[place]], values)
            done += 1
            if progress:
                progress(done, len(parts))
        results = [kept.known[key] for key in keys]
    return _report(job, prints, parts, results)


def _results(
    job: _Job, parts: list[Part], workers: int, prepare: Callable[[], None] | None
) -> Iterator[tuple[int, dict[str, Any]]]:
    if workers <= 1 or len(parts) <= 1:
        if prepare:
            prepare()
        worker = _Worker(job)
        for place, part in enumerate(parts):
            yield place, worker.measure(part)
        return
    # Spawned, not forked: a fork of a process in which TensorFlow runs hangs.
    pool = ProcessPoolExecutor(
        min(workers, len(parts)), multiprocessing.get_context("spawn"), _start, (job, prepare)
    )
    try:
        for place, values in enumerate(pool.map(_measure, parts)):
            yield place, values
    except BrokenProcessPool as error:
        raise EngineError(
            "attack: a worker process died, for want of memory perhaps; take fewer --workers, and "
            "name a --cache to keep what is finished"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


class _Worker:
    """What one process has loaded: targets and their baselines, each at most once."""

    def __init__(self, job: _Job) -> None:
        self.job = job

    @functools.cache  # noqa: B019 - a worker lives as long as its process
    def _target(self, system: int, name: str) -> tuple[Target, Baseline]:
        chosen = self.job.systems[system]
        target = load_target(name, chosen.bundle, without=chosen.without)
        rate = self.job.plan.false_positives
        return target, baseline(target, self.job.harmful, self.job.harmless, false_positives=rate)

    @functools.cache  # noqa: B019
    def _substitutions(self, system: int) -> dict[str, Family]:
        from moddefense.bundle import load

        guard = load(self.job.systems[system].bundle, stages=["trigger"])
        return substitutions(guard.stages[0].models)  # type: ignore[attr-defined]

    def measure(self, part: Part) -> dict[str, Any]:
        system, name, family, strength = part
        target, before = self._target(system, name)
        if family is None:
            return {
                "threshold": before.threshold, "false_positives": before.false_positives,
                "recall": float(before.flagged.mean()),
            }  # fmt: skip
        if family in SUBSTITUTIONS:
            chosen = self._substitutions(system)[family]
        else:
            (chosen,) = families_of([family])
        plan = self.job.plan
        return attack(
            target, before, chosen,
            strength=strength, tactics=plan.tactics, seed=plan.seed, examples=plan.examples,
        ).as_dict()  # fmt: skip


_worker: _Worker | None = None


def _start(job: _Job, prepare: Callable[[], None] | None) -> None:
    global _worker
    if prepare:
        prepare()
    _worker = _Worker(job)


def _measure(part: Part) -> dict[str, Any]:
    assert _worker is not None  # _start ran first
    return _worker.measure(part)


def _attacks_on(system: System, plan: Plan) -> list[str]:
    """The families, without HotFlip where the network has no gradient for it, unless it is named.

    Raises ConfigurationError where it is: now, and not when the rest is measured.
    """
    from moddefense.bundle import read_manifest

    names = names_of(plan.attacks)
    recipe = read_manifest(system.bundle).get("recipe", {})
    kind = recipe.get("network", {}).get("kind", "conv")
    if "hotflip" not in names or kind == "conv":
        return names
    if "hotflip" in plan.attacks:
        raise ConfigurationError(
            f"hotflip: the network of {system.name} is {kind}, and only that of conv has a "
            "gradient for it; attack without"
        )
    return [name for name in names if name != "hotflip"]


def _fingerprint(system: System) -> dict[str, Any]:
    from moddefense.bundle import read_manifest
    from moddefense.lexicon import load_lexicon
    from moddefense.resources import bundle_dir

    manifest = read_manifest(bundle_dir(system.bundle))
    return {"bundle": manifest["sha256"], "lexicon": load_lexicon("en").fingerprint}


def _key(job: _Job, prints: list[dict[str, Any]], part: Part) -> str:
    system, target, family, strength = part
    plan = dataclasses.asdict(job.plan)
    for name in ("targets", "attacks", "strengths"):
        del plan[name]
    content = [
        __version__, prints[system], job.systems[system].without, target, family, strength, plan,
        _texts_digest(job.harmful), _texts_digest(job.harmless),
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


@functools.lru_cache(4)
def _texts_digest(texts: tuple[str, ...]) -> str:
    digest = hashlib.sha256()
    for text in texts:
        digest.update(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest())
    return digest.hexdigest()


def _report(
    job: _Job, prints: list[dict[str, Any]], parts: list[Part], results: list[dict[str, Any]]
) -> dict[str, Any]:
    rows = []
    for (system, target, family, _), values in zip(parts, results, strict=True):
        if family is None:
            rows.append({"system": job.systems[system].name, "target": target, **values})
    measured = {(row["system"], row["target"]): row.setdefault("attacks", []) for row in rows}
    for (system, target, family, _), values in zip(parts, results, strict=True):
        if family is not None:
            measured[job.systems[system].name, target].append(values)
    return {
        "version": __version__,
        "plan": dataclasses.asdict(job.plan) | {"attacks": names_of(job.plan.attacks)},
        "groups": [*GROUPS, "substitution"],
        "texts": {"harmful": len(job.harmful), "harmless": len(job.harmless)},
        "systems": [
            {**dataclasses.asdict(system), "fingerprints": print_}
            for system, print_ in zip(job.systems, prints, strict=True)
        ],
        "results": rows,
    }

"""A screener's likeness in another process: what it takes to build it again, as plain values.

Nothing is pickled: terms go as their fields, the policy as its TOML, the bundle as its folder.
"""

from __future__ import annotations

import dataclasses
import operator
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moddefense.batch.matching import MatchesOnly
from moddefense.lexicon import Lexicon, Matcher, Term
from moddefense.lexicon.stage import LexiconStage

if TYPE_CHECKING:
    from moddefense.batch.job import Screener
    from moddefense.pipeline import Guard
    from moddefense.tokens import Graph

__all__ = ["describe", "rebuild"]


def describe(screener: Screener) -> dict[str, Any] | None:
    """Return what ``rebuild`` needs, as JSON-able values; None for a screener of another make.

    Such a one can be anything, and has to stay in its process.
    """
    from moddefense.pipeline import Guard

    if type(screener) is MatchesOnly:
        return {"matcher": _described(screener.matcher.lexicon)}
    if type(screener) is not Guard or screener.folder is None:
        return None
    shadow = None if screener.shadow is None else describe(screener.shadow)
    if screener.shadow is not None and shadow is None:
        return None
    lexicons = [s.matcher.lexicon for s in screener.stages if isinstance(s, LexiconStage)]
    return {
        "bundle": str(Path(screener.folder).resolve()),
        "policy": screener.policy.to_toml(),
        "stages": [stage.name for stage in screener.stages],
        "lexicon": _described(lexicons[0]) if lexicons else None,
        "explains": screener.explains,
        "shadow": shadow,
    }


def rebuild(description: Mapping[str, Any], *, graph: Graph | None = None) -> Screener:
    """Build the screener that was described; ``graph`` is as in ``moddefense.load``.

    Its fingerprints are those of the original unless something on the disk has changed.
    """
    if "matcher" in description:
        return MatchesOnly(Matcher(_restored(description["matcher"])))
    guard = _guard(description, graph)
    shadow = description["shadow"]
    if shadow is None:
        return guard
    # The graph that others offer is that of the first bundle.
    same = shadow["bundle"] == description["bundle"]
    return guard.shadowing(_guard(shadow, graph if same else None))


def _guard(description: Mapping[str, Any], graph: Graph | None) -> Guard:
    from moddefense.bundle import load
    from moddefense.policy import read_policy

    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".toml") as file:
        file.write(description["policy"])
        file.flush()
        policy = read_policy(file.name)
    lexicon = description["lexicon"]
    guard = load(
        description["bundle"],
        lexicon=None if lexicon is None else _restored(lexicon),
        policy=policy,
        stages=description["stages"],
        graph=graph,
    )
    return guard.explaining() if description["explains"] else guard


def _described(lexicon: Lexicon) -> dict[str, Any]:
    return {
        "name": lexicon.name,
        "terms": [_fields(term) for term in lexicon],
        "off": {term.id: sorted(off) for term in lexicon if (off := lexicon.off(term.id))},
    }


_fields = operator.attrgetter(*(field.name for field in dataclasses.fields(Term)))


def _restored(described: Mapping[str, Any]) -> Lexicon:
    terms = [Term(*values) for values in described["terms"]]
    return Lexicon(terms, name=described["name"], off=described["off"])

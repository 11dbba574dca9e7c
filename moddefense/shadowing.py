"""A list or a bundle on trial: what would be decided with it, on the same texts, without a say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moddefense.errors import ConfigurationError
from moddefense.lexicon import Lexicon, Matcher
from moddefense.lexicon.stage import LexiconStage

if TYPE_CHECKING:
    from pathlib import Path

    from moddefense.pipeline import Guard

__all__ = ["on_trial"]


def on_trial(
    guard: Guard, *, lexicon: Lexicon | None = None, bundle: str | Path | None = None
) -> Guard:
    """Return ``guard`` with terms added to its lists, or with the models of another bundle.

    A term of ``lexicon`` takes the place of one with the same id, so that an edited list can be
    tried. With ``bundle``, the policy is that bundle's own. Give it to ``Guard.shadowing``. Raises
    ConfigurationError where the guard does not run the lists, BundleError on a damaged bundle.

    >>> import moddefense as md
    >>> guard = md.load(stages=["lexicon"])
    >>> trial = on_trial(guard, lexicon=Lexicon([md.Term("x-silly", "silly", severity=4)]))
    >>> verdict = guard.shadowing(trial).screen_one("a silly text")
    >>> verdict.decision, verdict.shadow.decision
    ('allow', 'block')
    """
    from moddefense.bundle import load

    own = next((s.matcher.lexicon for s in guard.stages if isinstance(s, LexiconStage)), None)
    if lexicon is not None:
        if own is None:
            raise ConfigurationError("a list on trial needs the lexicon stage; name it in --stages")
        own = _replaced(own, lexicon)
    if bundle is not None:
        return load(bundle, lexicon=own, stages=guard.fingerprints["stages"])
    if own is None or lexicon is None:
        raise ConfigurationError("nothing is on trial; give a list or a bundle")
    stage = LexiconStage(Matcher(own))
    stages = [stage if isinstance(s, LexiconStage) else s for s in guard.stages]
    prints = {"name": own.name, "sha256": stage.matcher.fingerprint}
    return guard.copy(stages=stages, fingerprints={**guard.fingerprints, "lexicon": prints})


def _replaced(own: Lexicon, new: Lexicon) -> Lexicon:
    """The terms of both; of those with one id, the new one."""
    ids = {term.id for term in new}
    kept = [term for term in own if term.id not in ids]
    off = {term.id: own.off(term.id) for term in kept} | {term.id: new.off(term.id) for term in new}
    return Lexicon([*kept, *new], name=f"{own.name} with {new.name or '?'}", off=off)

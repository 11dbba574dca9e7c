"""moddefense: screen user-written text with lexicons, a trigger, a robust classifier and a policy.

>>> import moddefense as md
>>> matcher = md.Matcher(md.load_lexicon("en"))
>>> [match.term.category for match in matcher.find("Be off, 1di0t")]
['insult']

The names below are loaded when first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from moddefense.bundle import load as load
    from moddefense.classifier.neighbors import neighbors as neighbors
    from moddefense.corpus import Corpus as Corpus
    from moddefense.errors import ModdefenseError as ModdefenseError
    from moddefense.lexicon import Lexicon as Lexicon
    from moddefense.lexicon import Match as Match
    from moddefense.lexicon import Matcher as Matcher
    from moddefense.lexicon import Term as Term
    from moddefense.lexicon import load_lexicon as load_lexicon
    from moddefense.pipeline import Guard as Guard
    from moddefense.policy import Policy as Policy
    from moddefense.policy import read_policy as read_policy
    from moddefense.recipe import Recipe as Recipe
    from moddefense.recipe import load_recipe as load_recipe
    from moddefense.screening import Screening as Screening
    from moddefense.screening import Verdict as Verdict

_HOME = {
    "Corpus": "corpus",
    "Guard": "pipeline",
    "Lexicon": "lexicon",
    "Match": "lexicon",
    "Matcher": "lexicon",
    "ModdefenseError": "errors",
    "Policy": "policy",
    "Recipe": "recipe",
    "Screening": "screening",
    "Term": "lexicon",
    "Verdict": "screening",
    "load": "bundle",
    "load_lexicon": "lexicon",
    "load_recipe": "recipe",
    "neighbors": "classifier.neighbors",
    "read_policy": "policy",
}

__all__ = ["__version__", *sorted(_HOME)]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'moddefense' has no attribute {name!r}")
    value = getattr(import_module(f"moddefense.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)

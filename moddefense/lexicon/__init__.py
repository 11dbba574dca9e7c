"""Word lists and the matcher that finds their terms in texts."""

from __future__ import annotations

from moddefense.lexicon.matching import Match, Matcher
from moddefense.lexicon.terms import STEPS, Lexicon, Term, list_names, load_lexicon

__all__ = ["STEPS", "Lexicon", "Match", "Matcher", "Term", "list_names", "load_lexicon"]

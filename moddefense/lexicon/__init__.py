"""Word lists and the matcher that finds their terms in texts."""

from __future__ import annotations

from moddefense.lexicon.terms import STEPS, Lexicon, Term, list_names, load_lexicon

__all__ = ["STEPS", "Lexicon", "Term", "list_names", "load_lexicon"]

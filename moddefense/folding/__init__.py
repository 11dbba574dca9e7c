"""Fold a text to what a reader sees, and say where each folded character came from.

The reader's fold drops what is invisible, undoes styling (full width, mathematical, enclosed, small
capital letters), strips generic diacritics, lowers the case, and replaces letters of another script
that only pose as Latin ones. Its data are the standard library's Unicode tables, character names
included, and the confusables of UTS #39 as the package ``confusable-homoglyphs`` ships them.

A text is a sequence of *clusters*: a character and the marks and invisible characters after it.
All steps but one fold each cluster by itself, so ``fold(text)`` is the folded clusters put
together. The exception, *homoglyph*, looks at whole words: a Russian text must stay what it is.
"""

from __future__ import annotations

from moddefense.folding.folder import FOLD_STEPS, fold, fold_alone, fold_many, fold_map
from moddefense.folding.signs import fold_signs

__all__ = ["FOLD_STEPS", "fold", "fold_alone", "fold_many", "fold_map", "fold_signs"]

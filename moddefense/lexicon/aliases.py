"""Other ways to write a term that are found by being listed too: with a space, or other letters.

One space inside a word says little by itself: "as slick", "who re-sells". Where it may be is
decided for each term when it is compiled, by which of the two parts are words that people use; of
more parts ("s tup id"), two must be none. In
the same way, a letter that looks like the right one makes an alias only where that is no word.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping

from moddefense.folding import FOLD_STEPS
from moddefense.lexicon.patterns import LEVELS, SEVERE
from moddefense.lexicon.terms import Term
from moddefense.usual import usual_words

__all__ = ["MOST", "aliases", "has_aliases"]

MOST = 5000  # terms with aliases; in larger lists, none has any
LEAST = 4  # letters of a term that has aliases
SHORT = 8  # letters of a term that is cut at any number of places; longer ones at
FEW = 3
CLEAR = 5  # letters of a term in which i and l may stand for each other, or which is cut anywhere

_FOLDS = frozenset(FOLD_STEPS)
_LOOKALIKES = {"u": ("v",), "i": ("l",), "l": ("i",), "w": ("vv",)}
_RARE = {2: 20_000, 3: 2_000}  # a short word that is written less often than this is hardly one
_RARER = 200  # and a longer one
_VERY_USUAL = 1_000_000


def has_aliases(term: Term) -> bool:
    """Whether a term is one of those that aliases are made of."""
    return (
        term.kind == "block" and term.match == "word" and (term.severity or 0) >= SEVERE
        and term.status == "active" and term.term.isascii() and term.term.isalpha()
        and len(term.term) >= LEAST
    )  # fmt: skip


def aliases(
    term: Term, folded: str, steps: frozenset[str], listed: Collection[str]
) -> Iterator[tuple[str, str, frozenset[str]]]:
    """Yield what a term may be written as, by which step that is read, and the steps besides.

    ``listed`` are the folded block terms of the lexicon. Nothing for a language without a list of
    usual words.
    """
    usual = usual_words(term.lang)
    if not usual:
        return
    if "leet" in steps:
        besides = steps & (_FOLDS | {"repetition", "separators"})
        for text in sorted(_respelt(folded)):
            if text not in usual and text not in listed:
                yield text, LEVELS[0], besides
    if "separators" in steps:
        compounded = listed if term.category != "sexual" else ()  # child, porn: a topic
        edge = 1 if len(folded) <= CLEAR else 2
        for place in range(edge, len(folded) - edge + 1):
            if _may_part(folded[:place], folded[place:], usual, compounded):
                yield f"{folded[:place]} {folded[place:]}", LEVELS[2], steps & _FOLDS
        for parts in _fragments(folded):
            if _is_broken(parts, usual):
                yield " ".join(parts), LEVELS[2], steps & _FOLDS


def _fragments(word: str) -> Iterator[tuple[str, ...]]:
    """Yield a word cut at two places or more, but not at all of them, which is found anyway."""
    inner = range(1, len(word))
    for count in range(2, len(word) - 1 if len(word) <= SHORT else FEW + 1):
        for cuts in itertools.combinations(inner, count):
            ends = (0, *cuts, len(word))
            yield tuple(word[a:b] for a, b in itertools.pairwise(ends))


def _is_broken(parts: tuple[str, ...], usual: Mapping[str, int]) -> bool:
    """Whether parts are likelier those of one word than words: two or more are no words at all."""
    odd = [
        part not in "ai" if len(part) == 1 else usual.get(part, 0) < _RARE.get(len(part), _RARER)
        for part in parts
    ]
    return sum(odd) >= 2


def _respelt(word: str) -> set[str]:
    """Return ``word`` with one letter, or all that are the same, as others that look like them."""
    found = set()
    for place, letter in enumerate(word):
        if letter in "il" and len(word) < CLEAR:
            continue  # as acronyms are written
        for other in _LOOKALIKES.get(letter, ()):
            found |= {word[:place] + other + word[place + 1 :], word.replace(letter, other)}
    if word.startswith("f"):
        found.add(f"ph{word[1:]}")
    return found


def _may_part(before: str, after: str, usual: Mapping[str, int], listed: Collection[str]) -> bool:
    """Whether a term in two parts is likelier than two words side by side."""
    counts = [usual.get(part, 0) for part in (before, after)]
    odd = [
        part for part, count in zip((before, after), counts, strict=True)
        if len(part) > 1 and count < _RARE.get(len(part), _RARER)
    ]  # fmt: skip
    if len(odd) == 2:
        return True
    if not odd:  # compounds of a listed word, which hits already
        return min(len(before), len(after)) > 2 and (before in listed or after in listed)
    return len(odd[0]) > 3 or (len(odd[0]) == 3 and max(counts) < _VERY_USUAL)

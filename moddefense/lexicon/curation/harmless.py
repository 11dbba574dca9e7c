"""Harmless words that a term inside words must not hit."""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from moddefense.folding import fold, fold_many

__all__ = ["common_words", "is_derived", "words_of"]

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_ENDINGS = re.compile(
    "s|es|ed|d|ers?'?|er's|in|ings?|y|ies|iest|ier|ish|e?st|able|'s|less|like|sters?|ry|ness"
)
_HEADS = re.compile(
    "(?:bag|ball|boy|brain|clown|face|girl|head|hole|load|stain|stick|wad|ward|wit)s?"
    "|faced|fest|hat|headed|nugget|off|show|ton|up|wagon"
)
_BEGINNINGS = re.compile("a|be|de|ex|in|non|out|over|re|un|under|up")


@functools.cache
def common_words(lang: str) -> Mapping[str, int]:
    """Return folded words of a language with their counts in running text; empty for one unknown.

    They come with the package pyspellchecker, for twelve languages.

    >>> common_words("en")["essex"] > 0, len(common_words("tlh"))
    (True, 0)
    """
    from importlib import resources

    from spellchecker import SpellChecker

    code = re.split(r"[-_]", lang)[0].lower()
    if not (resources.files("spellchecker") / "resources" / f"{code}.json.gz").is_file():
        return {}
    counts = SpellChecker(language=code, distance=1).word_frequency.dictionary
    words: Counter[str] = Counter()
    for word, folded in zip(counts, fold_many(list(counts)), strict=True):
        words[folded] += counts[word]
    return words


def words_of(texts: Iterable[str]) -> Counter[str]:
    """Count the folded words of ``texts``.

    >>> words_of(["No class, no glass"])["no"]
    2
    """
    return Counter(word for text in texts for word in _WORD.findall(fold(text)))


def is_derived(word: str, term: str, known: Collection[str]) -> bool:
    """Whether ``word`` is a form or a compound of ``term`` and means the same.

    What is before it must be a word of ``known`` or a prefix, what is behind it an ending or one
    of the words that abuse is compounded with. A word in which the term does not stand as it is
    written was misread, and is not derived.

    >>> is_derived("asses", "ass", {"cl"}), is_derived("class", "ass", {"glass"})
    (True, False)
    """
    start = word.find(term)
    while start >= 0:
        before, after = word[:start].rstrip("-"), word[start + len(term) :].lstrip("-")
        heads = (
            not before
            or _BEGINNINGS.fullmatch(before)
            or (len(before) > 2 and before != term and before in known)
        )
        if after[:1] == term[-1] and _ENDINGS.fullmatch(after[1:]):
            after = after[1:]  # a letter doubled before an ending
        tails = not after or _ENDINGS.fullmatch(after) or _HEADS.fullmatch(after)
        if heads and tails:
            return True
        start = word.find(term, start + 1)
    return False

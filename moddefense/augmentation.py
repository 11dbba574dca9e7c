"""Texts that are added to training because corpora of abuse lack them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from moddefense.folding import fold_many
from moddefense.lexicon import Matcher, load_lexicon
from moddefense.lexicon.curation.harmless import common_words

__all__ = ["harmless_texts"]

LONGEST = 3  # words in one added text
_WORD = re.compile(r"\w+")


def harmless_texts(texts: Sequence[str], *, count: int, lang: str, seed: int) -> list[str]:
    """Return ``count`` texts of up to three harmless words, drawn at random; some have none.

    A classifier that reads pieces of words sees a swearword inside every third surname, and in
    real comments it meets few surnames. The words are those of ``lang`` that neither a list nor the
    corpus (``texts``) knows: what the corpus does know, it shall teach. Nothing is returned for a
    language without a list of common words.
    """
    words = _harmless_words(texts, lang)
    if not words:
        return []
    generator = np.random.Generator(np.random.PCG64(seed))
    sizes = generator.integers(0, LONGEST + 1, count)
    drawn = generator.integers(0, len(words), sizes.sum())
    ends = np.cumsum(sizes)
    return [
        " ".join(words[i] for i in drawn[end - size : end].tolist())
        for size, end in zip(sizes.tolist(), ends.tolist(), strict=True)
    ]


def _harmless_words(texts: Sequence[str], lang: str) -> list[str]:
    known = {word for folded in fold_many(texts) for word in _WORD.findall(folded)}
    words = [w for w in common_words(lang) if len(w) > 2 and w.isalpha() and w not in known]
    hits = Matcher(load_lexicon("en")).find_many(words)
    return sorted(word for word, found in zip(words, hits, strict=True) if not found)

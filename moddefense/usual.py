"""The usual words of a language: what is spelt right, however seldom it is written."""

from __future__ import annotations

import functools
import gzip
import importlib.util
import json
import re
from collections.abc import Mapping
from pathlib import Path

from moddefense.folding import fold

__all__ = ["usual_words"]


@functools.cache
def usual_words(lang: str) -> Mapping[str, int]:
    """Return the folded words of a language with their counts in running text.

    They come with the package pyspellchecker, for twelve languages; there are none for another.

    >>> usual_words("en")["essex"] > 0, len(usual_words("tlh"))
    (True, 0)
    """
    code = re.split(r"[-_]", lang)[0].lower()
    spec = importlib.util.find_spec("spellchecker")  # which need not be imported for its data
    for place in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(place) / "resources" / f"{code}.json.gz"
        if code.isalpha() and path.is_file():
            words: dict[str, int] = json.loads(gzip.decompress(path.read_bytes()))
            folded: dict[str, int] = {}
            for word, count in words.items():
                key = fold(word)
                folded[key] = max(count, folded.get(key, 0))
            return folded
    return {}

"""The usual words of a language: what is spelt right, however seldom it is written."""

from __future__ import annotations

import functools
import gzip
import importlib.util
import json
import re
from pathlib import Path

from moddefense.folding import fold_many

__all__ = ["usual_words"]


@functools.cache
def usual_words(lang: str) -> frozenset[str]:
    """Return the folded words of a language; none where no list is known.

    They come with the package pyspellchecker, for twelve languages.

    >>> "essex" in usual_words("en"), len(usual_words("tlh"))
    (True, 0)
    """
    code = re.split(r"[-_]", lang)[0].lower()
    spec = importlib.util.find_spec("spellchecker")  # which need not be imported for its data
    for place in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(place) / "resources" / f"{code}.json.gz"
        if code.isalpha() and path.is_file():
            return frozenset(fold_many(list(json.loads(gzip.decompress(path.read_bytes())))))
    return frozenset()

"""Word lists by file or by name, as the ``lexicon`` commands take them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moddefense.lexicon import Lexicon

__all__ = ["merged_lists", "named_lists"]


def named_lists(names: Sequence[str]) -> list[Lexicon]:
    """Read one list for each name: a file, or a shipped list or language.

    Raises LexiconError and ReadError.
    """
    from moddefense.lexicon import Lexicon, list_names, load_lexicon

    shipped = {name for known in list_names() for name in (known, known.partition("/")[0])}
    return [
        load_lexicon(name) if name in shipped and not os.path.isfile(name) else Lexicon.read(name)
        for name in names
    ]


def merged_lists(names: Sequence[str]) -> Lexicon:
    """Read all lists as one; no name means all shipped lists."""
    from moddefense.lexicon import load_lexicon

    return reduce(or_, named_lists(names)) if names else load_lexicon()

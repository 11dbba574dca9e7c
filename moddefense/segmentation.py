"""Words run together, cut apart: "youareagoose" is "you are a goose".

Leaving out all spaces is the strongest of the simple evasions (Gröndahl 2018): one endless word is
cut into pieces that no model has met. So a run of letters longer than words are is cut into known
words where that can be done.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterable

__all__ = ["Segmenter"]

LONGEST = 24  # letters of a known word
MEAN = 3  # letters that words have at least on average, else what was cut is no run of words
REACH = 400  # letters of a run that are cut at a time
UNKNOWN = 14.0  # cost of a letter that no known word covers: that of a rare word
_SHORT = frozenset("ai")  # single letters that are words


class Segmenter:
    """Cuts runs of at least ``least`` letters into ``words``, given in order of frequency.

    A word costs the logarithm of its rank (Zipf's law); the cheapest cut wins. A run that comes to
    words of fewer than three letters on average is no run of words, and stays as it is.

    >>> Segmenter(["you", "are", "a", "goose", "go"], least=8).spread("oh youareagoose!")
    'oh you are a goose!'
    """

    def __init__(self, words: Iterable[str], *, least: int = 20) -> None:
        known = [word for word in words if word.isalpha() and len(word) <= LONGEST]
        known = [word for word in known if len(word) > 1 or word in _SHORT]
        scale = math.log(len(known) + 2)
        self.costs = {word: math.log((rank + 2) * scale) for rank, word in enumerate(known)}
        self.least = least
        self._run = re.compile(rf"[^\W\d_]{{{least},}}")
        self._cut = functools.lru_cache(4096)(self._cut_run)
        self._cut_part = functools.lru_cache(64)(self._cheapest)  # endless runs repeat themselves

    def spread(self, text: str) -> str:
        """Return a folded text with the words of its long runs of letters apart."""
        # Few texts have such a run: a look at the lengths of words is cheaper than the search.
        if len(text) < self.least or max(map(len, text.split()), default=0) < self.least:
            return text
        return self._run.sub(lambda found: self._cut(found[0]), text)

    def _cut_run(self, run: str) -> str:
        parts = [run[begin : begin + REACH] for begin in range(0, len(run), REACH)]
        words = [word for part in parts for word in self._cut_part(part)]
        return " ".join(words) if len(run) >= len(words) * MEAN else run

    def _cheapest(self, run: str) -> list[str]:
        costs = self.costs
        best = [0.0]
        begins = [0]
        for end in range(1, len(run) + 1):
            found = min(
                (best[begin] + costs.get(run[begin:end], UNKNOWN * (end - begin)), begin)
                for begin in range(max(0, end - LONGEST), end)
            )
            best.append(found[0])
            begins.append(found[1])
        words = []
        end = len(run)
        while end:
            begin = begins[end]
            words.append(run[begin:end])
            end = begin
        return words[::-1]

"""How people really misspell: spellings of known words, mined from what users wrote.

After Le et al. 2022 (ANTHRO): a token that no dictionary knows is a spelling of the word with the
same key of sounds and shapes that is few letters away. Nothing is kept; corpora are mined anew.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from moddefense.lexicon.curation.harmless import common_words, is_derived

RARE = 60  # texts at most that have a spelling
FREQUENT = 20  # texts at least that have the word
FEWER = 5  # times as frequent as a spelling must the word be
LONG = 6  # letters of a word of which two may be wrong
_SIGNS = str.maketrans("@401!3$5789", "aaoiiesstbg")
_SOUNDS = (("ph", "f"), ("ck", "k"), ("q", "k"), ("c", "k"), ("z", "s"), ("x", "ks"), ("v", "u"))
_TOKEN = re.compile(r"[a-z@$!*0-9.'-]{4,20}")
_EDGES = ".'!*-"


class Spelling(NamedTuple):
    """What people wrote, and in how many texts."""

    written: str
    texts: int


def tokens(texts: Iterable[str]) -> Counter[str]:
    """Count the texts that have each token, in lower case and without signs at its ends."""
    found: Counter[str] = Counter()
    for text in texts:
        found.update({token.strip(_EDGES) for token in text.lower().split()})
    return found


def spellings(counts: Counter[str], words: Iterable[str]) -> dict[str, list[Spelling]]:
    """Return the spellings of each of ``words`` among the tokens of ``counts``.

    >>> counts = Counter({"stupid": 500, "stuppid": 2, "stupidity": 3, "5tupid": 1})
    >>> [one.written for one in spellings(counts, ["stupid"])["stupid"]]
    ['5tupid', 'stuppid']
    """
    usual = common_words("en")
    keys = defaultdict(list)
    for word in set(words):
        if counts[word] >= FREQUENT and len(word) >= 4:
            keys[key(word)].append(word)
    found: dict[str, list[Spelling]] = {}
    for token in sorted(counts):
        if not _TOKEN.fullmatch(token) or token in usual or counts[token] > RARE:
            continue
        letters = re.sub("[^a-z]", "", token)
        near = [
            (distance(token, word), -counts[word], word)
            for word in keys.get(key(token), ())
            if word != token
            and counts[token] * FEWER <= counts[word]
            and not is_derived(letters, word, usual)
        ]
        if len(letters) < 3 or not near:
            continue
        wrong, _, word = min(near)
        if wrong <= 1 + (len(word) >= LONG):
            found.setdefault(word, []).append(Spelling(token, counts[token]))
    return found


def key(word: str) -> str:
    """What stays when somebody respells a word: its first letter, and the consonants in any order.

    >>> key("stupid") == key("$tuppid") == key("stpuid")
    True
    """
    word = re.sub("[^a-z]", "", word.translate(_SIGNS))
    for sound, plain in _SOUNDS:
        word = word.replace(sound, plain)
    return word[:1] + "".join(sorted(set(re.sub("[aeiouyhw]", "", word[1:]))))


def distance(one: str, two: str) -> int:
    """Letters more, less or other, and neighbours swapped, that make one word the other."""
    before: list[int] = []
    row = list(range(len(two) + 1))
    for i, x in enumerate(one, 1):
        new = [i]
        for j, y in enumerate(two, 1):
            least = min(row[j] + 1, new[-1] + 1, row[j - 1] + (x != y))
            if i > 1 and j > 1 and (x, one[i - 2]) == (two[j - 2], y):
                least = min(least, before[j - 2] + 1)
            new.append(least)
        before, row = row, new
    return row[-1]

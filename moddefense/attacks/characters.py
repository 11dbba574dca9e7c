"""Disguises that a reader sees through: letters replaced, decorated, hidden or set apart.

Each function takes a word, a strength in (0, 1] and a random generator, and returns as many pieces
as the word has characters: what is written in the place of each.
"""

from __future__ import annotations

import random
import unicodedata

from moddefense.attacks.tables import alphabets, enclosures, homoglyphs, leet, lines

__all__ = [
    "bidi", "casing", "diacritics", "emoji", "enclosed", "fullwidth", "homoglyph", "leetspeak",
    "markup", "masking", "picked", "punctuation", "reorder", "repetition", "soft_hyphen",
    "spacing", "styled", "zalgo", "zero_width",
]  # fmt: skip

_ZERO = "\u200b\u200c\u200d\u2060\ufeff"
# Without 202e, which turns Latin letters round on screen: that is a family of its own.
_MARKS = "\u200e\u200f\u202a\u202b\u202c\u202d\u2066\u2067\u2068\u2069"
_ACCENTS = "\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c\u0323\u0327\u0328"
_STROKES = "\u0335\u0336\u0337\u0338\u0332\u0333"
_ZALGO = tuple(map(chr, (*range(0x300, 0x315), *range(0x316, 0x334), *range(0x346, 0x34E))))
_SIGNS = ".-_*,'/|~+"
_STARS = ("*", "*", "*", "*", "#", "-", "_", ".", "@", "%", "?", "$", "•", "x")
_VOWELS = frozenset("aeiouyAEIOUY")


def picked(places: list[int], strength: float, rng: random.Random) -> list[int]:
    """Return a share of ``places``, at least one of them, at random and in order."""
    if not places:
        return []
    return sorted(rng.sample(places, max(1, min(len(places), round(strength * len(places))))))


def _letters(word: str) -> list[int]:
    return [place for place, char in enumerate(word) if char.isalpha()]


def _translated(word: str, table: dict[str, str], strength: float, rng: random.Random) -> list[str]:
    pieces = list(word)
    for place in picked([i for i, c in enumerate(word) if table.get(c)], strength, rng):
        pieces[place] = table[word[place]]
    return pieces


def _after(word: str, strength: float, rng: random.Random, signs: str) -> list[str]:
    """Put one of ``signs`` behind a share of the characters, but not behind the last."""
    pieces = list(word)
    for place in picked(list(range(len(word) - 1)), strength, rng):
        pieces[place] += rng.choice(signs)
    return pieces


def homoglyph(word: str, strength: float, rng: random.Random) -> list[str]:
    """Letters of other scripts that look the same."""
    pieces, table = list(word), homoglyphs()
    for place in picked([i for i, c in enumerate(word) if c in table], strength, rng):
        pieces[place] = rng.choice(table[word[place]])
    return pieces


def fullwidth(word: str, strength: float, rng: random.Random) -> list[str]:
    """The wide forms that East Asian fonts have."""
    table = {c: chr(ord(c) + 0xFEE0) for c in word if "!" <= c <= "~"}
    return _translated(word, table, strength, rng)


def styled(word: str, strength: float, rng: random.Random) -> list[str]:
    """Mathematical alphabets, small capitals, superscripts."""
    return _translated(word, rng.choice(alphabets()), strength, rng)


def enclosed(word: str, strength: float, rng: random.Random) -> list[str]:
    """Letters in circles, brackets and squares."""
    return _translated(word, rng.choice(enclosures()), strength, rng)


def zero_width(word: str, strength: float, rng: random.Random) -> list[str]:
    """Invisible characters between the letters."""
    return _after(word, strength, rng, _ZERO)


def bidi(word: str, strength: float, rng: random.Random) -> list[str]:
    """Direction marks between the letters."""
    return _after(word, strength, rng, _MARKS)


def reorder(word: str, strength: float, rng: random.Random) -> list[str]:
    """The word backwards within marks that turn it round again on screen (Boucher 2022)."""
    shown = max(2, round(strength * len(word)))
    start = rng.randrange(len(word) - shown + 1)
    pieces = list(word)
    pieces[start : start + shown] = reversed(pieces[start : start + shown])
    pieces[start] = "\u202e" + pieces[start]
    pieces[start + shown - 1] += "\u202c"
    return pieces


def soft_hyphen(word: str, strength: float, rng: random.Random) -> list[str]:
    """Hyphens that are shown at line ends alone."""
    return _after(word, strength, rng, "\u00ad")


def diacritics(word: str, strength: float, rng: random.Random) -> list[str]:
    """One accent or stroke on letters, composed where Unicode has the letter."""
    pieces = list(word)
    signs = rng.choice((_ACCENTS, _ACCENTS, _ACCENTS, rng.choice(_STROKES)))
    for place in picked(_letters(word), strength, rng):
        pieces[place] = unicodedata.normalize("NFC", word[place] + rng.choice(signs))
    return pieces


def zalgo(word: str, strength: float, rng: random.Random) -> list[str]:
    """Up to ten marks above and below every letter."""
    pieces = list(word)
    for place in _letters(word):
        pieces[place] += "".join(rng.choices(_ZALGO, k=rng.randint(1, 1 + round(9 * strength))))
    return pieces


def leetspeak(word: str, strength: float, rng: random.Random) -> list[str]:
    """Digits and signs for letters."""
    pieces, table = list(word), leet()
    for place in picked([i for i, c in enumerate(word) if c.lower() in table], strength, rng):
        signs, weights = table[word[place].lower()]
        pieces[place] = rng.choices(signs, weights)[0]
    return pieces


def repetition(word: str, strength: float, rng: random.Random) -> list[str]:
    """Letters written several times: one at low strength, up to half of them at full."""
    pieces = list(word)
    for place in picked(_letters(word), strength / 2, rng):
        pieces[place] *= rng.randint(2, 2 + round(4 * strength))
    return pieces


def masking(word: str, strength: float, rng: random.Random) -> list[str]:
    """A sign for inner letters, vowels first: f*ck."""
    pieces = list(word)
    inner = list(range(1, len(word) - 1)) or list(range(1, len(word)))
    vowels = [i for i in inner if word[i] in _VOWELS]
    others = [i for i in inner if word[i] not in _VOWELS]
    rng.shuffle(vowels)
    rng.shuffle(others)
    sign = rng.choice(_STARS)
    for place in (vowels + others)[: max(1, round(strength * len(inner)))]:
        pieces[place] = sign
    return pieces


def spacing(word: str, strength: float, rng: random.Random) -> list[str]:
    """Spaces between the letters."""
    return _after(word, strength, rng, " ")


def punctuation(word: str, strength: float, rng: random.Random) -> list[str]:
    """One sign, again and again, between the letters."""
    return _after(word, strength, rng, rng.choice(_SIGNS))


def emoji(word: str, strength: float, rng: random.Random) -> list[str]:
    """Emoji between the letters."""
    pieces = list(word)
    for place in picked(list(range(len(word) - 1)), strength, rng):
        pieces[place] += rng.choice(lines("emoji"))
    return pieces


def markup(word: str, strength: float, rng: random.Random) -> list[str]:
    """Markup between the letters that a page does not show: tags, entities, Markdown."""
    pieces, sign = list(word), rng.choice(lines("markup"))
    for place in picked(list(range(len(word) - 1)), strength, rng):
        pieces[place] += sign
    return pieces


def casing(word: str, strength: float, rng: random.Random) -> list[str]:
    """Capitals for small letters and the other way round."""
    pieces = list(word)
    for place in picked(_letters(word), strength, rng):
        turned = word[place].swapcase()
        pieces[place] = turned if len(turned) == 1 else word[place]
    return pieces

"""Words as people mistype them, and as they misspell them on purpose.

Typing slips return the pieces that stand for each character, as in ``characters``; respellings
return the word as it is written instead.
"""

from __future__ import annotations

import functools
import itertools
import random
from collections.abc import Callable, Sequence

from moddefense.attacks.tables import leet, respelt, rules

__all__ = ["delete", "insert", "keyboard", "misspelling", "phonetic", "swap"]

_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_OFFSETS = (0.0, 0.25, 0.75)  # of the rows of a keyboard, in keys
_VOWELS = "aeiou"
_CONFUSED = {"a": "eouu", "e": "aiia", "i": "eeya", "o": "auu", "u": "oooe", "y": "ie"}
_SIGNS = "-.-_*' "


def _neighbours() -> dict[str, str]:
    keys = {key: (x + _OFFSETS[y], y) for y, row in enumerate(_ROWS) for x, key in enumerate(row)}
    return {
        key: "".join(
            other for other, (u, v) in keys.items()
            if other != key and abs(u - x) <= 1 and abs(v - y) <= 1
        )
        for key, (x, y) in keys.items()
    }  # fmt: skip


NEIGHBOURS = _neighbours()


def _slips(word: str, strength: float) -> int:
    """How many slips a word gets: one, and at full strength one for three letters."""
    return max(1, round(strength * len(word) / 3))


def _cased(new: str, old: str) -> str:
    """``new`` in capitals where ``old`` is."""
    return new.upper() if old.isupper() else new


def _apart(places: Sequence[int], number: int, rng: random.Random) -> list[int]:
    """Draw places no two of which are neighbours."""
    chosen: list[int] = []
    for place in rng.sample(places, len(places)):
        if len(chosen) < number and all(abs(place - other) > 1 for other in chosen):
            chosen.append(place)
    return chosen


def keyboard(word: str, strength: float, rng: random.Random) -> list[str]:
    """The key beside the right one."""
    pieces = list(word)
    places = [place for place, char in enumerate(word) if char.lower() in NEIGHBOURS]
    for place in rng.sample(places, min(len(places), _slips(word, strength))):
        pieces[place] = _cased(rng.choice(NEIGHBOURS[word[place].lower()]), word[place])
    return pieces


def swap(word: str, strength: float, rng: random.Random) -> list[str]:
    """Two letters in the wrong order; the first stays where it is in words of four and more."""
    pieces = list(word)
    places = [i for i in range(len(word) > 3, len(word) - 1) if word[i] != word[i + 1]]
    for place in _apart(places, _slips(word, strength), rng):
        pieces[place : place + 2] = word[place + 1], word[place]
    return pieces


def delete(word: str, strength: float, rng: random.Random) -> list[str]:
    """Letters left out; the first stays."""
    pieces = list(word)
    for place in _apart(range(1, len(word)), _slips(word, strength), rng):
        pieces[place] = ""
    return pieces


def insert(word: str, strength: float, rng: random.Random) -> list[str]:
    """Keys hit together with a right one."""
    pieces = list(word)
    places = [place for place, char in enumerate(word) if char.lower() in NEIGHBOURS]
    for place in rng.sample(places, min(len(places), _slips(word, strength))):
        pieces[place] += _cased(rng.choice(NEIGHBOURS[word[place].lower()]), word[place])
    return pieces


def phonetic(word: str, strength: float, rng: random.Random) -> str:
    """Spelt by sound: a known respelling, or one to three rules one after the other."""
    for _ in range(_operations(strength, rng)):
        word = _by_sound(word, rng)
    return word


def misspelling(word: str, strength: float, rng: random.Random) -> str:
    """As people misspell on purpose: sound, doubled and dropped letters, signs, endings.

    One operation, and up to two more the stronger it is.
    """
    number = _operations(strength, rng)
    changed = word
    for _ in range(4 * number):  # an operation may find nothing to do in a word
        operation = rng.choices(_OPERATIONS, _WEIGHTS)[0]
        new = operation(changed, rng)
        if new != changed and new.strip(" -.*_'"):
            changed, number = new, number - 1
            if not number:
                break
    return changed


def _operations(strength: float, rng: random.Random) -> int:
    """One, and up to two more: two on average at full strength."""
    return 1 + sum(rng.random() < strength / 2 for _ in range(2))


def _by_sound(word: str, rng: random.Random) -> str:
    low = word.lower()
    known = respelt().get(low)
    if known and rng.random() < 0.5:
        return _as_written(rng.choice(known), word)
    found, weights = _applicable(low)
    if not found or len(low) != len(word):
        return word
    place, old, new = rng.choices(found, cum_weights=weights)[0]
    return word[:place] + _cased(new, word[place : place + len(old)]) + word[place + len(old) :]


@functools.lru_cache(1 << 14)
def _applicable(word: str) -> tuple[list[tuple[int, str, str]], list[float]]:
    """The rules that apply to a word, as (place, old, new), and their cumulated weights."""
    found: list[tuple[int, str, str]] = []
    weights: list[float] = []
    for where, old, new, weight in rules():
        if where == "start":
            places = [0] if word.startswith(old) else []
        elif where == "end":
            places = [len(word) - len(old)] if word.endswith(old) else []
        else:
            places = [i for i in range(len(word)) if word.startswith(old, i)]
        for place in places:
            if new or len(word) > len(old) + 2:
                found.append((place, old, new))
                weights.append(weight)
    return found, list(itertools.accumulate(weights))


def _as_written(new: str, old: str) -> str:
    if len(old) > 1 and old.isupper():
        return new.upper()
    return new.capitalize() if old[:1].isupper() else new


def _inner(word: str) -> list[int]:
    return [place for place in range(1, len(word)) if word[place].isalpha()]


def _double(word: str, rng: random.Random) -> str:
    places = _inner(word)
    if not places:
        return word
    place = rng.choice(places)
    return word[:place] + word[place] + word[place:]


def _undouble(word: str, rng: random.Random) -> str:
    places = [i for i in range(1, len(word)) if word[i].lower() == word[i - 1].lower()]
    if not places:
        return word
    place = rng.choice(places)
    return word[:place] + word[place + 1 :]


def _stretch(word: str, rng: random.Random) -> str:
    places = _inner(word)
    if not places:
        return word
    place = rng.choice([*places, places[-1]])
    return word[:place] + word[place] * rng.randint(2, 4) + word[place:]


def _drop_vowel(word: str, rng: random.Random) -> str:
    places = [i for i in range(1, len(word)) if word[i].lower() in _VOWELS]
    if len(word) < 4 or not places:
        return word
    place = rng.choice(places)
    return word[:place] + word[place + 1 :]


def _drop_letter(word: str, rng: random.Random) -> str:
    if len(word) < 5:
        return word
    place = rng.randrange(1, len(word))
    return word[:place] + word[place + 1 :]


def _other_vowel(word: str, rng: random.Random) -> str:
    places = [i for i in range(len(word)) if word[i].lower() in _CONFUSED]
    if len(word) < 3 or not places:
        return word
    place = rng.choice(places)
    new = _cased(rng.choice(_CONFUSED[word[place].lower()]), word[place])
    return word[:place] + new + word[place + 1 :]


def _swap(word: str, rng: random.Random) -> str:
    return "".join(swap(word, 0.1, rng)) if len(word) > 3 else word


def _slip(word: str, rng: random.Random) -> str:
    return "".join(rng.choice((keyboard, insert))(word, 0.1, rng)) if len(word) > 3 else word


def _sign(word: str, rng: random.Random) -> str:
    """One letter as a digit or sign."""
    places = [i for i, c in enumerate(word) if c.lower() in leet()]
    if not places:
        return word
    place = rng.choice(places)
    signs, weights = leet()[word[place].lower()]
    return word[:place] + rng.choices(signs, weights)[0] + word[place + 1 :]


def _mask(word: str, rng: random.Random) -> str:
    places = [i for i in range(1, len(word) - 1) if word[i].lower() in _VOWELS] or _inner(word)
    if len(word) < 3 or not places:
        return word
    place = rng.choice(places)
    return word[:place] + rng.choice("***-_#@") + word[place + 1 :]


def _break(word: str, rng: random.Random) -> str:
    if len(word) < 4:
        return word
    place = rng.randrange(1, len(word))
    return word[:place] + rng.choice(_SIGNS) + word[place:]


def _emphasis(word: str, rng: random.Random) -> str:
    """A part of the word in capitals: idIOT."""
    if len(word) < 4:
        return word
    place = rng.randrange(1, len(word) - 1)
    return word[:place] + word[place:].upper()


_OPERATIONS: tuple[Callable[[str, random.Random], str], ...] = (
    _by_sound, _double, _undouble, _stretch, _drop_vowel, _drop_letter, _other_vowel, _swap,
    _slip, _sign, _mask, _break, _emphasis,
)  # fmt: skip
_WEIGHTS = (6, 2, 2, 2, 2, 1, 2, 2, 1, 2.5, 1.5, 1.5, 0.5)

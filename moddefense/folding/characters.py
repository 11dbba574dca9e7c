"""What a reader makes of one character: whether it shows, its marks, the letter in its name."""

from __future__ import annotations

import functools
import re
import unicodedata

__all__ = ["ACCENTS", "CONTROLS", "dropped", "named_letter"]

CONTROLS = dict.fromkeys((*range(9), *range(14, 32), 127))

# Combining marks that carry no meaning of their own in any script, and vowel points that readers of
# Arabic and Hebrew usually do without (0653-0655 make letters with alef, so they stay).
ACCENTS = re.compile(
    "[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"
    "\u0610-\u061a\u0640\u064b-\u0652\u0656-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed]"
)
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\U000e0000-\U000e0fff]"
)
_NAMED = re.compile(
    r"(?:LATIN (?:SMALL |CAPITAL )?LETTER "
    r"((?:(?:SMALL|CAPITAL|TURNED|REVERSED|INVERTED|SIDEWAYS|OPEN|CLOSED|DOTLESS|SCRIPT|INSULAR)"
    r" )*)"
    r"|((?:NEGATIVE )?(?:CIRCLED|SQUARED|PARENTHESIZED)) LATIN (?:SMALL|CAPITAL) LETTER )"
    r"([A-Z])"
)


def dropped(char: str) -> bool:
    """Whether a reader sees nothing of ``char``."""
    if _INVISIBLE.match(char):
        return True
    return unicodedata.category(char) in ("Cf", "Cc") and char not in "\t\n\v\f\r\x85"


@functools.lru_cache(8192)
def named_letter(char: str, styled: bool = True, accents: bool = True) -> str:
    """Return the Latin letter in the Unicode name of a variant letter, else ``char``."""
    if char.isascii():
        return char
    name, with_, _ = unicodedata.name(char, "").partition(" WITH ")
    found = _NAMED.fullmatch(name)
    if not found or (with_ and not accents) or ((found[1] or found[2]) and not styled):
        return char
    return found[3].lower()

"""What stands around a hit: URLs, addresses, HTML entities, code, rows of letters, stars."""

from __future__ import annotations

import re

from moddefense.lexicon.patterns import Pattern, closes, is_word, opens

__all__ = [
    "CALM_AFTER", "CALM_BEFORE", "TELLING", "WINDOW", "free",
    "like_inside",
    "run_end",
    "single_at",
    "single_before",
    "stands", "stands_apart",
    "starred",
]  # fmt: skip

_URL = re.compile(
    r"(?:https?|ftp)://\S+|www\.\S+|(?<![\w.+-])[\w.+-]++@[\w-]+(?:\.[\w-]+)+"
    r"|(?<![\w.-])[\w.-]+\.(?:com|net|org|edu|gov|info)(?:/\S*|\b)"
    r"|(?<![\w.-])(?:[\w-]+\.)++[a-z]{2,}/\S*"
)
_CODE = re.compile(r"[={}\[\]\\]|::|->|\(\)|\w\(|/.*/")
_CALL = re.compile(r"\s?[(\[=]")
WINDOW = 300  # characters to either side that are looked at for a URL


def free(text: str, start: int, end: int, bits: int, pattern: Pattern) -> bool:
    """Whether a hit stands free of URLs, addresses, HTML entities and code.

    ``bits`` are the steps it took; a hit through leet, separators, masks or slips is also doubted
    inside long tokens of letters and digits, such as identifiers.
    """
    if pattern.term.kind == "allow" or not _touches(text, start, end):
        return True
    low, high = max(0, start - WINDOW), min(end + WINDOW, len(text))
    if not bits & 29:
        stop = text.find(" ", end, high)
        around = text[text.rfind(" ", low, start) + 1 : stop if stop >= 0 else high]
        if TELLING.isdisjoint(around):
            return True
    if text[end : end + 1] == ";" and text[start - 1 : start] in ("&", "#"):
        return False
    token_start, token_end = _token_start(text, start, low), end
    while token_end < high and not text[token_end].isspace():
        token_end += 1
    if bits or pattern.term.match != "substring":
        for url in _URL.finditer(text, token_start, token_end):
            if url.start() >= end:
                break
            if url.end() > start and not (bits & 4 and url.start() >= start and url.end() <= end):
                return False
    before = text[token_start:start]
    after = text[end:token_end]
    if bits & 29:
        if _CODE.search(before) or _CODE.search(after) or after[:1] == "(":
            return False
        if len(before) + len(after) > max(24, 3 * (end - start)) and _mixed(before + after):
            return False
    if before.endswith("_") or after.startswith("_"):
        tail = len(after) - len(after.lstrip("_abcdefghijklmnopqrstuvwxyz0123456789."))
        return _CALL.match(text, end + tail) is None or not re.search(r"[^\W_]", before + after)
    return True


def _touches(text: str, start: int, end: int) -> bool:
    """Whether anything but white space or a plain stop is next to the hit."""
    before = text[start - 1] if start else " "
    after = text[end] if end < len(text) else " "
    if before in CALM_BEFORE and after in CALM_AFTER:
        return False
    return not (
        before in CALM_BEFORE
        and after in ".?"
        and (end + 1 == len(text) or text[end + 1].isspace() or text[end + 1] == after)
    )


TELLING = frozenset("@./_;")  # in whatever a hit without other steps may not stand in
CALM_BEFORE = frozenset(" \n\t\r,\"'!")
CALM_AFTER = frozenset(" \n\t\r,\"'!)*")


def _token_start(text: str, start: int, low: int) -> int:
    while start > low and not text[start - 1].isspace():
        start -= 1
    return start


def _mixed(text: str) -> bool:
    """Whether ``text`` has letters and digits: an id, a digest, base64."""
    return re.search(r"\d", text) is not None and re.search(r"[^\W\d_]", text) is not None


def stands(text: str, start: int, end: int, bits: int, pattern: Pattern) -> bool:
    """Whether a reading of letters alone stands where it is."""
    return (
        (not pattern.left or opens(text, start))
        and (not pattern.right or closes(text, end))
        and free(text, start, end, bits, pattern)
    )


def run_end(text: str, place: int) -> int:
    """Return the end of the run of equal characters at ``place``."""
    glyph = text[place]
    size = len(text)
    end = place + 1
    while end < size and text[end] == glyph:
        end += 1
    return end


def stands_apart(text: str, place: int, way: int) -> bool:
    """Whether white space or an edge comes before any word, from ``place`` on by ``way``."""
    while 0 <= place < len(text) and not text[place].isspace():
        if is_word(text[place]):
            return False
        place += way
    return True


def starred(text: str, place: int, way: int) -> bool:
    """Whether there is a star at ``place`` and a word beyond it."""
    beyond = place + way
    return (
        0 <= place < len(text)
        and text[place] == "*"
        and 0 <= beyond < len(text)
        and is_word(text[beyond])
    )


def like_inside(gap: str, gaps: list[str]) -> bool:
    """Whether ``gap``, outside a row of separated letters, looks like the ones inside it."""
    spaced = any(char.isspace() for char in gap)
    if spaced and not any(char.isspace() for inner in gaps for char in inner):
        return False
    if all(inner.isspace() for inner in gaps):
        return gap.isspace() and len(gap) <= max(map(len, gaps))
    return True


def single_at(text: str, place: int) -> bool:
    """Whether the word at ``place`` is one letter, repeated or not."""
    if not is_word(text[place]):
        return False
    end = run_end(text, place)
    return end == len(text) or not is_word(text[end])


def single_before(text: str, end: int) -> bool:
    """Whether the word that ends at ``end`` is one letter, repeated or not."""
    place = end
    while place and text[place - 1] == text[end - 1]:
        place -= 1
    return place == 0 or not is_word(text[place - 1])

"""Decide whether a hit is an accident of a URL, an address, an HTML entity or code."""

from __future__ import annotations

import re

from moddefense.lexicon.patterns import Pattern

__all__ = ["free"]

_URL = re.compile(
    r"(?:https?|ftp)://\S+|www\.\S+|(?<![\w.+-])[\w.+-]++@[\w-]+(?:\.[\w-]+)+"
    r"|(?<![\w.-])[\w.-]+\.(?:com|net|org|edu|gov|info)(?:/\S*|\b)"
    r"|(?<![\w.-])(?:[\w-]+\.)++[a-z]{2,}/\S*"
)
_CODE = re.compile(r"[={}\[\]\\]|::|->|\(\)|\w\(|/.*/")
_CALL = re.compile(r"\s?[(\[=]")
_WINDOW = 300  # characters to either side that are looked at for a URL


def free(text: str, start: int, end: int, bits: int, pattern: Pattern) -> bool:
    """Whether a hit stands free of URLs, addresses, HTML entities and code.

    ``bits`` are the steps it took; a hit through leet, separators or masks is also doubted inside
    long tokens of letters and digits, such as identifiers.
    """
    if pattern.term.kind == "allow" or not _touches(text, start, end):
        return True
    low, high = max(0, start - _WINDOW), min(end + _WINDOW, len(text))
    if not bits & 13:
        stop = text.find(" ", end, high)
        around = text[text.rfind(" ", low, start) + 1 : stop if stop >= 0 else high]
        if not any(char in around for char in "@./_;"):
            return True
    if text[end : end + 1] == ";" and text[start - 1 : start] in ("&", "#"):
        return False
    if bits or pattern.term.match != "substring":
        for url in _URL.finditer(text, _token_start(text, start, low), high):
            if url.start() >= end:
                break
            if url.end() > start and not (bits & 4 and url.start() >= start and url.end() <= end):
                return False
    token_end = end
    while token_end < high and not text[token_end].isspace():
        token_end += 1
    before = text[_token_start(text, start, low) : start]
    after = text[end:token_end]
    if bits & 13:
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
    if before in _PLAIN_BEFORE and after in _PLAIN_AFTER:
        return False
    return not (
        before in _PLAIN_BEFORE
        and after in ".?"
        and (end + 1 == len(text) or text[end + 1].isspace() or text[end + 1] == after)
    )


_PLAIN_BEFORE = frozenset(" \n\t\r,\"'!")
_PLAIN_AFTER = frozenset(" \n\t\r,\"'!)*")


def _token_start(text: str, start: int, low: int) -> int:
    while start > low and not text[start - 1].isspace():
        start -= 1
    return start


def _mixed(text: str) -> bool:
    """Whether ``text`` has letters and digits: an id, a digest, base64."""
    return re.search(r"\d", text) is not None and re.search(r"[^\W\d_]", text) is not None

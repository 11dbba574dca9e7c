"""Attributions on the original text: words and their weights, and which of them to mark."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from moddefense.classifier.attributions import attribute
from moddefense.display import shown
from moddefense.folding import fold_map

if TYPE_CHECKING:
    from moddefense.classifier.model import Classifier
    from moddefense.tokens import Tokenizer

__all__ = ["MARK_LEAST", "MARK_SHARE", "Edit", "marked", "word_attributions"]

Edit = tuple[int, int, str]  # where in the original, half-open, and what is read instead

MARK_LEAST = 0.25
"""Log-odds that a word has to add to be marked ..."""
MARK_SHARE = 0.2
"""... and the share of the strongest word's."""

DIGITS = 4


def word_attributions(
    classifier: Classifier,
    tokenizer: Tokenizer,
    text: str,
    edits: Sequence[Edit] = (),
    hits: Sequence[tuple[int, int]] = (),
) -> list[dict[str, Any]]:
    """What each word of ``text`` adds to the log-odds of harm, in order.

    Words are ``start``, ``end``, ``text``, ``weight`` and ``marked``: whether it is in a span of
    ``marked``, for which ``hits`` are the spans of block terms.

    ``edits`` are what the classifier reads otherwise; a term that is spelt out for it has the span
    of its disguise. Punctuation is a word, too.
    """
    spelt, first_origin = _apply(text, edits)
    read, second_origin = _apply(spelt, _display_edits(spelt))
    origin = [(first_origin[b][0], first_origin[e - 1][1]) for b, e in second_origin]
    folded, starts, ends = fold_map(read)
    tokens = tokenizer.tokenize_folded([folded])
    (weights,) = attribute(classifier, tokens)
    words: list[list[float]] = []
    for (first, last, continues), weight in zip(
        tokenizer.spans(folded), weights.tolist(), strict=True
    ):
        if first == last:
            continue
        begin = origin[starts[first]][0]
        end = origin[ends[last - 1] - 1][1]
        if words and (continues or begin < words[-1][1]):
            words[-1][1] = max(words[-1][1], end)
            words[-1][2] += weight
        else:
            words.append([begin, end, weight])
    found: list[dict[str, Any]] = [
        {"start": int(b), "end": int(e), "text": text[int(b) : int(e)], "weight": round(w, DIGITS)}
        for b, e, w in words
    ]
    spans = marked(found, hits)
    for word in found:
        word["marked"] = any(b < word["end"] and word["start"] < e for b, e in spans)
    return found


def marked(
    attributions: Sequence[dict[str, Any]],
    hits: Sequence[tuple[int, int]] = (),
    *,
    least: float = MARK_LEAST,
    share: float = MARK_SHARE,
) -> list[tuple[int, int]]:
    """Spans to mark as the reason: the block terms that were hit; where there are none, words.

    A word is marked when it adds at least ``least``, and ``share`` of what the strongest adds.

    >>> marked([{"start": 0, "end": 4, "weight": 2.0}, {"start": 5, "end": 9, "weight": 0.1}])
    [(0, 4)]
    """
    if hits:
        return list(hits)
    strongest = max((word["weight"] for word in attributions), default=0.0)
    threshold = max(least, share * strongest)
    return [(w["start"], w["end"]) for w in attributions if w["weight"] >= threshold]


def _display_edits(text: str) -> list[Edit]:
    """What ``shown`` changes, word by word; a line whose words change places is one edit."""
    edits: list[Edit] = []
    for line in re.finditer(r"[^\n]+", text):
        display = shown(line[0])
        if display == line[0]:
            continue
        words, instead = list(re.finditer(r"\S+", line[0])), display.split()
        if len(words) != len(instead):
            edits.append((line.start(), line.end(), display))
            continue
        edits += [
            (line.start() + word.start(), line.start() + word.end(), new)
            for word, new in zip(words, instead, strict=True)
            if word[0] != new
        ]
    return edits


def _apply(text: str, edits: Sequence[Edit]) -> tuple[str, list[tuple[int, int]]]:
    """The text as it is read, and the span in the original that each of its characters is from."""
    pieces, origin, last = [], list[tuple[int, int]](), 0
    for start, end, instead in [*edits, (len(text), len(text), "")]:
        pieces += [text[last:start], instead]
        origin += [(place, place + 1) for place in range(last, start)]
        origin += [(start, end)] * len(instead)
        last = end
    return "".join(pieces), origin

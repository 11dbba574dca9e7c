"""Attributions on the original text: words and their weights, and which of them to mark.

Integrated gradients give every token of a harmful text a share, that of the words around an insult
too. People want to know which words it is for. So words have the shares of their tokens, and what
a word adds that changes little when it is left out, or changes it the other way round, is counted
with the nearest word that does: the weights still add up, and those of context are 0.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from moddefense.classifier.attributions import attribute, left_out
from moddefense.display import shown
from moddefense.folding import fold_map

if TYPE_CHECKING:
    from moddefense.classifier.model import Classifier
    from moddefense.tokens import Tokenizer

__all__ = ["MARK_LEAST", "MARK_SHARE", "Edit", "highlights", "marked", "word_attributions"]

Edit = tuple[int, int, str]  # where in the original, half-open, and what is read instead

MARK_LEAST = 0.25
"""Log-odds that a word has to add to be marked ..."""
MARK_SHARE = 0.1
"""... and the share of the strongest word's."""

CHANGE_LEAST, CHANGE_SHARE = 0.25, 0.2
"""Log-odds that leaving a word out must change, and the share of the greatest change."""

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
    ``marked``, for which ``hits`` are the spans of block terms. The weights add up to the
    difference that the text makes against one without information; those of context are 0.

    ``edits`` are what the classifier reads otherwise; a term that is spelt out for it has the span
    of its disguise. Punctuation is a word, too.
    """
    edits = [part for edit in edits for part in _by_word(text, *edit)]
    spelt, first_origin = _apply(text, edits)
    read, second_origin = _apply(spelt, _display_edits(spelt))
    origin = [(first_origin[b][0], first_origin[e - 1][1]) for b, e in second_origin]
    folded, starts, ends = fold_map(read)
    tokens = tokenizer.tokenize_folded([folded])
    (shares,) = attribute(classifier, tokens)
    words: list[tuple[int, int]] = []
    groups: list[list[int]] = []
    placeless: list[int] = []  # tokens before the first word that stand for nothing that is there
    for place, (first, last, continues) in enumerate(tokenizer.spans(folded)):
        begin, end = words[-1] if words else (0, 0)
        if first < last:
            begin, end = origin[starts[first]][0], origin[ends[last - 1] - 1][1]
        if words and (continues or first == last or begin < words[-1][1]):
            words[-1] = (words[-1][0], max(words[-1][1], end))
            groups[-1].append(place)
        elif first < last:
            words.append((begin, end))
            groups.append([*placeless, place])
            placeless = []
        else:
            placeless.append(place)
    weights = np.array([shares[group].sum() for group in groups])
    lost = left_out(classifier, tokens, groups)
    lost[[not _says_something(text[begin:end]) for begin, end in words]] = 0
    found: list[dict[str, Any]] = [
        {"start": b, "end": e, "text": text[b:e], "weight": round(weight, DIGITS)}
        for (b, e), weight in zip(words, gathered(weights, lost).tolist(), strict=True)
    ]
    spans = set(marked(found, hits))
    for word in found:
        word["marked"] = (word["start"], word["end"]) in spans
    return found


def gathered(weights: np.ndarray, lost: np.ndarray) -> np.ndarray:
    """Weights of words ``[words]`` with those of context counted with the nearest reason.

    ``lost`` ``[words]`` is what leaving each out takes away. Reasons are words whose weight and
    loss have one direction and whose loss is great enough. Where there is none, all stay as they
    are.

    >>> gathered(np.array([0.5, 2.0, 0.1, -1.0]), np.array([0.0, 3.0, 0.1, -0.7])).tolist()
    [0.0, 2.6, 0.0, -1.0]
    """
    change = np.abs(lost)
    great = change >= max(CHANGE_LEAST, CHANGE_SHARE * change.max(initial=0))
    reasons = np.flatnonzero(great & (np.sign(lost) == np.sign(weights)))
    if not reasons.size:
        return weights
    found = np.zeros_like(weights)
    found[reasons] = weights[reasons]
    for word in np.setdiff1d(np.arange(len(weights)), reasons).tolist():
        alike = reasons[np.sign(weights[reasons]) == np.sign(weights[word])]
        near = alike if alike.size else reasons
        found[near[np.argmin(np.abs(near - word))]] += weights[word]
    return found


def highlights(text: str, words: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Spans of ``text`` to show: the marked words, joined where only white space is between them.

    >>> highlights("a b c", [{"start": 2, "end": 3, "marked": True},
    ...                      {"start": 4, "end": 5, "marked": True}])
    [{'start': 2, 'end': 5, 'text': 'b c'}]
    """
    spans: list[tuple[int, int]] = []
    for word in words:
        if word["marked"]:
            begin, end = word["start"], word["end"]
            if spans and not text[spans[-1][1] : begin].strip():
                begin = spans.pop()[0]
            spans.append((begin, end))
    return [{"start": b, "end": e, "text": text[b:e]} for b, e in spans]


def _says_something(word: str) -> bool:
    """Whether there is more than punctuation in it: a letter, a digit or a picture."""
    return any(unicodedata.category(char)[0] in "LNM" or unicodedata.category(char) == "So"
               for char in word)  # fmt: skip


def marked(
    attributions: Sequence[dict[str, Any]],
    hits: Sequence[tuple[int, int]] = (),
    *,
    least: float = MARK_LEAST,
    share: float = MARK_SHARE,
) -> list[tuple[int, int]]:
    """Spans of the words to mark as the reason: those with block terms; where none was hit, others.

    Of these, a word is marked when it adds at least ``least``, and ``share`` of what the strongest
    adds.

    >>> marked([{"start": 0, "end": 4, "weight": 2.0}, {"start": 5, "end": 9, "weight": 0.1}])
    [(0, 4)]
    """
    if hits:
        spans = [(word["start"], word["end"]) for word in attributions]
        return [(b, e) for b, e in spans if any(start < e and b < end for start, end in hits)]
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
        edits += _by_word(text, line.start(), line.end(), display)
    return edits


def _by_word(text: str, start: int, end: int, instead: str) -> list[Edit]:
    """The same edit, of single words where there are as many afterwards."""
    words, new = list(re.finditer(r"\S+", text[start:end])), instead.split()
    if len(words) != len(new):
        return [(start, end, instead)]
    return [
        (start + word.start(), start + word.end(), other)
        for word, other in zip(words, new, strict=True)
        if word[0] != other
    ]


def _apply(text: str, edits: Sequence[Edit]) -> tuple[str, list[tuple[int, int]]]:
    """The text as it is read, and the span in the original that each of its characters is from."""
    pieces, origin, last = [], list[tuple[int, int]](), 0
    for start, end, instead in [*edits, (len(text), len(text), "")]:
        pieces += [text[last:start], instead]
        origin += [(place, place + 1) for place in range(last, start)]
        origin += [(start, end)] * len(instead)
        last = end
    return "".join(pieces), origin

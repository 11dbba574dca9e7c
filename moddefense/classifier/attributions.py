"""Which tokens a score comes from: integrated gradients on the embeddings.

Sundararajan, Taly and Yan 2017: from a baseline without information, here the embedding of padding
(all zeros, which is also the mean of the normalised embeddings), the input is led in a straight
line to the text; the gradient of the logit, summed up on the way, shares the difference between the
logits of text and baseline out among the tokens, completely. The network is a convolution or a mean
of embeddings, then two dense layers. The linear model over token n-grams needs no path: each
n-gram's weight is its share, half of it for each token of a pair.

``left_out`` asks something else: what the text loses without a word. It does not add up, but it
tells what matters by itself from what only stands beside it.

Attributions are in log-odds of harm before calibration: positive ones speak for harm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from moddefense.classifier.serving import windows
from moddefense.errors import ConfigurationError
from moddefense.tokens import Tokens

if TYPE_CHECKING:
    from moddefense.classifier.model import Classifier

__all__ = ["attribute", "integrated_gradients", "left_out", "network_logit"]

STEPS, MOST_STEPS = 32, 1024  # points on the path; doubled until the shares add up
TOLERANCE = 0.005  # of the difference of the logits


def attribute(classifier: Classifier, tokens: Tokens) -> list[np.ndarray]:
    """Log-odds of harm that each token contributes, one float64 ``[tokens]`` for each text.

    Of a long text only the worst window, which gives it its score, has any. Raises
    ConfigurationError for recurrent networks, which this cannot read.
    """
    found = [np.zeros(length) for length in tokens.lengths.tolist()]
    for shares, (begin, ids) in zip(found, _worst_windows(classifier, tokens), strict=True):
        if shares.size:
            shares[begin : begin + len(ids)] = integrated_gradients(classifier.weights, ids)
            shares[begin : begin + len(ids)] += classifier.wide.contributions(ids)
            if classifier.letters is not None:
                shares[begin : begin + len(ids)] += classifier.letters.contributions(ids)
    return found


def left_out(classifier: Classifier, tokens: Tokens, groups: Sequence[Sequence[int]]) -> np.ndarray:
    """Log-odds of harm that one text loses without each group of its tokens, float64 ``[groups]``.

    ``groups`` are places of tokens. Of a long text, only its worst window is looked at.
    """
    ((begin, ids),) = _worst_windows(classifier, tokens)
    everything = np.arange(len(ids))
    kept = [everything]
    seen = list[int]()
    for number, group in enumerate(groups):
        inside = [place - begin for place in group if 0 <= place - begin < len(ids)]
        if inside:
            kept.append(np.delete(everything, inside))
            seen.append(number)
    lengths = np.array([len(places) for places in kept])
    logits = classifier.logits(Tokens(ids[np.concatenate(kept)], lengths))[:, 0].astype(np.float64)
    lost = np.zeros(len(groups))
    lost[seen] = logits[0] - logits[1:]
    return lost


def _worst_windows(classifier: Classifier, tokens: Tokens) -> list[tuple[int, np.ndarray]]:
    """Of each text the window that gives it its score: where it begins, and its token ids."""
    size, overlap = classifier.settings.window, classifier.settings.overlap
    cut, owner = windows(tokens, size=size, overlap=overlap)
    scores = classifier.window_probabilities(classifier.pool(tokens)[0])[:, 0]
    found = []
    for text in range(len(tokens.lengths)):
        own = np.flatnonzero(owner == text)
        worst = own[int(np.argmax(scores[own]))]
        ids = cut.take(np.array([worst])).values
        found.append((int(worst - own[0]) * (size - overlap), ids))
    return found


def integrated_gradients(
    weights: Mapping[str, np.ndarray], ids: np.ndarray, *, steps: int | None = None
) -> np.ndarray:
    """What each token adds to the network's logit of harm over that of padding, ``[tokens]``.

    ``weights`` are those of ``network_weights``; ``ids`` ``[tokens]``. Without ``steps`` as many
    are taken as it needs for the sum to be within 0.5 % of the difference.
    """
    wide = _embeddings(weights, ids)
    lifted = _lift(weights, wide)
    if steps is not None:
        return _shares(weights, wide, lifted, steps)
    difference = _logit(weights, lifted, 1.0) - _logit(weights, lifted, 0.0)
    steps = STEPS
    while True:
        shares = _shares(weights, wide, lifted, steps)
        gap = abs(float(shares.sum()) - difference)
        if steps >= MOST_STEPS or gap <= TOLERANCE * max(abs(difference), 0.01):
            return shares
        steps *= 2


def network_logit(weights: Mapping[str, np.ndarray], ids: np.ndarray, share: float = 1.0) -> float:
    """The network's logit of harm with embeddings scaled by ``share``; 0 is the baseline."""
    return _logit(weights, _lift(weights, _embeddings(weights, ids)), share)


def _embeddings(weights: Mapping[str, np.ndarray], ids: np.ndarray) -> np.ndarray:
    if "lstm_kernel" in weights or "forward_kernel" in weights:
        raise ConfigurationError(
            "attributions: the bundle's network is recurrent; they are made for network.kind conv "
            "and mean"
        )
    table = weights["embedding"]
    return np.where((ids == 0)[:, None], 0.0, table[ids]).astype(np.float64)


def _lift(weights: Mapping[str, np.ndarray], embedded: np.ndarray) -> np.ndarray:
    """What the first layer makes of the embeddings, bias aside: linear in them."""
    if "kernel" not in weights:
        return embedded
    kernel = weights["kernel"].astype(np.float64)
    side = len(kernel) // 2
    lifted = np.zeros((len(embedded), kernel.shape[2]))
    for offset in range(-side, side + 1):
        here, there = _overlap(len(embedded), offset)
        lifted[here] += embedded[there] @ kernel[side + offset]
    return lifted


def _overlap(length: int, offset: int) -> tuple[slice, slice]:
    """Positions t, and t + offset, where both are inside a text."""
    first, last = max(0, -offset), max(0, min(length, length - offset))
    last = max(last, first)
    return slice(first, last), slice(first + offset, last + offset)


def _forward(
    weights: Mapping[str, np.ndarray], lifted: np.ndarray, share: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Rectified features, place of each maximum, hidden layer before its ReLU, and logit."""
    features = lifted * share
    pooled = features.mean(axis=0)
    top = np.zeros(features.shape[1], np.int64)
    if "kernel" in weights:
        features = np.maximum(features + weights["bias"], 0)
        top = features.argmax(axis=0)
        highest = np.take_along_axis(features, top[None], axis=0)[0]
        pooled = np.concatenate([highest, features.mean(axis=0)])
    hidden = pooled @ weights["in"].astype(np.float64) + weights["in_bias"]
    logit = np.maximum(hidden, 0) @ weights["out"][:, 0] + weights["out_bias"][0]
    return features, top, hidden, float(logit)


def _logit(weights: Mapping[str, np.ndarray], lifted: np.ndarray, share: float) -> float:
    return _forward(weights, lifted, share)[3]


def _shares(
    weights: Mapping[str, np.ndarray], embedded: np.ndarray, lifted: np.ndarray, steps: int
) -> np.ndarray:
    length = len(lifted)
    total = np.zeros_like(lifted)
    for share in (np.arange(steps) + 0.5) / steps:
        features, top, hidden, _ = _forward(weights, lifted, float(share))
        pooled = weights["in"] @ (weights["out"][:, 0] * (hidden > 0))
        if "kernel" not in weights:
            total += pooled / length
            continue
        channels = lifted.shape[1]
        gradient = np.broadcast_to(pooled[channels:] / length, lifted.shape).copy()
        gradient[top, np.arange(channels)] += pooled[:channels]
        total += gradient * (features > 0)
    mean = total / steps
    if "kernel" not in weights:
        return (embedded * mean).sum(axis=1)
    kernel = weights["kernel"].astype(np.float64)
    side = len(kernel) // 2
    found = np.zeros(length)
    for offset in range(-side, side + 1):
        here, there = _overlap(length, offset)
        found[there] += ((embedded[there] @ kernel[side + offset]) * mean[here]).sum(axis=1)
    return found

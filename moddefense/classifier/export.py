"""A bundle's classifier as a TensorFlow SavedModel: strings in, calibrated probabilities out.

The graph has everything between: fold, respelling, WordPieces, openings, windows, the network of
any kind, the linear models beside it, calibration, the worst window. It has no lexicon, trigger,
policy or dropout sampling, which are no TensorFlow.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import tensorflow as tf

from moddefense import __version__
from moddefense.bundle import read_manifest, read_models
from moddefense.classifier.calibration import Calibration, Curve
from moddefense.classifier.codes import flat_ranges
from moddefense.classifier.encoders import load_encoder
from moddefense.classifier.folding_graph import FoldingGraph
from moddefense.classifier.letters_graph import LetterGraph, buckets
from moddefense.classifier.model import Classifier
from moddefense.errors import WriteError, at
from moddefense.ngrams import FIRST, SECOND
from moddefense.tokens import SPECIAL, SUFFIX, UNKNOWN, Tokenizer
from moddefense.wordpiece import wordpiece_tokenizer

__all__ = ["ServedClassifier", "export_saved_model"]

EXTRA = "assets.extra/moddefense.json"


def export_saved_model(bundle: str | Path, folder: str | Path) -> None:
    """Write the classifier of a bundle as a SavedModel with the signature ``serving_default``.

    It takes ``texts``, UTF-8 strings ``[batch]``, and gives ``score`` ``[batch]``, the calibrated
    probability of harm, and ``labels`` ``[batch, labels]``, in the order of the names that stand in
    ``assets.extra/moddefense.json``. Raises WriteError where ``folder`` is not empty or cannot be
    written, BundleError when the bundle is damaged.

    >>> export_saved_model("default", "served/moddefense/1")  # doctest: +SKIP
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise WriteError(f"{at(folder)}exists and is not an empty folder; name a new one")
    manifest = read_manifest(bundle)
    tokenizer, _, classifier = read_models(bundle)
    about = {
        "bundle": {"name": manifest["name"], "sha256": manifest["sha256"]},
        "labels": list(classifier.label_names),
        "version": __version__,
    }
    served = ServedClassifier(tokenizer, classifier)
    try:
        tf.saved_model.save(served, str(folder), signatures={"serving_default": served.serve})
        extra = folder / EXTRA
        extra.parent.mkdir(exist_ok=True)
        extra.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    except (OSError, tf.errors.OpError) as error:
        why = error.strerror if isinstance(error, OSError) else error.message
        raise WriteError(f"{at(folder)}cannot be written: {why}") from error


class ServedClassifier(tf.Module):
    """The graph; ``serve`` is what a server calls."""

    def __init__(self, tokenizer: Tokenizer, classifier: Classifier) -> None:
        super().__init__()
        weights = classifier.weights
        self._fold = FoldingGraph(tokenizer.alphabet, tokenizer.segmenter, tokenizer.respeller)
        self._wordpiece = wordpiece_tokenizer(
            tokenizer.pieces, unknown=SPECIAL[UNKNOWN], suffix=SUFFIX
        )
        self._continues = tf.constant(tokenizer.continues)
        self._opening = tf.constant(tokenizer.opening)
        self._settings = classifier.settings
        self._table = tf.constant(weights["embedding"], tf.float32)
        self._encoder = load_encoder(weights)
        self._head = [
            tf.constant(weights[name], tf.float32) for name in ("in", "in_bias", "out", "out_bias")
        ]
        self._wide = tf.constant(weights["wide"], tf.float32)
        self._wide_intercept = float(weights["wide_intercept"])
        self._letters = LetterGraph(classifier.letters) if classifier.letters else None
        self._calibration = classifier.calibration

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="texts")])
    def serve(self, texts: tf.Tensor) -> dict[str, tf.Tensor]:
        """Strings ``[batch]`` to ``score`` ``[batch]`` and ``labels`` ``[batch, labels]``."""
        values, lengths = self._tokens(texts)
        cut, sizes, owner = self._windows(values, lengths)
        logits = self._network(cut, sizes)
        wide = self._log_odds(cut, sizes)
        if self._letters is not None:
            wide += self._letters(cut, sizes)
        harm = logits[:, :1] + tf.cast(wide, tf.float32)[:, None]
        logits = tf.concat([harm, logits[:, 1:]], axis=1)
        found = tf.math.segment_max(_calibrated(self._calibration, logits), owner)
        found = tf.cast(found, tf.float32)
        return {
            "score": found[:, 0],
            "labels": found[:, -len(self._settings.label_names) :],
        }

    def _tokens(self, texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Ids ``[total]`` and the number of ids of each text, as ``Tokenizer`` gives them."""
        ragged = self._wordpiece.tokenize(self._fold(texts))
        values = ragged.values
        continues = tf.gather(self._continues, values)
        goes_on = tf.concat([continues[1:], [False]], axis=0)[: tf.size(values)]
        opened = tf.where(~continues & goes_on, tf.gather(self._opening, values), values)
        return opened, tf.cast(ragged.row_lengths(), tf.int32)

    def _windows(
        self, values: tf.Tensor, lengths: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Windows as ``serving.windows`` cuts them: ids, their numbers, and whose they are."""
        size, step = self._settings.window, self._settings.window - self._settings.overlap
        count = tf.maximum(1, -((self._settings.overlap - lengths) // step))
        owner = tf.repeat(tf.range(tf.size(lengths)), count)
        begin = step * flat_ranges(tf.zeros_like(count), count)
        sizes = tf.minimum(size, tf.gather(lengths, owner) - begin)
        first = tf.gather(tf.cumsum(lengths, exclusive=True), owner) + begin
        return tf.gather(values, flat_ranges(first, sizes)), sizes, owner

    def _network(self, values: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
        """Logits ``[windows, outputs]`` of the network."""
        ragged = tf.RaggedTensor.from_row_lengths(values, lengths, validate=False)
        ids = tf.pad(ragged.to_tensor(), [[0, 1], [0, 1]])  # never without a row or column
        mask = tf.cast(ids != 0, tf.float32)
        embedded = tf.gather(self._table, ids) * mask[..., None]
        kernel_in, bias_in, kernel_out, bias_out = self._head
        hidden = tf.nn.relu(self._encoder(embedded, mask) @ kernel_in + bias_in)
        return (hidden @ kernel_out + bias_out)[:-1]

    def _log_odds(self, values: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
        """Log-odds of the linear model over n-grams, float64 ``[windows]``."""
        row = tf.repeat(tf.range(tf.size(lengths)), lengths)
        ids = tf.cast(values, tf.uint64)
        follows = row[1:] == row[:-1]
        pairs = ids[:-1] * FIRST + (ids[1:] + np.uint64(1)) * SECOND
        found = tf.zeros(tf.shape(lengths), tf.float64)
        for keys, rows in (
            (ids * FIRST, row),
            (tf.boolean_mask(pairs, follows), tf.boolean_mask(row[1:], follows)),
        ):
            weight = tf.cast(tf.gather(self._wide, buckets(keys, self._wide)), tf.float64)
            found += tf.math.unsorted_segment_sum(weight, rows, tf.size(lengths))
        grams = tf.cast(tf.maximum(2 * lengths - 1, 1), tf.float64)
        return found / tf.sqrt(grams) + self._wide_intercept


def _calibrated(calibration: Calibration, logits: tf.Tensor) -> tf.Tensor:
    """What ``Calibration.probabilities`` gives, float64."""
    z = tf.cast(logits, tf.float64)
    columns = tf.unstack(tf.sigmoid(z * calibration.slope + calibration.intercept), axis=1)
    for k, curve in enumerate(calibration.curves):
        if curve is not None:
            columns[k] = _on_curve(curve, z[:, k])
    return tf.stack(columns, axis=1)


def _on_curve(curve: Curve, z: tf.Tensor) -> tf.Tensor:
    x, y = tf.constant(curve.logit, tf.float64), tf.constant(curve.probability, tf.float64)
    last = len(curve.logit) - 1
    left = tf.clip_by_value(tf.searchsorted(x, z, side="right") - 1, 0, max(last - 1, 0))
    right = tf.minimum(left + 1, last)
    x0, x1, y0, y1 = (tf.gather(of, at) for of in (x, y) for at in (left, right))
    width = tf.where(right > left, x1 - x0, tf.ones_like(x0))
    return y0 + tf.clip_by_value((z - x0) / width, 0, 1) * (y1 - y0)

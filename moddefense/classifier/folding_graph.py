"""The fold of ``moddefense.folding`` as TensorFlow operations, for exported models.

What the fold does to a character alone is read from it into tables, code point by code point.
Lookalike letters are healed by words, with the rules of ``folding.heal``. What is left to TF-Text
is joining a character with marks that mean something (Indic vowel signs, Hangul letters): there
the graph normalises the text by NFKC, which knows another version of Unicode than Python may, and
does not stop at 30 marks.
"""

from __future__ import annotations

import functools
from collections.abc import Collection
from typing import NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_text as tf_text

from moddefense.classifier.codes import Codes, flat_ranges
from moddefense.classifier.respelling_graph import RespellingGraph
from moddefense.classifier.segmentation_graph import SegmentationGraph
from moddefense.folding.folder import MARK, folder_of
from moddefense.folding.lookalikes import DISTINCT, twin
from moddefense.respelling import Respeller
from moddefense.segmentation import Segmenter

__all__ = ["FoldingGraph"]

LIMIT = 0x34000  # from here on, a character is left as it is, unless it is a tag
TAGS = (0xE0000, 0xE1000)  # which nobody sees
SPACE = 32


class _Tables(NamedTuple):
    """For each code point below LIMIT: its image in ``images``, and what ``heal`` asks about it."""

    start: np.ndarray
    number: np.ndarray
    images: np.ndarray
    joins: np.ndarray
    word: np.ndarray
    strict: np.ndarray
    loose: np.ndarray
    blank: np.ndarray


class FoldingGraph(tf.Module):
    """UTF-8 strings to what the tokeniser cuts: folded, long runs of ``segmenter``'s words apart.

    Misspelt words are read as ``respeller`` reads them, if there is one. Spaces stand around what
    ``alphabet`` cannot spell.
    """

    def __init__(
        self, alphabet: Collection[str], segmenter: Segmenter, respeller: Respeller | None = None
    ) -> None:
        super().__init__()
        self._respell = RespellingGraph(respeller) if respeller is not None else None
        self._cut_runs = SegmentationGraph(segmenter, LIMIT)
        tables = _tables()
        self._start, self._count = tf.constant(tables.start), tf.constant(tables.number)
        self._images = tf.constant(tables.images)
        self._joins, self._word = tf.constant(tables.joins), tf.constant(tables.word)
        small = np.arange(LIMIT + 1, dtype=np.int32)
        small[[ord(stand) for stand in DISTINCT]] = [ord(letter) for letter, _ in DISTINCT.values()]
        self._small = tf.constant(small)
        self._strict, self._loose = tf.constant(tables.strict), tf.constant(tables.loose)
        spelt = np.zeros(LIMIT + 1, bool)
        spelt[[ord(letter) for letter in alphabet]] = True
        self._alone = tf.constant(~(spelt | tables.blank))

    def __call__(self, texts: tf.Tensor) -> tf.Tensor:
        """Fold strings ``[batch]``."""
        codes = self.fold(texts)
        if self._respell is not None:
            codes = self._respell(codes)
        return self._spaced(self._cut(codes)).encode()

    def fold(self, texts: tf.Tensor) -> Codes:
        """What ``moddefense.folding.fold`` gives."""
        return self._healed(self._folded(Codes.decode(texts)))

    def _cut(self, codes: Codes) -> Codes:
        """Spaces between the words of a long run of letters."""
        after = self._cut_runs(codes.values, codes.place(LIMIT), codes.row)
        count = tf.where(after, 2, 1)
        nth = flat_ranges(tf.zeros_like(count), count)
        return codes.spread(tf.where(nth == 1, SPACE, tf.repeat(codes.values, count)), count)

    def _folded(self, codes: Codes) -> Codes:
        """Each character by itself, and then those that join."""
        place = codes.place(LIMIT)
        hidden = (codes.values >= TAGS[0]) & (codes.values < TAGS[1])
        count = tf.where(hidden, 0, tf.gather(self._count, place))
        images = tf.gather(self._images, flat_ranges(tf.gather(self._start, place), count))
        kept = tf.repeat(codes.values, count)
        folded = codes.spread(tf.where(kept < LIMIT, images, kept), count)
        joins = codes.any(tf.gather(self._joins, place))
        text = folded.encode()
        return Codes.decode(tf.where(joins, tf_text.normalize_utf8(text, "NFKC"), text))

    def _healed(self, codes: Codes) -> Codes:
        """Letters of other scripts that pose as Latin ones, by words and texts."""
        values, place, row = codes.values, codes.place(LIMIT), codes.row
        inside = tf.gather(self._word, place)
        before = tf.concat([[False], inside[:-1] & (row[1:] == row[:-1])], axis=0)
        word = tf.cumsum(tf.cast(inside & ~before[: tf.size(inside)], tf.int32))  # 0: before any
        words = tf.size(values) + 1

        def some(where: tf.Tensor) -> tf.Tensor:
            """Whether a word has such a letter."""
            found = tf.math.unsorted_segment_max(tf.cast(where & inside, tf.int32), word, words)
            return found > 0

        foreign = values > 127
        strict, loose = tf.gather(self._strict, place), tf.gather(self._loose, place)
        is_latin = (values >= ord("a")) & (values <= ord("z"))
        latin = some(is_latin)
        mixed = some(foreign) & latin & ~some(foreign & (loose == 0))
        posing = some(foreign) & ~latin & ~some(foreign & (strict == 0))
        read = some(foreign) & ~latin & ~some(foreign & (loose == 0))
        unread = some(foreign) & some(loose > 0) & ~latin & ~read
        genuine = unread | (read & ~posing)

        def has(where: tf.Tensor) -> tf.Tensor:
            """Whether a text has such a word."""
            return codes.any(inside & tf.gather(where, word))

        def letters(where: tf.Tensor) -> tf.Tensor:
            """How many characters of each text there are where ``where`` holds."""
            return tf.math.unsorted_segment_sum(
                tf.cast(where, tf.int32), row, tf.size(codes.lengths)
            )

        among_latin = has(latin) & ~has(genuine)
        more_latin = letters(is_latin) > letters(inside & tf.gather(unread, word))
        starts = inside & ~before[: tf.size(inside)]
        unsure = letters(starts & tf.gather(read & ~posing, word))
        disguised = (letters(starts & tf.gather(mixed, word)) > 2 * unsure) & more_latin
        heal = inside & foreign
        healed = tf.where(heal & tf.gather(mixed, word), loose, values)
        healed = tf.where(
            heal & tf.gather(posing, word) & tf.gather(among_latin, row), strict, healed
        )
        posed = heal & tf.gather(read, word) & tf.gather(disguised, row)
        healed = tf.where(posed, loose, healed)
        place = tf.minimum(healed, LIMIT)
        return codes._replace(
            values=tf.where(healed < LIMIT, tf.gather(self._small, place), healed)
        )

    def _spaced(self, codes: Codes) -> Codes:
        """Spaces around what cannot be spelt: else it would make its whole word unknown."""
        alone = tf.gather(self._alone, codes.place(LIMIT))
        count = tf.where(alone, 3, 1)
        nth = flat_ranges(tf.zeros_like(count), count)
        repeated = tf.repeat(codes.values, count)
        return codes.spread(tf.where(tf.repeat(alone, count) & (nth != 1), SPACE, repeated), count)


@functools.cache
def _tables() -> _Tables:
    """Ask the fold about every code point; the last row is for those from LIMIT on."""
    table = folder_of(frozenset()).table
    start = np.zeros(LIMIT + 1, np.int32)
    count = np.ones(LIMIT + 1, np.int32)
    joins, word = np.zeros(LIMIT + 1, bool), np.zeros(LIMIT + 1, bool)
    strict, loose = np.zeros(LIMIT + 1, np.int32), np.zeros(LIMIT + 1, np.int32)
    blank = np.zeros(LIMIT + 1, bool)
    images: list[int] = [0]  # what LIMIT points at; never used
    for code in range(LIMIT):
        char = chr(code)
        image = table[code] or ""
        joins[code] = image.startswith(MARK)
        image = image.removeprefix(MARK)
        start[code], count[code] = len(images), len(image)
        images += map(ord, image)
        word[code] = char.isalnum() or char in DISTINCT
        blank[code] = char.isspace()
        strict[code] = ord(twin(char, False) or "\0")
        loose[code] = ord(twin(char, True) or "\0")
    return _Tables(start, count, np.array(images, np.int32), joins, word, strict, loose, blank)

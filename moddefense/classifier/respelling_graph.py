"""The respelling of ``moddefense.respelling`` as TensorFlow operations, for exported models.

Words are rows of code points, zeros behind them, and are looked up by a hash of their letters. All
tokens are looked up; only what nobody knows is read in other ways, each once in a batch.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from moddefense.classifier.codes import Codes, flat_ranges
from moddefense.respelling import (
    CLEAR,
    LONGEST,
    READINGS,
    SHORTEST,
    STOPS,
    STRANGE,
    TECHNICAL,
    TOKEN,
    WAYS,
    Respeller,
)

__all__ = ["RespellingGraph"]

LIMIT = max(map(ord, READINGS)) + 1  # from here on, nothing can be read as a letter
WIDTH = LONGEST + 1  # of a row, so that a zero stands behind every word
LEAST = 3  # letters and signs of a disguised word
DOUBLE = WAYS.bit_length() - 1  # signs with two readings, at most
BASE = 0x9E3779B97F4A7C15  # of the polynomial hash, modulo 2**64
POWERS = np.array([pow(BASE, k, 1 << 64) for k in range(WIDTH)], np.uint64)
NONE = np.iinfo(np.int32).max  # the rank of what nobody knows
USUAL = NONE - 1  # the rank of what is right, and nothing becomes


class _Tokens(NamedTuple):
    """Tokens of a batch. The first is none: it has the characters outside of all, and no length."""

    of: tf.Tensor  # each character
    within: tf.Tensor  # where each character stands in it
    first: tf.Tensor
    length: tf.Tensor
    core: tf.Tensor  # the length without stops
    plain: tf.Tensor  # whether the core is letters
    odd: tf.Tensor  # whether letters are among other characters, and it is no code


class RespellingGraph(tf.Module):
    """What a ``Respeller`` gives, on code points."""

    def __init__(self, respeller: Respeller) -> None:
        super().__init__()
        usual = (w for w in respeller.usual if re.fullmatch(f"[a-z]{{1,{LONGEST}}}", w))
        known = dict.fromkeys(usual, USUAL)
        known |= {word: rank for rank, word in reversed(list(enumerate(respeller.words)))}
        self._size = len(respeller.words)
        self._known = _table(known, NONE)
        rows = np.zeros((self._size, WIDTH), np.int32)
        for row, word in zip(rows, respeller.words, strict=True):
            row[: len(word)] = [ord(letter) for letter in word]
        self._words = tf.constant(rows)
        self._lengths = tf.constant(np.count_nonzero(rows, axis=1), tf.int32)
        slips = {"": [], **respeller.slips}  # the first is for what is left of no word
        self._slips = _table({rest: place for place, rest in enumerate(slips)}, 0)
        counts = np.array([len(ranks) for ranks in slips.values()], np.int32)
        self._counts = tf.constant(counts)
        self._starts = tf.constant(np.cumsum(counts, dtype=np.int32) - counts)
        self._ranks = tf.constant([rank for ranks in slips.values() for rank in ranks], tf.int32)
        first, second = np.zeros(LIMIT + 1, np.int32), np.zeros(LIMIT + 1, np.int32)
        for code in range(ord("a"), ord("z") + 1):
            first[code] = code
        for sign, ways in READINGS.items():
            first[ord(sign)] = ord(ways[0])
            second[ord(sign)] = ord(ways[1]) if len(ways) > 1 else 0
        self._first, self._second = tf.constant(first), tf.constant(second)
        chars = [chr(code) for code in range(LIMIT + 1)]
        self._inside = tf.constant([bool(TOKEN.fullmatch(char)) for char in chars])
        self._stop = tf.constant([char in STOPS for char in chars])
        self._technical = tf.constant([char in TECHNICAL for char in chars])

    def __call__(self, codes: Codes) -> Codes:
        """Respell folded texts."""
        tokens = self._tokens(codes)
        short = tokens.core <= LONGEST
        fit = tf.where(short & (tokens.core >= LEAST) & (tokens.plain | tokens.odd))[:, 0]
        long = (tokens.length > tokens.core) & (tokens.length <= LONGEST)
        long = tf.where(long & (tokens.length >= LEAST) & tokens.odd)[:, 0]
        first = tf.gather(tokens.first, tf.concat([fit, long], axis=0))
        size = tf.concat([tf.gather(tokens.core, fit), tf.gather(tokens.length, long)], axis=0)
        column = tf.range(WIDTH)
        place = tf.minimum(first[:, None] + column, tf.size(codes.values) - 1)
        shown = tf.where(column < size[:, None], tf.gather(codes.values, place), 0)
        ranks = self._read_each(shown)

        def at(which: tf.Tensor, ranks: tf.Tensor) -> tf.Tensor:
            none = tf.fill(tf.shape(tokens.first), NONE)
            return tf.tensor_scatter_nd_update(none, which[:, None], ranks)

        by_core, whole = at(fit, ranks[: tf.size(fit)]), at(long, ranks[tf.size(fit) :])
        cored = by_core < self._size
        rank = tf.where(cored, by_core, whole)
        return self._replaced(codes, tokens, rank, tf.where(cored, tokens.core, tokens.length))

    def _tokens(self, codes: Codes) -> _Tokens:
        values, row, place = codes.values, codes.row, codes.place(LIMIT)
        total = tf.size(values)
        inside = tf.gather(self._inside, place)
        same = row[1:] == row[:-1]
        begins = inside & ~tf.concat([[False], inside[:-1] & same], axis=0)[:total]
        token = tf.where(inside, tf.cumsum(tf.cast(begins, tf.int32)), 0)
        first = tf.concat([[0], tf.cast(tf.where(begins)[:, 0], tf.int32)], axis=0)
        within = tf.range(total) - tf.gather(first, token)

        def number(where: tf.Tensor) -> tf.Tensor:
            """How many characters of each token there are where ``where`` holds."""
            where = tf.cast(where & inside, tf.int32)
            return tf.math.unsorted_segment_sum(where, token, tf.size(first))

        technical = tf.gather(self._technical, place)
        before = tf.concat([[False], technical[:-1] & same], axis=0)[:total]
        after = tf.concat([technical[1:] & same, [False]], axis=0)[:total]
        core = tf.where(inside & ~tf.gather(self._stop, place), within + 1, 0)
        core = tf.maximum(0, tf.math.unsorted_segment_max(core, token, tf.size(first)))
        letters = number(_is_letter(values))
        plain = (letters > 0) & (letters == core)
        odd = (letters > 0) & ~plain & (number(before | after) == 0)
        return _Tokens(token, within, first, number(inside), core, plain, odd)

    def _replaced(self, codes: Codes, tokens: _Tokens, rank: tf.Tensor, size: tf.Tensor) -> Codes:
        """The word of ``rank``, if it has one, in place of ``size`` characters of each token."""
        rank, size = tf.gather(rank, tokens.of), tf.gather(size, tokens.of)
        gone = (rank < self._size) & (tokens.within < size)
        rank = tf.where(gone, rank, 0)
        length = tf.where(tokens.within == 0, tf.gather(self._lengths, rank), 0)
        count = tf.where(gone, length, 1)
        letter = flat_ranges(tf.zeros_like(count), count)
        words = tf.gather_nd(self._words, tf.stack([tf.repeat(rank, count), letter], axis=1))
        return codes.spread(
            tf.where(tf.repeat(gone, count), words, tf.repeat(codes.values, count)), count
        )

    def _read_each(self, shown: tf.Tensor) -> tf.Tensor:
        """Ranks of what words are read as ``[words]``, from their characters ``[words, WIDTH]``."""
        unique, place = tf.unique(_hashes(shown))
        unknown = tf.where(self._known.lookup(unique) == NONE)
        example = tf.math.unsorted_segment_min(tf.range(tf.size(place)), place, tf.size(unique))
        read = self._read(tf.gather(shown, tf.gather(example, unknown[:, 0])))
        ranks = tf.tensor_scatter_nd_update(tf.fill(tf.shape(unique), NONE), unknown, read)
        return tf.gather(ranks, place)

    def _read(self, shown: tf.Tensor) -> tf.Tensor:
        """Ranks of what unknown words are read as."""
        size, letters = _number(shown > 0), _number(_is_letter(shown))
        ways = tf.gather(self._first, tf.minimum(shown, LIMIT))
        may_decode = _may_decode(shown, size, letters) & (_number(ways > 0) == size)
        found = self._decoded(shown, ways, may_decode)
        misspelt = (letters == size) & (size >= SHORTEST)
        misspelt |= may_decode & (found == NONE) & (size >= CLEAR)
        asked = tf.where(misspelt & (self._known.lookup(_hashes(ways)) == NONE))
        nearest = self._nearest(tf.gather(ways, asked[:, 0]))
        return tf.tensor_scatter_nd_update(found, asked, nearest)

    def _decoded(self, shown: tf.Tensor, ways: tf.Tensor, may_decode: tf.Tensor) -> tf.Tensor:
        """Ranks of the most frequent words that the signs spell."""
        second = tf.gather(self._second, tf.minimum(shown, LIMIT))
        double = second > 0
        count = tf.where(may_decode, 1, 0)
        count *= tf.where(_number(double) > DOUBLE, 0, 2 ** tf.minimum(_number(double), DOUBLE))
        row = tf.repeat(tf.range(tf.size(count)), count)
        way = flat_ranges(tf.zeros_like(count), count)
        # Another letter moves the hash by what its own term differs.
        moves = tf.bitcast(tf.cast(second, tf.uint64) * POWERS, tf.int64)
        moves -= tf.bitcast(tf.cast(ways, tf.uint64) * POWERS, tf.int64)
        nth = tf.cumsum(tf.cast(double, tf.int32), axis=1, exclusive=True)
        hashes = tf.gather(_hashes(ways), row)
        for k in range(DOUBLE):
            move = tf.reduce_sum(tf.where(double & (nth == k), moves, 0), axis=1)
            taken = tf.bitwise.bitwise_and(way, 1 << k) > 0
            hashes += tf.where(taken, tf.gather(move, row), 0)
        ranks = self._known.lookup(hashes)
        ranks = tf.where(ranks < self._size, ranks, NONE)
        return tf.math.unsorted_segment_min(ranks, row, tf.size(count))

    def _nearest(self, words: tf.Tensor) -> tf.Tensor:
        """Ranks of the likeliest words one slip away."""
        slips = self._slips.lookup(_shorter(words))
        count = tf.gather(self._counts, slips)
        owner = tf.repeat(tf.range(tf.shape(words)[0]), tf.reduce_sum(count, axis=1))
        start = tf.reshape(tf.gather(self._starts, slips), [-1])
        rank = tf.gather(self._ranks, flat_ranges(start, tf.reshape(count, [-1])))
        word, other = tf.gather(words, owner), tf.gather(self._words, rank)
        strange = tf.where(word[:, 0] == other[:, 0], 1, STRANGE)
        cost = tf.cast((rank + 1) * strange, tf.int64) * (NONE + 1) + tf.cast(rank, tf.int64)
        cost = tf.where(_is_near(word, other), cost, tf.int64.max)
        best = tf.math.unsorted_segment_min(cost, owner, tf.shape(words)[0])
        return tf.cast(best % (NONE + 1), tf.int32)  # NONE where there is none


def _table(entries: dict[str, int], default: int) -> tf.lookup.StaticHashTable:
    rows = np.zeros((len(entries), WIDTH), np.uint64)
    for row, word in zip(rows, entries, strict=True):
        row[: len(word)] = [ord(letter) for letter in word]
    keys = (rows * POWERS).sum(axis=1, dtype=np.uint64).view(np.int64)
    return tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(
            tf.constant(keys), tf.constant(list(entries.values()), tf.int32)
        ),
        default_value=default,
    )


def _hashes(words: tf.Tensor) -> tf.Tensor:
    """Hashes, int64 ``[words]``, of code points ``[words, WIDTH]``."""
    return tf.reduce_sum(tf.bitcast(tf.cast(words, tf.uint64) * POWERS, tf.int64), axis=1)


def _shorter(words: tf.Tensor) -> tf.Tensor:
    """Hashes of words without one letter, and of all letters, int64 ``[words, WIDTH]``."""
    codes = tf.cast(words, tf.uint64)
    before = tf.cumsum(tf.bitcast(codes * POWERS, tf.int64), axis=1, exclusive=True)
    moved = tf.bitcast(codes[:, 1:] * POWERS[:-1], tf.int64)
    behind = tf.cumsum(tf.pad(moved, [[0, 0], [0, 1]]), axis=1, reverse=True)
    return before + behind


def _is_letter(codes: tf.Tensor) -> tf.Tensor:
    return (codes >= ord("a")) & (codes <= ord("z"))


def _number(where: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(tf.cast(where, tf.int32), axis=1)


def _is_near(one: tf.Tensor, two: tf.Tensor) -> tf.Tensor:
    """What ``respelling._is_near`` says of words that differ ``[pairs, WIDTH]``."""
    other = one != two
    swapped = (one[:, 1:] == two[:, :-1]) & (one[:, :-1] == two[:, 1:])
    swapped = tf.reduce_any(swapped & other[:, 1:] & other[:, :-1], axis=1)
    number = _number(other)
    lengths = _number(one > 0) - _number(two > 0)
    same = (lengths == 0) & ((number == 1) | ((number == 2) & swapped))
    longer = tf.where(lengths[:, None] > 0, one, two)
    shorter = tf.where(lengths[:, None] > 0, two, one)
    differed = tf.cumsum(tf.cast(other, tf.int32), axis=1)[:, :-1] > 0
    more = ~tf.reduce_any(differed & (longer[:, 1:] != shorter[:, :-1]), axis=1)
    return same | ((tf.abs(lengths) == 1) & more)


def _may_decode(shown: tf.Tensor, size: tf.Tensor, letters: tf.Tensor) -> tf.Tensor:
    """What ``respelling._may_decode`` says."""
    is_digit = (shown >= ord("0")) & (shown <= ord("9"))
    digits = _number(is_digit)
    head = tf.reduce_sum(tf.math.cumprod(tf.cast(is_digit, tf.int32), axis=1), axis=1)
    ending = tf.cast(is_digit | (shown == 0), tf.int32)
    tail = tf.reduce_sum(tf.math.cumprod(ending, axis=1, reverse=True), axis=1) - (WIDTH - size)
    number = (tail == digits) | ((head == digits) & (letters < 3))
    return (size >= LEAST) & (letters > 0) & ((letters + digits < size) | ~number)

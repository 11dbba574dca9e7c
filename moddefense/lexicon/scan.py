"""Find terms in many texts at once, on joined buffers.

The folded texts become one buffer with one byte a character. One Aho-Corasick pass over its *plain
view* (stops made spaces, runs made one) finds what is written plainly or drawn out; most of those
hits are settled by arithmetic on run lengths. Where a digit or symbol touches a letter, or letters
stand alone, the token is copied to a second, small buffer, thinned as in ``candidates``, and
searched for the rest. What is left to doubt goes to ``alignment.align``.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from moddefense.lexicon.alignment import align
from moddefense.lexicon.buffers import (
    AFTER,
    ALONE,
    BEFORE,
    CALM_AFTER,
    CALM_BEFORE,
    CALM_SECOND,
    HIDE,
    INSIDE,
    KINDS,
    LONE,
    MARKUP,
    MEANS,
    PLAIN,
    STAR,
    Automaton,
    Buffer,
    changes,
    gather,
    is_change,
)
from moddefense.lexicon.candidates import Proposer
from moddefense.lexicon.context import stands
from moddefense.lexicon.keys import (
    dense_keys,
    has_row,
    is_simple,
    plain_key,
    run_lengths,
    tail_length,
)
from moddefense.lexicon.patterns import TAG, Pattern

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

__all__ = ["Hits", "Scanner"]

Hits = list[tuple[int, int, int, int]]
"""Hits in one folded text: start, end, index of the pattern, bits of LEVELS."""

_WINDOW = 50  # characters to either side of a symbol that a separated term may reach over


class Scanner:
    """The patterns of a matcher, ready to be searched for in many texts at once."""

    def __init__(self, patterns: Sequence[Pattern], proposer: Proposer) -> None:
        import numpy as np

        self.patterns = patterns
        self.proposer = proposer
        self.rare = frozenset(  # characters that send a text to the proposer
            edge
            for pattern in patterns
            for edge in (pattern.text[0], pattern.text[-1])
            if not edge.isalnum()
        ) | frozenset(char for pattern in patterns for char in pattern.text if not char.isascii())
        plain: dict[bytes, list[int]] = {}
        dense: dict[bytes, list[int]] = {}
        for pattern in patterns:
            if self.rare.isdisjoint(pattern.text):
                plain.setdefault(plain_key(pattern), []).append(pattern.index)
        for index, pattern in enumerate((*patterns, *proposer.words)):
            if not self.rare.isdisjoint((pattern.text[0], pattern.text[-1])):
                continue  # the buffers have a space where a symbol is
            for key in dense_keys(pattern):
                dense.setdefault(key, []).append(index)
        self.plain = Automaton(plain)
        self.dense = Automaton(dense)
        size = len(patterns)

        def column(values: Any, dtype: Any) -> Any:
            return np.fromiter(values, dtype, size)

        self.length = column((len(item.text) for item in patterns), np.int64)
        self.letters = column((item.letters for item in patterns), np.int64)
        everything = (*patterns, *proposer.words)
        self.left = np.fromiter((item.left for item in everything), np.bool_)
        self.right = np.fromiter((item.right for item in everything), np.bool_)
        self.head = column((item.runs[0] for item in patterns), np.int64)
        self.tail = column((tail_length(item.text) for item in patterns), np.int64)
        self.drawn = column((item.repetition for item in patterns), np.bool_)
        self.simple = column((is_simple(item) for item in patterns), np.bool_)
        self.allow = column((item.term.kind == "allow" for item in patterns), np.bool_)
        needs = [run_lengths(item.text) if is_simple(item) else [1] for item in patterns]
        self.widths = column(map(len, needs), np.int64)
        self.needs_at = np.cumsum(self.widths) - self.widths
        self.needs = np.fromiter(itertools.chain.from_iterable(needs), np.int64)

    def scan(self, texts: Sequence[str]) -> tuple[Any, list[tuple[int, Hits]]]:
        """Search folded ``texts``.

        Returns the settled hits as arrays (text, start, end, pattern, bits) in order, and the texts
        that need more care, each with all of its hits.
        """
        buffer = Buffer(texts)
        columns, doubts = self.read_plain(buffer)
        doubts |= self.read_dense(buffer)
        slow = {p for p, text in enumerate(texts) if self.rare and not self.rare.isdisjoint(text)}
        return self.join(buffer, columns, doubts, slow)

    def read_plain(self, buffer: Buffer) -> tuple[Ints, set[tuple[int, int]]]:
        """Return settled hits (start, end, pattern, bits: rows) and places to be aligned."""
        import numpy as np

        view = np.frombuffer(buffer.raw.translate(PLAIN), np.uint8)
        runs = changes(view)
        thin_view = view[runs]
        buffer.runs, buffer.plain = runs, thin_view
        first, last, index = self.plain.find(thin_view)
        if not len(index):
            return np.zeros((4, 0), np.int64), set()
        first += self.left[index]
        last -= self.right[index]
        bounds = runs  # the buffer ends with a run of its own, so that every run has an end here
        start, end = bounds[first], bounds[last]
        simple = self.simple[index]
        # Beside an open edge the run may belong to the word around: keep what the term needs.
        drawn = self.drawn[index]
        fits = self.fits(bounds, first, index)
        spare = bounds[first + 1] - start - self.head[index]
        cut = ~self.left[index] & (spare > 0) & ((spare < 2) | ~drawn)
        start = np.where(cut, start + spare, start)
        spare = end - bounds[last - 1] - self.tail[index]
        cut = ~self.right[index] & (spare > 0) & ((spare < 2) | ~drawn)
        end = np.where(cut, end - spare, end)
        surplus = end - start - self.length[index]
        possible = ~simple | (
            fits & ((surplus == 0) | (drawn & ((self.letters[index] > 3) | (surplus >= 2))))
        )
        outer_start, outer_end = self.word_around(bounds, start, end, index, first, last, thin_view)
        raw = buffer.bytes
        before, after = raw[outer_start - 1], raw[outer_end]
        second, next_after = raw[outer_start - 2], raw[outer_end + 1]
        spaced = np.frombuffer(CALM_BEFORE, np.bool_)
        calm = (
            spaced[before]
            | (np.frombuffer(CALM_SECOND, np.bool_)[before] & spaced[second] & (after != 59))
        ) & (
            np.frombuffer(CALM_AFTER, np.bool_)[after]
            | ((after == 46) & (spaced[next_after] | (next_after == 46)))
        )
        sure = possible & simple & calm
        settled = np.stack((start, end, index, (surplus > 0) * 2))[:, sure]
        doubts: set[tuple[int, int]] = set()
        extra: list[tuple[int, int, int, int]] = []
        rest = np.flatnonzero(possible & ~sure)
        for begin, stop, which, over, plain, run in zip(
            start[rest].tolist(), end[rest].tolist(), index[rest].tolist(),
            surplus[rest].tolist(), simple[rest].tolist(), bounds[first[rest]].tolist(),
            strict=True,
        ):  # fmt: skip
            number, base = buffer.locate(run)
            pattern = self.patterns[which]
            text = buffer.texts[number]
            if not plain and pattern.left and text.startswith(pattern.text, run - base):
                # as it stands in the list, so long as the run at its end is no longer
                stop = run + len(pattern.text)
                plain = stop - base == len(text) or text[stop - base] != pattern.text[-1]
                begin, over = run, 0
            if plain:
                bits = 2 if over else 0
                if stands(text, begin - base, stop - base, bits, pattern):
                    extra.append((begin, stop, which, bits))
                continue
            doubts.add((begin, which))
            doubts.add((run, which))
        if extra:
            more = np.array(extra, np.int64).T
            settled = np.concatenate((settled, more), axis=1)
        return settled, doubts

    def word_around(
        self, bounds: Ints, start: Ints, end: Ints, index: Ints, first: Ints, last: Ints, view: Any
    ) -> tuple[Ints, Ints]:
        """Return where the words begin and end that the hits are in, where those are open."""
        import numpy as np

        open_left = np.flatnonzero(~self.left[index])
        open_right = np.flatnonzero(~self.right[index])
        if len(open_left) or len(open_right):
            stops = np.flatnonzero((view == 32) | (view == 0))
            start, end = start.copy(), end.copy()
            place = np.searchsorted(stops, first[open_left], side="right") - 1
            start[open_left] = bounds[stops[place] + 1]
            end[open_right] = bounds[stops[np.searchsorted(stops, last[open_right])]]
        return start, end

    def fits(self, bounds: Ints, first: Ints, index: Ints) -> Any:
        """Whether every run in the text is at least as long as in the term."""
        import numpy as np

        counts = self.widths[index]
        ends = np.cumsum(counts)
        ramp = np.arange(int(ends[-1])) - np.repeat(ends - counts, counts)
        place = np.repeat(first, counts) + ramp
        need = self.needs[np.repeat(self.needs_at[index], counts) + ramp]
        enough = bounds[place + 1] - bounds[place] >= need
        return np.logical_and.reduceat(enough, ends - counts)

    def read_dense(self, buffer: Buffer) -> set[tuple[int, int]]:
        """Return places in evasive tokens that are to be aligned."""
        import numpy as np

        if self.dense.automaton is None:
            return set()
        kinds = np.frombuffer(buffer.raw.translate(KINDS), np.uint8)
        marks = np.flatnonzero(kinds >= 2)
        if not len(marks):
            tokens = np.zeros((2, 0), np.int64)
            doubts: set[tuple[int, int]] = set()
        else:
            tokens, doubts = self.suspects(buffer, kinds, marks)
        rows = self.rows(buffer, kinds)
        if not tokens.shape[1] and not rows.shape[1]:
            return doubts
        where, code = gather(buffer, tokens, rows)
        keep = np.flatnonzero(code)
        where, code = where[keep], code[keep]
        groups = changes(code)
        first, last, index = self.dense.find(code[groups])
        if not len(index):
            return doubts
        bounds = np.append(groups, len(where))
        head, head_end = bounds[first], bounds[first + 1]
        tail, tail_end = bounds[last - 1], bounds[last]
        start, end = where[head], where[tail_end - 1] + 1
        # some digit, symbol or gap must be inside, else the plain view has it
        odd = (end - start != tail_end - head) | (
            np.searchsorted(marks, end) > np.searchsorted(marks, start)
        )
        word_before = (kinds[start - 1] == 1) | (kinds[start - 1] == 2)
        solid = where[head_end - 1] - start == head_end - 1 - head
        odd &= ~(solid & word_before & (self.left[index]))
        word_after = (kinds[end] == 1) | (kinds[end] == 2)
        solid = end - 1 - where[tail] == tail_end - 1 - tail
        odd &= ~(solid & word_after & (self.right[index]))
        for place in np.flatnonzero(odd).tolist():
            which = int(index[place])
            left = self.left[which]
            previous = -2
            byte = -1
            for member in where[head[place] : head_end[place]].tolist():
                fresh = member != previous + 1 or buffer.raw[member] != byte
                if fresh or not left:
                    doubts.add((member, which))
                previous, byte = member, buffer.raw[member]
        return doubts

    def suspects(
        self, buffer: Buffer, kinds: Any, marks: Ints
    ) -> tuple[Ints, set[tuple[int, int]]]:
        """Return bounds (rows) of the tokens in which a digit or symbol may be an evasion."""
        import numpy as np

        breaks = np.flatnonzero(marks[1:] - marks[:-1] != 1) + 1
        heads = np.append(0, breaks)
        begin = marks[heads]
        end = marks[np.append(breaks - 1, len(marks) - 1)] + 1
        means = np.bitwise_or.reduceat(np.frombuffer(MEANS, np.uint8)[buffer.bytes[marks]], heads)
        before, after = kinds[begin - 1] == 1, kinds[end] == 1
        wanted = np.where(
            before,
            np.where(after, INSIDE, AFTER),
            np.where(after, BEFORE, ALONE),
        )
        hit = (means & wanted) != 0
        doubts: set[tuple[int, int]] = set()
        alone = ~before & ~after & ((means & LONE) != 0)
        markup = (means & MARKUP) != 0
        raw = buffer.bytes
        alone &= (
            (kinds[begin - 2] != 1)
            | (kinds[begin - 3] != 1)
            | (raw[begin - 2] == raw[begin - 3])
            | (kinds[end + 1] != 1)
            | (kinds[end + 2] != 1)
            | (raw[end + 1] == raw[end + 2])
        )
        for place in np.flatnonzero(alone | markup).tolist():
            number, base = buffer.locate(int(begin[place]))
            text = buffer.texts[number]
            at = int(begin[place]) - base
            low = max(0, at - _WINDOW)
            window = text[low : at + _WINDOW]
            if (markup[place] and TAG.search(window)) or (alone[place] and has_row(window)):
                doubts.update((base + low + p, i) for p, i in self.proposer.parted(window))
        chosen = np.flatnonzero(hit)
        spaces = np.flatnonzero(kinds == 0)
        token = np.searchsorted(spaces, begin[chosen])
        token = token[is_change(token)]
        star = (means & STAR) != 0
        hidden = star & ((before & after) | ((before | after) & (end - begin > 1)))
        hidden |= before & after & (end - begin == 1) & ((means & HIDE) != 0)
        for place in np.flatnonzero(hidden).tolist():
            self.unmask(buffer, int(begin[place]), doubts)
        return np.stack((spaces[token - 1] + 1, spaces[token])), doubts

    def unmask(self, buffer: Buffer, place: int, doubts: set[tuple[int, int]]) -> None:
        """Add where terms may begin that have letters masked at ``place``."""
        number, base = buffer.locate(place)
        text = buffer.texts[number]
        at = place - base
        low = at
        while low and at - low < self.proposer.longest and not text[low - 1].isspace():
            low -= 1
        for start, index in self.proposer.hide(text, low, at):
            doubts.add((start + base, index))

    def rows(self, buffer: Buffer, kinds: Any) -> Ints:
        """Return bounds (rows) of rows of at least three single letters."""
        import numpy as np

        space = buffer.plain == 32
        three = np.flatnonzero(space[:-6] & space[2:-4] & space[4:-2] & space[6:])
        if not len(three):
            return np.zeros((2, 0), np.int64)
        breaks = np.flatnonzero(three[1:] - three[:-1] != 2) + 1
        first = three[np.append(0, breaks)] + 1
        last = three[np.append(breaks - 1, len(three) - 1)] + 6
        return np.stack((buffer.runs[first], buffer.runs[last]))

    def join(
        self, buffer: Buffer, settled: Ints, doubts: set[tuple[int, int]], slow: set[int]
    ) -> tuple[Any, list[tuple[int, Hits]]]:
        """Align what is in doubt and part the hits by text."""
        import numpy as np

        careful: dict[int, Hits] = {}
        count = len(self.patterns)
        certain = {doubt for doubt in doubts if doubt[1] < count}
        for place, index in doubts:
            if index >= count:
                number, base = buffer.locate(place)
                expanded = self.proposer.expand(buffer.texts[number], [(place - base, index)])
                certain.update((start + base, which) for start, which in expanded)
        for place, index in certain:
            number, base = buffer.locate(place)
            if number in slow:
                continue
            found = align(buffer.texts[number], place - base, self.patterns[index])
            if found:
                hit = (place - base, found[0], index, found[1])
                careful.setdefault(number, []).append(hit)
        start, end, index, bits = settled
        owner = np.searchsorted(buffer.starts, start, side="right") - 1
        start = start - buffer.starts[owner]
        end = end - buffer.starts[owner]
        for place in np.flatnonzero(self.allow[index]).tolist():
            careful.setdefault(int(owner[place]), [])
        if careful or slow:
            mine = np.zeros(len(buffer.texts), np.bool_)
            mine[list(careful)] = True
            mine[list(slow)] = True
            for place in np.flatnonzero(mine[owner]).tolist():
                number = int(owner[place])
                if number not in slow:
                    careful[number].append(
                        (int(start[place]), int(end[place]), int(index[place]), int(bits[place]))
                    )
            keep = ~mine[owner]
            owner, start, end, index, bits = (
                column[keep] for column in (owner, start, end, index, bits)
            )
        for number in slow:
            text = buffer.texts[number]
            hits = careful[number] = []
            for place, which in self.proposer.propose(text):
                found = align(text, place, self.patterns[which])
                if found:
                    hits.append((place, found[0], which, found[1]))
        order = np.lexsort((index, end, start, owner))
        columns = [column[order] for column in (owner, start, end, index, bits)]
        return columns, [(number, list(dict.fromkeys(hits))) for number, hits in careful.items()]

"""Vocabulary: raw strings to ragged token ids.

WordPieces are cut by the compiled library (``moddefense.native``), and where that is missing by a
TF-Text graph (``moddefense.wordpiece``).

A text is folded (``moddefense.folding``), respelt (``moddefense.respelling``), cut into words and
WordPieces, and each piece that begins
a word without being all of it gets an *opening* id of its own: a rude word that is the beginning of
a surname must not share the embedding of the rude word.
"""

from __future__ import annotations

import json
import re
import string
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from moddefense import native
from moddefense.display import shown
from moddefense.folding import fold, fold_many
from moddefense.respelling import SHORTEST, Respeller
from moddefense.segmentation import Segmenter
from moddefense.usual import usual_words

if TYPE_CHECKING:
    from moddefense.native.respelling import CompiledRespeller
    from moddefense.native.wordpiece import WordPiece

__all__ = ["PAD", "Graph", "TokenColumn", "Tokenizer", "Tokens", "learn_vocabulary"]

PAD, UNKNOWN, OPENING = 0, 1, 2  # OPENING: any word beginning too rare for an embedding of its own
SPECIAL = ("[PAD]", "[UNK]", "[OPEN]")
SUFFIX = "##"
ALPHABET = 1000  # letters at most; the rarest are left to [UNK]
_WORD = re.compile(r"\w+|[^\w\s]")
LONGEST_PIECE = 100  # bytes; a shout pasted often would become one piece, and TF-Text takes 256


Graph = Callable[[Sequence[bytes]], tuple[np.ndarray, np.ndarray]]
"""Prepared UTF-8 texts to their ids, int32 ``[total]``, and the number of ids of each."""


class Tokens(NamedTuple):
    """Ragged token ids: ``values`` int32 ``[total]`` and ``lengths`` int64 ``[texts]``."""

    values: np.ndarray
    lengths: np.ndarray

    @property
    def starts(self) -> np.ndarray:
        """Index in ``values`` where each text begins, int64 ``[texts]``."""
        return np.cumsum(self.lengths) - self.lengths

    def extend(self, other: Tokens) -> Tokens:
        """Return these tokens with those of ``other`` behind them."""
        return Tokens(
            np.concatenate([self.values, other.values]),
            np.concatenate([self.lengths, other.lengths]),
        )

    def take(self, rows: np.ndarray) -> Tokens:
        """Return the tokens of ``rows`` (indices), in that order."""
        lengths = self.lengths[rows]
        offsets = np.repeat(self.starts[rows] - (np.cumsum(lengths) - lengths), lengths)
        return Tokens(self.values[np.arange(lengths.sum()) + offsets], lengths)


class Tokenizer:
    """Strings to token ids.

    ``pieces`` is the WordPiece vocabulary, special pieces first; ``openings`` are those that have
    an opening id, in the order of these ids, which follow those of the pieces. Both are stored in
    one JSON file. ``alphabet`` has the letters that words may be spelt with, ``continues`` says of
    each piece whether it goes on with a word, ``opening`` what id it has where it begins a longer
    one. ``lang`` is the language in which misspelt words are known; where it is empty, has no list
    of usual words, or is not that of the vocabulary, nothing is respelt. ``graph`` cuts into pieces
    where there is no compiled library and TensorFlow in this process shall not; else that is
    imported with the first text.
    """

    def __init__(
        self,
        pieces: Iterable[str],
        openings: Iterable[str] = (),
        *,
        lang: str = "",
        graph: Graph | None = None,
    ) -> None:
        self.lang = lang
        self.pieces = tuple(pieces)
        self.openings = tuple(openings)
        index = {piece: i for i, piece in enumerate(self.pieces)}
        self.continues = np.array([piece.startswith(SUFFIX) for piece in self.pieces])
        self.opening = np.full(len(self.pieces), OPENING, np.int32)
        for position, piece in enumerate(self.openings):
            self.opening[index[piece]] = len(self.pieces) + position
        self.opening[UNKNOWN] = UNKNOWN
        self.alphabet = {piece for piece in self.pieces if len(piece) == 1} & {
            piece[len(SUFFIX) :] for piece in self.pieces if piece.startswith(SUFFIX)
        }
        self._spacing = _Spacing(self.alphabet)
        # Punctuation stands apart in any case.
        self._spells_ascii = self.alphabet.issuperset(string.ascii_lowercase + string.digits)
        self._given = graph

    @cached_property
    def graph(self) -> Graph:
        """What cuts prepared texts into WordPieces."""
        graph = self._compiled or self._given
        if graph is not None:
            return graph
        from moddefense.wordpiece import wordpiece_graph

        return wordpiece_graph(self.pieces, unknown=SPECIAL[UNKNOWN], suffix=SUFFIX)

    @cached_property
    def _compiled(self) -> WordPiece | None:
        if native.library() is None:
            return None
        from moddefense.native.wordpiece import WordPiece

        return WordPiece(
            self.pieces, unknown=SPECIAL[UNKNOWN], suffix=SUFFIX, alphabet=self.alphabet,
            opening=self.opening,
        )  # fmt: skip

    @property
    def size(self) -> int:
        """Number of ids, openings included."""
        return len(self.pieces) + len(self.openings)

    def piece(self, token: int) -> str:
        """Return the piece that an id stands for; openings end in ``-``.

        >>> Tokenizer(["[PAD]", "[UNK]", "[OPEN]", "cock"], ["cock"]).piece(4)
        'cock-'
        """
        n = len(self.pieces)
        return self.pieces[token] if token < n else f"{self.openings[token - n]}-"

    def __call__(self, texts: Sequence[str]) -> Tokens:
        """Fold and tokenise texts (a sequence of str)."""
        if self._compiled is None:
            return self.tokenize_folded(fold_many([shown(text) for text in texts]))
        folded = [text if text.isascii() else fold(shown(text)) for text in texts]
        return self._tokenize_compiled(self._compiled, folded, plain=True)

    def tokenize_folded(self, folded: Sequence[str]) -> Tokens:
        """Tokenise texts that are folded already."""
        if not folded:
            return Tokens(np.empty(0, np.int32), np.empty(0, np.int64))
        if self._compiled is not None:
            return self._tokenize_compiled(self._compiled, folded)
        if self.respeller is not None:
            folded = list(map(self.respeller, folded))
        values, lengths = self.graph([self._prepare(text) for text in folded])
        return Tokens(self._open(values), lengths)

    def _tokenize_compiled(
        self, compiled: WordPiece, texts: Sequence[str], *, plain: bool = False
    ) -> Tokens:
        """Tokenise folded texts; with ``plain``, those of ASCII alone are not folded yet."""
        from moddefense.native.wordpiece import long_runs

        encoded = [text.encode("utf-8", "replace") for text in texts]
        if self._compiled_respeller is not None:
            self._compiled_respeller.respell(encoded, plain=plain)
        for row in long_runs(encoded, self.segmenter.least).tolist():
            text = encoded[row].decode()
            encoded[row] = self.segmenter.spread(fold(text) if plain else text).encode()
        # Letters that cannot be spelt stand apart there.
        return Tokens(*compiled.opened(encoded, fold=plain))

    @cached_property
    def as_written(self) -> Tokenizer:
        """The tokenizer that respells nothing."""
        return Tokenizer(self.pieces, self.openings, graph=self._given)

    @cached_property
    def respeller(self) -> Respeller | None:
        """What reads misspelt and disguised words as words of the vocabulary, or None."""
        usual = usual_words(self.lang) if self.lang else frozenset()
        words = [word for word in self._words if len(word) > SHORTEST]
        if 2 * sum(word in usual for word in words) <= len(words):
            return None  # a vocabulary of another language
        return Respeller(self._words, usual)

    @cached_property
    def _compiled_respeller(self) -> CompiledRespeller | None:
        if self.respeller is None:
            return None
        from moddefense.native.respelling import CompiledRespeller

        return CompiledRespeller(self.respeller.words, self.lang)

    @property
    def _words(self) -> list[str]:
        """The pieces that are words, most frequent first."""
        # WordPiece vocabularies are learnt by frequency, and stand in that order.
        return [p for p in self.pieces[len(SPECIAL) :] if not p.startswith(SUFFIX)]

    @cached_property
    def segmenter(self) -> Segmenter:
        """What cuts long runs of letters into the words of the vocabulary."""
        return Segmenter(self._words)

    def spans(self, folded: str) -> list[tuple[int, int, bool]]:
        """Where in a folded text each token comes from, and whether it continues a word.

        Half-open, in characters of ``folded``; in the order of the tokens that the text becomes.
        """
        respelt, whence = self._respelt(folded)
        prepared = self._prepare(respelt)
        text = prepared.decode("utf-8")
        origin, place = list[tuple[int, int]](), 0
        for char in text:  # spaces may have been put in, and a lone surrogate is a ? now
            same = place < len(respelt) and (
                char == respelt[place] or "\ud800" <= respelt[place] <= "\udfff"
            )
            origin.append(whence[min(place, len(respelt) - 1)])
            place += same
        values, _ = self.graph([prepared])
        found, position = [], 0
        for token in values.tolist():
            piece = self.pieces[token]
            continues = bool(self.continues[token])
            match = _WORD.search(text, position) if token == UNKNOWN else None
            length = len(match.group()) if match else len(piece) - len(SUFFIX) * continues
            begin = match.start() if match else text.find(piece[-length:], position)
            if (token == UNKNOWN and match is None) or begin < 0:
                found.append((0, 0, continues))
                continue
            position = begin + length
            found.append((origin[begin][0], origin[position - 1][1], continues))
        return found

    def _respelt(self, folded: str) -> tuple[str, list[tuple[int, int]]]:
        """A folded text respelt, and where in it each character comes from."""
        edits = self.respeller.edits(folded) if self.respeller is not None else []
        pieces, whence, last = list[str](), list[tuple[int, int]](), 0
        for start, end, instead in [*edits, (len(folded), len(folded), "")]:
            pieces += (folded[last:start], instead)
            whence += [(place, place + 1) for place in range(last, start)]
            whence += [(start, end)] * len(instead)
            last = end
        return "".join(pieces), whence

    def _prepare(self, text: str) -> bytes:
        text = self.segmenter.spread(text)
        if not (self._spells_ascii and text.isascii()):
            text = text.translate(self._spacing)
        return text.encode("utf-8", "replace")

    def _open(self, values: np.ndarray) -> np.ndarray:
        """Replace each word beginning that a continuation follows by its opening id.

        A text never begins with a continuation, so neighbours in the flat array may be compared
        without regard to where texts end.
        """
        begins = np.zeros(len(values), bool)
        continues = self.continues[values]
        begins[:-1] = ~continues[:-1] & continues[1:]
        return np.where(begins, self.opening[values], values).astype(np.int32)

    def with_openings(self, folded: Sequence[str], *, min_frequency: int) -> Tokenizer:
        """Return a tokenizer whose openings are those that occur in ``folded`` often enough."""
        openings = [piece for piece in self.pieces[len(SPECIAL) :] if piece[:2] != SUFFIX]
        everything = Tokenizer(self.pieces, openings)  # words as they are written
        values = everything.tokenize_folded(folded).values
        counts = np.bincount(values, minlength=everything.size)[len(self.pieces) :]
        return Tokenizer(
            self.pieces,
            [
                piece
                for piece, count in zip(everything.openings, counts.tolist(), strict=True)
                if count >= min_frequency
            ],
            lang=self.lang,
        )

    def save(self, path: Path) -> None:
        """Write the vocabulary as JSON."""
        content = {"lang": self.lang, "pieces": self.pieces, "openings": self.openings}
        path.write_text(json.dumps(content, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path, *, graph: Graph | None = None) -> Tokenizer:
        """Read what ``save`` wrote; vocabularies that name no language are English."""
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        lang = content.get("lang", "en")
        return cls(content["pieces"], content["openings"], lang=lang, graph=graph)


class TokenColumn:
    """Token ids of the rows of one screening; a row is tokenised when first asked for, and once."""

    def __init__(self, tokenizer: Tokenizer, texts: Sequence[str]) -> None:
        self._tokenizer = tokenizer
        self._texts = texts
        self._place = np.full(len(texts), -1, np.int64)
        self._tokens = Tokens(np.empty(0, np.int32), np.empty(0, np.int64))

    def take(self, rows: np.ndarray) -> Tokens:
        """Return the tokens of ``rows`` (indices)."""
        missing = rows[self._place[rows] < 0]
        if missing.size:
            everything = missing.size == len(rows) and not len(self._tokens.lengths)
            new = self._tokenizer([self._texts[row] for row in missing.tolist()])
            self._place[missing] = len(self._tokens.lengths) + np.arange(missing.size)
            self._tokens = new if everything else self._tokens.extend(new)
            if everything:
                return new
        return self._tokens.take(self._place[rows])


class _Spacing(dict[int, str]):
    """Puts spaces around every character that the vocabulary cannot spell.

    Else one emoji glued to a word would turn the whole word into [UNK].
    """

    def __init__(self, alphabet: Iterable[str]) -> None:
        super().__init__((ord(letter), letter) for letter in alphabet)

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        return letter if letter.isspace() else f" {letter} "


def learn_vocabulary(
    folded: Iterable[str], *, size: int, min_frequency: int, lang: str = ""
) -> Tokenizer:
    """Learn a WordPiece vocabulary on folded texts, with the ``tokenizers`` package.

    ``lang`` is as in ``Tokenizer``.

    The package numbers letters in the order in which it happens to meet them and settles ties
    between equally frequent pairs by these numbers, so the letters are numbered here: the same
    texts give the same vocabulary.
    """
    from tokenizers import Tokenizer as Learner
    from tokenizers import models, pre_tokenizers, trainers

    folded = list(folded)
    splitter = pre_tokenizers.BertPreTokenizer()
    letters: Counter[str] = Counter()
    continuing: set[str] = set()
    for chunk, count in Counter(chunk for text in folded for chunk in text.split()).items():
        for word, _ in splitter.pre_tokenize_str(chunk):
            continuing.update(word[1:])
            for letter in word:
                letters[letter] += count
    # Each letter takes two places: at the beginning of a word and in it.
    most = min(ALPHABET, (size - len(SPECIAL)) // 2)
    alphabet = sorted(letters, key=lambda letter: (-letters[letter], letter))[:most]
    continuations = sorted(f"{SUFFIX}{letter}" for letter in continuing & set(alphabet))
    learner = Learner(models.WordPiece(unk_token=SPECIAL[UNKNOWN]))
    learner.pre_tokenizer = splitter
    trainer = trainers.WordPieceTrainer(
        vocab_size=size,
        min_frequency=min_frequency,
        initial_alphabet=alphabet,
        limit_alphabet=len(alphabet),
        special_tokens=[*SPECIAL, *continuations],
        continuing_subword_prefix=SUFFIX,
        show_progress=False,
    )
    learner.train_from_iterator(folded, trainer)
    vocabulary = learner.get_vocab()
    pieces = sorted(vocabulary, key=lambda piece: vocabulary[piece])
    return Tokenizer((p for p in pieces if len(p.encode()) <= LONGEST_PIECE), lang=lang)

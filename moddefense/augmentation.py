"""Texts that are added to training: harmless words and disguises, which corpora of abuse lack."""

from __future__ import annotations

import dataclasses
import random
import re
from collections.abc import Mapping, Sequence

import numpy as np

from moddefense.attacks import perturb
from moddefense.corpus import Corpus
from moddefense.evaluation.identities import read_identities
from moddefense.folding import fold_many
from moddefense.lexicon import Lexicon, Matcher, load_lexicon
from moddefense.lexicon.curation.harmless import common_words
from moddefense.recipe import Recipe
from moddefense.resources import words_path

__all__ = ["augmented", "harmless_texts", "listed_words", "noisy_texts"]

LONGEST = 3  # words in one added text
NAMED = 4  # one added text in so many names a group of people
CUT = 1000  # characters of a text that are disguised; what follows is left out
TWICE = 0.25  # share of the disguised texts that are disguised in two ways
WORDS = (0.2, 0.5, 1.0, 1.0)  # shares of a text's words that are disguised, equally likely
_WORD = re.compile(r"\w+")


def augmented(recipe: Recipe, corpus: Corpus) -> Corpus:
    """Return the training split with the texts behind it that the recipe adds."""
    keys = recipe.augmentation
    texts, labels = list(corpus.texts), [corpus.labels]
    main = [corpus.scored]
    if keys.harmless_words:
        harmless = harmless_texts(
            corpus.texts, count=keys.harmless_words, lang=keys.lang, seed=recipe.seed,
            tricky=keys.tricky,
        )  # fmt: skip
        texts += harmless
        labels.append(np.zeros((len(harmless), corpus.labels.shape[1]), np.float32))
        main.append(np.zeros(len(harmless), np.float32))
    if recipe.noise.share:
        rows, noisy = noisy_texts(
            texts, share=recipe.noise.share, kinds=recipe.noise.kinds, seed=recipe.seed
        )
        texts += noisy
        labels.append(np.concatenate(labels)[rows])
        main.append(np.concatenate(main)[rows])
    return dataclasses.replace(
        corpus, texts=tuple(texts), labels=np.concatenate(labels), splits=None, ids=None,
        columns={}, main=np.concatenate(main) if corpus.main is not None else None,
    )  # fmt: skip


def harmless_texts(
    texts: Sequence[str], *, count: int, lang: str, seed: int, tricky: float = 0.5
) -> list[str]:
    """Return ``count`` texts of up to three harmless words, drawn at random; some have none.

    A classifier that reads pieces of words sees a swearword inside every third surname, and in
    real comments it meets few surnames. The words are those of ``lang`` that neither a list nor the
    corpus (``texts``) knows: what the corpus does know, it shall teach. A share ``tricky`` of them
    has a listed word inside ("cockburn"): those are few, and go wrong. One English text in
    NAMED names a group of people as well, because corpora of abuse name them to insult them and
    so teach that the name is the insult. Nothing is returned for a language without a list of
    common words.
    """
    words = _harmless_words(texts, lang)
    if not words:
        return []
    generator = np.random.Generator(np.random.PCG64(seed))
    sizes = generator.integers(0, LONGEST + 1, count)
    drawn = generator.integers(0, len(words), sizes.sum())
    listed = listed_words(load_lexicon("en"))
    hard = [index for index, word in enumerate(words) if listed.search(word)]
    if hard:
        again = np.array(hard)[generator.integers(0, len(hard), sizes.sum())]
        drawn = np.where(generator.random(sizes.sum()) < tricky, again, drawn)
    ends = np.cumsum(sizes)
    found = [
        " ".join(words[i] for i in drawn[end - size : end].tolist())
        for size, end in zip(sizes.tolist(), ends.tolist(), strict=True)
    ]
    if lang != "en":
        return found
    groups = sorted({form for forms in read_identities().values() for form in forms})
    chosen = generator.integers(0, len(groups), count).tolist()
    first = (generator.random(count) < 0.5).tolist()
    for row in np.flatnonzero(generator.random(count) < 1 / NAMED).tolist():
        pair = (groups[chosen[row]], found[row])
        found[row] = " ".join(pair if first[row] else pair[::-1]).strip()
    return found


def _harmless_words(texts: Sequence[str], lang: str) -> list[str]:
    known = {word for folded in fold_many(texts) for word in _WORD.findall(folded)}
    path = words_path(lang)
    names = path.read_text(encoding="utf-8").split() if path.is_file() else []
    candidates = {*common_words(lang), *names} - known
    words = sorted(w for w in candidates if len(w) > 2 and w.isalpha())
    hits = Matcher(load_lexicon("en")).find_many(words)
    return [word for word, found in zip(words, hits, strict=True) if not found]


def listed_words(lexicon: Lexicon) -> re.Pattern[str]:
    """What finds the block terms of a list wherever their letters stand, whole words or not."""
    terms = fold_many([term.term for term in lexicon.terms if term.kind == "block"])
    plain = sorted({term for term in terms if len(term) > 2 and term.isalpha()})
    return re.compile("|".join(plain) or "(?!)")


def noisy_texts(
    texts: Sequence[str], *, share: float, kinds: Mapping[str, float], seed: int
) -> tuple[np.ndarray, list[str]]:
    """Return the rows of a random ``share`` of the texts, and those texts as people disguise them.

    ``kinds`` are the relative frequencies of families of ``moddefense.attacks``; strength and share
    of words are drawn as well. Perturbing embeddings does not answer misspelling: it stays close to
    words that the vocabulary has.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    rows = np.flatnonzero(generator.random(len(texts)) < share)
    rng = random.Random(seed)
    names, weights = list(kinds), list(kinds.values())
    found = []
    for row in rows.tolist():
        text = texts[row][:CUT]
        for family in rng.choices(names, weights, k=2 if rng.random() < TWICE else 1):
            strength = rng.uniform(0.2, 1)
            text = perturb(text, family, strength=strength, rng=rng, words=rng.choice(WORDS)).text
        found.append(text)
    return rows, found

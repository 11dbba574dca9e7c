"""Recall on misspellings that people wrote, at the threshold of 5 % false positives."""

from __future__ import annotations

import hashlib
import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pyarrow.parquet as pq
from ablation import comments
from corpora import corpus_path
from markers import table
from spellings import Spelling, spellings, tokens

from moddefense.attacks import perturb, word_spans
from moddefense.attacks.measuring import threshold_at
from moddefense.attacks.targets import Target, load_target
from moddefense.lexicon import load_lexicon

TITLE = "As people misspell"
RATE = 0.05
TARGETS = ("pipeline", "classifier")
HARMFUL, HARMLESS = 2000, 5000
NATURAL = 0.4  # strength of what is drawn by families
FAMILIES = ("misspelling", "phonetic", "keyboard", "swap", "delete", "insert")
LEARNT = (
    "davidson", "edos", "implicit_hate", "stormfront", "convabuse", "paradetox", "toxigen_human",
    "hatemoji_build",
)  # fmt: skip
KEPT_ASIDE = ("hatexplain_valtest", "wiki_cat_large")
SPLIT = "jigsaw_toxic"  # its train and dev were learnt, its test was not

Change = Callable[[str, random.Random], str]


def report(bundle: str = "default", *, show: int = 0) -> str:
    """Measure a bundle and return the results as Markdown; ``show`` misses go to stderr."""
    harmful, harmless = comments(HARMFUL, HARMLESS)
    learnt, aside = _counted()
    listed = {
        term.term
        for term in load_lexicon("en")
        if term.kind == "block" and term.status == "active" and re.fullmatch("[a-z]+", term.term)
    }
    frequent = {word for word, count in (learnt + aside).most_common(4000) if word.isalpha()}
    rude = spellings(learnt + aside, listed)
    known = spellings(learnt + aside, listed | frequent)
    unseen = {
        word: new
        for word, found in rude.items()
        if (new := [one for one in found if one.written not in learnt])
    }
    texts = [t for t in harmful if any(t[a:b].lower() in rude for a, b in word_spans(t))]
    changes: dict[str, Change] = {
        "the listed words, as people spelt them": _by_spellings(rude),
        "… only spellings that training had not": _by_spellings(unseen),
        "the listed and a fifth of the other words": _by_spellings(known, rude, others=0.2),
        **{f"the listed words, family {name}": _by_family(name, rude) for name in FAMILIES},
    }
    targets = [load_target(name, bundle) for name in TARGETS]
    thresholds = [threshold_at(target.score(harmless), RATE) for target in targets]
    rows = []
    for name, change in changes.items():
        pairs = [(text, change(text, _generator(text))) for text in texts]
        pairs = [(before, after) for before, after in pairs if before != after]
        rows.append([name, f"{len(pairs):,}", *_recalls(pairs, targets, thresholds)])
        if show:
            _tell(name, pairs, targets[0], thresholds[0], show)
    count = sum(map(len, rude.values()))
    return "\n\n".join(
        [
            f"Comments of jigsaw_toxic test that are harmful and have a listed word of which a "
            f"spelling is known: recall at {RATE:.0%} false positives, as they are and misspelt. "
            f"The spellings, {count} of {len(rude)} listed words ({sum(map(len, unseen.values()))} "
            "of them in no training text), were mined from the corpora: tokens that no dictionary "
            "knows, with the sounds of a known word and one letter, in long words two, away from "
            f"it. Families draw at strength {NATURAL:g}.",
            table(
                ["misspelt", "texts", *(f"{t}, {w}" for t in TARGETS for w in ("before", "after"))],
                rows,
            ),
        ]
    )


def _counted() -> tuple[Counter[str], Counter[str]]:
    """Tokens of the texts that training has, and of those that it has not."""
    learnt: list[str] = []
    aside: list[str] = []
    for names, texts in ((LEARNT, learnt), (KEPT_ASIDE, aside)):
        for name in names:
            texts += pq.read_table(corpus_path(name), columns=["text"])["text"].to_pylist()
    split = pq.read_table(corpus_path(SPLIT), columns=["text", "split"]).to_pydict()
    for text, part in zip(split["text"], split["split"], strict=True):
        (aside if part == "test" else learnt).append(text)
    return tokens(learnt), tokens(aside)


def _by_spellings(
    known: Mapping[str, Sequence[Spelling]], always: Mapping[str, object] | None = None,
    *, others: float = 1.0,
) -> Change:  # fmt: skip
    """Replace words by their spellings: those of ``always``, of the others a share."""

    def change(text: str, rng: random.Random) -> str:
        pieces, last = [], 0
        for start, end in word_spans(text):
            word = text[start:end].lower()
            found = known.get(word)
            if not found or not (word in (always or ()) or rng.random() < others):
                continue
            written = rng.choices(found, [one.texts for one in found])[0].written
            pieces += [text[last:start], written.upper() if text[start:end].isupper() else written]
            last = end
        return "".join((*pieces, text[last:]))

    return change


def _by_family(name: str, rude: Mapping[str, object]) -> Change:
    def change(text: str, rng: random.Random) -> str:
        spans = word_spans(text)
        words = [i for i, (a, b) in enumerate(spans) if text[a:b].lower() in rude]
        return perturb(text, name, strength=NATURAL, rng=rng, words=words).text

    return change


def _recalls(
    pairs: Sequence[tuple[str, str]], targets: Sequence[Target], thresholds: Sequence[float]
) -> list[str]:
    return [
        f"{np.mean(target.score(list(texts)) >= threshold):.3f}"
        for target, threshold in zip(targets, thresholds, strict=True)
        for texts in zip(*pairs, strict=True)
    ]


def _tell(
    name: str, pairs: Sequence[tuple[str, str]], target: Target, threshold: float, show: int
) -> None:
    before, after = (target.score([pair[i] for pair in pairs]) >= threshold for i in (0, 1))
    for row in np.flatnonzero(before & ~after)[:show].tolist():
        print(f"{name}: {pairs[row][1][:300]!r}", file=sys.stderr)


def _generator(text: str) -> random.Random:
    return random.Random(hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest())


if __name__ == "__main__":
    print(report(show=10))

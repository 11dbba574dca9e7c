"""What robustness costs: harmless words and comments flagged, quality, speed."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pyarrow.parquet as pq
from ablation import comments, trained
from corpora import corpus_path
from markers import table

import moddefense as md
from moddefense.attacks.measuring import threshold_at
from moddefense.attacks.targets import Target, load_target
from moddefense.augmentation import listed_words
from moddefense.bundle import read_manifest
from moddefense.corpus import Corpus
from moddefense.folding import fold_many
from moddefense.lexicon import Matcher, load_lexicon
from moddefense.lexicon.curation.corpora import take_split

TITLE = "What robustness costs"
RATE = 0.05
HARMLESS = 5000  # comments that set the threshold
SPEED = 3000  # comments screened for the speed
ROUNDS = 5
CARRIERS = (
    "I moved to %s last year.", "Has anybody seen %s today?", "The page on %s needs a source.",
    "%s was there as well, thank you.", "We talked about %s for a while.",
)  # fmt: skip
CORPORA = (("jigsaw_toxic", "test"), ("wiki_cat_large", None), ("convabuse", None))


def report(bundle: str = "default") -> str:
    """Measure a bundle and return the results as Markdown."""
    pipeline, decision = (load_target(name, bundle) for name in ("pipeline", "decision"))
    _, harmless = comments(0, HARMLESS)
    threshold = threshold_at(pipeline.score(harmless), RATE)
    words: list[str] = pq.read_table(corpus_path("benign_trap_words"))["text"].to_pylist()
    carried = [CARRIERS[i % len(CARRIERS)] % word for i, word in enumerate(words)]
    samples = {
        "harmless comments of jigsaw_toxic test": harmless,
        "harmless trap words, alone": words,
        "harmless trap words, in harmless sentences": carried,
        **{
            f"harmless comments of {name} with a {kind}": texts
            for name, split in CORPORA
            for kind, texts in _risky(name, split).items()
        },
    }
    rows = [
        [name, f"{len(texts):,}", _share(pipeline, texts, threshold), _share(decision, texts, 1.0)]
        for name, texts in samples.items()
    ]
    head = ["flagged, %", "texts", f"pipeline at {RATE:.0%} false positives", "its policy"]
    return "\n\n".join([table(head, rows), _trained(harmless[:SPEED])])


def _share(target: Target, texts: Sequence[str], threshold: float) -> str:
    return f"{(target.score(texts) >= threshold).mean():.1%}" if texts else "–"


def _risky(name: str, split: str | None) -> dict[str, list[str]]:
    """Harmless comments that a list hits, and those in whose words a listed word stands."""
    corpus = take_split(Corpus.read(corpus_path(name)), split)
    texts = sorted({t for t, v in zip(corpus.texts, corpus.harmful, strict=True) if v == 0})
    hits = Matcher(load_lexicon("en")).find_many(texts)
    listed = [any(hit.term.kind == "block" for hit in found) for found in hits]
    inside = listed_words(load_lexicon("en"))
    held = [inside.search(folded) is not None for folded in fold_many(texts)]
    return {
        "listed word": [t for t, hit in zip(texts, listed, strict=True) if hit],
        "listed word inside another": [
            t for t, hit, holds in zip(texts, listed, held, strict=True) if holds and not hit
        ],
    }


def _trained(texts: Sequence[str]) -> str:
    """Quality and speed of the ablation's bundles with all defences, against that with none."""
    names = ("none", "all")
    folders = {name: trained(name) for name in names}
    aucs = [read_manifest(folders[name])["metrics"]["test"]["harm"]["auc"] for name in names]
    guards = {name: md.load(folder) for name, folder in folders.items()}
    best = dict.fromkeys(names, float("inf"))
    for turn in range(ROUNDS + 1):  # interleaved, so that a noisy moment hits both alike
        for name, guard in guards.items():
            began = time.perf_counter()
            guard.screen(texts)
            if turn:  # the first loads the models
                best[name] = min(best[name], time.perf_counter() - began)
    return table(
        ["jigsaw_toxic alone, two epochs", "none", "all", "difference"],
        [
            ["AUC, test split", *(f"{auc:.4f}" for auc in aucs), f"{aucs[1] - aucs[0]:+.4f}"],
            ["texts/s, whole pipeline", *(f"{len(texts) / best[name]:,.0f}" for name in names),
             f"{best['none'] / best['all'] - 1:+.1%}"],
        ],
    )  # fmt: skip


if __name__ == "__main__":
    print(report())

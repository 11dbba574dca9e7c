"""What each defence is worth: bundles trained with and without it, under the same attacks."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from corpora import CHECKOUT, corpus_path
from markers import say_progress, table

import moddefense as md
from moddefense.attacks.families import FAMILIES
from moddefense.attacks.running import Plan, System, run
from moddefense.bundle import read_manifest
from moddefense.corpus import Corpus
from moddefense.lexicon.curation.corpora import take_split
from moddefense.recipe import Recipe

TITLE = "What each defence is worth"
FOLDER = CHECKOUT / "out" / "robustness"
RECIPE = "english"
# One corpus and few epochs: minutes a bundle, and the same for all of them.
COMMON: Mapping[str, Any] = {"training.epochs": 2, "training.early_stopping": False}
# A language without a list of usual words: misspelt words are not read as known ones in training.
UNREAD: Mapping[str, Any] = {"augmentation.harmless_words": 0, "augmentation.lang": "none"}
PLAIN: Mapping[str, Any] = {"noise.share": 0.0, "adversarial.method": "none"}
READING = ("folding", "matching")
# name → what the recipe says otherwise, and what is switched off when the bundle is used
VARIANTS: Mapping[str, tuple[Mapping[str, Any], tuple[str, ...]]] = {
    "none": ({**UNREAD, **PLAIN}, READING),
    "folding": ({**PLAIN, "augmentation.harmless_words": 0}, ()),
    "adversarial": ({**UNREAD, "noise.share": 0.0}, READING),
    "augmentation": ({**UNREAD, "adversarial.method": "none"}, READING),
    "all": ({}, ()),
}
ROWS: Mapping[str, tuple[str, ...]] = {
    "visual, all eleven": tuple(f.name for f in FAMILIES.values() if f.group == "visual"),
    "leetspeak": ("leet",),
    "repetition": ("repetition",),
    "spacing": ("spacing",),
    "masking": ("masking",),
    "typing errors, all four": tuple(f.name for f in FAMILIES.values() if f.group == "typing"),
    "phonetic": ("phonetic",),
    "misspelling": ("misspelling",),
    "all spaces removed": ("no-spaces",),
    "“love” appended": ("love",),
}
TARGETS = {"pipeline": "Whole pipeline", "classifier": "Classifier alone"}
PLAN = Plan(
    targets=tuple(TARGETS), strengths=(0.5,),
    attacks=tuple(name for names in ROWS.values() for name in names),
)  # fmt: skip
HARMFUL, HARMLESS = 300, 1500


def report() -> str:
    """Train what is not there yet, attack, and return the tables as Markdown."""
    folders = {name: trained(name) for name in VARIANTS}
    systems = [System(name, str(folders[name]), off) for name, (_, off) in VARIANTS.items()]
    harmful, harmless = comments(HARMFUL, HARMLESS)
    found = run(
        systems, PLAN, harmful, harmless, cache=FOLDER / "ablation.jsonl",
        progress=say_progress,
    )  # fmt: skip
    measured = {(row["target"], row["system"]): row for row in found["results"]}
    parts = [
        f"{len(harmful)} harmful comments of jigsaw_toxic test, every word of them attacked at "
        f"strength {PLAN.strengths[0]:g}: share still flagged, relative to the comments as they "
        f"are, at {PLAN.false_positives:.0%} false positives on {len(harmless):,} harmless ones. "
        f"Recipe `{RECIPE}` on jigsaw_toxic alone, {COMMON['training.epochs']} epochs; each "
        "defence added alone to none, then all of the recipe. Folding stands for all that reads "
        "through disguises: the fold, the matcher's evasion steps, what models read instead."
    ]
    for target, title in TARGETS.items():
        rows = [
            [label, *(_mean(measured[target, name], names) for name in VARIANTS)]
            for label, names in ROWS.items()
        ]
        recall = [f"{measured[target, name]['recall']:.3f}" for name in VARIANTS]
        parts.append(table([title, *VARIANTS], [*rows, ["recall, not attacked", *recall]]))
    return "\n\n".join([*parts, _price(folders)])


def comments(harmful: int, harmless: int) -> tuple[list[str], list[str]]:
    """Distinct comments of jigsaw_toxic test, drawn by a hash of their text."""
    corpus = take_split(Corpus.read(corpus_path("jigsaw_toxic")), "test")
    found = []
    for label, most in ((1, harmful), (0, harmless)):
        own = {t for t, value in zip(corpus.texts, corpus.harmful, strict=True) if value == label}
        found.append(sorted(own, key=_digest)[:most])
    return found[0], found[1]


def trained(name: str) -> Path:
    """Return the folder of a variant's bundle, trained where it is not there yet."""
    recipe = md.load_recipe(RECIPE, {**COMMON, **VARIANTS[name][0]})
    folder = FOLDER / f"{name}-{_digest(json.dumps(recipe.as_dict()) + md.__version__)[:12]}"
    if not _seconds(folder).is_file():
        print(f"training {name}", file=sys.stderr)
        _train(recipe, folder)
    return folder


def _train(recipe: Recipe, folder: Path) -> None:
    from moddefense.training import train

    corpus = Corpus.read(corpus_path("jigsaw_toxic"), label_columns=recipe.corpus.label_columns)
    busy = time.process_time()
    train(recipe, corpus, progress=_say).bundle.save(folder)
    _seconds(folder).write_text(json.dumps(time.process_time() - busy))


def _seconds(folder: Path) -> Path:
    return Path(f"{folder}.seconds")


def _say(event: Mapping[str, Any]) -> None:
    if event["kind"] == "epoch":
        print(f"  epoch {event['epoch']}", file=sys.stderr)


def _mean(row: Mapping[str, Any], names: tuple[str, ...]) -> str:
    kept = [one["kept"] for one in row["attacks"] if one["family"] in names]
    return f"{fmean(kept):.2f}"


def _price(folders: Mapping[str, Path]) -> str:
    """What a defence costs: quality on the comments as they are, and training."""
    aucs = [read_manifest(folder)["metrics"]["test"]["harm"]["auc"] for folder in folders.values()]
    seconds = [float(_seconds(folder).read_text()) for folder in folders.values()]
    return table(
        ["Price", *folders],
        [
            ["AUC of the classifier, test split", *(f"{value:.4f}" for value in aucs)],
            ["training, CPU seconds", *(f"{value:.0f}" for value in seconds)],
            ["ratio", *(f"{value / seconds[0]:.2f}" for value in seconds)],
        ],
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


if __name__ == "__main__":
    print(report())

"""What uncertainty knows of the errors: dropout, a deep ensemble of small members, score distance.

    python benchmarks/uncertainty.py [--write]

The members are trained on jigsaw_toxic once, from different seeds, and kept in ``out/members``.
That takes minutes a member, which is why ``make bench`` leaves this one out. With ``--write`` the
tables replace those in ``docs/evaluation.md``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from corpora import CHECKOUT, corpus_path

import moddefense as md
from moddefense.corpus import Corpus
from moddefense.evaluation import Options, evaluate
from moddefense.evaluation.summary import MEASURES
from moddefense.lexicon.curation.corpora import take_split

DOCUMENT = CHECKOUT / "docs" / "evaluation.md"
BEGIN, END = "<!-- uncertainty -->", "<!-- /uncertainty -->"
MEMBERS = 4
SMALL = {
    "network.embedding": 32,
    "network.channels": 48,
    "network.hidden": 32,
    "training.epochs": 3,
    "adversarial.method": "none",
}
# Beside the test split of the main corpus, two of which neither bundle nor members have learnt.
CORPORA = (
    ("jigsaw_toxic", "test", 0.1),
    ("hatexplain_valtest", None, 0.1),
    ("wiki_cat_large", None, 0.0),
)


def members() -> list[Path]:
    """Return the folders of the members, trained where they are not there yet."""
    folders = []
    corpus = None
    for seed in range(1, MEMBERS + 1):
        folder = CHECKOUT / "out" / "members" / str(seed)
        folders.append(folder)
        if (folder / "manifest.json").is_file():
            continue
        from moddefense.training import train

        recipe = md.load_recipe("default", SMALL | {"seed": seed})
        corpus = corpus or Corpus.read(
            corpus_path("jigsaw_toxic"), label_columns=recipe.corpus.label_columns
        )
        print(f"training member {seed} of {MEMBERS}", file=sys.stderr)
        train(recipe, corpus).bundle.save(folder)
    return folders


def report() -> str:
    """Measure and return the results as Markdown."""
    ensemble = members()
    parts = []
    for name, split, prevalence in CORPORA:
        corpus = take_split(Corpus.read(corpus_path(name)), split)
        found = evaluate("default", corpus, Options(prevalence=prevalence), ensemble=ensemble)
        where = f"{name}{' ' + split if split else ''}"
        where += f", weighed to {prevalence:.0%} harmful" if prevalence else ""
        parts.append(_table(where, found.as_dict()["uncertainty"]))
    parts.append(
        f"Decisions by the shipped bundle's score at 0.5. The ensemble is the shipped bundle and "
        f"{MEMBERS} small members ({SMALL['network.channels']} channels, no perturbations)."
    )
    return "\n\n".join(parts)


def _table(where: str, found: Mapping[str, Any]) -> str:
    shares = ("0.01", "0.05", "0.1", "0.2")
    lines = [
        f"| {where}: accuracy {found['accuracy']['value']:.4f} | AURC | AUC of errors | "
        + " | ".join(f"{float(share):.0%} to people" for share in shares)
        + " |",
        "|---|" + "--:|" * (2 + len(shares)),
    ]
    for name, one in found["measures"].items():
        cells = [f"{one['accuracy_after_review'][share]['value']:.4f}" for share in shares]
        head = f"{one['aurc']['value']:.5f} | {one['error_auc']['value']:.3f}"
        lines.append(f"| {MEASURES[name]} | {head} | " + " | ".join(cells) + " |")
    cells = [f"{found['random']['accuracy_after_review'][share]:.4f}" for share in shares]
    lines.append(
        f"| at random | {found['random']['aurc']:.5f} | 0.500 | " + " | ".join(cells) + " |"
    )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--write", action="store_true", help="into docs/evaluation.md")
    options = parser.parse_args()
    tables = report()
    if not options.write:
        print(tables)
        return
    text = DOCUMENT.read_text(encoding="utf-8")
    head, tail = text.split(BEGIN)[0], text.split(END)[1]
    DOCUMENT.write_text(f"{head}{BEGIN}\n{tables}\n{END}{tail}", encoding="utf-8")


if __name__ == "__main__":
    main()

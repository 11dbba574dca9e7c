"""Coverage and precision of the shipped lists and of other projects' lists, all run by our matcher.

    python benchmarks/lexicon_coverage.py [--write]

Reads ``davidson.parquet``, ``jigsaw_toxic.parquet`` (the test split), ``benign_trap_words.parquet``
and ``lexicons/*.tsv`` from the folder that ``$MODDEFENSE_DATA`` names, else from ``data/`` of the
checkout. With ``--write`` the table replaces the one in ``lexicons/README.md``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from corpora import corpus_path

from moddefense.corpus import Corpus
from moddefense.lexicon import Lexicon, load_lexicon
from moddefense.lexicon.curation.auditing import ListAudit, audit
from moddefense.lexicon.curation.choosing import choose
from moddefense.lexicon.curation.corpora import take_split
from moddefense.lexicon.curation.importing import import_list
from moddefense.lexicon.matching import Matcher

README = Path(__file__).resolve().parent.parent / "lexicons" / "README.md"
BEGIN, END = "<!-- coverage -->", "<!-- /coverage -->"

# name, and how severities are scaled there
PEERS = (
    ("surge_profanity", (1.0, 3.0)),
    ("dsojevic", (1.0, 4.0)),
    ("cuss", (0.0, 2.0)),
    ("rustrict", (0.0, 5.0)),
    ("better_profanity", None),
    ("ldnoobw", None),
)


def contestants(folder: Path) -> Iterator[tuple[str, Lexicon]]:
    """Yield each list by the name it has in the table."""
    ours = load_lexicon("en")
    yield "moddefense", ours
    severe = choose(ours, kind="allow") | choose(ours, kind="block", min_severity=2)
    yield "moddefense, severity 2 and up", severe
    for name, scale in PEERS:
        found = import_list(
            folder / "lexicons" / f"{name}.tsv", format="tsv", scale=scale,
            only_lang=("en", "en+"),
        ).lexicon  # fmt: skip
        yield name, found
        if name == "cuss":
            yield "cuss, rated 1 and 2", choose(found, min_severity=2)


def row(name: str, terms: int, tweets: ListAudit, comments: ListAudit, traps: float) -> str:
    cells = [
        name,
        f"{terms:,}",
        f"{tweets.all.coverage.value:.1%}",
        f"{tweets.all.precision.value:.2%}",
        f"{comments.all.coverage.value:.1%}",
        f"{comments.all.precision.value:.1%}",
        f"{comments.all.false_positives.value:.1%}",
        f"{traps:.1%}",
    ]
    return "| " + " | ".join(cells) + " |"


def measure() -> list[str]:
    tweets = Corpus.read(corpus_path("davidson"))
    comments = take_split(Corpus.read(corpus_path("jigsaw_toxic")), "test")
    traps = Corpus.read(corpus_path("benign_trap_words")).texts
    lines = [
        "| list | terms | davidson: coverage | precision | jigsaw_toxic test: coverage | precision"
        " | false positives | trap words hit |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for name, lexicon in contestants(corpus_path("davidson").parent):
        audited = [audit([lexicon], corpus, examples=0).whole for corpus in (tweets, comments)]
        hit = sum(map(bool, Matcher(lexicon).find_many(traps))) / len(traps)
        lines.append(row(name, audited[0].terms, audited[0], audited[1], hit))
        print(lines[-1], file=sys.stderr)
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--write", action="store_true", help="into lexicons/README.md")
    options = parser.parse_args()
    table = "\n".join(measure())
    if not options.write:
        print(table)
        return 0
    text = README.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    if not rest or not tail:
        print(f"{README}: no {BEGIN} … {END}", file=sys.stderr)
        return 3
    README.write_text(f"{head}{BEGIN}\n{table}\n{END}{tail}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""Attributions against the spans that people marked as the reason for their label.

Posts of hatexplain with rationales: characters of the tokens that at least two of three people
marked; the rule that turns weights into marked words was chosen on the validation half, the figures
are for the test half. And toxic sentences of paradetox's validation split, of which the network has
not learnt: the words that the neutral paraphrase leaves out. Beside it stands what marking every
hit of the lists gives.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import itertools
import re
from collections.abc import Callable, Sequence

import numpy as np
import pyarrow.parquet as pq
from corpora import CHECKOUT, corpus_path

import moddefense as md
from moddefense.classifier.highlighting import MARK_LEAST, MARK_SHARE, marked
from moddefense.policy import Policy
from moddefense.screening import Screening

TITLE = "Attributions against marked spans"
Spans = Sequence[tuple[int, int]]
Row = tuple[str, list[tuple[int, int]]]
START, END = "<!-- attributions -->", "<!-- /attributions -->"
MOST_LEFT_OUT = 0.3  # of a sentence's words; a paraphrase that leaves out more says it all anew


def report() -> str:
    """Measure and return the results as Markdown."""
    guard = _guard()
    posts = [(text, gold) for text, gold, split in read_posts() if split == "test"]
    return "\n\n".join(
        [
            _table(guard, posts, "posts of hatexplain, and what two of three people marked"),
            _table(guard, read_pairs(), "sentences of paradetox, and what a paraphrase leaves out"),
        ]
    )


def _guard() -> md.Guard:
    return md.load(policy=Policy(trigger_threshold=0, lexicon_block_severity=5))


def _table(guard: md.Guard, rows: Sequence[Row], what: str) -> str:
    screening = guard.screen([text for text, _ in rows], explain=True)
    assert screening.attributions is not None
    words = [screening.attributions.get(row, []) for row in range(len(rows))]
    rules: dict[str, Callable[[int], Spans]] = {
        "words that are `marked`": lambda row: [
            (word["start"], word["end"]) for word in words[row] if word["marked"]
        ],
        f"words that add {MARK_LEAST} and {MARK_SHARE:.0%} of the strongest, whatever the lists "
        "say": lambda row: marked(words[row]),
        "words that add anything": lambda row: [
            (word["start"], word["end"]) for word in words[row] if word["weight"] > 0
        ],
        "words with a lexicon hit": lambda row: marked(
            words[row], hits(screening, row) or [(0, 0)]
        ),
        "every lexicon hit": lambda row: hits(screening, row),
        "the whole text": lambda row: [(0, len(rows[row][0]))],
    }
    lines = [f"| {len(rows):,} {what} | character F1 | precision | recall |", "|---|--:|--:|--:|"]
    for name, rule in rules.items():
        found = [figures(rule(row), gold, len(text)) for row, (text, gold) in enumerate(rows)]
        lines.append(f"| {name} | " + " | ".join(f"{v:.3f}" for v in np.mean(found, axis=0)) + " |")
    return "\n".join(lines)


def hits(screening: Screening, row: int) -> Spans:
    """Where the block terms of the lists are."""
    return [(m.start, m.end) for m in screening.matches[row] if m.term.kind == "block"]


def read_pairs() -> list[Row]:
    """Toxic sentences of validation: text, and spans of the words that a paraphrase leaves out."""
    pairs: dict[str, list[dict[str, str]]] = {}
    for row in pq.read_table(corpus_path("paradetox")).to_pylist():
        if row["split"] == "dev":
            pairs.setdefault(row["pair"], [{}, {}])[int(row["label"])] = row
    found = []
    for neutral, toxic in pairs.values():
        if not (neutral and toxic):
            continue
        places = list(re.finditer(r"[\w'*@$#]+", toxic["text"]))
        ours = [place[0].lower() for place in places]
        theirs = re.findall(r"[\w'*@$#]+", neutral["text"].lower())
        matcher = difflib.SequenceMatcher(None, ours, theirs, autojunk=False)
        gone = [
            places[place].span()
            for kind, begin, end, _, _ in matcher.get_opcodes()
            if kind in ("delete", "replace")
            for place in range(begin, end)
        ]
        if 0 < len(gone) <= max(1, MOST_LEFT_OUT * len(ours)):
            found.append((toxic["text"], gone))
    return found


def read_posts() -> list[tuple[str, list[tuple[int, int]], str]]:
    """Posts that people marked: text, spans of the tokens that two of three marked, split."""
    table = pq.read_table(corpus_path("hatexplain_valtest"))
    rows = []
    for row in table.to_pylist():
        rationales = [r for r in ast.literal_eval(row["rationales"]) if r]
        if len(rationales) < 2:
            continue
        votes = np.sum([r for r in rationales if len(r) == len(rationales[0])], axis=0)
        tokens = row["text"].split(" ")
        if len(tokens) != len(votes) or not (votes >= 2).any():
            continue
        ends = list(itertools.accumulate(len(token) + 1 for token in tokens))
        gold = [
            (end - 1 - len(token), end - 1)
            for token, end, vote in zip(tokens, ends, votes.tolist(), strict=True)
            if vote >= 2
        ]
        rows.append((row["text"], gold, row["split"]))
    return rows


def figures(spans: Spans, gold: Spans, length: int) -> tuple[float, float, float]:
    """F1, precision and recall over characters."""
    ours, theirs = _mask(spans, length), _mask(gold, length)
    both = float((ours & theirs).sum())
    precision = both / ours.sum() if ours.any() else 0.0
    recall = both / theirs.sum()
    f1 = 2 * precision * recall / (precision + recall) if both else 0.0
    return f1, precision, recall


def choose() -> None:
    """Print F1 on the validation half over rules; how MARK_LEAST and MARK_SHARE were chosen."""
    rows = [row for row in read_posts() if row[2] != "test"]
    screening = _guard().screen([text for text, _, _ in rows], explain=True)
    assert screening.attributions is not None
    for least in (0.1, 0.25, 0.5, 0.75, 1.0):
        line = []
        for share in (0.05, 0.1, 0.15, 0.2, 0.25, 0.35, 0.5):
            f1 = np.mean(
                [
                    figures(
                        marked(
                            screening.attributions.get(i, []), hits(screening, i), least=least,
                            share=share,
                        ),
                        gold, len(text),
                    )[0]
                    for i, (text, gold, _) in enumerate(rows)
                ]
            )  # fmt: skip
            line.append(f"{share}: {f1:.3f}")
        print(least, *line)


def _mask(spans: Spans, length: int) -> np.ndarray:
    mask = np.zeros(length, bool)
    for start, end in spans:
        mask[start:end] = True
    return mask


def main() -> None:
    """Print the results; with --write, put them into docs/policy.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="replace those in docs/policy.md")
    write = parser.parse_args().write
    found = report()
    print(found)
    if write:
        page = CHECKOUT / "docs" / "policy.md"
        text = page.read_text(encoding="utf-8")
        head, tail = text.split(START)[0], text.split(END)[1]
        page.write_text(f"{head}{START}\n{found}\n{END}{tail}", encoding="utf-8")


if __name__ == "__main__":
    main()

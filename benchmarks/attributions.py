"""Attributions against the spans that people marked as the reason for their label.

The posts of hatexplain with rationales: characters of the tokens that at least two of three people
marked. The rule that turns weights into marked words was chosen on its validation half; the figures
are for its test half. Beside it stands what marking every hit of the lists gives.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Sequence

import numpy as np
import pyarrow.parquet as pq
from corpora import corpus_path

import moddefense as md
from moddefense.classifier.highlighting import MARK_LEAST, MARK_SHARE, marked
from moddefense.policy import Policy

TITLE = "Attributions against marked spans"
Spans = Sequence[tuple[int, int]]


def report() -> str:
    """Measure and return the results as Markdown."""
    rows = read_posts()
    guard = md.load(policy=Policy(trigger_threshold=0, lexicon_block_severity=5))
    test = [row for row in rows if row[2] == "test"]
    screening = guard.screen([text for text, _, _ in test], explain=True)
    assert screening.attributions is not None
    hits = [
        [(m.start, m.end) for m in matches if m.term.kind == "block"]
        for matches in screening.matches
    ]
    words = [screening.attributions.get(row, []) for row in range(len(test))]
    found = [marked(own, spans) for own, spans in zip(words, hits, strict=True)]
    alone = [marked(own) for own in words]
    everything = [[(0, len(text))] for text, _, _ in test]
    lines = ["| marked | character F1 | precision | recall |", "|---|---|---|---|"]
    for name, spans in (
        ("every lexicon hit; where there is none, words", found),
        (f"words that add {MARK_LEAST} and {MARK_SHARE:.0%} of the strongest", alone),
        ("every lexicon hit", hits),
        ("the whole text", everything),
    ):
        f1, precision, recall = np.mean(
            [figures(s, gold, len(text)) for s, (text, gold, _) in zip(spans, test, strict=True)],
            axis=0,
        )
        lines.append(f"| {name} | {f1:.3f} | {precision:.3f} | {recall:.3f} |")
    return f"{len(test):,} posts, means over posts.\n\n" + "\n".join(lines)


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
    guard = md.load(policy=Policy(trigger_threshold=0, lexicon_block_severity=5))
    screening = guard.screen([text for text, _, _ in rows], explain=True)
    assert screening.attributions is not None
    for least in (0.1, 0.25, 0.5, 0.75, 1.0):
        line = []
        for share in (0.1, 0.15, 0.2, 0.25, 0.35, 0.5):
            f1 = np.mean(
                [
                    figures(
                        marked(
                            screening.attributions.get(i, []),
                            [(m.start, m.end) for m in screening.matches[i]],
                            least=least,
                            share=share,
                        ),
                        gold,
                        len(text),
                    )[0]
                    for i, (text, gold, _) in enumerate(rows)
                ]
            )
            line.append(f"{share}: {f1:.3f}")
        print(least, *line)


def _mask(spans: Spans, length: int) -> np.ndarray:
    mask = np.zeros(length, bool)
    for start, end in spans:
        mask[start:end] = True
    return mask


if __name__ == "__main__":
    print(report())

"""Speed of the matcher against two Rust filters, in one process, over real texts.

    python benchmarks/matching.py [--rounds 5]

Reads ``davidson.parquet`` and ``jigsaw_toxic.parquet`` (the test split) from the folder that
``$MODDEFENSE_DATA`` names, else from ``data/`` of the checkout. The rounds alternate between the
matchers, and each is judged by its best round, so that other work of the machine weighs on all
alike.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from moddefense.lexicon import Lexicon, Matcher, load_lexicon


def corpora(folder: Path) -> dict[str, list[str]]:
    """Return name → texts."""
    tweets = pq.read_table(folder / "davidson.parquet")["text"].to_pylist()
    comments = pq.read_table(folder / "jigsaw_toxic.parquet")
    test = comments.filter(pc.equal(comments["split"], "test"))["text"].to_pylist()
    return {"tweets": tweets, "comments": test, "both": tweets + test}


def contestants(lexicon: Lexicon) -> dict[str, Callable[[list[str]], object]]:
    """Return name → what screens a list of texts; a peer that is not installed is left out."""
    found: dict[str, Callable[[list[str]], object]] = {"moddefense": Matcher(lexicon).find_many}
    if importlib.util.find_spec("profanex"):
        import profanex

        found["profanex"] = profanex.Filter().analyze_many
    if importlib.util.find_spec("better_profanity_rs"):
        from better_profanity_rs import profanity

        profanity.load_censor_words()
        contains = profanity.contains_profanity
        found["better-profanity-rs"] = lambda texts: [contains(text) for text in texts]
    return found


def main() -> int:
    """Measure, print the table, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--lexicon", type=Path, help="a CSV list in place of the shipped ones")
    options = parser.parse_args()
    default = Path(__file__).resolve().parent.parent / "data"
    folder = Path(os.environ.get("MODDEFENSE_DATA", default))
    if not (folder / "davidson.parquet").is_file():
        print(
            f"{folder}: no davidson.parquet; name its folder in $MODDEFENSE_DATA", file=sys.stderr
        )
        return 3
    lexicon = Lexicon.read(options.lexicon) if options.lexicon else load_lexicon("en")
    texts = corpora(folder)
    runners = contestants(lexicon)
    best: dict[tuple[str, str], float] = {}
    for runner in runners.values():
        runner(texts["both"][:2000])
    for _ in range(options.rounds):
        for corpus, batch in texts.items():
            for name, runner in runners.items():
                began = time.perf_counter()
                runner(batch)
                took = time.perf_counter() - began
                best[name, corpus] = min(best.get((name, corpus), took), took)
    print(f"{len(lexicon)} terms; best of {options.rounds} rounds, texts/s")
    print(f"{'':24}" + "".join(f"{corpus:>12}" for corpus in texts) + f"{'ratio, both':>14}")
    for name in runners:
        speeds = "".join(f"{len(texts[c]) / best[name, c]:12,.0f}" for c in texts)
        ratio = best[name, "both"] / best["moddefense", "both"]
        version = "" if name == "moddefense" else f" {importlib.metadata.version(name)}"
        print(f"{name + version:24}{speeds}{ratio:13.2f}x")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

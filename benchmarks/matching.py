"""Speed of the matcher against two Rust filters, in one process, over real texts.

The rounds alternate between the matchers, and each is judged by its best round, so that what else
the machine does weighs on all alike.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import time
from collections.abc import Callable

import pyarrow.parquet as pq
from corpora import corpus_path

from moddefense.lexicon import Lexicon, Matcher, load_lexicon

TITLE = "Matching, lexicons alone"
ROUNDS = 5


def corpora() -> dict[str, list[str]]:
    """Return name → texts."""
    tweets = pq.read_table(corpus_path("davidson"))["text"].to_pylist()
    test = pq.read_table(corpus_path("jigsaw_toxic"), filters=[("split", "=", "test")])
    comments = test["text"].to_pylist()
    return {"tweets": tweets, "comments": comments, "both": tweets + comments}


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


def report() -> str:
    """Measure and return the results as Markdown."""
    lexicon = load_lexicon("en")
    texts = corpora()
    runners = contestants(lexicon)
    best: dict[tuple[str, str], float] = {}
    for runner in runners.values():
        runner(texts["both"][:2000])
    for _ in range(ROUNDS):
        for corpus, batch in texts.items():
            for name, runner in runners.items():
                began = time.perf_counter()
                runner(batch)
                took = time.perf_counter() - began
                best[name, corpus] = min(best.get((name, corpus), took), took)
    lines = [
        f"{len(texts['tweets']):,} tweets of davidson and {len(texts['comments']):,} comments of "
        f"jigsaw_toxic test; {len(lexicon):,} terms of ours, every evasion step on, spans given. "
        "The ratio is our speed to theirs.",
        "",
        "| texts/s | " + " | ".join(texts) + " | ratio, both |",
        "|---|" + "--:|" * (len(texts) + 1),
    ]
    for name in runners:
        speeds = [f"{len(texts[corpus]) / best[name, corpus]:,.0f}" for corpus in texts]
        ratio = best[name, "both"] / best["moddefense", "both"]
        version = "" if name == "moddefense" else f" {importlib.metadata.version(name)}"
        lines.append(f"| {name}{version} | " + " | ".join(speeds) + f" | {ratio:.2f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(report())

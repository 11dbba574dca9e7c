"""Rerun the experiments of Miyato, Dai and Goodfellow 2017 on IMDB, at a size two cores carry.

Four methods, each with the same seeds: none, random perturbations, adversarial (fgm) and virtual
adversarial training, the last with the 50,000 reviews without label as well. All share one
vocabulary, one language-model pretraining and one draw of validation texts, as in the paper; the
seed fixes initial weights, order, dropout and perturbations. It runs the parts of
``moddefense.training`` and not ``train``, which would learn these anew for each run and fit trigger
and policy. The epoch with the best validation AUC counts; test is looked at once, after that.

::

    python training/reproduce.py                 # all runs, then the tables in training/README.md
    python training/reproduce.py --seeds 1 2     # some runs; what is finished is not run again
    python training/reproduce.py --tables        # the tables alone, of what is finished

Reads imdb.parquet (text, label, split) in the folder that $MODDEFENSE_DATA names, else in data/.
Keeps tokens, pretrained embeddings and finished runs in out/imdb/.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from moddefense.classifier.fitting import fit
from moddefense.classifier.model import network_weights
from moddefense.classifier.neighbors import ranked
from moddefense.classifier.network import Network
from moddefense.classifier.pretraining import pretrain
from moddefense.classifier.serving import CompiledNetwork
from moddefense.evaluation.metrics import auc
from moddefense.folding import fold_many
from moddefense.recipe import Recipe, load_recipe
from moddefense.tokens import SPECIAL, SUFFIX, Tokenizer, Tokens, learn_vocabulary

CHECKOUT = Path(__file__).resolve().parent.parent
RECIPE = CHECKOUT / "training" / "recipes" / "imdb.toml"
README = CHECKOUT / "training" / "README.md"
START, END = "<!-- imdb -->", "<!-- /imdb -->"
METHODS = {
    "none": "baseline",
    "random": "random perturbation",
    "fgm": "adversarial (fgm)",
    "vat": "virtual adversarial (vat), with unlabelled reviews",
}
PAPER = {"none": "7.39", "random": "7.20", "fgm": "6.21", "vat": "5.91"}
WORDS = ("good", "bad")
NEAREST = 10


def main() -> None:
    """Run what is missing, and write the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--tables", action="store_true", help="run nothing")
    parser.add_argument("--out", type=Path, default=CHECKOUT / "out" / "imdb")
    arguments = parser.parse_args()
    recipe = load_recipe(str(RECIPE))
    # A changed recipe is another experiment: it finds no finished runs.
    folder = arguments.out / hashlib.sha256(RECIPE.read_bytes()).hexdigest()[:12]
    folder.mkdir(parents=True, exist_ok=True)
    experiment = Experiment(recipe, folder)
    if not arguments.tables:
        for seed in arguments.seeds:
            for method in arguments.methods:
                experiment.run(method, seed)
    write_tables(
        recipe,
        [json.loads(path.read_text()) for path in sorted(folder.glob("run-*"))],
        experiment.start(),
    )


class Experiment:
    """The reviews as tokens and the pretrained embeddings, made once and kept in ``folder``."""

    def __init__(self, recipe: Recipe, folder: Path) -> None:
        self.recipe, self.folder = recipe, folder
        if not (folder / "vocabulary.json").is_file():
            _tokenize(recipe, folder)
        self.tokenizer = Tokenizer.load(folder / "vocabulary.json")
        self.reviews = {name: _read(folder, name) for name in ("train", "test", "unsup")}
        draw = np.random.Generator(np.random.PCG64(recipe.seed))
        order = draw.permutation(len(self.reviews["train"][1]))
        share = round(len(order) * recipe.corpus.validation_share)
        self.validation, self.training = order[:share], order[share:]

    def pretrained(self) -> np.ndarray:
        """The embedding table, trained as a language model on train and unlabelled reviews."""
        path = self.folder / "pretrained.npy"
        if not path.is_file():
            network = self.network(self.recipe)
            texts = self.reviews["train"][0].extend(self.reviews["unsup"][0])
            pretrain(network, texts, self.recipe, progress=_say)
            _whole(path, lambda part: np.save(part, network.embedding.table.numpy()))
        table: np.ndarray = np.load(path)
        return table

    def start(self) -> dict[str, Any]:
        """Neighbours in the pretrained embeddings, from which all methods set out."""
        network = self.network(self.recipe)
        network.embedding.table.assign(self.pretrained())
        return _neighbours(self.tokenizer, network.embedding.normalized().numpy())

    def labelled(self, name: str) -> tuple[Tokens, np.ndarray]:
        """Reviews and labels; of a long review its last window, where the verdict stands."""
        tokens, labels = self.reviews[name]
        lengths = np.minimum(tokens.lengths, self.recipe.network.window)
        first = tokens.starts + tokens.lengths - lengths
        shift = np.repeat(first - (np.cumsum(lengths) - lengths), lengths)
        return Tokens(tokens.values[np.arange(lengths.sum()) + shift], lengths), labels

    def network(self, recipe: Recipe) -> Network:
        """A network with weights by the recipe's seed."""
        keys = recipe.network
        network = Network(
            kind=keys.kind, vocabulary=self.tokenizer.size, labels=1, embedding=keys.embedding,
            channels=keys.channels, reach=keys.width, hidden=keys.hidden,
            embedding_dropout=keys.embedding_dropout, dropout=keys.dropout, seed=recipe.seed,
        )  # fmt: skip
        counts = np.bincount(self.reviews["train"][0].values, minlength=self.tokenizer.size)
        network.embedding.set_frequencies(counts)
        return network

    def run(self, method: str, seed: int) -> None:
        """One training and its figures, unless they are there."""
        path = self.folder / f"run-{method}-{seed}.json"
        if path.is_file():
            return
        recipe = self.recipe.override({"adversarial.method": method, "seed": seed})
        began, busy = time.monotonic(), time.process_time()
        network = self.network(recipe)
        network.embedding.table.assign(self.pretrained())
        tokens, labels = self.labelled("train")
        val, known = tokens.take(self.validation), labels[self.validation]

        def scores(of: Tokens) -> np.ndarray:
            compiled = CompiledNetwork(network_weights(network))
            return compiled.logits(compiled.pool(of))[:, 0]

        def validate() -> float:
            found = auc(known, scores(val))
            assert found is not None
            return found

        history = fit(
            network, tokens.take(self.training), labels[self.training, None], recipe, validate,
            progress=_say, unlabeled=self.reviews["unsup"][0] if method == "vat" else None,
        )  # fmt: skip
        test, truth = self.labelled("test")
        figures = {
            "method": method,
            "seed": seed,
            "test_error": float(np.mean((scores(test) > 0) != (truth > 0))),
            "validation_error": float(np.mean((scores(val) > 0) != (known > 0))),
            "history": history,
            "seconds": time.monotonic() - began,
            "cpu_seconds": time.process_time() - busy,
            **_neighbours(self.tokenizer, network.embedding.normalized().numpy()),
        }
        _whole(path, lambda part: part.write_text(json.dumps(figures, indent=1) + "\n"))
        print(f"{method} {seed}: test error {figures['test_error']:.2%}", flush=True)


def _tokenize(recipe: Recipe, folder: Path) -> None:
    """Fold, learn the vocabulary on train, tokenise."""
    data = Path(os.environ.get("MODDEFENSE_DATA") or CHECKOUT / "data") / "imdb.parquet"
    if not data.is_file():
        sys.exit(f"{data}: no such corpus; set MODDEFENSE_DATA to the folder with the corpora")
    columns = pq.read_table(data, columns=["text", "label", "split"]).to_pydict()
    split, labels = np.array(columns["split"]), np.array(columns["label"])
    folded = fold_many(columns["text"])
    texts = {
        name: [folded[i] for i in np.flatnonzero(split == name)]
        for name in ("train", "test", "unsup")
    }
    keys = recipe.vocabulary
    tokenizer = learn_vocabulary(
        texts["train"], size=keys.size, min_frequency=keys.min_frequency
    ).with_openings(texts["train"], min_frequency=keys.opening_frequency)
    for name, some in texts.items():
        tokens = tokenizer.tokenize_folded(some)
        _whole(
            folder / f"{name}.npz",
            lambda part, tokens=tokens, name=name: np.savez(
                part, values=tokens.values, lengths=tokens.lengths, labels=labels[split == name]
            ),
        )
    tokenizer.save(folder / "vocabulary.json")


def _read(folder: Path, name: str) -> tuple[Tokens, np.ndarray]:
    with np.load(folder / f"{name}.npz") as arrays:
        tokens = Tokens(arrays["values"], arrays["lengths"])
        return tokens, arrays["labels"].astype(np.float32)


def _whole(path: Path, write: Callable[[Path], Any]) -> None:
    """Write a file under another name and move it: what is there is complete."""
    part = path.with_name(f"part-{os.getpid()}-{path.name}")
    write(part)
    part.rename(path)


def _neighbours(tokenizer: Tokenizer, table: np.ndarray) -> dict[str, Any]:
    """The nearest whole words of letters alone, and where each of WORDS stands for the other."""
    index = {piece: number for number, piece in enumerate(tokenizer.pieces)}
    words = np.array(
        [n for piece, n in index.items() if n >= len(SPECIAL) and piece.isalpha()], np.int64
    )
    assert not any(tokenizer.pieces[n].startswith(SUFFIX) for n in words.tolist())
    found: dict[str, Any] = {"neighbours": {}, "rank": {}}
    for word, other in (WORDS, WORDS[::-1]):
        order = [token for token, _ in ranked(table, index[word], words)]
        found["neighbours"][word] = [tokenizer.pieces[token] for token in order[:NEAREST]]
        found["rank"][word] = order.index(index[other]) + 1
    return found


def write_tables(recipe: Recipe, runs: Sequence[dict[str, Any]], start: dict[str, Any]) -> None:
    """Put the tables between the markers of training/README.md."""
    text = README.read_text(encoding="utf-8")
    head, tail = text.split(START)[0], text.split(END)[1]
    README.write_text(
        f"{head}{START}\n{tables(recipe, runs, start)}\n{END}{tail}", encoding="utf-8"
    )


def tables(recipe: Recipe, runs: Sequence[dict[str, Any]], start: dict[str, Any]) -> str:
    """Errors, neighbours and ranks as Markdown."""
    of = {method: [run for run in runs if run["method"] == method] for method in METHODS}
    base = {run["seed"]: run["test_error"] for run in of["none"]}
    lines = [
        f"IMDB, 25,000 reviews each for training and test, network `{recipe.network.kind}`, "
        f"epsilon {recipe.adversarial.epsilon:g}, pretrained embeddings; mean ± standard deviation "
        "over the seeds, and the change against the baseline of the same seeds.",
        "",
        "| method | test error % | change | seeds | CPU s a run | paper, LSTM of 1,024 |",
        "|---|---|---|---|---|---|",
    ]
    for method, name in METHODS.items():
        if not of[method]:
            lines.append(f"| {name} | not run | | | | {PAPER[method]} |")
            continue
        errors = np.array([run["test_error"] for run in of[method]])
        paired = [run["test_error"] / base[run["seed"]] - 1 for run in of[method]
                  if run["seed"] in base]  # fmt: skip
        change = f"{np.mean(paired):+.1%}" if paired and method != "none" else ""
        spread = f" ± {errors.std(ddof=1) * 100:.2f}" if len(errors) > 1 else ""
        seconds = np.mean([run["cpu_seconds"] for run in of[method]])
        lines.append(
            f"| {name} | {errors.mean() * 100:.2f}{spread} | {change} | {len(errors)} | "
            f"{seconds:.0f} | {PAPER[method]} |"
        )
    first = min((run["seed"] for run in runs), default=0)
    for word, other in (WORDS, WORDS[::-1]):
        lines += [
            "",
            f"| method | ten nearest neighbours of '{word}' (seed {first}) | rank of '{other}', "
            "each seed |",
            "|---|---|---|",
        ]
        rows = {"pretrained, not trained yet": [start]}
        rows |= {name: sorted(of[m], key=lambda run: run["seed"]) for m, name in METHODS.items()}
        for name, found in rows.items():
            if found:
                near = [f"**{w}**" if w == other else w for w in found[0]["neighbours"][word]]
                ranks = ", ".join(f"{run['rank'][word]:,}" for run in found)
                lines.append(f"| {name} | {', '.join(near)} | {ranks} |")
    return "\n".join(lines)


def _say(event: dict[str, Any]) -> None:
    if event["kind"] in ("epoch", "pretraining"):
        print({k: round(v, 4) for k, v in event.items() if k != "kind"}, flush=True)


if __name__ == "__main__":
    main()

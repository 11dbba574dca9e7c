"""Fixtures shared by all tests."""

from __future__ import annotations

import csv
import itertools
import os
import random
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from moddefense.corpus import Corpus
    from moddefense.lexicon import Lexicon
    from moddefense.pipeline import Guard
    from moddefense.recipe import Recipe
    from moddefense.training import TrainingResult

CHECKOUT = Path(__file__).resolve().parent.parent

# No deadline: a first call may trace a graph or load a model. Session fixtures are read only.
settings.register_profile(
    "moddefense",
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("moddefense")

# A shell's background job ignores SIGINT, and what it starts does so too: commands that are to be
# interrupted here would run on.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

TOY_RECIPE = """\
# Small enough to train in seconds, large enough to separate rude from harmless sentences.
name = "toy"
description = "A toy for tests"
seed = 3

[corpus]
label_columns = ["toxic", "insult"]
validation_share = 0.25
test_share = 0.2

[vocabulary]
size = 400
min_frequency = 1
opening_frequency = 1

[network]
embedding = 8
channels = 16
hidden = 16
window = 12
overlap = 4

[adversarial]
epsilon = 1.0

[training]
epochs = 4
batch_size = 16
learning_rate = 0.01

[wide]
buckets = 1024
letters = 4096

[trigger]
buckets = 1024

[uncertainty]
samples = 6
"""


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of the real corpora; skips the test where there is none."""
    named = os.environ.get("MODDEFENSE_DATA")
    folder = Path(named) if named else CHECKOUT / "data"
    if not (folder / "jigsaw_toxic.parquet").is_file():
        pytest.skip(f"no corpora in {folder}; set MODDEFENSE_DATA")
    return folder


@pytest.fixture(scope="session")
def cases_dir() -> Path:
    """Folder of the cases that are kept as data."""
    return CHECKOUT / "tests" / "cases"


def toy_rows() -> list[tuple[str, str, str]]:
    """Synthetic sentences with the labels ``toxic`` and ``insult``, some unknown.

    A coin labels the teasing sentences, so that not all is certain.
    """
    rude = itertools.product(
        ["you are", "they are", "he is only", "stop being"],
        ["a jerk", "an idiot", "a fool", "such a crap writer"],
        ["", ", go away", " and nobody likes you", ", learn to read", "!!!"],
    )
    kind = itertools.product(
        ["you have", "they found", "he painted", "we all like", "look at"],
        ["a garden", "an old bridge", "the cat", "this recipe"],
        ["", ", thank you", " in summer", " and the sea", " again", ", see you soon", "!", "?"],
    )
    teasing = itertools.product(
        ["you are", "they are", "he is only", "what"],
        ["a clown", "a silly goose"],
        ["", ", go away", " again", ", thank you", "!!!", ", see you soon"],
    )
    coin = random.Random(5)
    rows = [(f"{who} {what}{tail}", coin.choice("01"), "") for who, what, tail in teasing]
    for number, (who, what, tail) in enumerate(rude):
        insult = "" if number % 7 == 0 else "0" if "crap" in what else "1"
        rows.append((f"{who} {what}{tail}", "1", insult))
    for number, (who, what, tail) in enumerate(kind):
        rows.append((f"{who} {what}{tail}", "0", "" if number % 11 == 0 else "0"))
    return rows


@pytest.fixture(scope="session")
def toy_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy corpus as CSV."""
    path = tmp_path_factory.mktemp("corpus") / "toy.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "toxic", "insult"])
        writer.writerows(toy_rows())
    return path


@pytest.fixture(scope="session")
def toy_recipe_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy recipe as TOML."""
    path = tmp_path_factory.mktemp("recipe") / "toy.toml"
    path.write_text(TOY_RECIPE)
    return path


@pytest.fixture(scope="session")
def toy_corpus(toy_file: Path) -> Corpus:
    """The toy corpus."""
    from moddefense.corpus import Corpus

    return Corpus.read(toy_file, label_columns=("toxic", "insult"))


@pytest.fixture(scope="session")
def toy_recipe(toy_recipe_file: Path) -> Recipe:
    """The toy recipe."""
    from moddefense.recipe import load_recipe

    return load_recipe(str(toy_recipe_file))


@pytest.fixture(scope="session")
def toy(toy_recipe: Recipe, toy_corpus: Corpus) -> TrainingResult:
    """What training the toy recipe on the toy corpus gives."""
    from moddefense.training import train

    return train(toy_recipe, toy_corpus)


@pytest.fixture(scope="session")
def toy_bundle(toy: TrainingResult, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy bundle on disk; to be read, not changed."""
    folder = tmp_path_factory.mktemp("bundles") / "toy"
    toy.bundle.save(folder)
    return folder


@pytest.fixture(scope="session")
def toy_lexicon() -> Lexicon:
    """A term of every severity, and allow terms of every kind."""
    from moddefense.lexicon import Lexicon, Term

    return Lexicon(
        [
            Term("x-damn", "damn", severity=1),
            Term("x-crap", "crap", severity=2),
            Term("x-idiot", "idiot", category="insult", severity=3),
            Term("x-jerk", "jerk", category="insult", severity=4),
            Term("x-jerky", "beef jerk", kind="allow", category=""),
            Term("x-garden", "garden", kind="allow", category=""),
            Term("x-title", "The Idiot", kind="allow", match="text", category=""),
        ],
        name="toy",
    )


@pytest.fixture(scope="session")
def toy_guard(toy_bundle: Path, toy_lexicon: Lexicon) -> Guard:
    """The toy bundle with the toy lexicon and thresholds that all kinds of texts meet."""
    import moddefense as md

    policy = md.Policy(
        trigger_threshold=0.2, classifier_review=0.3, classifier_block=0.53,
        uncertainty_margin=4.0, audit_rate=0.25,
    )  # fmt: skip
    return md.load(toy_bundle, lexicon=toy_lexicon, policy=policy)

"""The rerun of the paper's experiments: restartable, paired, and its tables."""

from __future__ import annotations

import importlib.util
import itertools
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from moddefense.recipe import load_recipe

SCRIPT = Path(__file__).resolve().parents[1] / "training" / "reproduce.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("reproduce", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def recipe():
    return load_recipe(str(SCRIPT.parent / "recipes" / "imdb.toml")).override(
        {
            "training.epochs": 2, "training.batch_size": 32, "network.embedding": 8,
            "network.window": 12, "network.overlap": 4, "vocabulary.size": 300,
            "vocabulary.min_frequency": 1, "vocabulary.opening_frequency": 1,
            "pretraining.negatives": 8,
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def reviews(tmp_path_factory):
    """A folder with imdb.parquet: films good or bad, some long, some without label."""
    folder = tmp_path_factory.mktemp("data")
    rows = [
        (f"the {thing} of {when} was {how} and we saw it {tail}", int(how in ("good", "great")))
        for thing, when, how, tail in itertools.product(
            ["film", "cast", "end"], ["today", "old"], ["good", "great", "bad", "dull"],
            ["twice", "with a friend " * 5],
        )
    ] * 3  # fmt: skip
    splits = ["train", "test"] * (len(rows) // 2)
    table = {
        "text": [text for text, _ in rows] + ["a bad film", "a good cast of old"],
        "label": [label for _, label in rows] + [-1, -1],
        "split": [*splits, "unsup", "unsup"],
    }
    pq.write_table(pa.table(table), folder / "imdb.parquet")
    return folder


def test_runs_are_kept_and_not_run_again(script, recipe, reviews, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MODDEFENSE_DATA", str(reviews))
    for method in ("none", "vat"):
        script.Experiment(recipe, tmp_path).run(method, 1)
    first = {path.name: path.read_text() for path in tmp_path.glob("run-*")}
    assert sorted(first) == ["run-none-1.json", "run-vat-1.json"]
    figures = json.loads(first["run-vat-1.json"])
    assert figures["method"] == "vat"
    assert 0 <= figures["test_error"] <= 1
    assert len(figures["history"]) == 2
    assert set(figures["neighbours"]) == set(figures["rank"]) == {"good", "bad"}
    assert "good" not in figures["neighbours"]["good"]
    monkeypatch.delenv("MODDEFENSE_DATA")  # all that a run needs is kept
    monkeypatch.setattr(script, "pretrain", None)
    again = script.Experiment(recipe, tmp_path)
    again.run("none", 1)
    assert (tmp_path / "run-none-1.json").read_text() == first["run-none-1.json"]
    (tmp_path / "run-none-1.json").unlink()
    again.run("none", 1)
    repeated = json.loads((tmp_path / "run-none-1.json").read_text())
    assert repeated["test_error"] == json.loads(first["run-none-1.json"])["test_error"]
    assert repeated["neighbours"] == json.loads(first["run-none-1.json"])["neighbours"]
    assert not list(tmp_path.glob("part-*"))
    capsys.readouterr()


def test_long_reviews_keep_their_end(script, recipe, reviews, tmp_path, monkeypatch):
    monkeypatch.setenv("MODDEFENSE_DATA", str(reviews))
    experiment = script.Experiment(recipe, tmp_path)
    whole, _ = experiment.reviews["train"]
    cut, _ = experiment.labelled("train")
    assert cut.lengths.max() == 12 < whole.lengths.max()
    row = int(whole.lengths.argmax())
    end = whole.starts[row] + whole.lengths[row]
    start = cut.starts[row]
    assert cut.values[start : start + 12].tolist() == whole.values[end - 12 : end].tolist()


def test_tables_pair_the_seeds(script, recipe):
    def run(method, seed, error):
        return {
            "method": method, "seed": seed, "test_error": error, "cpu_seconds": 9.0,
            "neighbours": {"good": ["great", "bad"], "bad": ["dull"]},
            "rank": {"good": 2, "bad": 40},
        }  # fmt: skip

    runs = [run("none", 1, 0.1), run("none", 2, 0.2), run("fgm", 1, 0.08), run("fgm", 2, 0.18)]
    start = run("none", 0, 0.5) | {"rank": {"good": 1, "bad": 3}}
    lines = script.tables(recipe, runs, start).splitlines()
    assert "| baseline | 15.00 ± 7.07 |  | 2 | 9 | 7.39 |" in lines
    assert "| adversarial (fgm) | 13.00 ± 7.07 | -15.0% | 2 | 9 | 6.21 |" in lines
    assert any(line.startswith("| random perturbation | not run |") for line in lines)
    assert "| baseline | great, **bad** | 2, 2 |" in lines
    assert "| pretrained, not trained yet | great, **bad** | 1 |" in lines


def test_the_tables_have_their_place(script):
    text = script.README.read_text(encoding="utf-8")
    assert text.count(script.START) == text.count(script.END) == 1

"""The model card: complete, from what is known, and a command that trains the same."""

from __future__ import annotations

import itertools
import shlex
import tomllib

import pytest
from click.testing import CliRunner

from moddefense.bundle import CARD, read_manifest
from moddefense.model_card import command_line, render_card
from moddefense.provenance import describe_files
from moddefense.recipe import Recipe, load_recipe, parse_overrides
from moddefense.resources import corpora_dir

BARE = {"name": "mine", "version": "1", "classifier": {"labels": ["label"]}}


@pytest.fixture(scope="session")
def card(toy_bundle):
    return (toy_bundle / CARD).read_text()


def test_the_card_of_a_trained_bundle(card, toy_bundle):
    manifest = read_manifest(toy_bundle)
    assert card.startswith("# Model card: toy\n")
    for heading in ("Use", "Data", "Measured", "Bias", "Limits", "Again"):
        assert f"\n## {heading}\n" in card
    figures = manifest["metrics"]["test"]
    row = next(line for line in card.split("On test")[1].splitlines() if "ROC AUC" in line)
    assert row.split(" | ")[1:] == [
        f"{figures[name]['auc']:.4f}" + (" |" if name == "insult" else "")
        for name in ("harm", "toxic", "insult")
    ]
    assert "| corpus | toy.csv | not stated | not stated |" in card
    assert manifest["data"][0]["sha256"] in card
    assert "10.0% of the texts are harmful" in card
    assert "Not measured in training." in card
    assert "\n\n\n" not in card
    assert str(toy_bundle.parent.parent) not in card


def test_tables_have_as_many_cells_as_columns(card):
    rows = [line for line in card.splitlines() if line.startswith("|")]
    assert len(rows) > 20
    for before, row in itertools.pairwise(rows):
        if f"{before}\n{row}" in card:
            assert row.count("|") == before.count("|")


def test_its_recipe_is_the_one_that_was_trained(card, toy_recipe, tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text(card.split("```toml\n")[1].split("```")[0])
    assert load_recipe(str(path)) == toy_recipe
    assert "moddefense train toy.csv --recipe recipe.toml --out" in card


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"training.epochs": 3, "training.learning_rate": 1e-5, "adversarial.method": "fgm+vat"},
        {"corpus.label_columns": ["a b", "c"], "corpus.licence": 'it\'s "mine" = yes'},
        {"training.early_stopping": False, "description": "naïve — ☕"},
    ],
)
def test_its_command_gives_the_same_recipe(settings):
    recipe = load_recipe("default", settings)
    data = [{"part": "corpus", "file": "a b.csv"}, {"part": "val", "file": "v.csv"},
            {"part": "trigger_on", "file": "on.txt"}]  # fmt: skip
    words = shlex.split(command_line(recipe.as_dict(), data))
    assert words[:7] == [
        "moddefense", "train", "a b.csv", "--val", "v.csv", "--trigger-on", "on.txt"
    ]  # fmt: skip
    given = [words[i + 1] for i, word in enumerate(words) if word == "--set"]
    assert len(given) == len(settings)
    assert load_recipe("default", parse_overrides(given)) == recipe


def test_a_card_says_no_more_than_is_known():
    card = render_card(BARE)
    assert "ROC AUC" not in card
    assert "Nothing." in card
    assert "The manifest has all that is known." in card
    full = {
        **BARE,
        "recipe": Recipe().as_dict(),
        "data": [{"part": "corpus", "file": "a|b.csv", "licence": "CC0\n1.0", "note": "10 % harm"}],
        "label_thresholds": {"label": {"review": {"threshold": 0.5, "recall": 0.9,
                                                  "precision": None}}},
        "bias": {"a group": {"subgroup_auc": 0.91}},
        "changes_in_training": ["from epoch 2, step 7 on: seed was 1, is 2"],
    }  # fmt: skip
    card = render_card(full)
    for part in ("| a\\|b.csv | CC0 1.0 |", "a\\|b.csv: 10 % harm",
                 "| label | review | 0.5000 | 0.9000 | – |", "| a group | subgroup_auc | 0.9100 |",
                 "That command alone does not", "- from epoch 2, step 7 on"):  # fmt: skip
        assert part in card
    assert "Not measured in training" not in card


def test_a_file_is_described_by_its_hash_or_by_what_is_given(tmp_path, data_dir):
    path = tmp_path / "renamed.csv"
    path.write_text("text,label\n")
    (mine,) = describe_files({"corpus": str(path)}, source="a forum", licence="MIT")
    assert (mine["source"], mine["licence"]) == ("a forum", "MIT")
    assert len(mine["sha256"]) == 64
    known = tomllib.loads((corpora_dir() / "jigsaw_toxic.toml").read_text())
    (shipped,) = describe_files({"corpus": str(data_dir / "jigsaw_toxic.parquet")}, licence="MIT")
    assert shipped["sha256"] == known["sha256"]
    assert shipped["licence"] == known["licence"]


def test_described_corpora_are_named_by_their_description(tmp_path):
    from moddefense.corpora import read_corpora

    (tmp_path / "posts.csv").write_text("text,label\na cat,0\na fool,1\n")
    (tmp_path / "mine.toml").write_text(
        'file = "posts.csv"\nlicence = "CC0-1.0"\nsource = "my forum"\n'
    )
    (tmp_path / "more.csv").write_text("text,label\na dog,0\nan idiot,1\n")
    recipe = load_recipe("default")
    corpus = read_corpora([str(tmp_path / "more.csv"), str(tmp_path / "mine.toml")], recipe)
    data = describe_files({"corpus": corpus.source}, described=corpus.about, licence="MIT")
    assert [entry["licence"] for entry in data] == ["MIT", "CC0-1.0"]
    assert data[1]["source"] == "my forum"
    assert shlex.split(command_line(recipe.as_dict(), data))[2:4] == ["more.csv", "mine.toml"]
    shipped = [{"part": "corpus", "file": "d.parquet", "description": "davidson"}]
    assert shlex.split(command_line(recipe.as_dict(), shipped))[2] == "davidson"


def test_bundle_show_names_the_card(toy_bundle):
    from moddefense.cli import main

    result = CliRunner().invoke(main, ["bundle", "show", str(toy_bundle)])
    assert f"model card: {toy_bundle / CARD}" in result.stderr

"""``evaluate``: what it prints and writes, and what it refuses."""

from __future__ import annotations

import json

import pytest

from moddefense.cli.console import evaluation_progress


def test_tables_on_stdout_and_files_where_named(run, toy_bundle, toy_file, tmp_path):
    page, figures = tmp_path / "e.html", tmp_path / "e.json"
    result = run(
        "evaluate", toy_bundle, toy_file, "--resamples", 10, "--report", page, "--json", figures
    )
    assert result.exit_code == 0, result.stderr
    for title in (
        "Score of the classifier",
        "Decisions of the pipeline",
        "Uncertainty",
        "Conformal",
    ):
        assert title in result.stdout
    found = json.loads(figures.read_text())
    assert f"{found['scores']['harm']['auc']['value']:.4f}" in result.stdout
    assert page.read_text().startswith("<!doctype html>")


def test_json_on_stdout_is_json_alone(run, toy_bundle, toy_file):
    result = run(
        "evaluate", toy_bundle, toy_file, "--json", "-", "--resamples", 0, "--prevalence", 0.1,
        "--label-column", "toxic", "--identity", "fool", "--threshold", 0.4,
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["corpus"]["labels"] == ["toxic"]
    assert found["options"]["threshold"] == found["options"]["uncertainty_threshold"] == 0.4
    assert found["scores"]["harm"]["average_precision"]["low"] is None
    assert [one["identity"] for one in found["bias"]["identities"]] == ["fool"]


def test_splits(run, toy_bundle, toy_file, tmp_path):
    lines = toy_file.read_text().splitlines()
    splits = ["train", "val", "test"]
    rows = [f"{line},{splits[n % 3]}" for n, line in enumerate(lines[1:])]
    path = tmp_path / toy_file.name  # the bundle was trained on a file of this name
    path.write_text("\n".join([lines[0] + ",split", *rows]) + "\n")
    common = ("evaluate", toy_bundle, path, "--json", "-", "--resamples", 0)
    whole = run(*common)
    assert "has the texts that" in whole.stderr
    assert json.loads(whole.stdout)["corpus"]["splits"] == ["test", "train", "val"]
    part = run(*common, "--split", "test", "--calibration-split", "val")
    assert "has the texts" not in part.stderr
    other = path.rename(tmp_path / "other.csv")
    assert run("evaluate", toy_bundle, other, *common[3:]).stderr == ""
    found = json.loads(part.stdout)
    assert (found["corpus"]["splits"], found["corpus"]["texts"]) == (["test"], 96)
    renamed = tmp_path / "renamed.csv"
    renamed.write_bytes(toy_file.read_bytes())  # without a split: what it holds tells it
    assert "has the texts that" in run("evaluate", toy_bundle, renamed, *common[3:]).stderr
    assert found["conformal"]["calibrated_on"]["texts"] == 96


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--slice", "site"], 2, "no column 'site'; there are text, toxic, insult"),
        (["--identity-column", "group"], 2, "no column 'group'"),
        (["--identity", "none.csv"], 3, "none.csv"),
        (["--label-column", "harm"], 2, "no column 'harm'"),
        (["--text-column", "body"], 2, "no column 'body'"),
        (["--split", "test"], 2, "no split 'test'"),
        (["--prevalence", "1"], 2, "--prevalence"),
        (["--threshold", "7"], 2, "--threshold"),
        (["--calibration", "none.csv"], 3, "none.csv"),
        (["--policy", "none.toml"], 3, "none.toml"),
        (["--report", "none/page.html"], 3, "there is no folder none"),
    ],
)
def test_what_cannot_be_evaluated(fails, toy_bundle, toy_file, arguments, code, says):
    assert says in fails(code, "evaluate", toy_bundle, toy_file, *arguments)


def test_bundles_and_corpora_that_are_not_there(fails, toy_bundle, toy_file, tmp_path):
    assert "no bundle here" in fails(3, "evaluate", tmp_path / "none", toy_file)
    assert "no such file" in fails(3, "evaluate", toy_bundle, tmp_path / "none.csv")
    assert "no such file" in fails(3, "evaluate", toy_bundle, tmp_path / "none.parquet")
    other = tmp_path / "c.xyz"
    other.write_text("x")
    assert "unknown extension" in fails(2, "evaluate", toy_bundle, other)
    texts = tmp_path / "c.csv"
    texts.write_text("text,label\nhello,7\n")
    assert "row 0: label is '7'" in fails(2, "evaluate", toy_bundle, texts)
    texts.write_text("text,label\n")
    assert "no text with a known label" in fails(2, "evaluate", toy_bundle, texts)


def test_no_bar_where_nobody_looks():
    with evaluation_progress() as progress:
        assert progress is None

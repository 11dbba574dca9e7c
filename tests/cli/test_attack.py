"""``moddefense attack`` through its command line."""

from __future__ import annotations

import json

import pytest

from moddefense.cli import main  # noqa: F401 - the commands under test


@pytest.fixture
def corpus(toy_file):
    return toy_file, "--label-column", "toxic", "--label-column", "insult"


def test_the_report_goes_where_it_is_told(run, toy_bundle, corpus, tmp_path):
    page, values = tmp_path / "attacks.html", tmp_path / "attacks.json"
    result = run("attack", toy_bundle, *corpus, "--attacks", "leet", "--strength", "1",
                 "--limit", "5", "--target", "decision", "--ablate", "--report", page,
                 "--json", values)  # fmt: skip
    assert result.exit_code == 0, result.stderr
    found = json.loads(values.read_text())
    assert [system["name"] for system in found["systems"]] == [
        "toy", "toy, no folding", "toy, no matching", "toy, no lexicon", "toy, none of these"
    ]  # fmt: skip
    assert page.read_text().startswith("<!doctype html>")
    assert "leet" in result.stdout


def test_json_alone_goes_to_stdout(run, toy_bundle, corpus):
    result = run("attack", toy_bundle, *corpus, "--attacks", "spacing", "--strength", "0.5",
                 "--target", "lexicon", "--limit", "5", "--search", "greedy", "--budget", "9",
                 "--against", f"other={toy_bundle}", "--without", "other=matching",
                 "--json", "-")  # fmt: skip
    found = json.loads(result.stdout)
    assert found["texts"]["harmful"] == 5
    assert found["plan"]["tactics"]["budget"] == 9
    assert found["systems"][1]["without"] == ["matching"]


def test_the_same_seed_gives_the_same_report(run, toy_bundle, corpus):
    arguments = ("attack", toy_bundle, *corpus, "--attacks", "misspelling", "--limit", "8",
                 "--target", "lexicon", "--json", "-", "--seed")  # fmt: skip
    first, again, other = (run(*arguments, seed).stdout for seed in (3, 3, 4))
    assert first == again != other


def test_the_families_are_listed(run):
    result = run("attack", "--list")
    assert result.exit_code == 0
    assert "homoglyph" in result.stdout
    assert "hotflip" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--attacks", "nonsense"), "nonsense"),
        (("--target", "nonsense"), "nonsense"),
        (("--strength", "1,x"), "1,x"),
        (("--against", "nonsense"), "NAME=VALUE"),
        (("--without", "other=folding"), "other"),
        (("--readability", "-1"), "readability"),
        (("--split", "nonsense"), "nonsense"),
        (("--words", "0"), "words: 0.0"),
        (("--target", ","), "targets: none"),
    ],
)
def test_mistakes_are_one_line(fails, toy_bundle, corpus, arguments, named):
    assert named in fails(2, "attack", toy_bundle, *corpus, *arguments)


def test_what_cannot_be_written_is_refused_before_the_work(fails, toy_bundle, corpus, monkeypatch):
    monkeypatch.setattr("moddefense.attacks.running.run", None)
    for option in ("--report", "--json"):
        line = fails(3, "attack", toy_bundle, *corpus, option, "none/out")
        assert "there is no folder none" in line


def test_a_bundle_that_is_not_there(fails, corpus):
    assert "nowhere" in fails(3, "attack", "nowhere", *corpus)

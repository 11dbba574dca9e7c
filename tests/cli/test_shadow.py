"""``--shadow-lexicon`` and ``--shadow-bundle``: what is on trial has no effect."""

from __future__ import annotations

import json

import pytest

HEAD = "id,term,kind,match,category,severity,lang,status,source,note\n"


@pytest.fixture
def base(tmp_path):
    """The lists that decide: one mild term."""
    path = tmp_path / "base.csv"
    path.write_text(HEAD + "x-damn,damn,block,word,profanity,1,en,active,,\n")
    return path


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
def test_screen_records_what_a_list_on_trial_would_do(
    run, toy_bundle, comments, base, terms, tmp_path, kind
):
    plain, tried = tmp_path / f"plain.{kind}", tmp_path / f"tried.{kind}"
    common = ["screen", comments, "--bundle", toy_bundle, "--stages", "lexicon", "--lexicon", base]
    common += ["--workers", 2 if kind == "jsonl" else 1]
    assert run(*common, "-o", plain).exit_code == 4
    done = run(*common, "--shadow-lexicon", terms, "-o", tried)
    assert done.exit_code == 4
    manifests = [json.loads((tmp_path / f"{p.name}.manifest.json").read_text())
                 for p in (plain, tried)]  # fmt: skip
    counts = manifests[1]["counts"].pop("shadow")
    assert sum(counts.values()) == 4
    assert counts["same"] < 4
    assert manifests[0]["counts"] == manifests[1]["counts"]
    assert "→" in done.stderr
    if kind == "jsonl":
        before, after = ([json.loads(line) for line in p.read_text().splitlines()]
                         for p in (plain, tried))  # fmt: skip
        shadows = [record.pop("shadow") for record in after]
        assert before == after
        assert [match["term"] for match in shadows[1]["matches"]].count("x-jerk") == 1
    checked = run("verify", tried, "--lexicon", base)
    assert (checked.exit_code, checked.stdout) == (0, "")


def test_resuming_with_something_else_on_trial_is_refused(
    run, fails, toy_bundle, comments, base, terms, tmp_path
):
    out = tmp_path / "out.jsonl"
    common = ["screen", comments, "--bundle", toy_bundle, "--stages", "lexicon", "--lexicon", base,
              "-o", out, "--workers", 1]  # fmt: skip
    run(*common)
    assert "shadow" in fails(2, *common, "--shadow-lexicon", terms, "--resume")


def test_compare_and_explain_try_lists_and_bundles_too(run, toy_bundle, toy_file, base, tmp_path):
    new = tmp_path / "new.csv"
    new.write_text(HEAD + "y-garden,garden,block,word,spam,4,en,active,,\n")
    own = ["--bundle", toy_bundle, "--lexicon", base]
    trial = [*own, "--shadow-lexicon", new]
    found = json.loads(run("policy", "compare", "-", "-", toy_file, *trial, "--json").stdout)
    assert found["differ"] > 0
    assert found["settings"] == {}
    told = json.loads(run("explain", *trial, "--json", "a garden").stdout)
    would = told["shadow"]["decided"]
    assert (would["decision"], would["matches"][-1]["term"]) == ("block", "y-garden")
    both = run("explain", *own, "--shadow-bundle", toy_bundle, "--json", "a fool")
    told = json.loads(both.stdout)
    assert told["shadow"]["decided"]["score"] == told["decided"]["score"]


def test_a_list_on_trial_needs_the_stage_of_lists(fails, toy_bundle, terms):
    says = fails(2, "explain", "--bundle", toy_bundle, "--stages", "classifier",
                 "--shadow-lexicon", terms, "hm")  # fmt: skip
    assert "a list on trial needs the lexicon stage" in says

"""The commands that keep lists in order: what they print, where, and how they end."""

from __future__ import annotations

import json

import pytest

HEADER = "id,term,kind,match,category,severity,lang,status,source,note"


@pytest.fixture
def ours(tmp_path):
    path = tmp_path / "ours.csv"
    path.write_text(
        f"{HEADER}\n"
        "x-crap,crap,block,word,profanity,1,en,active,us,mild\n"
        "x-jerk,jerk,block,word,insult,2,en,active,us,\n"
        "x-jerk-pork,jerk pork,allow,word,food,,en,active,us,\n"
    )
    return path


@pytest.fixture
def labelled(tmp_path):
    path = tmp_path / "labelled.csv"
    rows = ["text,label,split"]
    for place in ("park", "office", "garden", "school"):
        rows += [f"you nitwit in the {place} {n},1,train" for n in range(5)]
        rows += [f"you jerk of the {place} {n},1,test" for n in range(5)]
        rows += [f"the {place} is closed {n},0,train" for n in range(5)]
        rows += [f"a knee jerk answer from the {place} {n},0,test" for n in range(2)]
    path.write_text("\n".join(rows) + "\n")
    return path


def test_list_filters(run, ours):
    found = run(
        "lexicon", "list", "--lexicon", ours, "--kind", "block", "--min-severity", 2, "--terms"
    )
    assert found.exit_code == 0
    assert found.stdout == f"{HEADER}\nx-jerk,jerk,block,word,insult,2,en,active,us,\n"
    (one,) = json.loads(
        run("lexicon", "list", "--lexicon", ours, "--contains", "JERK", "--json").stdout
    )
    assert (one["name"], one["block"], one["allow"]) == ("ours", 1, 1)
    (one,) = json.loads(run("lexicon", "list", "--list", "en/spam", "--json").stdout)
    assert one["name"] == "en/spam"


def test_show(run, fails, ours):
    assert json.loads(run("lexicon", "show", "--lexicon", ours, "CRAP", "--json").stdout) == [
        {
            "id": "x-crap", "term": "crap", "kind": "block", "match": "word",
            "category": "profanity", "severity": 1, "lang": "en", "status": "active",
            "source": "us", "note": "mild", "off": [],
        }
    ]  # fmt: skip
    assert "severity: 2" in run("lexicon", "show", "--lexicon", ours, "x-jerk").stdout
    assert run("lexicon", "show", "damn").exit_code == 0
    assert "near it are crap" in fails(2, "lexicon", "show", "--lexicon", ours, "crab")


def test_lint(run, ours):
    result = run("lexicon", "lint", ours)
    assert (result.exit_code, result.stdout) == (0, "")
    ours.write_text(ours.read_text() + "x-dots,...,block,word,spam,1,en,active,us,\n\n")
    result = run("lexicon", "lint", ours)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert [line.removeprefix(f"{ours}:").split(": ")[:2] for line in lines] == [
        ["5", "never-matches"], ["5", "order"], ["6", "form"], ["6", "unreadable"],
    ]  # fmt: skip
    assert [row["rule"] for row in json.loads(run("lexicon", "lint", ours, "--json").stdout)] == [
        "never-matches", "order", "form", "unreadable",
    ]  # fmt: skip
    result = run("lexicon", "lint", "--fix", ours)
    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) == 1
    assert all(line.startswith("fixed ") for line in result.stderr.splitlines())


def test_lint_with_other_lists_and_a_corpus(run, ours, labelled, tmp_path):
    other = tmp_path / "other.csv"
    other.write_text(f"{HEADER}\ny-qzo,qzo,block,substring,spam,1,en,active,us,made up\n")
    assert run("lexicon", "lint", other, "--with", "en", "--with", ours).exit_code == 0
    corpus = tmp_path / "corpus.csv"
    corpus.write_text("text,label\nMr Erqzogan,0\nMrs Erqzogin,1\n")
    result = run("lexicon", "lint", other, "--corpus", corpus)
    assert result.exit_code == 1
    assert "hits 1 harmless word (erqzogan)" in result.stdout


def test_the_shipped_lists_are_clean(run):
    result = run("lexicon", "lint")
    assert (result.exit_code, result.stdout) == (0, "")


def test_add_and_retire(run, fails, ours):
    result = run(
        "lexicon", "add", ours, "--term", "oaf", "--category", "insult", "--severity", 1,
        "--note", "dated",
    )  # fmt: skip
    assert (result.exit_code, result.stdout) == (0, "x-oaf\n")
    assert run("lexicon", "retire", ours, "x-oaf", "--note", "too mild").stdout == "x-oaf\n"
    assert "x-oaf,oaf,block,word,insult,1,en,retired,,dated Retired: too mild" in ours.read_text()
    again = ["lexicon", "add", ours, "--term", "oaf", "--category", "insult", "--severity", 1]
    assert "never used again" in fails(2, *again, "--id", "x-oaf")
    assert "is that term already" in fails(
        2, "lexicon", "add", ours, "--term", "Crap", "--category", "spam", "--severity", 1
    )
    assert "cannot be read" in fails(3, "lexicon", "retire", "none.csv", "x", "--note", "y")


def test_diff_and_merge(run, ours, tmp_path):
    theirs, out = tmp_path / "theirs.csv", tmp_path / "out.csv"
    theirs.write_text(ours.read_text().replace("insult,2", "insult,3"))
    mine = tmp_path / "mine.csv"
    mine.write_text(ours.read_text().replace("us,mild", "us,very mild"))
    assert run("lexicon", "diff", ours, ours).exit_code == 0
    result = run("lexicon", "diff", ours, theirs)
    assert (result.exit_code, result.stdout) == (1, "~ x-jerk changed: 'jerk'; severity 2 → 3\n")
    assert json.loads(run("lexicon", "diff", ours, theirs, "--json").stdout)[0]["fields"] == {
        "severity": [2, 3]
    }
    assert run("lexicon", "merge", ours, mine, theirs, "-o", out).exit_code == 0
    assert "very mild" in out.read_text()
    assert "insult,3" in out.read_text()
    out.unlink()
    mine.write_text(ours.read_text().replace("insult,2", "insult,1"))
    result = run("lexicon", "merge", ours, mine, theirs, "-o", out)
    assert (result.exit_code, result.stdout) == (1, "x-jerk: severity: base 2, ours 1, theirs 3\n")
    assert not out.exists()
    assert (
        run("lexicon", "merge", ours, mine, theirs, "-o", out, "--prefer", "theirs").exit_code == 0
    )
    assert out.read_text() == theirs.read_text()


def test_audit(run, ours, labelled, tmp_path):
    report, figures = tmp_path / "audit.html", tmp_path / "audit.json"
    result = run("lexicon", "audit", ours, labelled, "--report", report, "--json", figures)
    assert result.exit_code == 0
    assert "x-jerk" in result.stdout
    assert "50.0% (35.2%–64.8%)" in result.stdout
    assert "<!doctype html>" in report.read_text()
    values = json.loads(figures.read_text())
    assert values["lists"][0]["harmful"] == 20
    assert values["lists"][0]["harmless"] == 8
    plain = run("lexicon", "audit", ours, labelled, "--split", "test", "--json", "-")
    assert json.loads(plain.stdout)["harmful"] == 20
    masked = json.loads(plain.stdout)["terms"][0]["examples"][0]
    assert masked["hit"] == "j***"
    assert run("lexicon", "audit", labelled, "--top", 0).exit_code == 0


def test_mine(run, ours, labelled):
    result = run("lexicon", "mine", labelled, "--lexicon", ours, "--min-z", 2)
    assert result.exit_code == 0
    assert "nitwit" in result.stdout
    found = json.loads(
        run("lexicon", "mine", labelled, "--lexicon", ours, "--min-z", 2, "--json").stdout
    )
    assert [(one["kind"], one["term"]) for one in found][-1] == ("allow", "knee jerk")
    assert "nitwit" in [one["term"] for one in found]


def test_review_adds_what_is_accepted(run, fails, ours, labelled, tmp_path):
    target = tmp_path / "mined.csv"
    arguments = [
        "lexicon",
        "mine",
        labelled,
        "--lexicon",
        ours,
        "--min-z",
        2,
        "--review",
        "--to",
        target,
    ]
    kinds = json.loads(
        run("lexicon", "mine", labelled, "--lexicon", ours, "--min-z", 2, "--json").stdout
    )
    terms = [one["term"] for one in kinds]
    answers = ["s\n"] * len(terms)
    answers[terms.index("nitwit")] = "a\ninsult\n2\nword\n"
    answers[-1] = "a\nidiom\nword\n"
    result = run(*arguments, input="".join(answers))
    assert result.exit_code == 0
    assert result.stdout == ""
    assert "2 terms added" in result.stderr
    assert "harmful   " in result.stderr
    lines = target.read_text().splitlines()
    assert lines[1].startswith("en-mined-knee-jerk,knee jerk,allow,word,idiom,,en,active,")
    assert lines[2].startswith(
        "en-mined-nitwit,nitwit,block,word,insult,2,en,active,mined: labelled,"
        '"20 harmful, 0 harmless texts; z '
    )
    before = target.read_bytes()
    assert run(*arguments, input="q\n").exit_code == 0
    assert target.read_bytes() == before
    assert "go together" in fails(2, "lexicon", "mine", labelled, "--review")


def test_import_and_export(run, fails, ours, tmp_path):
    words, out = tmp_path / "words.txt", tmp_path / "words.csv"
    words.write_text("crap\nholy cow\n")
    result = run(
        "lexicon", "import", words, "--format", "plain", "--id-prefix", "w-", "--severity", 1,
        "-o", out,
    )  # fmt: skip
    assert result.exit_code == 0
    assert "w-holy-cow,holy cow,block,word,profanity,1,en,active,words.txt," in out.read_text()
    assert f"{out}: 2 terms" in result.stderr
    result = run("lexicon", "export", ours, "--format", "plain")
    assert result.stdout == "jerk\ncrap\n"
    assert "left out: 1 (allow terms)" in result.stderr
    table = tmp_path / "filter.csv"
    assert run("lexicon", "export", ours, "--format", "mastodon", "-o", table).exit_code == 0
    assert table.read_text() == "keyword,whole_word\njerk,true\ncrap,true\n"
    assert "is not LOW:HIGH" in fails(
        2, "lexicon", "import", words, "--format", "plain", "--scale", "x", "-o", out
    )
    assert "cannot be read" in fails(
        3, "lexicon", "import", "none.txt", "--format", "plain", "-o", out
    )

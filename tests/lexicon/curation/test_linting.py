"""Linting: each rule on lists kept as data, mending, and the shipped lists themselves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moddefense.errors import ReadError
from moddefense.lexicon import Lexicon, Term
from moddefense.lexicon.curation.harmless import common_words, is_derived
from moddefense.lexicon.curation.linting import RULES, fix, lint

CASES = [
    json.loads(line)
    for line in (Path(__file__).parents[2] / "cases" / "lint.jsonl").read_text("utf-8").splitlines()
]


def found(findings):
    return [[finding.line, finding.rule] for finding in findings]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_case(write_list, case):
    path = write_list(*case["lines"])
    findings = lint([path])
    assert found(findings) == case["finds"]
    for finding in findings:
        assert finding.rule in RULES
        assert str(finding).startswith(f"{path}:{finding.line}: {finding.rule}: ")
        assert "\n" not in str(finding)


def test_every_rule_but_the_header_has_a_case():
    assert {rule for case in CASES for _, rule in case["finds"]} == set(RULES) - {"header"}


def test_the_shipped_lists_are_clean():
    assert [str(finding) for finding in lint()] == []


@pytest.mark.parametrize(
    ("raw", "finds"),
    [
        (b"", [[1, "header"]]),
        (b"id,term\n", [[1, "header"]]),
        (b"\xef\xbb\xbfHEAD\n", [[1, "form"]]),
        (b"HEAD\r\nx-crap,crap,block,word,profanity,1,en,active,me,\r\n", [[1, "form"]]),
        (b"HEAD\nx-crap,crap,block,word,profanity,1,en,active,me,", [[2, "form"]]),
        (b"HEAD\nx-\xff,crap,block,word,profanity,1,en,active,me,\n", [[2, "unreadable"]]),
        (b"HEAD\nx-\x00,crap,block,word,profanity,1,en,active,me,\n", [[2, "unreadable"]]),
    ],
)
def test_bytes(tmp_path, raw, finds):
    header = b"id,term,kind,match,category,severity,lang,status,source,note"
    path = tmp_path / "ours.csv"
    path.write_bytes(raw.replace(b"HEAD", header))
    assert found(lint([path])) == finds


def test_findings_across_files(write_list):
    one = write_list("x-crap,crap,block,word,profanity,1,en,active,me,")
    two = write_list(
        "x-crap,damn,block,word,profanity,1,en,active,me,",
        "x-crap-2,crap,block,word,profanity,1,en,active,me,",
        name="two.csv",
    )
    assert found(lint([one])) == found(lint([two])) == []
    findings = lint([two, one])
    assert [(f.path, f.line, f.rule) for f in findings] == [
        (str(one), 2, "duplicate"),
        (str(one), 2, "id"),
    ]


def test_lists_beside_are_looked_at_and_not_linted(write_list):
    ours = write_list(
        "x-heck,heck,block,word,profanity,1,en,active,me,",
        "x-jerk-pork,jerk pork,allow,word,food,,en,active,me,",
    )
    beside = Lexicon([Term("y-jerk", "jerk", severity=1), Term("y-dots", "...", severity=1)])
    assert found(lint([ours])) == [[3, "protects-nothing"]]
    assert found(lint([ours], beside=[beside])) == []


def test_words_of_a_corpus_are_harmless(write_list):
    path = write_list("x-qzo,qzo,block,substring,insult,1,en,active,me,a made-up word")
    assert lint([path]) == []
    (finding,) = lint([path], harmless=["Meet Mr Erqzogan!"])
    assert finding.rule == "harmless-words"
    assert "erqzogan" in finding.message


def test_a_missing_file(tmp_path):
    with pytest.raises(ReadError, match=r"no\.csv: cannot be read"):
        lint([tmp_path / "no.csv"])


def test_fix_mends_what_is_safe_and_keeps_the_rest(write_list):
    path = write_list(
        "x-jerk, jerk ,block,word,insult,1,en,active,me,\r",
        "x-crap,crap,block,word,profanity,1,en,active,me,",
        "x-damn,damn",
        "",
        "x-crap,crap,block,word,profanity,1,en,active,me,",
        "x-crap,jerk,block,word,insult,1,en,active,me,",
    )
    path.chmod(0o640)
    mended = fix([path])
    assert {finding.rule for finding in mended} == {"form", "order", "repeated"}
    assert path.read_text().splitlines()[1:] == [
        "x-crap,crap,block,word,profanity,1,en,active,me,",
        "x-crap,jerk,block,word,insult,1,en,active,me,",
        "x-damn,damn",
        "x-jerk,jerk,block,word,insult,1,en,active,me,",
    ]
    assert path.stat().st_mode & 0o777 == 0o640
    assert [finding for finding in lint([path]) if finding.fixable] == []
    assert fix([path]) == []
    assert list(path.parent.iterdir()) == [path]


def test_fix_leaves_a_file_with_other_columns_alone(tmp_path):
    path = tmp_path / "other.csv"
    path.write_text("b,1 \na,2 \n")
    assert fix([path]) == []
    assert path.read_text() == "b,1 \na,2 \n"


cells = st.text(st.sampled_from(' ,"ab\t\r\x00éx-'), max_size=4)
rows = st.one_of(
    st.lists(cells, max_size=11).map(",".join),
    st.sampled_from(
        [
            "x-crap,crap,block,word,profanity,1,en,active,me,",
            " x-damn,damn,block,word,profanity,1,en,active,me, ",
            "x-a,jerk,allow,word,,,en,retired,,",
        ]
    ),
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(rows, max_size=6))
def test_anything_is_linted_and_fixing_once_is_enough(write_list, lines):
    path = write_list(*lines)
    before = {line.strip().strip(",") for line in path.read_bytes().decode().split("\n")}
    fix([path])
    once = path.read_bytes()
    findings = lint([path])
    assert [finding for finding in findings if finding.fixable] == []
    assert fix([path]) == []
    assert path.read_bytes() == once
    unreadable = [finding for finding in findings if finding.rule == "unreadable"]
    assert len(unreadable) <= len(before)


@pytest.mark.parametrize(
    ("word", "term", "derived"),
    [
        ("jerks", "jerk", True), ("jerking", "jerk", True), ("jerkface", "jerk", True),
        ("hardass", "ass", True), ("asses", "ass", True), ("crapped", "crap", True),
        ("class", "ass", False), ("assassin", "ass", False), ("scrap", "crap", False),
        ("title", "tit", False), ("dickens", "dick", False), ("cr4p", "crap", False),
    ],
)  # fmt: skip
def test_forms_and_compounds(word, term, derived):
    assert is_derived(word, term, common_words("en")) is derived


def test_words_of_languages():
    assert common_words("en-GB") == common_words("en")
    assert len(common_words("de")) > 10_000
    assert common_words("xx") == {}

"""Audits: counts by hand, intervals, the page."""

from __future__ import annotations

import dataclasses
import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moddefense.errors import ConfigurationError
from moddefense.lexicon import Lexicon, Term
from moddefense.lexicon.curation.audit_page import render_audit, write_audit
from moddefense.lexicon.curation.auditing import audit
from moddefense.lexicon.curation.corpora import take_split
from moddefense.lexicon.curation.intervals import wilson

OATHS = Lexicon(
    [Term("a-crap", "crap", severity=2), Term("a-damn", "damn", severity=1)], name="oaths"
)
PEOPLE = Lexicon(
    [
        Term("b-jerk", "jerk", category="insult", severity=1),
        Term("b-oaf", "oaf", category="insult", severity=1),
        Term("b-jerk-pork", "jerk pork", kind="allow", category="food"),
    ],
    name="people",
)


@pytest.fixture
def found(make_corpus):
    corpus = make_corpus(
        ["damn you jerk", "d@mn", "crap, crap <b>"],
        ["a jerk of the rope", "jerk pork", "fine", "ok"],
    )
    return audit([OATHS, PEOPLE], corpus)


def test_terms(found):
    terms = {item.term.id: item for item in found.terms}
    assert list(terms) == ["a-damn", "b-jerk", "a-crap", "b-oaf"]
    counts = {key: (item.all.harmful, item.all.harmless) for key, item in terms.items()}
    assert counts == {"a-damn": (2, 0), "b-jerk": (1, 1), "a-crap": (1, 0), "b-oaf": (0, 0)}
    alone = {key: (item.alone.harmful, item.alone.harmless) for key, item in terms.items()}
    assert alone == {"a-damn": (1, 0), "b-jerk": (0, 1), "a-crap": (1, 0), "b-oaf": (0, 0)}
    assert terms["b-jerk"].all.precision == wilson(1, 2)
    assert terms["a-damn"].all.coverage == wilson(2, 3)
    assert terms["a-damn"].list == "oaths"
    assert terms["b-oaf"].all.precision.value is None


def test_lists(found):
    oaths, people = found.lists
    assert (oaths.all.harmful, oaths.all.harmless) == (3, 0)
    assert (oaths.alone.harmful, oaths.alone.harmless) == (2, 0)
    assert (people.all.harmful, people.all.harmless) == (1, 1)
    assert (people.alone.harmful, people.alone.harmless) == (0, 1)
    assert (people.terms, people.hitting) == (2, 1)
    assert found.whole.all.coverage.value == 1
    assert found.whole.all.false_positives.value == 0.25


def test_examples_are_masked_unless_asked_for(found, make_corpus):
    jerk = next(item for item in found.terms if item.term.id == "b-jerk")
    assert [(e.harmful, e.before, e.hit, e.after) for e in jerk.examples] == [
        (True, "d*** you ", "j***", ""),
        (False, "a ", "j***", " of the rope"),
    ]
    damn = next(item for item in found.terms if item.term.id == "a-damn")
    assert damn.examples[1].through == ("leet",)
    shown = audit([PEOPLE], make_corpus(["you jerk"], ["no"]), masked=False)
    assert shown.terms[0].examples[0].hit == "jerk"


def test_severity(make_corpus):
    found = audit([OATHS, PEOPLE], make_corpus(["damn crap"], ["no"]), min_severity=2)
    assert [item.term.id for item in found.terms] == ["a-crap"]


def test_rows_without_a_label_do_not_count(make_corpus):
    corpus = make_corpus(["damn"], ["no", "damn"])
    unknown = corpus.labels.copy()
    unknown[2] = np.nan
    found = audit([OATHS], dataclasses.replace(corpus, labels=unknown))
    assert (found.whole.all.of_harmful, found.whole.all.of_harmless) == (1, 1)
    with pytest.raises(ConfigurationError, match="no row has a known label"):
        audit([OATHS], dataclasses.replace(corpus, labels=np.full_like(unknown, np.nan)))


def test_json_is_plain(found):
    values = json.loads(json.dumps(found.as_dict()))
    assert values["harmful"] == 3
    assert values["lists"][1]["alone"]["harmless"] == 1
    assert values["terms"][0]["precision"] == list(wilson(2, 2))


def test_the_page_needs_nothing_else_and_escapes(found, tmp_path):
    page = render_audit(found)
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    assert not re.search(r"(?:src|href)\s*=|@import|url\(", page)
    assert "a-damn" in page
    assert "b-oaf" not in page
    assert "1 terms hit nothing" in page
    write_audit(tmp_path / "audit.html", found)
    assert (tmp_path / "audit.html").read_text("utf-8") == page
    assert [path.name for path in tmp_path.iterdir()] == ["audit.html"]


def test_splits(make_corpus):
    corpus = dataclasses.replace(make_corpus(["damn"], ["no"]), splits=("train", "test"))
    assert take_split(corpus, None) is corpus
    assert take_split(corpus, "test").texts == ("no",)
    with pytest.raises(ConfigurationError, match="no split 'dev'; there is test, train"):
        take_split(corpus, "dev")


@given(st.integers(0, 60), st.integers(1, 60))
def test_intervals_hold_the_share(part, whole):
    part = min(part, whole)
    share = wilson(part, whole)
    assert 0 <= share.low <= share.value <= share.high <= 1
    mirrored = wilson(whole - part, whole)
    assert mirrored.low == pytest.approx(1 - share.high)
    wider = wilson(2 * part, 2 * whole)
    assert wider.high - wider.low < share.high - share.low


def test_interval_against_a_published_value():
    # Newcombe 1998, table I: 81 of 263
    assert wilson(81, 263) == pytest.approx((0.3080, 0.2553, 0.3662), abs=5e-5)

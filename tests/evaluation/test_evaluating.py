"""A whole evaluation: of the toy bundle, by the library; its JSON and its page."""

from __future__ import annotations

import dataclasses
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

import moddefense as md
from moddefense.corpus import Corpus
from moddefense.errors import ConfigurationError, WriteError
from moddefense.evaluation import Options, evaluate
from moddefense.evaluation.evaluating import read_corpus
from moddefense.evaluation.report import render_report
from moddefense.evaluation.slices import MOST, by_length, by_value

QUICK = Options(resamples=20)
SECTIONS = {
    "bias", "conformal", "corpus", "cost", "curves", "decisions", "errors", "format", "notes",
    "options", "pipeline", "reliability", "scores", "slices", "uncertainty", "version",
}  # fmt: skip


@pytest.fixture(scope="module")
def found(toy_guard, toy_corpus):
    return evaluate(toy_guard, toy_corpus, QUICK).as_dict()


def leaves(node, path=()):
    if isinstance(node, dict):
        for key, value in node.items():
            yield from leaves(value, (*path, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from leaves(value, (*path, index))
    else:
        yield path, node


def subset(corpus, rows):
    return corpus.take(np.asarray(rows))


# Figures


def test_an_evaluation_has_every_section_and_valid_values(found):
    assert set(found) == SECTIONS
    json.dumps(found, allow_nan=False)
    assert set(found["scores"]) == {"harm", "toxic", "insult"}
    assert found["scores"]["harm"]["auc"]["value"] > 0.9
    assert found["scores"]["insult"]["texts"] < found["scores"]["harm"]["texts"]
    assert found["corpus"]["texts"] == 288
    for path, value in leaves(found):
        if path[-1] == "value" and "slices" not in path:
            assert value is None or isinstance(value, float | int), path


def test_decisions_are_those_of_screening(found, toy_guard, toy_corpus):
    screening = toy_guard.screen(toy_corpus.texts)
    confusion = found["decisions"]["confusion"]
    for name, count in screening.counts()["decision"].items():
        assert confusion["harmful"][name] + confusion["harmless"][name] == count
    for name, count in screening.counts()["decided_by"].items():
        classes = found["decisions"]["decided_by"][name]
        assert sum(sum(counts.values()) for counts in classes.values()) == count
    harmful = toy_corpus.harmful == 1
    flagged = screening.decision != 0
    assert found["decisions"]["harmful_flagged"]["value"] == pytest.approx(
        flagged[harmful].mean(), abs=1e-6
    )
    assert found["decisions"]["precision_of_flagged"]["value"] == pytest.approx(
        harmful[flagged].mean(), abs=1e-6
    )


def test_scores_are_those_of_the_classifier_alone(found, toy_bundle, toy_corpus):
    alone = md.load(toy_bundle, stages=["classifier"]).screen(toy_corpus.texts)
    wrong = (alone.score >= 0.5) != (toy_corpus.harmful == 1)
    assert found["uncertainty"]["errors"] == wrong.sum()
    worst = found["errors"]["misses"][0]
    row = int(worst["id"])
    assert worst["score"] == pytest.approx(alone.score[row], abs=1e-6)
    assert worst["uncertainty"] == pytest.approx(alone.uncertainty[row], abs=1e-6)
    assert alone.score[row] == alone.score[toy_corpus.harmful == 1].min()
    assert set(found["uncertainty"]["measures"]) == {
        "score_distance", "entropy", "deviation", "information",
    }  # fmt: skip


def test_the_cost_counts_what_each_stage_saw(found, toy_guard, toy_corpus):
    stages = found["cost"]["stages"]
    screening = toy_guard.screen(toy_corpus.texts)
    assert stages["lexicon"]["texts"] == 288
    assert stages["trigger"]["texts"] == int((~np.isnan(screening.trigger)).sum())
    assert stages["classifier"]["texts"] == int((~np.isnan(screening.score)).sum())


def test_the_same_again_but_for_the_clock(found, toy_guard, toy_corpus):
    again = evaluate(toy_guard, toy_corpus, QUICK).as_dict()
    assert {**again, "cost": None} == {**found, "cost": None}


def test_prevalence_changes_what_depends_on_it(found, toy_guard, toy_corpus):
    rare = evaluate(toy_guard, toy_corpus, dataclasses.replace(QUICK, prevalence=0.02)).as_dict()
    before, after = found["scores"]["harm"], rare["scores"]["harm"]
    assert after["prevalence"] == pytest.approx(0.02)
    assert after["auc"] == before["auc"]
    assert after["at_threshold"]["recall"] == before["at_threshold"]["recall"]
    assert after["average_precision"]["value"] < before["average_precision"]["value"]


def test_members_of_an_ensemble_are_measured_beside_dropout(toy_guard, toy_bundle, toy_corpus):
    rows = np.arange(0, 288, 3)
    found = evaluate(
        toy_guard, subset(toy_corpus, rows), QUICK, ensemble=[toy_bundle, toy_bundle]
    ).as_dict()["uncertainty"]
    assert found["members"] == 3
    measures = found["measures"]
    # Members that are all the same one do not disagree, and have its entropy.
    assert measures["ensemble_information"]["error_auc"]["value"] == pytest.approx(0.5, abs=0.3)
    entropy = measures["ensemble_entropy"]["bins"][-1]["to"]
    assert entropy == pytest.approx(np.log(2), abs=0.2)


def test_conformal_sets_may_be_calibrated_elsewhere(toy_guard, toy_corpus):
    half, other = subset(toy_corpus, range(0, 288, 2)), subset(toy_corpus, range(1, 288, 2))
    found = evaluate(toy_guard, half, QUICK, calibration=other).as_dict()["conformal"]
    assert found["calibrated_on"] == {
        "harmful": int((other.harmful == 1).sum()), "texts": len(other),
    }  # fmt: skip
    levels = {level["alpha"]: level for level in found["levels"]}
    assert levels[0.2]["coverage_harmful"] >= 0.7
    assert levels[0.01]["coverage_harmful"] >= levels[0.2]["coverage_harmful"]
    assert levels[0.01]["coverage_harmless"] >= 0.95
    assert levels[0.01]["harmful_from"] is None  # too few texts to promise that: in every set
    assert 0 < levels[0.2]["harmful_from"] < 1


@pytest.mark.parametrize("kind", [0, 1])
def test_a_corpus_of_one_class_gives_reasons(toy_guard, toy_corpus, kind, tmp_path):
    rows = np.flatnonzero(toy_corpus.harmful == kind)[:40]
    options = dataclasses.replace(QUICK, prevalence=0.1)
    result = evaluate(toy_guard, subset(toy_corpus, rows), options)
    found = result.as_dict()
    assert "there are no harm" in found["scores"]["harm"]["auc"]["reason"]
    assert found["bias"]["identities_counted"] == 0
    result.write_json(tmp_path / "one.json")
    result.write_html(tmp_path / "one.html")
    assert json.loads((tmp_path / "one.json").read_text()) == found


def test_one_text_is_enough(toy_guard, toy_corpus, tmp_path):
    result = evaluate(toy_guard, subset(toy_corpus, [3]), QUICK)
    result.write_html(tmp_path / "one.html")
    assert result.as_dict()["corpus"]["texts"] == 1


def test_a_pipeline_without_classifier_has_decisions_alone(toy_bundle, toy_corpus, tmp_path):
    guard = md.load(toy_bundle, stages=["lexicon", "trigger"])
    result = evaluate(guard, subset(toy_corpus, range(40)), QUICK)
    found = result.as_dict()
    assert (found["scores"], found["uncertainty"], found["errors"]) == ({}, None, None)
    assert any("no classifier" in note for note in found["notes"])
    assert sum(found["decisions"]["confusion"]["harmful"].values()) > 0
    result.write_html(tmp_path / "report.html")


def test_texts_that_may_or_may_not_be_harmful_are_left_out(toy_guard):
    labels = np.array([[1, 1], [np.nan, 1], [0, np.nan]], np.float32)
    texts = ("you jerk", "you fool", "a garden")
    corpus = Corpus(texts, labels, ("label", "toxic"), None, "c.csv")
    found = evaluate(toy_guard, corpus, QUICK).as_dict()
    assert found["corpus"]["texts"] == 2
    assert found["notes"] == ["c.csv: 1 rows that may or may not be harmful left out"]
    unknown = dataclasses.replace(corpus, labels=np.full((3, 2), np.nan, np.float32))
    with pytest.raises(ConfigurationError, match="no text with a known label"):
        evaluate(toy_guard, unknown, QUICK)


# Slices, identities, columns


def test_slices_and_identities_by_column(toy_bundle, toy_guard, tmp_path):
    path = tmp_path / "c.csv"
    rows = [
        f"{who} are {what} {n},{int(what == 'a jerk')},{site},{int(who == 'vikings')}"
        for n in range(12)
        for site in ("x", "y")
        for who in ("vikings", "you")
        for what in ("a jerk", "a garden")
    ]
    path.write_text("\n".join(["text,label,site,viking", *rows]) + "\n")
    options = dataclasses.replace(QUICK, slices=("site",), identity_columns=("viking",))
    found = evaluate(toy_guard, read_corpus(path, toy_bundle, options), options).as_dict()
    assert [part["value"] for part in found["slices"]["site"]] == ["x", "y"]
    assert [part["texts"] for part in found["slices"]["site"]] == [48, 48]
    assert found["slices"]["site"][0]["scores"]["auc"]["value"] > 0.6
    (row,) = found["bias"]["identities"]
    assert (row["identity"], row["harmful"], row["harmless"]) == ("viking", 24, 24)
    words = dataclasses.replace(QUICK, identities={"viking": ("vikings",)})
    by_word = evaluate(toy_guard, read_corpus(path, toy_bundle), words).as_dict()["bias"]
    assert by_word["identities"] == found["bias"]["identities"]
    with pytest.raises(ConfigurationError, match="column 'site' was not kept"):
        evaluate(toy_guard, read_corpus(path, toy_bundle), options)


def test_values_become_slices():
    assert [name for name, _ in by_value(["b", "a", None, "a"])] == ["a", "(empty)", "b"]
    many = [f"v{n}" for n in range(MOST + 5)]
    slices = by_value(many + many[:MOST])
    assert len(slices) == MOST + 1
    assert slices[-1][0] == "(5 other values)"
    assert sum(rows.size for _, rows in slices) == len(many) + MOST
    quarters = by_value([float(n) for n in range(100)] + [None])
    assert [name for name, _ in quarters] == [
        "0 to 24.75", "24.75 to 49.5", "49.5 to 74.25", "74.25 to 99", "(empty)",
    ]  # fmt: skip
    assert [rows.size for _, rows in quarters] == [25, 25, 25, 25, 1]
    assert [name for name, _ in by_value([1, 2, 1])] == ["1", "2"]
    assert [name for name, _ in by_length(["", "a" * 49, "b" * 1500])] == [
        "under 50", "1500 and more",
    ]  # fmt: skip


def test_which_columns_are_labels(toy_bundle, toy_guard, toy_file, tmp_path):
    assert read_corpus(toy_file, toy_bundle).label_names == ("toxic", "insult")
    assert read_corpus(toy_file, toy_guard).label_names == ("toxic", "insult")
    assert read_corpus(toy_file, toy_bundle, label_columns=("insult",)).label_names == ("insult",)
    path = tmp_path / "c.csv"
    path.write_text("text,label,toxic\na,1,0\n")
    assert read_corpus(path, toy_bundle).label_names == ("label", "toxic")
    path.write_text("text,harm\na,1\n")
    with pytest.raises(ConfigurationError, match=r"no label column: none of label, toxic, insult"):
        read_corpus(path, toy_bundle)


@pytest.mark.parametrize("wrong", [{"prevalence": 1.0}, {"prevalence": -1}, {"threshold": 2}])
def test_options_out_of_range(wrong):
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        Options(**wrong)


# The page


class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.ids, self.links, self.text = [], [], [], []

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.ids += [attributes["id"]] if "id" in attributes else []
        self.links += [attributes[k] for k in ("href", "src") if k in attributes]
        if tag not in ("meta", "br", "link"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.ids += [value for name, value in attrs if name == "id"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_the_page_is_whole_and_needs_nothing_else(toy_guard, toy_corpus, tmp_path):
    options = dataclasses.replace(QUICK, examples=2)
    texts = [text.replace("a fool", "<b>& a fool") for text in toy_corpus.texts]
    corpus = dataclasses.replace(toy_corpus, texts=tuple(texts))
    result = evaluate(toy_guard, corpus, options)
    result.write_html(tmp_path / "report.html")
    html = (tmp_path / "report.html").read_text()
    page = Page()
    page.feed(html)
    assert page.open == []
    assert all(link.startswith("#") for link in page.links), page.links
    assert {link[1:] for link in page.links} - {"p", "m"} <= set(re.findall(r'id="([^"]+)"', html))
    assert "<b>&" not in html
    assert "#010101" not in html  # every colour is the page's
    assert html.count("<svg") >= 3
    text = "".join(page.text)
    assert f"{result.as_dict()['scores']['harm']['auc']['value']:.4f}" in text
    assert "NaN" not in text
    result.write_html(tmp_path / "again.html")
    assert (tmp_path / "again.html").read_text() == html


def test_the_page_does_without_resamples(toy_guard, toy_corpus):
    found = evaluate(toy_guard, subset(toy_corpus, range(80, 200)), Options(resamples=0))
    assert found.as_dict()["scores"]["harm"]["f1_best"]["low"] is None
    page = Page()
    page.feed(render_report(found.as_dict()))
    assert page.open == []
    assert "None" not in "".join(page.text)


def test_texts_are_shown_only_where_asked(toy_guard, toy_corpus):
    options = dataclasses.replace(QUICK, examples=2, threshold=0.99)
    shown = evaluate(toy_guard, toy_corpus, options).as_dict()["errors"]["misses"]
    assert [("text" in one) for one in shown[:3]] == [True, True, False]
    assert shown[0]["text"] == toy_corpus.texts[int(shown[0]["id"])]
    hidden = evaluate(toy_guard, toy_corpus, dataclasses.replace(options, examples=0))
    assert "text" not in hidden.as_dict()["errors"]["misses"][0]


def test_what_cannot_be_written(toy_guard, toy_corpus, tmp_path):
    result = evaluate(toy_guard, subset(toy_corpus, range(20)), QUICK)
    with pytest.raises(WriteError):
        result.write_json(tmp_path / "none" / "e.json")

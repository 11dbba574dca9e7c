"""Bias by identity: who is mentioned, the three areas, and what cannot be compared."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from moddefense.errors import ConfigurationError, ReadError
from moddefense.evaluation.bias import KINDS, bias_figures, generalised_mean
from moddefense.evaluation.identities import (
    identity_columns,
    identity_mentions,
    parse_identities,
    read_identities,
)


@pytest.fixture(scope="module")
def biased():
    """Harmless texts about b score high, harmful texts about c low, a is treated fairly."""
    generator = np.random.Generator(np.random.PCG64(5))
    n = 4000
    labels = generator.integers(0, 2, n)
    about = generator.integers(0, 4, n)
    scores = np.clip(generator.normal(0.3 + 0.4 * labels, 0.12), 0, 1).round(2)
    scores = np.where((about == 1) & (labels == 0), scores + 0.25, scores)
    scores = np.where((about == 2) & (labels == 1), scores - 0.25, scores)
    return labels, scores, {name: about == k for k, name in enumerate("abc")}


def test_each_kind_of_bias_shows_where_it_should(biased):
    labels, scores, mentions = biased
    found = bias_figures(labels, scores, mentions, threshold=0.5)
    by = {row["identity"]: row for row in found["identities"]}
    assert by["a"]["subgroup_auc"]["value"] > 0.98
    assert by["b"]["bpsn_auc"]["value"] < 0.9 < by["b"]["bnsp_auc"]["value"]
    assert by["c"]["bnsp_auc"]["value"] < 0.9 < by["c"]["bpsn_auc"]["value"]
    assert by["b"]["false_positives"]["value"] > 0.4
    assert by["c"]["misses"]["value"] > 0.2
    assert found["identities"][-1]["identity"] == "a"  # the worst come first


def test_areas_are_those_of_the_definition_and_means_of_the_areas(biased):
    labels, scores, mentions = biased
    found = bias_figures(labels, scores, mentions, threshold=0.5, resampled=30)
    for row in found["identities"]:
        mask = mentions[row["identity"]]
        parts = {
            "subgroup_auc": mask,
            "bpsn_auc": (mask & (labels == 0)) | (~mask & (labels == 1)),
            "bnsp_auc": (mask & (labels == 1)) | (~mask & (labels == 0)),
        }
        for kind, rows in parts.items():
            expected = roc_auc_score(labels[rows], scores[rows])
            assert row[kind]["value"] == pytest.approx(expected, abs=1e-6)
    for kind in KINDS:
        mean = found["generalised_mean"][kind]
        expected = generalised_mean([row[kind]["value"] for row in found["identities"]])
        assert mean["value"] == pytest.approx(expected, abs=1e-5)
        assert mean["low"] < mean["value"] < mean["high"]


def test_the_generalised_mean_is_drawn_to_the_worst():
    assert generalised_mean([0.9, 0.9]) == pytest.approx(0.9)
    assert 0.5 < generalised_mean([0.5, 1, 1, 1]) < 0.7
    assert generalised_mean([0.0, 1.0]) == 0
    assert generalised_mean([0.2, 0.8], 1) == pytest.approx(0.5)


def test_an_identity_of_few_texts_is_named_with_the_reason(biased):
    labels, scores, mentions = biased
    few = np.zeros(len(labels), bool)
    few[np.flatnonzero(labels == 1)[:40]] = True
    none = np.zeros(len(labels), bool)
    found = bias_figures(
        labels, scores, {**mentions, "few": few, "none": none}, threshold=0.5, resampled=0
    )
    last = found["identities"][-1]
    assert (last["identity"], last["harmful"], last["harmless"]) == ("few", 40, 0)
    assert last["bpsn_auc"] == {
        "value": None, "reason": "fewer than 10 harmless texts mention it",
    }  # fmt: skip
    assert found["identities_counted"] == 3
    alone = bias_figures(labels, scores, {"none": none}, threshold=0.5)
    assert alone["identities"] == []
    assert alone["generalised_mean"]["bpsn_auc"]["value"] is None


def test_an_identity_that_all_texts_mention_has_no_background(biased):
    labels, scores, _ = biased
    found = bias_figures(labels, scores, {"all": np.ones(len(labels), bool)}, threshold=0.5)
    assert found["generalised_mean"]["bpsn_auc"]["value"] is None
    assert found["generalised_mean"]["subgroup_auc"]["value"] > 0.8


# Who is mentioned


def test_whole_words_in_any_writing_and_the_longest_term():
    terms = {
        "gay": ("gay", "gays"),
        "african": ["african"],
        "african american": ["african american"],
    }
    texts = ["GAY", "two gays.", "gaylord", "African  American", "an african", "ｇａｙ", ""]
    found = identity_mentions(texts, terms)
    assert found["gay"].tolist() == [True, True, False, False, False, True, False]
    assert np.flatnonzero(found["african"]).tolist() == [4]
    assert np.flatnonzero(found["african american"]).tolist() == [3]
    assert identity_mentions(texts, {}) == {}


def test_the_shipped_terms():
    terms = read_identities()
    assert len(terms) >= 50
    forms = [form for forms in terms.values() for form in forms]
    assert len(set(forms)) == len(forms)  # a form names one identity
    assert all(term in forms for term in terms)


def test_terms_from_words_and_files(tmp_path):
    path = tmp_path / "ours.csv"
    path.write_text("term,forms,group\nviking,viking|vikings,origin\nsaxon,,origin\n")
    assert parse_identities(["Norse", str(path)]) == {
        "Norse": ("Norse",), "viking": ("viking", "vikings"), "saxon": ("saxon",),
    }  # fmt: skip
    path.write_text("word\nviking\n")
    with pytest.raises(ConfigurationError, match=r"ours\.csv:1: the columns are not term, forms"):
        read_identities(path)
    with pytest.raises(ReadError, match=r"none\.csv"):
        parse_identities([str(tmp_path / "none.csv")])


def test_columns_that_name_identities():
    found = identity_columns(
        {"female": [1, 0.4, None, float("nan")], "target": ["x", "", None, "y"],
         "flag": [True, False, "1", "0"]}
    )  # fmt: skip
    assert {name: mask.tolist() for name, mask in found.items()} == {
        "female": [True, False, False, False],
        "target: x": [True, False, False, False],
        "target: y": [False, False, False, True],
        "flag": [True, False, True, False],
    }


def test_the_shipped_terms_cover_the_templates_of_dixon(data_dir):
    import pyarrow.parquet as pq

    texts = pq.read_table(data_dir / "madlibs_77k.parquet")["text"].to_pylist()
    found = identity_mentions(texts, read_identities())
    mentioned = {name: int(mask.sum()) for name, mask in found.items() if mask.any()}
    assert len(mentioned) == 50
    assert min(mentioned.values()) > 1000
    several = np.sum(list(found.values()), axis=0)
    assert several.max() == 1  # "middle eastern" is one identity
    assert np.mean(several == 1) > 0.98  # the rest is about occupations

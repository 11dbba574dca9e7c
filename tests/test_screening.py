"""The columns of a screening, as objects and as Arrow."""

from __future__ import annotations

import dataclasses
import json

import pyarrow as pa
import pytest

import moddefense as md
from moddefense.policy import LabelRule

TEXTS = ["you are a jerk, jerk", "the cat", "stop being a fool", "the idiot", "an 1diot", ""]
TYPES = {
    "id": pa.string(),
    "decision": pa.string(),
    "decided_by": pa.string(),
    "trigger": pa.float64(),
    "score": pa.float64(),
    "uncertainty": pa.float64(),
    "labels": pa.map_(pa.string(), pa.float64()),
    "matches": pa.list_(
        pa.struct(
            [("term", pa.string()), ("kind", pa.string()), ("category", pa.string()),
             ("severity", pa.int8()), ("start", pa.int64()), ("end", pa.int64()),
             ("text", pa.string())]
        )
    ),
    "reason": pa.string(),
}  # fmt: skip


@pytest.fixture(scope="module")
def screening(toy_guard):
    return toy_guard.screen(TEXTS)


def test_fields_their_order_and_types(screening):
    table = screening.to_arrow()
    assert dict(zip(table.schema.names, table.schema.types, strict=True)) == TYPES
    assert table.schema.names == list(TYPES)
    assert screening.to_arrow(include_text=True, mask=True).schema.names[-2:] == ["text", "masked"]


def test_arrow_rows_are_the_verdicts(screening):
    rows = screening.to_arrow(["a", "b", "c", "d", "e", "f"]).to_pylist()
    for key, row, verdict in zip("abcdef", rows, screening, strict=True):
        row["labels"] = None if row["labels"] is None else dict(row["labels"])
        assert row == {"id": key, **verdict.as_dict()}
        json.dumps(verdict.as_dict())


def test_ids_are_row_numbers_unless_given(screening):
    assert screening.to_arrow()["id"].to_pylist() == list("012345")


def test_matches_point_into_the_original(screening):
    for verdict in screening:
        for match in verdict.as_dict()["matches"]:
            assert verdict.text[match["start"] : match["end"]] == match["text"]
    assert [m["term"] for m in screening.row(0).as_dict()["matches"]] == ["x-jerk", "x-jerk"]


def test_masking_covers_block_terms_and_nothing_else(screening):
    table = screening.to_arrow(include_text=True, mask=True)
    assert table["text"].to_pylist() == TEXTS
    masked = table["masked"].to_pylist()
    assert masked[0] == "you are a ****, ****"
    assert masked[1:3] == TEXTS[1:3]
    assert masked[4] == "an *****"


def test_probabilities_leave_with_six_decimals(screening):
    row = next(v for v in screening if v.score is not None)
    for value in (row.trigger, row.score, *row.labels.values()):
        assert round(value, 6) == value


def test_without_a_classifier_labels_are_null(toy_bundle, toy_lexicon):
    guard = md.load(toy_bundle, lexicon=toy_lexicon, stages=["lexicon"])
    table = guard.screen(TEXTS).to_arrow()
    assert table["labels"].null_count == len(TEXTS)
    assert table["score"].null_count == len(TEXTS)


def test_a_lone_surrogate_does_not_stop_the_rest(toy_guard):
    texts = ["je\ud800rk", "the cat", "\udfff a fool"]
    rows = toy_guard.screen(texts).to_arrow(include_text=True, mask=True).to_pylist()
    assert rows[0]["text"] == "je\ufffdrk"
    assert rows[0]["matches"][0]["text"] == "je\ufffdrk"
    assert "je\ufffdrk" in rows[0]["reason"]
    assert rows[2]["masked"] == "\ufffd a fool"
    assert rows[1]["text"] == "the cat"


@pytest.mark.parametrize("shadow", [(), ("trigger",), ("classifier",)])
@pytest.mark.parametrize("labels", [(), (("insult", LabelRule(review=0.5)),)])
def test_reasons_of_all_rows_are_those_of_each(toy_guard, shadow, labels):
    policy = dataclasses.replace(toy_guard.policy, shadow_stages=shadow, labels=labels)
    screening = toy_guard.with_policy(policy).screen([*TEXTS, "you are a fool"] * 3)
    each = [policy.reason(screening, row) for row in range(len(screening))]
    assert policy.reason_column(screening).to_pylist() == each
    assert len(set(each)) > 3

"""The Spark example, with plain Arrow batches: what mapInArrow gives and takes."""

from __future__ import annotations

import runpy
from pathlib import Path

import pyarrow as pa
import pytest

import moddefense as md

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "spark.py"
DDL = {
    pa.string(): "string", pa.float64(): "double", pa.int8(): "tinyint", pa.int64(): "bigint",
}  # fmt: skip


@pytest.fixture
def example(toy_lexicon, monkeypatch):
    guard = md.load(lexicon=toy_lexicon, stages=["lexicon"])
    monkeypatch.setattr(md, "load", lambda: guard)
    return runpy.run_path(str(EXAMPLE))


def test_partitions_are_screened(example):
    rows = [pa.record_batch({"id": [str(n)], "text": ["you jerk" * n]}) for n in range(3)]
    found = list(example["screened"](iter(rows)))
    assert [batch["decision"][0].as_py() for batch in found] == ["allow", "block", "block"]
    assert ", ".join(f"{f.name} {_ddl(f.type)}" for f in found[0].schema) == example["SCHEMA"]
    assert list(example["screened"](iter([]))) == []


def _ddl(kind):
    if pa.types.is_map(kind):
        return f"map<{_ddl(kind.key_type)},{_ddl(kind.item_type)}>"
    if pa.types.is_list(kind):
        return f"array<{_ddl(kind.value_type)}>"
    if pa.types.is_struct(kind):
        return f"struct<{','.join(f'{f.name}:{_ddl(f.type)}' for f in kind)}>"
    return DDL[kind]

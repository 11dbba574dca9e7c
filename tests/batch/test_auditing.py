"""What the audit says about the trigger's misses, in the manifest of a run."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

import moddefense as md
from moddefense.batch.auditing import audit_estimate
from moddefense.cli import main


def test_without_an_audit_there_is_nothing_to_say():
    assert audit_estimate({"decided_by": {"trigger": 9, "audit": 0}}) is None
    assert audit_estimate({}) is None


def test_what_is_found_in_the_sample_is_projected_onto_the_rest():
    counts = {"decided_by": {"trigger": 900, "audit": 100, "classifier": 500},
              "flagged": {"classifier": 98, "audit": 2}}  # fmt: skip
    found = audit_estimate(counts)
    assert (found["rows"], found["flagged"], found["unseen"]) == (100, 2, 900)
    assert found["missed"]["estimate"] == 18
    assert found["recall_lost"]["estimate"] == pytest.approx(18 / 118, abs=1e-6)
    low, high = found["recall_lost"]["low"], found["recall_lost"]["high"]
    assert 0 < low < 18 / 118 < high < 0.5
    none = audit_estimate({**counts, "flagged": {"classifier": 98, "audit": 0}})
    assert none["recall_lost"]["estimate"] == none["recall_lost"]["low"] == 0
    assert none["recall_lost"]["high"] > 0


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    generator = np.random.default_rng(4)
    held = []
    for _ in range(300):
        flagged = generator.random(4000) < 0.03  # of the rows that the trigger keeps back
        audited = generator.random(4000) < 0.1
        by = {"trigger": int((~audited).sum()), "audit": int(audited.sum())}
        found = {"classifier": 500, "audit": int((flagged & audited).sum())}
        counts = {"decided_by": by, "flagged": found}
        missed = audit_estimate(counts)["missed"]
        held.append(missed["low"] <= (flagged & ~audited).sum() <= missed["high"])
    assert np.mean(held) >= 0.93


def test_a_run_writes_it_and_its_attributions(toy_bundle, toy_file, tmp_path):
    policy, out = tmp_path / "policy.toml", tmp_path / "out.jsonl"
    policy.write_text(
        md.Policy(trigger_threshold=0.6, audit_rate=0.3, lexicon_trigger_severity=5).to_toml()
    )
    done = CliRunner().invoke(
        main, ["screen", str(toy_file), "-o", str(out), "--bundle", str(toy_bundle), "--policy",
               str(policy), "--explain", "--stages", "trigger,classifier"],
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    records = [json.loads(line) for line in out.read_text().splitlines()]
    manifest = json.loads(out.with_name("out.jsonl.manifest.json").read_text())
    audited = [record for record in records if record["decided_by"] == "audit"]
    assert manifest["audit"]["rows"] == len(audited) > 0
    assert manifest["audit"]["flagged"] == sum(r["decision"] != "allow" for r in audited)
    assert manifest["counts"]["flagged"]["audit"] == manifest["audit"]["flagged"]
    assert all(record["attributions"] for record in records)
    assert set(records[0]["attributions"][0]) == {"start", "end", "text", "weight", "marked"}

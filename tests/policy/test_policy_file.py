"""Values of a policy, and the file that it is read from and written to."""

from __future__ import annotations

import dataclasses
import math
import tomllib

import pytest
from canned import POLICY
from hypothesis import given
from hypothesis import strategies as st

import moddefense as md
from moddefense.errors import PolicyError, ReadError
from moddefense.policy import DECISIONS


@pytest.mark.parametrize(
    "settings",
    [
        {"trigger_threshold": 1.01}, {"trigger_threshold": -0.1}, {"audit_rate": math.nan},
        {"classifier_block": 2}, {"classifier_review": "high"}, {"classifier_review": True},
        {"uncertainty_reach": 11.0}, {"uncertainty_margin": math.inf},
        {"lexicon_block_severity": 0}, {"lexicon_block_severity": 6},
        {"lexicon_block_severity": 3.5}, {"default_decision": "maybe"},
        {"classifier_review": 0.9, "classifier_block": 0.5},
        {"lexicon_review_severity": 4, "lexicon_block_severity": 3},
        {"audit_seed": None},
    ],
    ids=str,
)  # fmt: skip
def test_values_that_cannot_be_are_refused(settings):
    with pytest.raises(PolicyError, match=r"^policy: [a-z]+\.[a-z_]+: .") as caught:
        md.Policy(**settings)
    assert len(str(caught.value).splitlines()) == 1


def test_a_policy_does_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        POLICY.classifier_block = 0.1


def policies():
    share = st.floats(0, 1)
    return st.builds(
        lambda low, high, severities, default, **others: md.Policy(
            classifier_review=min(low, high), classifier_block=max(low, high),
            lexicon_review_severity=min(severities), lexicon_block_severity=max(severities),
            default_decision=default, **others,
        ),
        low=share, high=share, severities=st.tuples(st.integers(1, 5), st.integers(1, 5)),
        default=st.sampled_from(DECISIONS), trigger_threshold=share, audit_rate=share,
        audit_seed=st.integers(-(2**63), 2**63), uncertainty_reach=st.floats(0, 10),
        uncertainty_margin=st.floats(0, 10), lexicon_trigger_severity=st.integers(1, 5),
    )  # fmt: skip


@given(policy=policies())
def test_reading_what_was_written_is_identity(policy, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "policy.toml"
    path.write_text(policy.to_toml())
    read = md.read_policy(path)
    assert read == policy
    assert read.fingerprint == policy.fingerprint
    assert tomllib.loads(policy.to_toml()) == policy.as_dict()


def test_the_fingerprint_is_that_of_the_settings(tmp_path):
    path = tmp_path / "policy.toml"
    path.write_text("[classifier]\nblock = 1\n[audit] # ours\nseed = 3\n")
    read = md.read_policy(path)
    assert read.fingerprint == md.Policy(audit_seed=3, classifier_block=1).fingerprint
    assert read.fingerprint == md.Policy(audit_seed=3, classifier_block=1.0).fingerprint
    assert read.fingerprint != md.Policy().fingerprint


def test_keys_left_out_keep_their_defaults(tmp_path):
    path = tmp_path / "policy.toml"
    path.write_text("")
    assert md.read_policy(path) == md.Policy()


@pytest.mark.parametrize(
    ("source", "line", "says"),
    [
        ("[clasifier]\nblock = 0.9\n", 1, "unknown section 'clasifier'"),
        ("\n[classifier]\nblock = 0.9\nallow = 0.1\n", 4, "unknown key classifier.allow"),
        ("[trigger]\nthreshold = 'low'\n", 2, "trigger.threshold: 'low' is not a float"),
        ("[lexicon]\nblock_severity = 2.5\n", 2, "lexicon.block_severity: 2.5 is not a int"),
        ("[audit]\nseed = true\n", 2, "audit.seed: True is not a int"),
        ("[audit]\nseed = 1\nrate = 1.5\n", 3, "audit.rate: 1.5 is out of range"),
        ("[trigger]\nthreshold = nan\n", 2, "trigger.threshold: nan is out of range"),
        ("[lexicon]\nblock_severity = 0\n", 2, "lexicon.block_severity: 0 is out of range"),
        ("[classifier]\nreview = 0.7\nblock = 0.6\n", 3, "below classifier.review 0.7"),
        ("[lexicon]\nreview_severity = 4\nblock_severity = 2\n", 3, "below lexicon.review_sever"),
        ("[default]\ndecision = 'ask'\n", 2, "'ask' is no decision"),
        ("classifier.block = 7\n", None, "classifier.block: 7.0 is out of range"),
        ("[classifier\n", 1, "not valid TOML"),
        ("[audit]\nrate = 1\nrate = 0\n", 3, "not valid TOML"),
        ("\n\n[audit]\nrate =", 4, "not valid TOML"),
        ("audit = 3\n", 1, "audit is not a table of settings; write [audit]"),
        ("\n[[labels]]\ntoxic = 3\n", 2, "write [labels.NAME]"),
        ("\n[labels.'toxic']\nreview = 3\n", 3, "labels.toxic.review: 3.0 is out of range"),
        ("\nlabels = { toxic = { review = 3 } }\n", 2, "labels.toxic.review: 3.0 is out"),
    ],
    ids=lambda value: value if isinstance(value, str) and "\n" not in value else "",
)
def test_a_bad_file_is_refused_with_its_line(tmp_path, source, line, says):
    path = tmp_path / "policy.toml"
    path.write_text(source)
    with pytest.raises(PolicyError) as caught:
        md.read_policy(path)
    message = str(caught.value)
    where = f"{path}:{line}: " if line else f"{path}:"
    assert message.startswith(where)
    assert says in message
    assert len(message.splitlines()) == 1


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(ReadError, match=r"none\.toml: No such file"):
        md.read_policy(tmp_path / "none.toml")
    path = tmp_path / "policy.toml"
    path.write_bytes(b"[audit]\nrate = 0.1 # \xff\n")
    with pytest.raises(PolicyError, match="not valid UTF-8 at byte 21"):
        md.read_policy(path)

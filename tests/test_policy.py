"""The policy: which evidence leads to which decision, and how it is read and written."""

from __future__ import annotations

import dataclasses
import math
import tomllib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import moddefense as md
from moddefense.errors import PolicyError, ReadError
from moddefense.lexicon import Match, Term
from moddefense.pipeline import Guard
from moddefense.policy import DECISIONS

POLICY = md.Policy(
    trigger_threshold=0.2, classifier_review=0.4, classifier_block=0.8, uncertainty_reach=1.0,
    audit_rate=0.0,
)  # fmt: skip


def hit(severity=None, *, kind="block", match="word"):
    term = Term(
        f"x-{severity or match}", "crap", kind=kind, match=match, severity=severity,
        category="profanity" if kind == "block" else "",
    )  # fmt: skip
    return Match(term, 0, 4, "crap", ())


class Canned:
    """A stage that says of each text what a table says."""

    def __init__(self, name, table):
        self.name, self.table, self.seen = name, table, []

    def examine(self, screening, rows):
        for row in rows.tolist():
            value = self.table[screening.texts[row]]
            self.seen.append(screening.texts[row])
            if self.name == "lexicon":
                screening.matches[row] = tuple(value)
            elif self.name == "trigger":
                screening.trigger[row] = value
            else:
                screening.score[row], screening.uncertainty[row] = value


def decide(
    policy=POLICY, *, matches=(), trigger=0.5, score=0.5, spread=math.nan, stages=None, text="hm"
):
    """The verdict on one text with this evidence; ``stages`` are those that run."""
    evidence = {"lexicon": matches, "trigger": trigger, "classifier": (score, spread)}
    made = [Canned(name, {text: evidence[name]}) for name in stages or evidence]
    return Guard(made, policy, fingerprints={}).screen_one(text)


def outcome(*arguments, **evidence):
    verdict = decide(*arguments, **evidence)
    return verdict.decision, verdict.decided_by


# What the lexicon decides


@pytest.mark.parametrize("others", [[], [hit(4)]])
def test_an_allowed_whole_text_comes_before_everything(others):
    allow = hit(kind="allow", match="text")
    assert outcome(matches=[allow, *others], trigger=1, score=1) == ("allow", "whitelist")


@pytest.mark.parametrize(
    ("severity", "score", "decision", "decided_by"),
    [
        (4, 0.0, "block", "blacklist"),
        (4, 1.0, "block", "blacklist"),
        (3, 0.0, "review", "blacklist"),
        (3, 0.5, "review", "classifier"),
        (3, 1.0, "block", "classifier"),
        (2, 0.0, "allow", "classifier"),
        (2, 1.0, "block", "classifier"),
    ],
)
def test_severity_blocks_or_sets_a_floor_or_leaves_it_to_the_classifier(
    severity, score, decision, decided_by
):
    assert outcome(matches=[hit(severity)], trigger=0.0, score=score) == (decision, decided_by)


def test_the_severest_of_several_hits_counts():
    assert outcome(matches=[hit(1), hit(4), hit(2)]) == ("block", "blacklist")


def test_what_is_blacklisted_reaches_no_model():
    verdict = decide(matches=[hit(4)])
    assert (verdict.trigger, verdict.score) == (None, None)


def test_a_hit_below_trigger_severity_does_not_force_the_classifier():
    policy = dataclasses.replace(POLICY, lexicon_trigger_severity=2)
    assert outcome(policy, matches=[hit(1)], trigger=0.1) == ("allow", "trigger")
    assert outcome(policy, matches=[hit(2)], trigger=0.1) == ("review", "classifier")


def test_a_hit_under_review_is_classified_even_where_hits_do_not_trigger():
    policy = dataclasses.replace(POLICY, lexicon_trigger_severity=5)
    assert outcome(policy, matches=[hit(3)], trigger=0.0, score=0.9) == ("block", "classifier")


def test_severity_five_switches_an_action_off():
    policy = dataclasses.replace(POLICY, lexicon_block_severity=5, lexicon_review_severity=5)
    assert outcome(policy, matches=[hit(4)], score=0.1) == ("allow", "classifier")


# What trigger and classifier decide


@pytest.mark.parametrize(
    ("trigger", "expected"),
    [(0.2, ("review", "classifier")), (math.nextafter(0.2, 0), ("allow", "trigger"))],
)
def test_the_trigger_threshold_is_inclusive(trigger, expected):
    assert outcome(trigger=trigger) == expected


@pytest.mark.parametrize(
    ("score", "decision"),
    [
        (0.0, "allow"), (math.nextafter(0.4, 0), "allow"), (0.4, "review"),
        (math.nextafter(0.8, 0), "review"), (0.8, "block"), (1.0, "block"),
    ],
)  # fmt: skip
def test_score_thresholds_are_inclusive(score, decision):
    assert outcome(score=score) == (decision, "classifier")


@pytest.mark.parametrize(
    ("score", "spread", "decision"),
    [
        (0.30, 0.05, "allow"), (0.30, 0.15, "review"), (0.50, 0.60, "review"),
        (0.90, 0.15, "review"), (0.90, 0.05, "block"), (0.90, math.nan, "block"),
    ],
)  # fmt: skip
def test_a_score_must_keep_its_distance_when_unsure(score, spread, decision):
    assert outcome(score=score, spread=spread) == (decision, "classifier")


def test_reach_zero_lets_the_score_alone_decide():
    policy = dataclasses.replace(POLICY, uncertainty_reach=0)
    assert outcome(policy, score=0.9, spread=0.5) == ("block", "classifier")
    assert not policy.needs_sampling(np.array([0.4, 0.8])).any()


def test_sampling_is_needed_near_a_threshold_only():
    scores = np.array([0.0, 0.4, 0.79, 0.8, 1.0])
    policy = dataclasses.replace(POLICY, uncertainty_margin=0.5)
    assert policy.needs_sampling(scores).tolist() == [False, True, True, True, False]


@given(
    score=st.floats(0, 1), spread=st.floats(0, 0.5), lower=st.floats(0, 1), raised=st.floats(0, 1)
)
def test_a_lower_threshold_never_relaxes_a_decision(score, spread, lower, raised):
    lower, raised = sorted((lower, raised))
    strict = dataclasses.replace(POLICY, classifier_review=lower, classifier_block=raised)
    lax = dataclasses.replace(POLICY, classifier_review=raised, classifier_block=raised)
    decisions = [decide(p, score=score, spread=spread).decision for p in (lax, strict)]
    assert DECISIONS.index(decisions[0]) <= DECISIONS.index(decisions[1])


# What nobody decides


@pytest.mark.parametrize("default", DECISIONS)
@pytest.mark.parametrize("stages", [["lexicon"], ["trigger"], ["lexicon", "trigger"]])
def test_the_default_decides_what_no_stage_does(default, stages):
    policy = dataclasses.replace(POLICY, default_decision=default)
    assert outcome(policy, stages=stages) == (default, "default")


def test_the_floor_holds_without_a_classifier():
    assert outcome(matches=[hit(3)], stages=["lexicon"]) == ("review", "blacklist")
    strict = dataclasses.replace(POLICY, default_decision="block")
    assert outcome(strict, matches=[hit(3)], stages=["lexicon"]) == ("block", "default")


@pytest.mark.parametrize("text", ["", "  \n", "\u200b\u2060"])
def test_a_text_that_shows_nothing_gets_the_default(text):
    verdict = decide(text=text, score=1.0)
    assert (verdict.decision, verdict.decided_by) == ("allow", "default")
    assert "nothing to read" in verdict.reason


# The audit


def audited(policy, texts, *, matches=()):
    stages = [
        Canned("lexicon", dict.fromkeys(texts, matches)),
        Canned("trigger", dict.fromkeys(texts, 0.0)),
        Canned("classifier", dict.fromkeys(texts, (0.9, math.nan))),
    ]
    screening = Guard(stages, policy, fingerprints={}).screen(texts)
    return {v.text: v.decision for v in screening if v.decided_by == "audit"}


def test_the_audit_takes_its_share_and_the_classifier_decides_on_it():
    texts = [f"text {number}" for number in range(4000)]
    found = audited(dataclasses.replace(POLICY, audit_rate=0.1), texts)
    assert 0.08 < len(found) / len(texts) < 0.12
    assert set(found.values()) == {"block"}


def test_the_audit_draws_by_text_and_seed_alone():
    texts = [f"text {number}" for number in range(300)]
    policy = dataclasses.replace(POLICY, audit_rate=0.3)
    found = audited(policy, texts)
    assert audited(policy, texts[::-1]) == found
    assert set(audited(policy, texts[:150])) == set(found) & set(texts[:150])
    assert audited(dataclasses.replace(policy, audit_seed=1), texts) != found


@pytest.mark.parametrize(("rate", "share"), [(0, 0), (1, 1)])
def test_audit_of_nothing_and_of_everything(rate, share):
    texts = [f"text {number}" for number in range(50)]
    assert len(audited(dataclasses.replace(POLICY, audit_rate=rate), texts)) == share * 50


def test_the_audit_leaves_alone_what_goes_to_the_classifier_anyway():
    assert audited(dataclasses.replace(POLICY, audit_rate=1), ["a", "b"], matches=[hit(1)]) == {}


def test_a_larger_audit_contains_the_smaller():
    texts = [f"text {number}" for number in range(200)]
    small, large = (audited(dataclasses.replace(POLICY, audit_rate=r), texts) for r in (0.1, 0.4))
    assert set(small) < set(large)


# Severity


@given(
    severities=st.lists(st.integers(1, 4), min_size=1, max_size=3),
    which=st.integers(0, 2),
    trigger=st.floats(0, 1),
    score=st.floats(0, 1),
    spread=st.one_of(st.just(math.nan), st.floats(0, 0.5)),
    bounds=st.lists(st.integers(1, 5), min_size=3, max_size=3).map(sorted),
    stages=st.sets(st.sampled_from(["trigger", "classifier"])),
    default=st.sampled_from(DECISIONS),
    audit=st.sampled_from([0.0, 0.5, 1.0]),
)
def test_raising_a_severity_never_relaxes_a_decision(
    severities, which, trigger, score, spread, bounds, stages, default, audit
):
    policy = dataclasses.replace(
        POLICY, lexicon_trigger_severity=bounds[0], lexicon_review_severity=bounds[1],
        lexicon_block_severity=bounds[2], default_decision=default, audit_rate=audit,
    )  # fmt: skip
    raised = list(severities)
    raised[which % len(raised)] = min(4, raised[which % len(raised)] + 1)
    names = [name for name in ("lexicon", "trigger", "classifier") if name in {"lexicon", *stages}]
    before, after = (
        DECISIONS.index(
            decide(
                policy, matches=[hit(s) for s in each], trigger=trigger, score=score,
                spread=spread, stages=names,
            ).decision
        )
        for each in (severities, raised)
    )  # fmt: skip
    assert after >= before


# Reasons


@pytest.mark.parametrize(
    ("evidence", "parts"),
    [
        ({"matches": [hit(kind="allow", match="text")]}, ["whole text", "x-text"]),
        ({"matches": [hit(4)]}, ["profanity", "x-4", "severity 4", "“crap”"]),
        ({"matches": [hit(4), hit(1)]}, ["x-4", "and 1 more"]),
        ({"matches": [hit(3)], "score": 0.1}, ["x-3", "severity 3"]),
        ({"trigger": 0.1}, ["trigger 0.100", "below 0.200"]),
        ({"score": 0.1}, ["score 0.100", "below review threshold 0.400"]),
        ({"score": 0.35, "spread": 0.1}, ["0.350 ± 0.100", "not surely below review", "0.400"]),
        ({"score": 0.5}, ["score 0.500", "at or above review threshold 0.400"]),
        ({"score": 0.85, "spread": 0.1}, ["0.850 ± 0.100", "not surely at block", "0.800"]),
        ({"score": 0.9}, ["score 0.900", "at or above block threshold 0.800"]),
        ({"stages": ["lexicon"]}, ["no stage decided", "allow"]),
    ],
)
def test_a_reason_is_one_line_that_names_the_evidence_and_the_threshold(evidence, parts):
    reason = decide(**evidence).reason
    assert len(reason.splitlines()) == 1
    assert [part for part in parts if part not in reason] == []


def test_a_reason_of_the_audit_says_so():
    policy = dataclasses.replace(POLICY, audit_rate=1)
    reason = decide(policy, trigger=0.0, score=0.9).reason
    assert reason == "audit sample: score 0.900 at or above block threshold 0.800"


def test_a_reason_shortens_and_flattens_what_it_quotes():
    term = Term("x-long", "crap", severity=4)
    long = Match(term, 0, 90, "c\nr " + "a" * 90 + "p", ("repetition",))
    reason = decide(matches=[long]).reason
    assert "“c r aaa" in reason
    assert "…” through repetition" in reason
    assert len(reason) < 120


# Values, and the file


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


# Precedence, rules of their own, and shadow


def in_category(severity, category):
    return Match(Term(f"x-{category}", "crap", severity=severity, category=category), 0, 4, "crap",
                 ())  # fmt: skip


LADDER = [
    # Evidence of every stage at once: each line takes away what decided the one before.
    ({"text": "\u200b", "matches": [hit(4)], "score": 1.0}, ("allow", "default")),
    ({"matches": [hit(kind="allow", match="text"), hit(4)], "score": 1.0}, ("allow", "whitelist")),
    ({"matches": [hit(4)], "trigger": 0.0, "score": 0.0}, ("block", "blacklist")),
    ({"matches": [hit(3)], "trigger": 0.0, "score": 0.0}, ("review", "blacklist")),
    ({"matches": [hit(1)], "trigger": 0.0, "score": 0.9}, ("block", "classifier")),
    ({"trigger": 0.0, "score": 1.0}, ("allow", "trigger")),
    ({"trigger": 0.5, "score": 0.9, "spread": 0.05}, ("block", "classifier")),
    ({"trigger": 0.5, "score": 0.9, "spread": 0.15}, ("review", "classifier")),
]


@pytest.mark.parametrize(("evidence", "expected"), LADDER, ids=lambda v: str(v)[:40])
def test_precedence(evidence, expected):
    assert outcome(**evidence) == expected


def test_an_allow_term_inside_a_text_never_silences_the_classifier():
    allow = hit(kind="allow", match="text")
    assert outcome(matches=[allow], score=0.9)[1] == "whitelist"
    # What the matcher cancels inside a longer text leaves no hit: the classifier decides alone.
    assert outcome(matches=[], score=0.9) == ("block", "classifier")


@pytest.mark.parametrize(
    ("category", "severity", "expected"),
    [("threat", 2, "block"), ("threat", 1, "review"), ("insult", 4, "allow"), ("spam", 4, "block")],
)
def test_a_category_may_have_severities_of_its_own(category, severity, expected):
    rules = {"threat": {"block_severity": 2, "review_severity": 1},
             "insult": {"block_severity": 5, "review_severity": 5}}  # fmt: skip
    policy = dataclasses.replace(POLICY, categories=rules)
    assert outcome(policy, matches=[in_category(severity, category)], score=0.1)[0] == expected


class Labelled(Canned):
    """A classifier with a label."""

    def examine(self, screening, rows):
        super().examine(screening, rows)
        screening.label_names = ("threat",)
        screening.labels = np.full((len(screening), 1), self.table["threat"])


@pytest.mark.parametrize(
    ("score", "threat", "expected"),
    [
        (0.1, 0.29, "allow"), (0.1, 0.3, "review"), (0.1, 0.7, "block"), (0.9, 0.0, "block"),
        (0.5, 0.3, "review"), (0.1, math.nan, "allow"),
    ],
)  # fmt: skip
def test_a_label_raises_a_decision_and_never_lowers_it(score, threat, expected):
    policy = dataclasses.replace(POLICY, labels={"threat": {"review": 0.3, "block": 0.7}})
    stage = Labelled("classifier", {"hm": (score, math.nan), "threat": threat})
    verdict = Guard([stage], policy, fingerprints={}).screen_one("hm")
    assert verdict.decision == expected
    assert ("label threat" in verdict.reason) == (expected != "allow" and score < 0.4)


@pytest.mark.parametrize(
    ("stage", "evidence", "expected", "says"),
    [
        ("lexicon", {"matches": [hit(4)], "score": 0.1}, ("allow", "classifier"),
         "in shadow: lexicon would block (x-4)"),
        ("lexicon", {"matches": [hit(kind="allow", match="text")], "score": 0.9},
         ("block", "classifier"), "in shadow: lexicon would allow (x-text)"),
        ("trigger", {"trigger": 0.0, "score": 0.9}, ("block", "classifier"),
         "in shadow: trigger would keep it from the classifier"),
        ("classifier", {"score": 0.9}, ("allow", "default"),
         "in shadow: classifier would block (score 0.900)"),
        ("classifier", {"matches": [hit(3)], "score": 0.9}, ("review", "blacklist"),
         "in shadow: classifier would block"),
    ],
)  # fmt: skip
def test_a_stage_in_shadow_is_heard_and_has_no_say(stage, evidence, expected, says):
    policy = dataclasses.replace(POLICY, shadow_stages=[stage])
    verdict = decide(policy, **evidence)
    assert (verdict.decision, verdict.decided_by) == expected
    assert says in verdict.reason
    assert len(verdict.reason.splitlines()) == 1
    if stage == "lexicon":
        assert len(verdict.matches) == 1


def test_a_stage_in_shadow_decides_as_if_it_were_not_there():
    for stage, others in (("lexicon", ["trigger", "classifier"]), ("trigger", ["lexicon",
                          "classifier"]), ("classifier", ["lexicon", "trigger"])):  # fmt: skip
        policy = dataclasses.replace(POLICY, shadow_stages=[stage])
        for evidence, _ in LADDER:
            assert outcome(policy, **evidence) == outcome(stages=others, **evidence)


@pytest.mark.parametrize(
    "settings",
    [
        {"shadow_stages": ["lexikon"]}, {"shadow_stages": "lexicon"},
        {"categories": {"x": {"block_severity": 1}}}, {"categories": {"x": {"block": 1}}},
        {"categories": {"x": {"block_severity": 6}}}, {"categories": {"x": 3}},
        {"labels": {"x": {"review": 0.5, "block": 0.4}}}, {"labels": {"x": {"block": 1.5}}},
    ],
    ids=str,
)  # fmt: skip
def test_rules_that_cannot_be_are_refused(settings):
    with pytest.raises(PolicyError, match=r"^policy: [a-z]+\.[a-z_.]+: ."):
        md.Policy(**settings)


def test_rules_survive_the_file(tmp_path):
    policy = md.Policy(
        categories={"self-harm": {"trigger_severity": 1, "review_severity": 2}, "x y": {}},
        labels={"threat": {"block": 0.5}}, shadow_stages=("trigger",), trigger_obfuscated=False,
    )  # fmt: skip
    path = tmp_path / "policy.toml"
    path.write_text(policy.to_toml({"": "two\nlines", "trigger.threshold": "promised"}))
    assert path.read_text().startswith("# two\n# lines\n")
    assert "  # promised" in path.read_text()
    assert md.read_policy(path) == policy
    path.write_text("[labels.threat]\nblock = 'x'\n")
    with pytest.raises(PolicyError, match=r"policy\.toml:2: labels\.threat\.block: 'x' is not"):
        md.read_policy(path)


def test_a_label_that_the_bundle_does_not_have_is_refused(toy_bundle):
    with pytest.raises(PolicyError, match=r"labels\.rude: .* known are toxic, insult"):
        md.load(toy_bundle, policy=md.Policy(labels={"rude": {"block": 0.5}}))

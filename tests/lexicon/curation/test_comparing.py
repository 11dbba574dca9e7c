"""Diff and three-way merge, and their laws."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moddefense.errors import LexiconError
from moddefense.lexicon import Lexicon, Term
from moddefense.lexicon.curation.comparing import diff, merge, write_merge

terms = st.builds(
    Term,
    st.sampled_from(["x-a", "x-b", "x-c"]),
    st.sampled_from(["crap", "jerk"]),
    severity=st.sampled_from([1, 2]),
    status=st.sampled_from(["active", "retired"]),
    note=st.sampled_from(["", "mild"]),
)
lists = st.lists(terms, max_size=4, unique_by=lambda term: term.id).map(Lexicon)
CRAP = Term("x-crap", "crap", severity=1)


def with_(term: Term, **changes: object) -> Lexicon:
    return Lexicon([dataclasses.replace(term, **changes)])


def test_diff_names_what_became_of_each_term():
    old = Lexicon([CRAP, Term("x-damn", "damn", severity=1), Term("x-heck", "heck", severity=1)])
    new = Lexicon(
        [
            dataclasses.replace(CRAP, severity=2, note="more"),
            Term("x-heck", "heck", severity=1, status="retired", note="why"),
            Term("x-jerk", "jerk", severity=1),
        ]
    )
    assert [str(change) for change in diff(old, new)] == [
        "~ x-crap changed: 'crap'; severity 1 → 2; note – → 'more'",
        "- x-damn removed: 'damn'",
        "x x-heck retired: 'heck'; status 'active' → 'retired'; note – → 'why'",
        "+ x-jerk added: 'jerk'",
    ]
    assert diff(old, new)[0].as_dict()["fields"] == {"severity": [1, 2], "note": ["", "more"]}
    assert {change.what for change in diff(new, old)} == {"changed", "added", "revived", "removed"}


def test_changes_to_other_fields_are_both_taken():
    merged = merge(Lexicon([CRAP]), with_(CRAP, severity=2), with_(CRAP, note="mild"))
    assert merged.conflicts == ()
    assert merged.lexicon == with_(CRAP, severity=2, note="mild")


def test_a_conflict_is_named_by_id_and_field(tmp_path):
    base, ours, theirs = Lexicon([CRAP]), with_(CRAP, severity=2), with_(CRAP, severity=3)
    merged = merge(base, ours, theirs)
    assert [str(conflict) for conflict in merged.conflicts] == [
        "x-crap: severity: base 1, ours 2, theirs 3"
    ]
    with pytest.raises(LexiconError, match="1 conflicts are left"):
        write_merge(tmp_path / "out.csv", merged)
    assert list(tmp_path.iterdir()) == []
    assert merge(base, ours, theirs, prefer="ours").lexicon == ours
    assert merge(base, ours, theirs, prefer="theirs").lexicon == theirs
    with pytest.raises(LexiconError, match="unknown side"):
        merge(base, ours, theirs, prefer="mine")


def test_removed_here_and_changed_there_is_a_conflict():
    base, none, changed = Lexicon([CRAP]), Lexicon([]), with_(CRAP, note="mild")
    assert [conflict.field for conflict in merge(base, none, changed).conflicts] == [""]
    assert merge(base, none, base) == merge(base, base, none)
    assert len(merge(base, none, changed, prefer="ours").lexicon) == 0
    assert merge(base, none, changed, prefer="theirs").lexicon == changed


def test_fields_that_do_not_fit_together_are_a_conflict():
    base = Lexicon([CRAP])
    allowed = with_(CRAP, kind="allow", severity=None)
    merged = merge(base, allowed, with_(CRAP, severity=2))
    assert [conflict.field for conflict in merged.conflicts] == ["severity"]
    assert merge(base, allowed, with_(CRAP, severity=2), prefer="ours").lexicon == allowed


@given(lists, lists)
def test_diff_is_empty_for_equals_alone_and_turns_round(old, new):
    assert (diff(old, new) == []) == (old == new)
    assert [c.id for c in diff(old, new)] == [c.id for c in diff(new, old)]


@given(lists, lists)
def test_one_side_alone_is_taken_over(base, changed):
    assert merge(base, changed, base).lexicon == changed
    assert merge(base, base, changed).lexicon == changed
    assert merge(base, changed, changed).lexicon == changed
    assert not merge(base, changed, base).conflicts


@given(lists, lists, lists)
def test_merging_is_symmetric(base, ours, theirs):
    one, other = merge(base, ours, theirs), merge(base, theirs, ours)
    assert [(c.id, c.field) for c in one.conflicts] == [(c.id, c.field) for c in other.conflicts]
    if not one.conflicts:
        assert one.lexicon == other.lexicon
    for side in ("ours", "theirs"):
        swapped = {"ours": "theirs", "theirs": "ours"}[side]
        preferred = merge(base, ours, theirs, prefer=side)
        assert preferred.conflicts == ()
        assert preferred.lexicon == merge(base, theirs, ours, prefer=swapped).lexicon

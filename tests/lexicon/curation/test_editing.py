"""Adding and retiring terms: ids, atomicity, and many editors at once."""

from __future__ import annotations

import multiprocessing
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moddefense.errors import LexiconError, ReadError, WriteError
from moddefense.lexicon import Lexicon, Term
from moddefense.lexicon.curation import editing
from moddefense.lexicon.curation.editing import add_term, free_id, retire_term, slug


def test_add_begins_a_list_and_sorts(tmp_path):
    path = tmp_path / "ours.csv"
    add_term(path, term="jerk", category="insult", severity=1, note="mild")
    add_term(path, term="crap", severity=1)
    add_term(path, term="beef jerk", kind="allow", category="food", id="en-ours-beef")
    listed = Lexicon.read(path)
    assert [term.id for term in listed] == ["en-ours-beef", "en-ours-crap", "en-ours-jerk"]
    assert listed["en-ours-jerk"] == Term(
        "en-ours-jerk", "jerk", category="insult", severity=1, note="mild"
    )
    assert list(tmp_path.iterdir()) == [path]


def test_adding_touches_no_other_line(write_list):
    path = write_list(
        "x-crap,crap,block,word,profanity,1,en,active,me,",
        "x-jerk,jerk,block,word,insult,1,en,active,,",
    )
    before = path.read_text().splitlines()
    assert add_term(path, term="damn", severity=1).id == "x-damn"
    after = path.read_text().splitlines()
    assert [line for line in after if line not in before] == [
        "x-damn,damn,block,word,profanity,1,en,active,,"
    ]
    assert [line for line in before if line not in after] == []


def test_ids_are_never_used_again(write_list):
    path = write_list("x-crap,crap,block,word,profanity,1,en,active,,")
    retired = retire_term(path, "x-crap", note="a dice game here")
    assert (retired.status, retired.note) == ("retired", "Retired: a dice game here")
    with pytest.raises(LexiconError, match="never used again"):
        add_term(path, term="crap", severity=1, id="x-crap")
    assert add_term(path, term="crap", severity=1).id == "x-crap-2"
    assert len(Lexicon.read(path)) == 2


def test_refusals_change_nothing(write_list):
    path = write_list("x-crap,crap,block,word,profanity,1,en,active,,")
    before = path.read_bytes()
    retire_term(path, "x-crap", note="why")
    retired = path.read_bytes()
    with pytest.raises(LexiconError, match="retired already"):
        retire_term(path, "x-crap", note="why")
    with pytest.raises(LexiconError, match="no term has the id 'x-none'"):
        retire_term(path, "x-none", note="why")
    with pytest.raises(LexiconError, match="severity of a block term is empty"):
        add_term(path, term="damn")
    assert path.read_bytes() == retired != before
    path.write_bytes(before)
    with pytest.raises(LexiconError, match="x-crap is that term already"):
        add_term(path, term="CRAP", severity=2)
    with pytest.raises(ReadError):
        retire_term(path.with_name("none.csv"), "x", note="why")
    with pytest.raises(WriteError, match="cannot be written"):
        add_term(path / "below.csv", term="damn", severity=1)
    assert list(path.parent.iterdir()) == [path]


def test_mode_and_links_are_kept(write_list, tmp_path):
    path = write_list("x-crap,crap,block,word,profanity,1,en,active,,")
    path.chmod(0o604)
    link = tmp_path / "link.csv"
    link.symlink_to(path)
    add_term(link, term="damn", severity=1)
    assert link.is_symlink()
    assert len(Lexicon.read(path)) == 2
    assert path.stat().st_mode & 0o777 == 0o604


def test_a_crash_while_writing_loses_nothing(write_list, monkeypatch):
    path = write_list("x-crap,crap,block,word,profanity,1,en,active,,")
    before = path.read_bytes()

    def crash(descriptor):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", crash)
    with pytest.raises(WriteError, match="disk full"):
        add_term(path, term="damn", severity=1)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_what_a_crash_leaves_behind_is_in_nobodys_way(write_list):
    path = write_list("x-crap,crap,block,word,profanity,1,en,active,,")
    path.with_name(".ours.csv.lock").write_text("")
    path.with_name(".ours.csv.new").write_text("half a li")
    add_term(path, term="damn", severity=1)
    assert len(Lexicon.read(path)) == 2
    assert list(path.parent.iterdir()) == [path]


def _add_many(path: str, name: str, number: int) -> None:
    for count in range(number):
        editing.add_term(path, term=f"{name} {count}", severity=1)


def test_editors_at_once_lose_nothing(tmp_path):
    path = tmp_path / "ours.csv"
    context = multiprocessing.get_context("fork")
    editors = [
        context.Process(target=_add_many, args=(str(path), name, 25)) for name in ("a", "b", "c")
    ]
    for editor in editors:
        editor.start()
    for editor in editors:
        editor.join(60)
        assert editor.exitcode == 0
    assert {term.term for term in Lexicon.read(path)} == {
        f"{name} {count}" for name in "abc" for count in range(25)
    }
    assert list(tmp_path.iterdir()) == [path]


@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12))
def test_slugs_are_of_the_form_of_ids(text):
    made = slug(text)
    assert made
    assert set(made) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert not made.startswith("-")
    assert not made.endswith("-")
    assert free_id("x-", text, {f"x-{made}", f"x-{made}-2"}) == f"x-{made}-3"

"""Replacing a folder: the old content or the new, and never a mixture."""

from __future__ import annotations

import os

import pytest

from moddefense.replacing import replacing


def contents(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "place" / "bundle"
    place.mkdir(parents=True)
    (place / "a").write_text("old")
    (place / "gone").write_text("old")
    return place


def write(fresh):
    for name in ("last", "a"):
        (fresh / name).write_text("new")


def test_the_new_content_takes_the_place_of_the_old(folder, tmp_path):
    for place in (folder, tmp_path / "not" / "yet"):
        with replacing(place, last="last") as fresh:
            write(fresh)
        assert contents(place) == {"a": "new", "last": "new"}
        assert [path.name for path in place.parent.iterdir()] == [place.name]


def test_what_fails_leaves_the_old(folder, monkeypatch):
    def failing(*arguments):
        raise OSError(28, "No space left on device")

    def attempt(name, function):
        with monkeypatch.context() as patch, replacing(folder, last="last") as fresh:
            write(fresh)
            patch.setattr(os, name, function)

    with pytest.raises(OSError, match="No space"):
        attempt("fsync", failing)
    calls = iter([os.rename, failing, os.rename])  # the first move is undone
    with pytest.raises(OSError, match="No space"):
        attempt("rename", lambda *paths: next(calls)(*paths))
    assert contents(folder) == {"a": "old", "gone": "old"}
    assert [path.name for path in folder.parent.iterdir()] == ["bundle"]


def test_leftovers_of_a_killed_run_do_not_matter(folder):
    for name in (".bundle.new", ".bundle.old"):
        (folder.parent / name).mkdir()
        (folder.parent / name / "leftover").write_text("x")
    with replacing(folder, last="last") as fresh:
        write(fresh)
    assert contents(folder) == {"a": "new", "last": "new"}


def test_a_folder_that_cannot_be_renamed_is_filled_in_place(folder, monkeypatch):
    monkeypatch.setattr(type(folder), "is_mount", lambda path: True)
    order, replace = [], os.replace
    monkeypatch.setattr(
        os, "replace", lambda one, other: (order.append(other.name), replace(one, other))
    )
    with replacing(folder, last="last") as fresh:
        write(fresh)
    assert contents(folder) == {"a": "new", "gone": "old", "last": "new"}
    assert order == ["a", "last"]

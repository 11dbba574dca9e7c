"""Terms, lexicons and their CSV files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from moddefense.errors import LexiconError, ReadError, WriteError
from moddefense.lexicon import Lexicon, Term, list_names, load_lexicon
from moddefense.lexicon.terms import COLUMNS

HEADER = ",".join(COLUMNS)
GOOD = "x-crap,crap,block,word,profanity,1,en,active,house,"


def written(folder: Path, *lines: str, header: str = HEADER) -> Path:
    path = folder / "ours.csv"
    path.write_text("\n".join((header, *lines)) + "\n", encoding="utf-8")
    return path


def test_columns_are_those_of_the_interface() -> None:
    assert HEADER == "id,term,kind,match,category,severity,lang,status,source,note"


def test_read(tmp_path: Path) -> None:
    path = written(tmp_path, 'x-b,"a, b",allow,text,,,de,retired,,"said ""so"""', GOOD)
    lexicon = Lexicon.read(path)
    assert lexicon.name == "ours"
    assert [term.id for term in lexicon] == ["x-b", "x-crap"]
    assert lexicon["x-b"] == Term(
        "x-b", "a, b", "allow", "text", "", None, "de", "retired", "", 'said "so"'
    )
    assert lexicon["x-crap"].severity == 1
    assert "x-crap" in lexicon
    assert "x" not in lexicon


@pytest.mark.parametrize(
    ("line", "value", "remedy"),
    [
        ("x,crap,blok,word,profanity,1,en,active,,", "'blok'", "block, allow"),
        ("x,crap,block,words,profanity,1,en,active,,", "'words'", "word, prefix"),
        ("x,crap,block,word,profanity,1,en,on,,", "'on'", "active, retired"),
        ("x,crap,block,word,profanity,5,en,active,,", "'5'", "1 (mild) to 4"),
        ("x,crap,block,word,profanity,,en,active,,", "empty", "1 (mild) to 4"),
        ("x,crap,block,word,,1,en,active,,", "category", "name one"),
        ("x,crap,allow,word,,2,en,active,,", "2", "leave it empty"),
        ("x,,block,word,profanity,1,en,active,,", "term is empty", "remove the line"),
        (",crap,block,word,profanity,1,en,active,,", "id is empty", "give one"),
        ("x, crap,block,word,profanity,1,en,active,,", "' crap'", "remove the space"),
        ("x y,crap,block,word,profanity,1,en,active,,", "'x y'", "hyphen"),
        ("x,crap,block,word,profanity,1,,active,,", "lang", "give one"),
        ("x,crap,block,word,profanity,1,en,active,", "9 fields", "quote"),
        ("x,crap,block,word,profanity,1,en,active,a,b,c", "11 fields", "quote"),
        (GOOD, "'x-crap'", "line 2"),
        ('x,"crap,block', "CSV", "quote"),
    ],
)
def test_a_bad_line_is_told(tmp_path: Path, line: str, value: str, remedy: str) -> None:
    path = written(tmp_path, GOOD, line)
    with pytest.raises(LexiconError) as caught:
        Lexicon.read(path)
    message = str(caught.value)
    assert message.startswith(f"{path}:3: ")
    assert value in message
    assert remedy in message
    assert "\n" not in message


@pytest.mark.parametrize(
    "header", ["", "id,term", HEADER.replace("id,term", "term,id"), HEADER + ",more", "\ufeff;"]
)
def test_wrong_columns_are_told(tmp_path: Path, header: str) -> None:
    path = written(tmp_path, GOOD, header=header)
    with pytest.raises(LexiconError, match=rf"ours\.csv:1: columns .* must be {HEADER}"):
        Lexicon.read(path)


def test_undecodable_bytes_and_nul_are_told(tmp_path: Path) -> None:
    path = tmp_path / "ours.csv"
    path.write_bytes(f"{HEADER}\n".encode() + b"x-\xff\n")
    with pytest.raises(LexiconError, match=r"ours\.csv:2: byte 0xff .* UTF-8"):
        Lexicon.read(path)
    path.write_bytes(f"{HEADER}\n{GOOD}\n".encode() + b"x\x00")
    with pytest.raises(LexiconError, match=r"ours\.csv:3: a NUL"):
        Lexicon.read(path)


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    path = tmp_path / "ours.csv"
    path.write_bytes(f"\ufeff{HEADER}\r\n{GOOD}\r\n".encode())
    assert len(Lexicon.read(path)) == 1


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"none\.csv: cannot be read"):
        Lexicon.read(tmp_path / "none.csv")


def test_write_sorts_and_keeps_the_mode(tmp_path: Path) -> None:
    path = tmp_path / "ours.csv"
    lexicon = Lexicon([Term("z", "jerk", severity=1), Term("a", "crap", severity=2)])
    lexicon.write(path)
    assert path.read_text().splitlines()[1:] == [
        "a,crap,block,word,profanity,2,en,active,,", "z,jerk,block,word,profanity,1,en,active,,",
    ]  # fmt: skip
    os.chmod(path, 0o600)
    lexicon.write(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["ours.csv"]


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match=r"ours\.csv: cannot be written"):
        Lexicon([]).write(tmp_path / "none" / "ours.csv")


def test_merge() -> None:
    ours = Lexicon([Term("a", "crap", severity=1)], name="ours").without(["leet"])
    theirs = Lexicon([Term("b", "jerk", severity=1)], name="theirs")
    both = ours | theirs
    assert [term.id for term in both] == ["a", "b"]
    assert both.name == "ours + theirs"
    assert both.off("a") == {"leet"}
    assert both.off("b") == frozenset()
    assert both == theirs | ours
    assert both.fingerprint == (theirs | ours).fingerprint
    assert ours | ours == ours
    with pytest.raises(LexiconError, match=r"ours \| other: id 'a' is used twice"):
        ours | Lexicon([Term("a", "crap", severity=2)], name="other")


def test_fingerprint_is_that_of_the_content() -> None:
    one = Lexicon([Term("a", "crap", severity=1)])
    assert one.fingerprint == Lexicon(one.terms, name="x").fingerprint
    assert len(one.fingerprint) == 64
    assert one.fingerprint != one.without(["leet"]).fingerprint
    assert one.fingerprint != Lexicon([Term("a", "crap", severity=1, note="n")]).fingerprint


def test_steps_off_are_checked() -> None:
    one = Lexicon([Term("a", "crap", severity=1)])
    with pytest.raises(LexiconError, match="unknown step 'lee'"):
        one.without(["lee"])
    with pytest.raises(LexiconError, match="no term has the id 'b'"):
        one.without(["leet"], ["b"])


def test_a_lexicon_is_immutable() -> None:
    with pytest.raises(AttributeError):
        Lexicon([]).terms = ()  # type: ignore[misc]


@pytest.mark.parametrize("bad", ["a\nb", "a\x00b", "a\ud800b"])
def test_terms_that_no_line_can_hold_are_refused(bad: str) -> None:
    with pytest.raises(LexiconError, match="term"):
        Term("a", bad, severity=1)


def test_shipped_lists_load_by_language_and_name() -> None:
    everything = load_lexicon()
    assert list_names()
    english = load_lexicon("en")
    assert english.name == "en"
    one = load_lexicon(list_names()[0])
    assert set(one.terms) <= set(everything.terms)
    assert 0 < len(one) < len(english) <= len(everything)
    with pytest.raises(LexiconError, match=r"'en/none'.*en/"):
        load_lexicon("en/none")

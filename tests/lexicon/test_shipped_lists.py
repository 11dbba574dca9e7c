"""The shipped word lists: well-formed, findable, and quiet where words are harmless."""

from __future__ import annotations

import csv
import tomllib
from pathlib import Path

import pytest

from moddefense.lexicon import Lexicon, Matcher, load_lexicon
from moddefense.resources import lexicons_dir

HEADER = ["id", "term", "kind", "match", "category", "severity", "lang", "status", "source", "note"]
CATEGORIES = {"profanity", "insult", "slur", "hate", "sexual", "threat", "self-harm", "spam"}
INDEX = tomllib.loads((lexicons_dir() / "index.toml").read_text(encoding="utf-8"))["lists"]
NAMES = sorted(INDEX)


def rows_of(name: str) -> list[dict[str, str]]:
    with (lexicons_dir() / INDEX[name]["file"]).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def shipped() -> Lexicon:
    return load_lexicon("en")


@pytest.fixture(scope="module")
def blocks(shipped: Lexicon) -> Lexicon:
    return Lexicon(term for term in shipped if term.kind == "block")


@pytest.fixture(scope="module")
def matcher(shipped: Lexicon) -> Matcher:
    return Matcher(shipped)


@pytest.fixture(scope="module")
def block_matcher(blocks: Lexicon) -> Matcher:
    return Matcher(blocks)


def test_index_names_every_file_and_no_other() -> None:
    listed = {entry["file"] for entry in INDEX.values()}
    root = lexicons_dir()
    assert listed == {path.relative_to(root).as_posix() for path in root.glob("*/*.csv")}
    for entry in INDEX.values():
        assert entry["title"]
        assert entry["description"]


@pytest.mark.parametrize("name", NAMES)
def test_file_is_well_formed(name: str) -> None:
    raw = (lexicons_dir() / INDEX[name]["file"]).read_bytes()
    assert b"\r" not in raw
    assert raw.endswith(b"\n")
    lines = raw.decode("utf-8").split("\n")
    assert lines[0].split(",") == HEADER
    rows = rows_of(name)
    ids = [row["id"] for row in rows]
    assert ids == sorted(ids)
    for row in rows:
        assert row["id"].startswith(name.replace("/", "-") + "-")
        assert set(row["id"]) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
        assert row["term"] == " ".join(row["term"].split())
        assert row["lang"] == INDEX[name]["lang"]
        assert row["status"] in {"active", "retired"}
        assert row["source"]
        if row["kind"] == "block":
            assert row["severity"] in {"1", "2", "3", "4"}
            assert row["category"] in CATEGORIES
        else:
            assert row["kind"] == "allow"
            assert row["severity"] == ""


@pytest.mark.parametrize("name", NAMES)
def test_no_term_twice_in_a_list(name: str) -> None:
    terms = [(row["term"].lower(), row["match"]) for row in rows_of(name)]
    assert len(terms) == len(set(terms))


def test_ids_are_unique_over_all_lists() -> None:
    ids = [row["id"] for name in NAMES for row in rows_of(name)]
    assert len(ids) == len(set(ids))


def test_no_block_term_is_in_two_lists() -> None:
    terms = [
        row["term"].lower() for name in NAMES for row in rows_of(name) if row["kind"] == "block"
    ]
    assert len(terms) == len(set(terms))


def test_lists_are_large_enough(shipped: Lexicon) -> None:
    kinds = [term.kind for term in shipped]
    assert kinds.count("block") >= 300
    assert kinds.count("allow") >= 100


def test_terms_inside_words_say_why_that_is_safe(blocks: Lexicon) -> None:
    loose = [term for term in blocks if term.match in {"substring", "prefix", "suffix"}]
    assert loose
    assert [term.id for term in loose if not term.note] == []


def test_every_block_term_finds_itself(blocks: Lexicon, block_matcher: Matcher) -> None:
    found = block_matcher.find_many([f"well, {term.term} then" for term in blocks])
    missed = [
        term.id
        for term, hits in zip(blocks, found, strict=True)
        if term.id not in {hit.term.id for hit in hits}
    ]
    assert missed == []


def test_every_allow_term_protects_something(shipped: Lexicon, block_matcher: Matcher) -> None:
    allowed = [term for term in shipped if term.kind == "allow"]
    found = block_matcher.find_many([term.term for term in allowed])
    assert [term.id for term, hits in zip(allowed, found, strict=True) if not hits] == []


def test_allow_terms_leave_nothing_of_themselves_hit(shipped: Lexicon, matcher: Matcher) -> None:
    allowed = [term for term in shipped if term.kind == "allow"]
    found = matcher.find_many([f"about {term.term} today" for term in allowed])
    assert [term.id for term, hits in zip(allowed, found, strict=True) if hits] == []


@pytest.mark.parametrize(
    "text",
    [
        "Scunthorpe United beat Arsenal in Essex",
        "a classic assessment of the cockpit, the cocktail and the Hancock assassination",
        "knee-jerk reaction to jerk chicken",
        "Buridan's ass and the African wild ass",
        "The damn Yankees of Pittsburgh; Nigeria, Titicaca, Penistone, Lightwater",
        "the gay, lesbian, Jewish, Muslim, Black and disabled people of the parish",
    ],
)
def test_harmless_text_is_left_alone(matcher: Matcher, text: str) -> None:
    assert [hit.text for hit in matcher.find(text)] == []


@pytest.mark.parametrize(
    "text", ["what a jerk", "you idiot", "d@mn it", "c r a p", "a-s-s-h-o-l-e"]
)
def test_rude_text_is_found(matcher: Matcher, text: str) -> None:
    assert matcher.find(text)


def test_trap_words_are_hardly_hit(data_dir: Path, matcher: Matcher) -> None:
    from pyarrow import parquet

    texts = parquet.read_table(data_dir / "benign_trap_words.parquet")["text"].to_pylist()
    hit = [
        text
        for text, hits in zip(texts, matcher.find_many(texts), strict=True)
        if any((match.term.severity or 0) >= 2 for match in hits)
    ]
    assert len(hit) <= 0.001 * len(texts), hit

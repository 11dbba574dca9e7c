"""Importing and exporting: the shapes of other tools, what they cannot say, and round trips."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moddefense.errors import LexiconError, ReadError
from moddefense.folding import fold
from moddefense.lexicon import Lexicon, Term
from moddefense.lexicon.curation.exporting import (
    DISCORD_ALLOWED,
    DISCORD_KEYWORDS,
    DISCORD_LENGTH,
    EXPORTS,
    export,
)
from moddefense.lexicon.curation.importing import import_list
from moddefense.lexicon.curation.shapes import FORMATS
from moddefense.lexicon.terms import dumps


@pytest.fixture
def read(tmp_path):
    def import_text(text: str, format: str, name: str = "theirs", **settings):
        path = tmp_path / f"{name}.{format}"
        path.write_bytes(text.encode("utf-8"))
        return import_list(path, format=format, **settings)

    return import_text


def brief(imported):
    return [
        (t.id, t.term, t.kind, t.match, t.category, t.severity, t.lang) for t in imported.lexicon
    ]


def test_plain(read):
    found = read(
        "# a comment\ncrap\n\n  holy crap \nCRAP\n", "plain", category="insult", severity=3
    )
    assert brief(found) == [
        ("en-theirs-crap", "crap", "block", "word", "insult", 3, "en"),
        ("en-theirs-holy-crap", "holy crap", "block", "word", "insult", 3, "en"),
    ]
    assert found.left_out == {"the same as another after folding": 1}
    assert {term.source for term in found.lexicon} == {"theirs.plain"}


def test_tables_with_severities_on_another_scale(read):
    table = (
        "term\tlanguage\tseverity\tcategory\n"
        "crap\ten\t1.0\tbodily\n"
        'say "heck"\ten+\t2.8\tmild|insult\n'
        "merde\tfr\t2\t\nzut\tfr\t9\t\n"
    )
    found = read(table, "tsv", scale=(1, 3), categories={"bodily": "profanity"}, id_prefix="t-")
    assert brief(found) == [
        ("t-crap", "crap", "block", "word", "profanity", 1, "en"),
        ("t-merde", "merde", "block", "word", "profanity", 3, "fr"),
        ("t-say-heck", 'say "heck"', "block", "word", "insult", 4, "en"),
        ("t-zut", "zut", "block", "word", "profanity", 2, "fr"),
    ]
    assert found.changed == {
        "no category, profanity instead": 2, "severity outside 1 to 3, 2 instead": 1,
    }  # fmt: skip
    assert len(read(table, "tsv", only_lang=("fr",)).lexicon) == 2


def test_unknown_categories_are_kept_in_the_note(read):
    found = read("word,tags\ncrap,shock\n", "csv")
    (term,) = found.lexicon
    assert (term.category, term.note) == ("profanity", "category there: shock")


def test_json_lists(read):
    assert [t.term for t in read('["crap", "jerk"]', "json").lexicon] == ["crap", "jerk"]
    assert [t.term for t in read('{"words": ["crap"]}', "json").lexicon] == ["crap"]
    entries = [
        {"id": "crap", "match": "cra*p|krap", "tags": ["general"], "severity": 3,
         "exceptions": ["s*", "* shoot"]},
        {"id": "en", "match": "en", "severity": 1, "tags": [], "allow_partial": False},
        {"word": "jerk", "severity": None},
        {"tags": []},
        7,
    ]  # fmt: skip
    found = read(json.dumps(entries), "json", match="substring", category="insult")
    assert brief(found) == [
        ("en-theirs-crap", "crap", "block", "substring", "insult", 3, "en"),
        ("en-theirs-crap-shoot", "crap shoot", "allow", "word", "exception", None, "en"),
        ("en-theirs-en", "en", "block", "word", "insult", 1, "en"),
        ("en-theirs-jerk", "jerk", "block", "substring", "insult", 2, "en"),
        ("en-theirs-krap", "krap", "block", "substring", "insult", 3, "en"),
        ("en-theirs-krap-shoot", "krap shoot", "allow", "word", "exception", None, "en"),
        ("en-theirs-scrap", "scrap", "allow", "word", "exception", None, "en"),
        ("en-theirs-skrap", "skrap", "allow", "word", "exception", None, "en"),
    ]
    assert found.left_out == {"an object without a term": 1, "neither text nor object": 1}


def test_discord_wildcards(read):
    found = read("*crap*, jerk*\n*oaf\nholy cow\n*\nc*p\n", "discord")
    assert [(t.term, t.match) for t in found.lexicon] == [
        ("crap", "substring"), ("holy cow", "word"), ("jerk", "prefix"), ("oaf", "suffix"),
    ]  # fmt: skip
    assert found.left_out == {"a wildcard within a word, or alone": 2}
    rule = {"trigger_metadata": {"keyword_filter": ["jerk"], "allow_list": ["jerk chicken"],
                                 "regex_patterns": ["j.rk"]}}  # fmt: skip
    found = read(json.dumps(rule), "discord")
    assert [(t.term, t.kind) for t in found.lexicon] == [
        ("jerk", "block"),
        ("jerk chicken", "allow"),
    ]
    assert found.left_out == {"a regular expression": 1}


@pytest.mark.parametrize(
    "text",
    [
        '[{"title": "x", "keywords": [{"keyword": "jerk", "whole_word": true},'
        ' {"keyword": "crap", "whole_word": false}]}]',
        '{"title": "x", "keywords_attributes": [{"keyword": "jerk", "whole_word": true},'
        ' {"keyword": "crap", "whole_word": false}]}',
        '[{"phrase": "jerk", "whole_word": true}, {"phrase": "crap", "whole_word": false}]',
        "keyword,whole_word\njerk,true\ncrap,false\n",
    ],
)
def test_mastodon_filters(read, text):
    found = read(text, "mastodon")
    assert [(t.term, t.match) for t in found.lexicon] == [("crap", "substring"), ("jerk", "word")]


@pytest.mark.parametrize(
    ("text", "format", "says"),
    [
        ("a,b\n1,2\n", "csv", "one must be term, word"),
        ('word\n"crap\n', "csv", "not valid CSV"),
        ("{", "json", "not valid JSON"),
        ("7", "json", "a JSON list is a list"),
        ("[7]", "mastodon", "a Mastodon filter is an object"),
    ],
)
def test_a_file_that_is_not_of_the_format(read, text, format, says):
    with pytest.raises(LexiconError, match=says):
        read(text, format)


def test_other_errors(read, tmp_path):
    with pytest.raises(ReadError):
        import_list(tmp_path / "none.txt", format="plain")
    with pytest.raises(LexiconError, match="unknown format"):
        read("x", "xml")
    with pytest.raises(LexiconError, match="lower end first"):
        read("x", "plain", scale=(3, 1))
    (tmp_path / "latin.txt").write_bytes(b"\xff")
    with pytest.raises(LexiconError, match="not valid UTF-8"):
        import_list(tmp_path / "latin.txt", format="plain")
    with pytest.raises(LexiconError, match="unknown format"):
        export(Lexicon([]), "xml")


def test_export_tells_what_a_shape_cannot_say():
    lexicon = Lexicon(
        [
            Term("x-a", "crap", match="prefix", severity=1),
            Term("x-b", "jerk", severity=3),
            Term("x-c", "jerk pork", kind="allow", category="food"),
            Term("x-d", "oaf", severity=1, status="retired", note="why"),
            Term("x-e", "heck", match="text", severity=1),
        ],
        off={"x-a": ["leet"]},
    )
    plain = export(lexicon, "plain")
    assert plain.text == "jerk\ncrap\nheck\n"
    assert plain.left_out == {"allow terms": 1, "retired terms": 1}
    assert plain.lost["match prefix"] == plain.lost["match text"] == 1
    assert plain.lost["steps switched off"] == 1
    discord = export(lexicon, "discord")
    assert json.loads(discord.text) == {
        "keyword_filter": ["jerk", "crap*"], "allow_list": ["jerk pork"],
    }  # fmt: skip
    assert discord.left_out == {"match text": 1, "retired terms": 1}
    mastodon = export(lexicon, "mastodon")
    assert json.loads(mastodon.text)["keywords_attributes"] == [
        {"keyword": "jerk", "whole_word": True}
    ]
    assert mastodon.left_out == {
        "allow terms": 1, "match prefix": 1, "match text": 1, "retired terms": 1,
    }  # fmt: skip
    assert export(lexicon, "csv").lost == {"steps switched off": 1}


def test_the_limits_of_discord():
    terms = [
        Term(f"x-{n:04}", f"word{n}", severity=1 + (n > 2)) for n in range(DISCORD_KEYWORDS + 5)
    ]
    allowed = [
        Term(f"y-{n:04}", f"good{n}", kind="allow", category="x")
        for n in range(DISCORD_ALLOWED + 2)
    ]
    long = Term("x-long", "a" * (DISCORD_LENGTH + 1), severity=4)
    found = export(Lexicon([*terms, *allowed, long]), "discord")
    rule = json.loads(found.text)
    assert len(rule["keyword_filter"]) == DISCORD_KEYWORDS
    assert len(rule["allow_list"]) == DISCORD_ALLOWED
    assert "word0" not in rule["keyword_filter"]
    assert sorted(found.left_out.values()) == [1, 2, 5]


field = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp"), exclude_characters="\x85"),
    max_size=9,
).map(str.strip)
said = field.filter(lambda text: text and fold(text).strip())
valid = st.tuples(
    st.uuids().map(str), said, st.sampled_from([("block", 1), ("block", 4), ("allow", None)]),
    st.sampled_from(["word", "prefix", "suffix", "substring", "text"]),
    st.sampled_from(["insult", "spam", "own"]), st.sampled_from(["en", "pt-BR"]),
    st.sampled_from(["active", "retired"]), field, field,
).map(lambda v: Term(v[0], v[1], v[2][0], v[3], v[4], v[2][1], *v[5:]))  # fmt: skip
lists = st.lists(valid, max_size=5).map(Lexicon)
PROPERTY = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@PROPERTY
@given(lists)
@pytest.mark.parametrize("format", ["csv", "json"])
def test_nothing_is_lost_in_csv_and_json(read, format, lexicon):
    found = read(export(lexicon, format).text, format)
    assert dumps(found.lexicon) == dumps(lexicon)
    assert not any(found.left_out.values())


@PROPERTY
@given(lists)
@pytest.mark.parametrize(
    ("written", "format", "matches", "kinds"),
    [
        ("discord", "discord", ("word", "prefix", "suffix", "substring"), ("block", "allow")),
        ("mastodon", "mastodon", ("word", "substring"), ("block",)),
        ("mastodon-csv", "mastodon", ("word", "substring"), ("block",)),
        ("plain", "plain", ("word",), ("block",)),
    ],
)
def test_what_a_shape_can_say_comes_back(read, written, format, matches, kinds, lexicon):
    seen: dict[str, Term] = {}
    for term in lexicon:  # one term of a text: the shapes key their entries by it
        if term.status == "active" and term.kind in kinds and term.match in matches:
            seen.setdefault(" ".join(fold(term.term).split()), term)
    usable = [
        term for term in seen.values()
        if "*" not in term.term and "," not in term.term and term.term[0] not in "#{["
    ]  # fmt: skip
    exported = export(Lexicon(usable), written)
    assert exported.written == len(usable)
    back = read(exported.text, format)
    assert {(t.term, t.kind, t.match) for t in back.lexicon} == {
        (" ".join(t.term.split()), t.kind, t.match) for t in usable
    }


def test_every_format_is_known_to_the_command_line():
    from moddefense.cli import lexicon_convert

    assert lexicon_convert.IMPORTS == FORMATS
    assert {*lexicon_convert.EXPORTS, "mastodon-csv"} == set(EXPORTS)


def test_the_lists_of_other_projects(data_dir):
    expected = {
        "surge_profanity": 1590, "dsojevic": 800, "cuss": 4700, "rustrict": 2400,
        "rustrict_false_positives": 20000, "obscenity_whitelist": 60, "better_profanity": 830,
        "ldnoobw": 2600,
    }  # fmt: skip
    for name, least in expected.items():
        found = import_list(data_dir / "lexicons" / f"{name}.tsv", format="tsv")
        assert len(found.lexicon) >= least, name

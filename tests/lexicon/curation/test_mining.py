"""Mining on corpora made up with a known answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moddefense.errors import ConfigurationError
from moddefense.lexicon import Lexicon, Term
from moddefense.lexicon.curation.mining import log_odds, mine
from moddefense.lexicon.curation.ngrams import count_rows, ngrams, read_rows

PLACES = ("park", "street", "kitchen", "garden", "office", "school", "market", "station")
LISTED = Lexicon([Term("x-jerk", "jerk", category="insult", severity=1)])


@pytest.fixture
def corpus(make_corpus):
    harmful, harmless = [], []
    for number in range(40):
        place = PLACES[number % len(PLACES)]
        harmful.append(
            f"you are a total {('nitwit', 'n1twit', 'nitwiiit')[number % 3]} in the {place}"
        )
        harmful.append(f"go and boil your head, {place} jerk")
        harmless.append(f"we met in the {place} and we are fine")
        harmless.append(f"your head teacher is in the {place}, go and see")
        if number < 10:
            harmless.append(f"with a knee jerk reaction in the {place}")
    return make_corpus(harmful, harmless)


def test_words_and_phrases_to_block(corpus):
    proposals = [one for one in mine(corpus, LISTED) if one.kind == "block"]
    assert [one.term for one in proposals[:2]] == ["boil", "nitwit"]
    nitwit = proposals[1]
    assert (nitwit.harmful, nitwit.harmless, nitwit.new) == (40, 0, (40, 0))
    assert nitwit.variants == ("n1twit", "nitwiiit")
    assert nitwit.balanced == 1
    assert nitwit.precision.low > 0.9
    assert all(harmful and "[nitwit]" in text for harmful, text in nitwit.examples)
    terms = {one.term for one in proposals}
    assert not terms & {"jerk", "park", "are", "the", "head", "nitwit in"}
    assert proposals[0].new == (0, 0)


def test_what_the_lists_cover_is_left_out(corpus):
    listed = LISTED | Lexicon([Term("x-nitwit", "nitwit", category="insult", severity=1)])
    assert "nitwit" not in {one.term for one in mine(corpus, listed)}


def test_phrases_to_allow(corpus):
    (allow,) = [one for one in mine(corpus, LISTED) if one.kind == "allow"]
    assert allow.term in {"knee jerk", "jerk reaction"}
    assert (allow.harmful, allow.harmless, allow.hits) == (0, 10, ("x-jerk",))
    assert allow.examples[0] == (False, "with a knee [jerk] reaction in the park")
    protected = LISTED | Lexicon([Term("x-ok", allow.term, kind="allow", category="idiom")])
    assert [one for one in mine(corpus, protected) if one.kind == "allow"] == []


def test_floors(corpus):
    assert mine(corpus, LISTED, min_count=41, min_allow=11) == []
    assert mine(corpus, LISTED, min_z=1000, min_allow=11) == []
    assert len(mine(corpus, LISTED, top=1)) == 2


def test_mining_needs_both_kinds(make_corpus):
    with pytest.raises(ConfigurationError, match="needs harmful and harmless texts"):
        mine(make_corpus(["damn"], []), LISTED)


def test_proposals_are_plain_values(corpus):
    values = mine(corpus, LISTED)[0].as_dict()
    assert values["examples"][0]["harmful"] is True
    assert len(values["precision"]) == 3


@given(st.integers(0, 500), st.integers(0, 500), st.integers(500, 5000), st.integers(500, 5000))
def test_log_odds_is_antisymmetric_and_grows_with_the_evidence(part, other, whole, other_whole):
    if part + other == 0:
        return
    z = log_odds(part, other, whole, other_whole)
    assert z == pytest.approx(-log_odds(other, part, other_whole, whole))
    same = log_odds(part, other, whole, whole)
    assert (same > 0) == (part > other)
    assert abs(log_odds(4 * part, 4 * other, 4 * whole, 4 * whole)) >= abs(same)


words = st.sampled_from(["you", "fool", "fooool", "f00l", "the", "a"])
texts = st.lists(st.lists(words, max_size=6).map(" ".join), max_size=8)


@given(texts, st.integers(1, 3))
def test_pruned_counts_are_the_true_ones(batch, floor):
    rows, _ = read_rows(batch)
    parts = None
    for order in (1, 2, 3):
        counts = count_rows(rows, order, parts, floor)
        everything = {run for row in rows for run in ngrams(row, order)}
        for run in everything:
            true = sum(run in set(ngrams(row, order)) for row in rows)
            assert counts[run] == true or (true < floor and counts[run] == 0)
        parts = counts


def test_segments_end_at_punctuation_and_names_of_users_are_left_out():
    rows, _ = read_rows(["Hi @someone, you fool! See http://x.example/fool and don't f*sh"])
    assert rows == [[("hi",), ("you", "fool"), ("see",), ("and", "don't", "f*sh")]]

"""What holds for any texts and terms: the matcher against an exhaustive search, and its laws."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from moddefense.folding import fold
from moddefense.lexicon import STEPS, Lexicon, Match, Matcher, Term
from moddefense.lexicon.alignment import align
from moddefense.lexicon.masking import STYLES
from moddefense.lexicon.patterns import Pattern

_MATCHES = ("word", "prefix", "suffix", "substring")
_BITS = ("leet", "repetition", "separators", "masking")

alphabet = st.sampled_from("aaaasssslliibdd  ..--**@$1!4_<b></b>é\u200b\u0430😀")
pieces = st.one_of(
    alphabet,
    st.sampled_from(["ass", "a.s.s", "b a d", "b4d", "b*d", "sail", "s-a-i-l", "il", "http://", "(",
                     "</b>", "&", ";", "傻", "逼", "bad ass", "\n", "s@il", "sa!l", "s**l", "bid",
                     "s*il", "sa1l", "$$", "s/a/i/l", "d", "b_d", "sa-l"]),
)  # fmt: skip
texts = st.lists(pieces, max_size=14).map("".join)
words = st.one_of(
    st.text("abdils", min_size=1, max_size=5),
    st.sampled_from(["ass", "bad", "sail", "bad ass", "dill", "slab", "as", "傻逼", "dad", "b-d",
                     "salad", "a", "diss", "1", "sad lad", "sила", "said"]),
)  # fmt: skip


@st.composite
def terms(draw: st.DrawFn, kind: str = "block", matches: tuple[str, ...] = _MATCHES) -> list[Term]:
    drawn = draw(st.lists(st.tuples(words, st.sampled_from(matches)), min_size=1, max_size=6))
    return [
        Term(f"{kind}-{place}", word, kind, match, severity=1 if kind == "block" else None)
        for place, (word, match) in enumerate(drawn)
    ]


def exhaustive(listed: list[Term], text: str) -> set[tuple[str, int, int, tuple[str, ...]]]:
    """Every term at every place of a folded text; of one term's hits, those inside no other."""
    found = set()
    for place, term in enumerate(listed):
        folded = " ".join(fold(term.term).split())
        pattern = Pattern(place, term, folded, frozenset(STEPS))
        best = -1
        for start in range(len(text)):
            ended = align(text, start, pattern)
            if ended and ended[0] > best:
                best = ended[0]
                through = tuple(step for bit, step in enumerate(_BITS) if ended[1] >> bit & 1)
                found.add((term.id, start, ended[0], through))
    return found


def as_set(hits: list[Match]) -> set[tuple[str, int, int, tuple[str, ...]]]:
    return {(hit.term.id, hit.start, hit.end, hit.through) for hit in hits}


@settings(max_examples=400, deadline=None)
@given(terms(), texts.map(fold))
def test_agrees_with_an_exhaustive_search(listed: list[Term], text: str) -> None:
    if fold(text) != text or not text:
        return
    assert as_set(Matcher(Lexicon(listed)).find(text)) == exhaustive(listed, text)


@settings(max_examples=300, deadline=None)
@given(terms(), st.lists(texts, max_size=6))
def test_a_batch_equals_one_by_one(listed: list[Term], batch: list[str]) -> None:
    matcher = Matcher(Lexicon(listed))
    assert matcher.find_many(batch) == [matcher.find(text) for text in batch]


@settings(max_examples=150, deadline=None)
@given(terms(), texts)
def test_spans_are_in_the_original_and_sorted(listed: list[Term], text: str) -> None:
    hits = Matcher(Lexicon(listed)).find(text)
    for hit in hits:
        assert 0 <= hit.start < hit.end <= len(text)
        assert text[hit.start : hit.end] == hit.text
    assert hits == sorted(hits, key=lambda hit: (hit.start, hit.end, hit.term.id))
    assert len(as_set(hits)) == len(hits)


@settings(max_examples=150, deadline=None)
@given(terms(), terms("allow"), texts)
def test_an_allow_term_never_adds_a_hit(listed: list[Term], allowed: list[Term], text: str) -> None:
    before = Matcher(Lexicon(listed)).find(text)
    after = Matcher(Lexicon([*listed, *allowed])).find(text)
    assert as_set(after) <= as_set(before)


@settings(max_examples=100, deadline=None)
@given(terms(), texts, st.randoms())
def test_the_order_of_terms_never_matters(listed: list[Term], text: str, random: object) -> None:
    shuffled = list(listed)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    first, second = Matcher(Lexicon(listed)), Matcher(Lexicon(shuffled))
    assert first.fingerprint == second.fingerprint
    assert first.find(text) == second.find(text)


@settings(max_examples=150, deadline=None)
@given(terms(), texts, st.sampled_from(STYLES))
def test_masking_twice_is_masking_once(listed: list[Term], text: str, style: str) -> None:
    matcher = Matcher(Lexicon(listed))
    masked = matcher.mask(text, style, fixed="\u2588")
    assert matcher.mask(masked, style, fixed="\u2588") == masked


@settings(max_examples=100, deadline=None)
@given(terms(), texts, st.frozensets(st.sampled_from(STEPS), max_size=3))
def test_a_step_that_is_off_is_never_used(
    listed: list[Term], text: str, off: frozenset[str]
) -> None:
    for hit in Matcher(Lexicon(listed), off=off).find(text):
        assert not off.intersection(hit.through)
    by_term = Lexicon(listed).without(off)
    for hit in Matcher(by_term).find(text):
        assert not off.intersection(hit.through)


field = st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters="\x00\r\n"), max_size=8
)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(field, field, field, st.sampled_from((None, 1, 2, 3, 4))), max_size=6))
def test_reading_what_was_written_is_identity(
    tmp_path_factory: object, rows: list[tuple[str, str, str, int | None]]
) -> None:
    path: Path = tmp_path_factory.getbasetemp() / "written.csv"  # type: ignore[attr-defined]
    lexicon = Lexicon(
        Term(
            f"t{place}", (term.strip() or "x"), "block" if severity else "allow",
            category="insult", severity=severity, source=source, note=note,
        )
        for place, (term, source, note, severity) in enumerate(rows)
    )  # fmt: skip
    lexicon.write(path)
    read = Lexicon.read(path)
    assert read == lexicon
    assert read.fingerprint == lexicon.fingerprint
    lexicon.write(path)
    assert Lexicon.read(path) == lexicon

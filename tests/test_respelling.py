"""Respelling: misspelt and disguised words as known ones, and what must stay as it is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moddefense import native
from moddefense.folding import fold
from moddefense.respelling import Respeller
from moddefense.tokens import Tokenizer
from moddefense.usual import usual_words

WORDS = ("you", "are", "such", "stupid", "idiot", "idiots", "loser", "nobody", "this", "moron",
         "about", "crap", "ass", "completely", "fool")  # fmt: skip
RESPELLER = Respeller(WORDS, usual_words("en"))


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("you are a stpuid idoit", "you are a stupid idiot"),
        ("stupis loserr noboy", "stupid loser nobody"),
        ("1d10t", "idiot"),
        ("a l0$er, y0u m0r0n!", "a loser, you moron!"),
        ("b@dly st\u20acpid", "b@dly stupid"),  # decoded, and a slip as well
        ("c0mp1et31y!!", "completely!!"),
        ("a$$ @ss", "ass ass"),
        ("idoit!!!", "idiot!!!"),
    ],
)
def test_slips_and_signs_are_read(text: str, read: str) -> None:
    assert RESPELLER(text) == read


@pytest.mark.parametrize(
    "text",
    [
        "45s", "b4", "mp3", "covid19", "5am", "10th", "room5", "iphone6", "h264", "a1", "4chan",
        "studio", "moran", "idi", "lose", "craps", "crop", "abut", "cap", "tis",  # known, or short
        "http://x.org/1d10t", "user=1d10t",
        "#1d10t", "1d10t_7", "idoit_x", "xidoitж", "2021", "$10",
        "51.4778, -0.0014", "qwxzkjv", "stpuidify", "1d10t" * 9,
    ],
)  # fmt: skip
def test_what_is_known_or_no_word_stays(text: str) -> None:
    assert RESPELLER(text) == text


def test_the_more_frequent_word_is_read() -> None:
    words = ["shore", "score"]
    assert Respeller(words, set())("shcore") == "shore"
    assert Respeller(words[::-1], set())("shcore") == "score"
    assert Respeller(["ahore", "shorts", "shore"], set())("shhore") == "shore"  # the first letter


PIECES = ("[PAD]", "[UNK]", "[OPEN]", *"abcdefghijklmnopqrstuvwxyz",
          *(f"##{c}" for c in "abcdefghijklmnopqrstuvwxyz"), *WORDS)  # fmt: skip
GLYPHS = st.text("abdeilmnoprstuy 015@$!|+_-/.,'\u20ac\u00a5\u00e9\u0436", max_size=40)
SLIPS = st.lists(
    st.tuples(st.sampled_from(WORDS), st.integers(0, 8), st.sampled_from(["", "x", "1", "o", "$"])),
    max_size=6,
).map(lambda found: " ".join(word[:at] + new + word[at + 1 :] for word, at, new in found))


@settings(max_examples=200)
@given(GLYPHS | SLIPS)
def test_respelling_twice_is_respelling_once(text: str) -> None:
    once = RESPELLER(fold(text))
    assert RESPELLER(once) == once


@pytest.mark.skipif(native.library() is None, reason="the models are not compiled here")
@settings(max_examples=200)
@given(st.lists(GLYPHS | SLIPS, max_size=5))
def test_the_compiled_one_reads_the_same(texts: list[str]) -> None:
    from moddefense.native.respelling import CompiledRespeller

    encoded = [text.encode() for text in texts]
    CompiledRespeller(RESPELLER.words, "en").respell(encoded)
    assert [text.decode() for text in encoded] == [RESPELLER(text) for text in texts]


def test_the_tokenizer_reads_what_was_meant() -> None:
    tokenizer = Tokenizer(PIECES, lang="en")
    assert (tokenizer(["you stpuid 1d10t"]).values == tokenizer(["you stupid idiot"]).values).all()
    for text in ("YOU STPUID 1D10T", "you st\x07puid 1d10t", "Yo\u200bu Stpuid 1\u0501\u200b10t"):
        assert (tokenizer([text]).values == tokenizer(["you stupid idiot"]).values).all()
    assert tokenizer.spans("you stpuid 1d10t") == [(0, 3, False), (4, 10, False), (11, 16, False)]
    assert (Tokenizer(PIECES)(["stpuid"]).values != tokenizer(["stupid"]).values).any()


def test_a_vocabulary_of_another_language_is_left_alone(tmp_path) -> None:
    foreign = Tokenizer([*PIECES[:55], "gestern", "morgen", "niemand", "vielleicht"], lang="en")
    assert foreign.respeller is None
    tokenizer = Tokenizer(PIECES, lang="en")
    tokenizer.save(tmp_path / "v.json")
    assert Tokenizer.load(tmp_path / "v.json").lang == "en"

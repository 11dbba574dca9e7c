"""Respelling in the exported graph: equal to the library's, whatever is written."""

from __future__ import annotations

import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from moddefense.classifier.codes import Codes
from moddefense.classifier.respelling_graph import RespellingGraph
from moddefense.folding import fold
from moddefense.respelling import READINGS, Respeller
from moddefense.usual import usual_words

# Of one length and of others, slips of each other, one as long as words get, one in two places.
WORDS = ("you", "are", "such", "stupid", "idiot", "idiots", "loser", "loses", "lose", "loosed",
         "nobody", "this", "moron", "a", "it", "about", "crap", "ass", "shore", "score", "ahore",
         "completely", "fool", "fools", "gill", "gull", "qill", "ill", "illegality", "lillington",
         "silliness", "electroencephalographics", "fool")  # fmt: skip
USUAL = {word: count for word, count in usual_words("en").items() if len(word) < 7}
TABLES = {
    "words": Respeller(WORDS, USUAL),
    "others in front": Respeller(WORDS[::-1], {"stupor"}),
}


@pytest.fixture(scope="module", params=TABLES)
def both(request):
    """The library's, and the graph."""
    respeller = TABLES[request.param]
    graph = RespellingGraph(respeller)
    return respeller, tf.function(
        lambda texts: graph(Codes.decode(texts)).encode(),
        input_signature=[tf.TensorSpec([None], tf.string)],
    )


LETTER = st.sampled_from("abcdefghilmnoprstuyz")
SIGNS = {letter: [s for s, ways in READINGS.items() if letter in ways] for letter in "abegilostz"}


@st.composite
def mutated(draw) -> str:
    """A known word with slips, signs for letters, and signs at its end."""
    word = draw(st.sampled_from(WORDS))
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(word)))
        new = draw(st.sampled_from(["", word[at + 1 : at + 2] + word[at : at + 1]]) | LETTER)
        word = word[:at] + new + word[at + draw(st.integers(0, 2)) :]
    if draw(st.booleans()):
        word = "".join(
            draw(st.sampled_from([char, *SIGNS[char]])) if char in SIGNS else char for char in word
        )
    return word + draw(st.sampled_from(["", "", "", "!", "!!", "|", "+1", "1", "_", "é"]))


ODD = st.text("abeilostg1!|9034578@$+_\u20ac\u00a3\u00e9\u00b2\u0436", min_size=1, max_size=28)
BETWEEN = st.sampled_from([" ", " ", " ", ", ", "/", "=", " #", "-", ":"])
TEXT = st.lists(st.tuples(mutated() | ODD, BETWEEN).map("".join), max_size=8).map("".join)


@settings(max_examples=80)
@given(st.lists(TEXT, min_size=1, max_size=12))
@example(["stpuid idoit", "idoit", "", "!!", "1d10t 1d10t!! l0$er! a$$ st\u20acp1d", " "])
@example(["1d10t/", "/1d10t", "1d10t", "=", "1d10t"])  # neighbours in other texts are none
@example(["1!1!1!1 g1!!1ng 99!9!9a !11!!!!!a g!11 9ill !!l1n9t0n 1!!1ngt0n !111ngt0n s!!!1ness"])
@example(["electroencephalographics electroencephalographic electroencephalograhpics"])
@example(["xelectroencephalographics 3lectr0encephal0graphics 3lectr0encephal0graph1css!!"])
@example(["covid19 10th h264 4chan 5am 51.4 4 1d10t_7 45s mp3 crop cr0p cra cr@ craps cr@ps"])
@example(["shoree ascore shhore sc0re! abotu abuot xbout stupis stupo stuporr"])
def test_the_graph_respells_as_the_library_does(both, texts):
    respeller, graph = both
    texts = list(map(fold, texts))
    found = [text.decode() for text in graph(tf.constant(texts)).numpy()]
    assert found == list(map(respeller, texts))


def test_no_text_at_all(both):
    _, graph = both
    assert graph(tf.constant([], tf.string)).shape == (0,)
    assert graph(tf.constant(["", ""])).numpy().tolist() == [b"", b""]

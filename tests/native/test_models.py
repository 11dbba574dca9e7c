"""The compiled models: the same numbers as TensorFlow Text and numpy give."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moddefense import native
from moddefense.bundle import read_models
from moddefense.ngrams import NgramModel
from moddefense.resources import bundle_names
from moddefense.tokens import Tokenizer, Tokens

if native.library() is None:
    pytest.skip("the library is not compiled", allow_module_level=True)

from moddefense.classifier.pooling import make_pool
from moddefense.native.features import Convolution, ngram_sums
from moddefense.native.wordpiece import WordPiece, long_runs

PIECES = [
    "[PAD]", "[UNK]", "[OPEN]", *"abcdehiostuy019é的.!-#", *(f"##{c}" for c in "abcdehiostuy019é"),
    "as", "ass", "##set", "asset", "dust", "##dust", "abc", "##bcde", "ab", "a.b", "##-", "的a",
    "the", "you", "cat", "##st", "a" * 30,
]  # fmt: skip
VOCABULARY = list(dict.fromkeys(PIECES))
LETTERS = "abcdehiostuy019é"
CHARS = st.one_of(
    st.sampled_from(
        LETTERS + "  \t\n .!?-#_的中Ωяß😀\u200b\u0301\u00a0\u0085\u3000\u2028\x00\x1c\x7f"
    ),
    st.characters(codec="utf-8"),
)
TEXTS = st.lists(
    st.one_of(st.text(CHARS, max_size=40), st.text(LETTERS, max_size=80)), min_size=1, max_size=6
)


@pytest.fixture(scope="module")
def graph():
    from moddefense.wordpiece import wordpiece_graph

    return wordpiece_graph(VOCABULARY, unknown="[UNK]", suffix="##")


@pytest.fixture(scope="module")
def wordpiece():
    return WordPiece(VOCABULARY, unknown="[UNK]", suffix="##")


def reference(tokenizer, graph):
    """The tokenizer without the library."""
    other = Tokenizer(tokenizer.pieces, tokenizer.openings, graph=graph, lang=tokenizer.lang)
    other.__dict__["_compiled"] = None
    return other


def assert_same(one, other):
    np.testing.assert_array_equal(one[0], other[0])
    np.testing.assert_array_equal(one[1], other[1])


@given(TEXTS)
def test_wordpiece_cuts_as_tensorflow_text_does(graph, wordpiece, texts):
    encoded = [text.encode() for text in texts]
    assert_same(wordpiece(encoded), graph(encoded))


@pytest.mark.parametrize(
    "text",
    ["", "a" * (1 << 20), "a" * ((1 << 20) + 1), "a" * 40, "assets", "x", "as x", ".a", "a.Xb.as",
     "的的a", "##a", "ab##st", "[UNK]", "[PAD]", "a\x00b", " \n "],
)  # fmt: skip
def test_wordpiece_at_its_limits(graph, wordpiece, text):
    encoded = [text.encode(), b"dust"]
    assert_same(wordpiece(encoded), graph(encoded))


@given(st.lists(st.text(CHARS | st.characters(categories=["Cs"]), max_size=60), max_size=5))
def test_a_tokenizer_gives_the_same_ids_without_the_library(graph, texts):
    tokenizer = Tokenizer(VOCABULARY, ["as", "a", "dust"])
    assert_same(tokenizer(texts), reference(tokenizer, graph)(texts))


def test_long_runs_are_cut_into_words(graph):
    tokenizer = Tokenizer(VOCABULARY, ["as", "a", "dust"])
    texts = ["youthecatthecatthecatdust", "the cat", "éyouthecatthecatthecatthecat!", "thecatdust"]
    assert_same(tokenizer(texts), reference(tokenizer, graph)(texts))
    assert tokenizer(texts[:1]).lengths[0] == 8


@given(st.lists(st.text(st.sampled_from("abé的 .1"), max_size=12), max_size=5), st.integers(1, 6))
def test_no_long_run_is_overlooked(texts, least):
    found = set(long_runs([text.encode() for text in texts], least).tolist())
    runs = re.compile(rf"[^\W\d_]{{{least},}}")
    assert {row for row, text in enumerate(texts) if runs.search(text)} <= found
    plain = {row for row, text in enumerate(texts) if text.isascii() and not runs.search(text)}
    assert not plain & found


@given(st.lists(st.binary(max_size=30), max_size=4))
def test_bytes_that_are_no_text_do_no_harm(wordpiece, texts):
    values, lengths = wordpiece(texts)
    assert len(values) == lengths.sum() <= sum(map(len, texts))
    assert set(values.tolist()) <= set(range(len(VOCABULARY)))


def test_a_vocabulary_must_have_the_unknown_piece():
    with pytest.raises(ValueError, match="not in list"):
        WordPiece(["a"], unknown="[UNK]", suffix="##")


def test_real_comments_get_the_same_ids(data_dir):
    import pyarrow.parquet as pq

    if "default" not in bundle_names():
        pytest.skip("no shipped bundle")
    texts = pq.read_table(data_dir / "jigsaw_toxic.parquet", columns=["text", "split"])
    texts = [r["text"] for r in texts.to_pylist() if r["split"] == "test"][:2000]
    tokenizer, _, _ = read_models("default")
    assert_same(tokenizer(texts), reference(tokenizer, None)(texts))


def test_screening_needs_no_tensorflow(toy_bundle, tmp_path):
    script = (
        "import sys, moddefense as md\n"
        "found = md.load(sys.argv[1]).screen(['you are a jerk', 'the cat'] * 3)\n"
        "assert not {'tensorflow', 'tensorflow_text', 'keras', 'sklearn'} & set(sys.modules)\n"
        "import json; print(json.dumps(found.score.round(6).tolist()))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(native.__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", script, str(toy_bundle)], capture_output=True, text=True,
        check=True, env=environment, cwd=tmp_path,
    )  # fmt: skip
    assert len(json.loads(done.stdout)) == 6


RAGGED = st.lists(st.integers(0, 40), max_size=8)


def drawn(lengths, seed=1, vocabulary=50):
    values = np.random.default_rng(seed).integers(0, vocabulary, sum(lengths))
    return Tokens(values.astype(np.int32), np.array(lengths, np.int64))


def alone(tokens):
    """The texts, each in a batch of its own."""
    return [tokens.take(np.array([row])) for row in range(len(tokens.lengths))]


@given(RAGGED, st.sampled_from([1, 1000, 1024]), st.integers(0, 2**31 - 1))
def test_ngram_sums_are_those_of_numpy(monkeypatch, lengths, buckets, seed):
    tokens = drawn(lengths, seed, 2**31 - 1)
    weights = np.random.default_rng(seed).normal(size=buckets).astype(np.float32)
    model = NgramModel(weights, -0.5)
    found = model.log_odds(tokens)
    singly = [model.log_odds(one)[0] for one in alone(tokens)]
    np.testing.assert_array_equal(found, np.array(singly, np.float64))
    with monkeypatch.context() as patched:
        patched.setattr(native, "library", lambda: None)
        np.testing.assert_allclose(found, model.log_odds(tokens), rtol=0, atol=1e-9)


@given(RAGGED, st.sampled_from([1, 3, 5]), st.sampled_from([1, 7, 128]), st.integers(0, 99))
def test_convolutions_are_those_of_numpy(monkeypatch, lengths, reach, channels, seed):
    tokens = drawn(lengths, seed)
    draw = np.random.default_rng(seed)
    weights = {
        "embedding": draw.normal(size=(50, 6)).astype(np.float32),
        "kernel": draw.normal(size=(reach, 6, channels)).astype(np.float32),
        "bias": draw.normal(size=channels).astype(np.float32),
    }
    pool = make_pool(weights)
    assert type(pool) is Convolution
    found = pool(tokens)
    singly = [pool(one)[0] for one in alone(tokens)]
    np.testing.assert_array_equal(found, np.array(singly).reshape(found.shape))
    with monkeypatch.context() as patched:
        patched.setattr(native, "library", lambda: None)
        other = make_pool(weights)
        assert other.features == pool.features
        np.testing.assert_allclose(found, other(tokens), rtol=1e-6, atol=1e-5)


def test_tokens_out_of_bounds_are_refused():
    pool = Convolution([np.ones((4, 2), np.float32)] * 3)
    for wrong in (-1, 4):
        with pytest.raises(IndexError, match=f"token {wrong} is not in a vocabulary of 4"):
            pool(Tokens(np.array([0, wrong, 3], np.int32), np.array([3])))
    for lengths in ([4], [2], [4, -1]):
        with pytest.raises(ValueError, match="3 ids"):
            pool(Tokens(np.array([0, 1, 3], np.int32), np.array(lengths)))
        with pytest.raises(ValueError, match="3 ids"):
            ngram_sums(Tokens(np.array([0, 1, 3], np.int32), np.array(lengths)), np.ones(4))
    with pytest.raises(ValueError, match="at least one bucket"):
        ngram_sums(Tokens(np.array([0], np.int32), np.array([1])), np.ones(0))

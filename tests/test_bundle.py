"""Bundles: what is written is read back, and what was changed is refused."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import moddefense as md
from moddefense.bundle import CARD, FILES, MANIFEST, read_manifest, verify
from moddefense.errors import BundleError, WriteError

ALL = (*FILES, CARD, MANIFEST)


@pytest.fixture
def copy(toy_bundle, tmp_path):
    return Path(shutil.copytree(toy_bundle, tmp_path / "bundle"))


def sign(folder, change=lambda manifest: None):
    """Make a manifest fit the files again, as somebody with bad intentions would."""
    manifest = json.loads((folder / MANIFEST).read_text())
    for name, entry in manifest["files"].items():
        if not (folder / name).exists():
            continue
        content = (folder / name).read_bytes()
        entry.update(bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
    change(manifest)
    del manifest["sha256"]
    canonical = json.dumps(manifest, sort_keys=True).encode()
    manifest["sha256"] = hashlib.sha256(canonical).hexdigest()
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")


def refused(folder, texts=("the cat",)):
    """The one line with which loading, or at the latest screening, refuses a bundle."""
    with pytest.raises(BundleError) as caught:
        md.load(folder, stages=["trigger", "classifier"]).screen(texts)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert message.startswith(str(folder))
    return message


# Written and read


def test_what_was_saved_is_what_screens(toy, toy_bundle):
    texts = ["you are a fool", "the cat", ""]
    guard = md.load(toy_bundle, stages=["trigger", "classifier"])
    found = guard.screen(texts)
    tokens = toy.bundle.tokenizer(texts)
    scored = ~np.isnan(found.score)
    np.testing.assert_array_equal(found.trigger, toy.bundle.trigger.probabilities(tokens))
    np.testing.assert_array_equal(
        found.score[scored], toy.bundle.classifier.score(tokens)[scored, 0]
    )
    assert guard.policy == toy.bundle.policy


def test_the_same_content_gives_the_same_bytes(toy, toy_bundle, tmp_path):
    toy.bundle.save(tmp_path / "again")
    for name in ALL:
        assert (tmp_path / "again" / name).read_bytes() == (toy_bundle / name).read_bytes()


def test_what_was_loaded_saves_to_the_same_bytes(toy, toy_bundle, tmp_path):
    from moddefense.training import Bundle

    stages = md.load(toy_bundle, stages=["trigger", "classifier"]).stages
    models = stages[0].models
    again = Bundle("toy", models.tokenizer, models.trigger, models.classifier, toy.bundle.policy,
                   toy.bundle.about)  # fmt: skip
    again.save(tmp_path / "again")
    for name in ALL:
        assert (tmp_path / "again" / name).read_bytes() == (toy_bundle / name).read_bytes()


def test_nothing_but_the_files_of_a_bundle_is_written(toy_bundle):
    assert {path.name for path in toy_bundle.iterdir()} == set(ALL)
    assert verify(toy_bundle) == []
    assert verify("default") == []


def test_the_manifest_says_what_the_bundle_rests_on(toy_bundle, toy_recipe, toy_corpus):
    manifest = read_manifest(toy_bundle)
    assert manifest["recipe"] == toy_recipe.as_dict()
    assert manifest["corpus"]["sha256"] == toy_corpus.fingerprint
    assert manifest["corpus"]["source"] == "toy.csv"
    assert manifest["classifier"]["labels"] == ["toxic", "insult"]
    assert {"harm", "toxic", "insult", "trigger"} <= set(manifest["metrics"]["test"])
    assert str(toy_bundle.parent) not in (toy_bundle / MANIFEST).read_text()


def test_saving_replaces_a_bundle_and_nothing_else(toy, copy, tmp_path):
    toy.bundle.save(copy)
    assert verify(copy) == []
    (copy / "notes.txt").write_text("mine")
    with pytest.raises(WriteError, match="exists and is not a bundle; name a new folder"):
        toy.bundle.save(copy)
    file = tmp_path / "file"
    file.write_text("mine")
    for place in (file, file / "below"):
        with pytest.raises(WriteError):
            toy.bundle.save(place)
    assert file.read_text() == "mine"


# Damaged


@pytest.mark.parametrize("name", ALL)
def test_no_flipped_byte_passes(copy, name):
    path = copy / name
    content = path.read_bytes()
    last = len(content) - 1
    for position in {*range(0, last, max(1, last // 60)), 1, last}:
        for bit in (1, 128):
            changed = bytearray(content)
            changed[position] ^= bit
            path.write_bytes(changed)
            assert name in refused(copy), position
    path.write_bytes(content)
    assert verify(copy) == []


@given(
    name=st.sampled_from(ALL), where=st.floats(0, 1, exclude_max=True),
    change=st.sampled_from(["drop", "double", "cut", "append"]),
)  # fmt: skip
def test_no_byte_more_or_less_passes(copy, toy_bundle, name, where, change):
    content = (toy_bundle / name).read_bytes()
    at = int(where * len(content))
    changed = {
        "drop": content[:at] + content[at + 1 :],
        "double": content[:at] + content[at : at + 1] + content[at:],
        "cut": content[:at],
        "append": content + b" ",
    }[change]
    (copy / name).write_bytes(changed)
    assert name in refused(copy)
    (copy / name).write_bytes(content)


def test_two_swapped_files_do_not_pass(copy):
    one, two = copy / "classifier.npz", copy / "trigger.npz"
    content = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(content)
    assert len(verify(copy)) == 2
    assert "(and 1 more)" in refused(copy)


@pytest.mark.parametrize("name", [*FILES, CARD])
def test_a_missing_file_is_named(copy, name):
    (copy / name).unlink()
    assert f"{name}: missing" in refused(copy)


def test_a_bundle_without_a_card_is_one_too(copy):
    (copy / CARD).unlink()
    sign(copy, lambda manifest: manifest["files"].pop(CARD))
    assert md.load(copy, stages=["classifier"]).screen(["the cat"]).row(0).decision == "allow"
    (copy / CARD).write_text("of another bundle")
    assert f"{CARD}: not part of the bundle" in refused(copy)


def test_a_file_too_many_is_named(copy):
    (copy / "extra.py").write_text("")
    assert "extra.py: not part of the bundle" in refused(copy)


def test_no_manifest_is_no_bundle(copy, tmp_path):
    (copy / MANIFEST).unlink()
    assert "no bundle here" in refused(copy)
    assert "no bundle here" in refused(tmp_path / "nowhere")
    assert "shipped bundles are default" in refused(tmp_path)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": 1', "\xff", "[" * 100_000])
def test_a_manifest_that_is_none(copy, content):
    (copy / MANIFEST).write_bytes(content.encode("latin-1"))
    assert "damaged" in refused(copy)


def test_another_format_is_said_to_be_one(copy):
    sign(copy, lambda manifest: manifest.update(format=99))
    assert "bundle format 99; this version reads 1: install" in refused(copy)


# Made to harm: hashes fit, the content does not


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda m: m.pop("files"), "files are not listed"),
        (lambda m: m["files"].pop("policy.toml"), "does not list policy.toml"),
        (lambda m: m["files"].update({"policy.toml": 3}), "files are not listed"),
        (lambda m: m["files"]["policy.toml"].update(bytes="9"), "files are not listed"),
        (lambda m: m["files"]["policy.toml"].update(bytes=1 << 40), "bytes are more than"),
        (lambda m: m.pop("name"), "name is not a string"),
        (lambda m: m.pop("classifier"), "classifier does not have"),
        (lambda m: m["classifier"].update(window="12"), "classifier does not have"),
        (lambda m: m["classifier"].update(extra=1), "classifier does not have"),
        (lambda m: m["classifier"].update(overlap=12), "out of range"),
        (lambda m: m["classifier"].update(samples=10**9), "out of range"),
        (lambda m: m["classifier"].update(dropout=1.0), "out of range"),
        (lambda m: m["classifier"].update(seed=-1), "out of range"),
        (lambda m: m["classifier"].update(labels=[]), "labels are not different names"),
        (lambda m: m["classifier"].update(labels=["a", "a"]), "labels are not different names"),
        (lambda m: m["classifier"].update(labels=["toxic"]), "classifier.npz: out is"),
    ],
)
def test_a_forged_manifest_is_refused(copy, change, says):
    sign(copy, change)
    assert says in refused(copy)


class Bomb:
    """What a pickle would run."""

    def __reduce__(self):
        return print, ("this must never be printed",)


def npz(path, **changes):
    with np.load(path) as arrays:
        content = {key: arrays[key] for key in arrays.files}
    content.update(changes)
    np.savez_compressed(path, allow_pickle=True, **content)


def test_a_pickled_object_is_not_unpickled(copy, capsys):
    npz(copy / "classifier.npz", bias=np.array([Bomb()], dtype=object))
    sign(copy)
    assert "cannot be loaded: ValueError: Object arrays cannot be loaded" in refused(copy)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("classifier.npz", b""),
        ("classifier.npz", b"PK\x03\x04 not a zip"),
        ("trigger.npz", b"\x80\x04K\x01."),
        ("vocabulary.json", b"[]"),
        ("vocabulary.json", b'{"pieces": [1, 2, 3, 4], "openings": []}'),
        ("vocabulary.json", b'{"pieces": ["a"], "openings": ["b"]}'),
        ("vocabulary.json", b'{"pieces": ["a", "b", "c"], "openings": []}'),
        ("vocabulary.json", b'{"pieces": [], "openings": []}'),
        ("calibration.json", b'{"slope": [1, 1, 1]}'),
        ("calibration.json", b'{"slope": [1], "intercept": [0]}'),
        ("calibration.json", b'{"slope": [NaN, 1, 1], "intercept": [0, 0, 0]}'),
        ("calibration.json", b'{"slope": ["a", 1, 1], "intercept": [0, 0, 0]}'),
        ("calibration.json", b"\xff"),
    ],
    ids=str,
)
def test_forged_files_are_refused(copy, name, content):
    (copy / name).write_bytes(content)
    sign(copy)
    refused(copy)


@pytest.mark.parametrize(
    ("name", "changes", "says"),
    [
        ("classifier.npz", {"embedding": np.zeros((3, 8), np.float16)}, "embedding is (3, 8)"),
        ("classifier.npz", {"kernel": np.zeros((2, 8, 16))}, "kernel spans 2 tokens"),
        ("classifier.npz", {"kernel": np.zeros(8)}, "cannot be loaded"),
        ("classifier.npz", {"bias": np.zeros(1)}, "bias is (1,)"),
        ("classifier.npz", {"out_bias": np.full(3, np.inf)}, "out_bias is not finite"),
        ("classifier.npz", {"wide": np.zeros(0)}, "wide is (0,)"),
        ("classifier.npz", {"wide_intercept": np.zeros(2)}, "cannot be loaded"),
        ("trigger.npz", {"weights": np.zeros((2, 2))}, "trigger is (2, 2)"),
        ("trigger.npz", {"intercept": np.float64(np.nan)}, "trigger_intercept is not finite"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_arrays_that_do_not_fit_are_refused(copy, name, changes, says):
    npz(copy / name, **changes)
    sign(copy)
    assert says in refused(copy)


def test_a_bundle_that_is_replaced_before_its_models_are_read_is_not_mixed(copy):
    guard = md.load(copy, stages=["classifier"])
    sign(copy, lambda manifest: manifest.update(name="another"))
    with pytest.raises(BundleError, match="replaced since it was loaded; load it again"):
        guard.screen(["the cat"])
    assert md.load(copy, stages=["classifier"]).screen(["the cat"]).row(0).decision == "allow"

"""``bundle show``, ``bundle verify`` and ``explain``."""

from __future__ import annotations

import json
import shutil

import pytest

from moddefense.resources import bundle_dir


@pytest.fixture
def copy(shipped, tmp_path):
    return shutil.copytree(bundle_dir(shipped), tmp_path / "bundle")


def test_show(run, shipped):
    manifest = json.loads(run("bundle", "show", shipped, "--json").stdout)
    page = run("bundle", "show", shipped)
    assert page.exit_code == 0
    assert manifest["name"] in page.stdout
    assert "metrics" in page.stdout


def test_verify_what_is_sound(run, copy):
    result = run("bundle", "verify", copy)
    assert result.exit_code == 0
    assert result.stdout == ""


def test_verify_finds_one_changed_byte(run, copy):
    path = copy / "classifier.npz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    result = run("bundle", "verify", copy)
    assert result.exit_code == 1
    assert len(result.stdout.splitlines()) == 1
    assert "classifier.npz" in result.stdout


def test_a_damaged_bundle_screens_nothing(fails, copy, comments):
    (copy / "policy.toml").write_text("")
    assert "policy.toml" in fails(3, "screen", "--bundle", copy, comments)


@pytest.mark.parametrize("command", ["show", "verify"])
def test_no_bundle(fails, tmp_path, command):
    assert "no bundle here" in fails(3, "bundle", command, tmp_path)


def test_explain(run, shipped, terms):
    options = ["--stages", "lexicon", "--lexicon", terms]
    found = json.loads(run("explain", *options, "--json", "you jerk").stdout)
    assert found["decided"]["decision"] == "block"
    page = run("explain", *options, "you [b]jerk[/b]")
    assert page.exit_code == 0
    assert "[b]jerk[/b]" in page.stdout
    assert "x-jerk" in page.stdout


def test_export(run, fails, toy_bundle, tmp_path):
    out = tmp_path / "served" / "1"
    assert run("bundle", "export", toy_bundle, "-o", out).exit_code == 0
    assert (out / "saved_model.pb").is_file()
    assert "not an empty folder" in fails(3, "bundle", "export", toy_bundle, "-o", out)

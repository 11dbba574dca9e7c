"""Training recipes: what is read, overridden and refused."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

import moddefense as md
from moddefense.errors import ConfigurationError, ReadError, RecipeError
from moddefense.recipe import Recipe, describe_keys, parse_overrides
from moddefense.resources import recipe_names, recipe_path


@pytest.mark.parametrize("name", recipe_names())
def test_shipped_recipes_load_under_their_name(name):
    recipe = md.load_recipe(name)
    assert recipe.name == name
    assert recipe.description


def test_a_file_changes_what_it_names_and_nothing_else(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('seed = 5\n[corpus]\nlabel_columns = ["a", "b"]\n[training]\nepochs = 2\n')
    recipe = md.load_recipe(str(path), {"adversarial.method": "none", "adversarial.epsilon": 2})
    expected = Recipe(name="mine").override(
        {"seed": 5, "corpus.label_columns": ["a", "b"], "training.epochs": 2,
         "adversarial.method": "none", "adversarial.epsilon": 2.0}
    )  # fmt: skip
    assert recipe == expected
    assert recipe.as_dict()["corpus"]["label_columns"] == ["a", "b"]
    assert json.loads(json.dumps(recipe.as_dict())) == recipe.as_dict()


def test_a_recipe_does_not_change():
    recipe = Recipe()
    recipe.override({"training.epochs": 1})
    assert recipe == Recipe()
    with pytest.raises(dataclasses.FrozenInstanceError):
        recipe.training.epochs = 1


@pytest.mark.parametrize(
    ("source", "line", "says"),
    [
        ("sed = 1\n", 1, "unknown recipe key 'sed'; known here are name, description, seed"),
        ("\n[training]\nepoch = 1\n", 3, "unknown recipe key 'training.epoch'; known here are ep"),
        ("[trainign]\nepochs = 1\n", 1, "unknown recipe key 'trainign'"),
        ("[training]\nepochs = 2.5\n", 2, "training.epochs: 2.5 is not a int, like 8"),
        ("[training]\nepochs = 0\n", 2, "training.epochs: 0 is out of range; give a number at le"),
        ("[training]\nearly_stopping = 1\n", 2, "training.early_stopping: 1 is not a bool"),
        ("seed = -1\n", 1, "seed: -1 is out of range"),
        ("seed = 5_000_000\n", 1, "seed: 5000000 is out of range; give a number from 0 to 2000000"),
        ("[adversarial]\nmethod = 'pgdd'\n", 2, "adversarial.method: 'pgdd' is none of none, ran"),
        ("[adversarial]\nepsilon = -0.1\n", 2, "adversarial.epsilon: -0.1 is out of range"),
        ("[adversarial]\nepsilon = nan\n", 2, "adversarial.epsilon: nan is out of range"),
        ("[adversarial]\nepsilon = inf\n", 2, "adversarial.epsilon: inf is out of range"),
        ("[wide]\ninverse_penalty = 0\n", 2, "wide.inverse_penalty: 0.0 is out of range"),
        ("[calibration]\nprevalence = 1\n", 2, "calibration.prevalence: 1.0 is out of range"),
        ("[network]\nwidth = 4\n", 2, "network.width: 4 is even; give an odd number"),
        ("[network]\nwindow = 16\noverlap = 16\n", 3, "network.overlap: 16 is not below"),
        ("[corpus]\nlabel_columns = [1]\n", 2, "corpus.label_columns: [1] is not a list of names"),
        ("[corpus]\nlabel_columns = []\n", 2, "corpus.label_columns: [] is not a list of names"),
        ("training = 3\n", 1, "training: 3 is not a section of keys"),
        ("seed = \n", None, "not valid TOML"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) and "\n" not in value else "",
)
def test_a_bad_file_is_refused_with_its_line(tmp_path, source, line, says):
    path = tmp_path / "mine.toml"
    path.write_text(source)
    with pytest.raises(RecipeError) as caught:
        md.load_recipe(str(path))
    message = str(caught.value)
    assert message.startswith(f"{path}:{line}: " if line else f"{path}: ")
    assert says in message
    assert len(message.splitlines()) == 1


def test_a_recipe_that_is_not_there_or_not_text(tmp_path):
    with pytest.raises(ConfigurationError, match="nowhere: no such recipe; shipped are default"):
        md.load_recipe("nowhere")
    path = tmp_path / "mine.toml"
    path.write_bytes(b"name = '\xff'\n")
    with pytest.raises(RecipeError, match="not valid TOML"):
        md.load_recipe(str(path))
    path.chmod(0)
    try:
        path.read_bytes()
    except PermissionError:
        with pytest.raises(ReadError, match="Permission denied"):
            md.load_recipe(str(path))


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ({"training.epoch": 3}, "unknown recipe key 'training.epoch'"),
        ({"trainign.epochs": 3}, "unknown recipe key 'trainign'"),
        ({"training": 3}, "training: 3 is not a section of keys"),
        ({"seed.x": 3}, "seed: {'x': 3} is not a int"),
        ({"training": 3, "training.epochs": 3}, "training.epochs: training is given a value"),
        ({"training.epochs": "many"}, "training.epochs: 'many' is not a int"),
        ({"training.epochs": True}, "training.epochs: True is not a int"),
        ({"network.width": 2}, "network.width: 2 is even"),
    ],
    ids=str,
)
def test_bad_overrides_are_refused(overrides, says):
    with pytest.raises(RecipeError) as caught:
        Recipe().override(overrides)
    assert says in str(caught.value)


def test_overrides_are_toml_and_bare_words_are_strings():
    given_pairs = [
        "seed=3", "training.early_stopping=false", "adversarial.epsilon = 0.5",
        "adversarial.method=fgm", 'name="a b"', "corpus.label_columns=a,b", "name=a=b",
        "noise.share=.25",
    ]  # fmt: skip
    assert parse_overrides(given_pairs) == {
        "seed": 3, "training.early_stopping": False, "adversarial.epsilon": 0.5,
        "adversarial.method": "fgm", "name": "a=b", "corpus.label_columns": "a,b",
        "noise.share": 0.25,
    }  # fmt: skip
    recipe = Recipe().override(parse_overrides(given_pairs))
    assert recipe.corpus.label_columns == ("a", "b")
    for bad in ("seed", "=3", ""):
        with pytest.raises(RecipeError, match="give KEY=VALUE"):
            parse_overrides([bad])


@given(st.text(max_size=20), st.text(max_size=20))
def test_any_assignment_is_an_override_or_a_recipe_error(key, value):
    with contextlib.suppress(RecipeError):
        Recipe().override(parse_overrides([f"{key}={value}"]))


def test_every_key_is_described_and_can_be_overridden_with_its_default():
    described = describe_keys()
    assert all(help for _, _, _, help in described)
    flat = {key: json.loads(default) for key, _, default, _ in described}
    fixed = {"seed", "training.epochs", "training.early_stopping", "adversarial.method",
             "adversarial.epsilon"}  # fmt: skip
    assert fixed <= set(flat)
    assert Recipe().override(flat) == Recipe()


def test_a_shipped_recipe_sets_only_what_differs():
    written = tomllib.loads(recipe_path("default").read_text())
    defaults = Recipe().as_dict()
    for section, keys in written.items():
        if isinstance(keys, dict):
            assert not {k: v for k, v in keys.items() if defaults[section][k] == v}

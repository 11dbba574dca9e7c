"""The exception tree, where shipped data lie, and what the package's name gives."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import moddefense
from moddefense import errors, resources
from moddefense.errors import ConfigurationError, ModdefenseError, at

CLASSES = [getattr(errors, name) for name in errors.__all__ if name.endswith("Error")]


def test_the_tree_in_the_docstring_is_the_tree():
    drawn = dict(re.findall(r"(\w+Error) +(?:exit code|(\d))", errors.__doc__))
    assert set(drawn) == {cls.__name__ for cls in CLASSES}
    for cls in CLASSES:
        assert issubclass(cls, ModdefenseError)
        if drawn[cls.__name__]:
            assert cls.exit_code == int(drawn[cls.__name__])


def test_all_names_are_there():
    for name in moddefense.__all__:
        assert getattr(moddefense, name) is not None
    assert dir(moddefense) == sorted(moddefense.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = moddefense.nonsense


def test_a_message_begins_with_the_place():
    assert at("a.csv") == "a.csv: "
    assert at("a.csv", 0) == "a.csv:0: "


def test_shipped_data_lie_where_resources_says(tmp_path, monkeypatch):
    assert (resources.lexicons_dir() / "index.toml").is_file()
    assert list(resources.corpora_dir().glob("*.toml"))
    assert "default" in resources.recipe_names()
    monkeypatch.chdir(tmp_path)
    assert resources.bundle_dir("default").is_absolute()
    assert resources.bundle_dir("models/mine").parts == ("models", "mine")
    assert resources.bundle_dir("./default").parts == ("default",)  # a folder, not the shipped one
    assert resources.bundle_dir(".") == Path(".")
    assert resources.bundle_dir("..") == Path("..")


def test_a_recipe_file_is_found_by_path_and_a_shipped_one_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text("")
    (tmp_path / "default").write_text("")
    assert resources.recipe_path("mine.toml").name == "mine.toml"
    assert resources.recipe_path("default").name == "default.toml"
    with pytest.raises(ConfigurationError, match=r"^mine: no such recipe; shipped are .*default"):
        resources.recipe_path("mine")

"""Every kind of network, from the recipe to a bundle that screens."""

from __future__ import annotations

import numpy as np
import pytest

import moddefense as md
from moddefense.bundle import read_manifest
from moddefense.recipe import KINDS
from moddefense.training import train

LONG = "we all like this recipe and the sea in summer, thank you, see you soon. " * 120


@pytest.fixture(scope="module", params=KINDS)
def folder(request, toy_recipe, toy_corpus, toy_bundle, tmp_path_factory):
    """A bundle of each kind, trained against perturbations."""
    if request.param == toy_recipe.network.kind:
        return toy_bundle
    settings = {"network.kind": request.param, "training.epochs": 5, "network.channels": 8}
    folder = tmp_path_factory.mktemp("kinds") / request.param
    train(toy_recipe.override(settings), toy_corpus).bundle.save(folder)
    return folder


@pytest.fixture(scope="module")
def guard(folder):
    return md.load(folder, stages=["classifier"])


def test_it_learns_and_its_bundle_scores_as_it_did(guard, folder):
    found = md.load(folder, stages=["classifier"]).screen(["you are an idiot", "a garden"])
    assert found.score[0] > 0.5 > found.score[1]
    assert (found.uncertainty > 0).all()
    assert read_manifest(folder)["metrics"]["test"]["harm"]["auc"] > 0.9


@pytest.mark.parametrize("place", ["beginning", "end"])
def test_harm_in_a_long_text_is_found_wherever_it_stands(guard, place):
    rude = "you are an idiot, go away. " * 3  # more than a window of it
    text = rude + LONG if place == "beginning" else LONG + rude
    harmless, harmful = guard.screen([LONG, text]).score
    assert harmful > 0.5 > harmless


def test_a_text_is_the_same_in_any_company(guard):
    texts = ["you are an idiot", "", "look at the cat", LONG, "they are a fool, learn to read"]
    together = guard.screen(texts * 15)
    for row, text in enumerate(texts):
        alone = guard.screen([text])
        assert alone.score[0] == together.score[row + 30]
        assert alone.uncertainty[0] == together.uncertainty[row + 30]
    assert np.isfinite(together.score).all()

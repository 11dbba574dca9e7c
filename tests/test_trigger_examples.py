"""A team's own examples of what should set off the trigger."""

from __future__ import annotations

import dataclasses

from moddefense.recipe import load_recipe
from moddefense.training import finished, train
from moddefense.unlabeled import Unlabeled


def test_own_examples_move_the_trigger_and_nothing_else(toy, toy_recipe_file, toy_corpus, tmp_path):
    on, off = tmp_path / "on.txt", tmp_path / "off.txt"
    on.write_text("we all like a garden\n" * 4)
    off.write_text("you are a clown\n" * 4)
    recipe = load_recipe(str(toy_recipe_file))
    own = {"trigger_on": Unlabeled.read(on), "trigger_off": Unlabeled.read(off)}
    heavy = dataclasses.replace(
        recipe, trigger=dataclasses.replace(recipe.trigger, example_weight=50.0)
    )
    bundle = train(heavy, toy_corpus, **own).bundle
    tokens = bundle.tokenizer(["we all like a garden", "you are a clown"])
    before = toy.bundle.trigger.probabilities(tokens)
    after = bundle.trigger.probabilities(tokens)
    assert after[0] > before[0]
    assert after[1] < before[1]
    assert (bundle.classifier.score(tokens) == toy.bundle.classifier.score(tokens)).all()
    bundle.save(tmp_path / "made")
    assert finished(tmp_path / "made", heavy, toy_corpus, **own)
    assert "trigger_on_sha256" in bundle.about["corpus"]

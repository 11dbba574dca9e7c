"""TextAttack, where it is installed, and what is said where it is not."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from moddefense.attacks.bridge import model_wrapper, word_swap
from moddefense.attacks.targets import Target
from moddefense.errors import ConfigurationError

TARGET = Target("jerk", lambda texts: [0.9 * ("jerk" in text.lower()) for text in texts])
INSTALLED = importlib.util.find_spec("textattack") is not None
needed = pytest.mark.skipif(not INSTALLED, reason="textattack is not installed")


@needed
def test_their_attacks_on_our_targets():
    from textattack import Attack
    from textattack.constraints.pre_transformation import RepeatModification
    from textattack.goal_functions import UntargetedClassification
    from textattack.search_methods import GreedySearch

    wrapper = model_wrapper(TARGET)
    assert np.allclose(wrapper(["you jerk", "hello"]), [[0.1, 0.9], [1, 0]])
    attack = Attack(
        UntargetedClassification(wrapper), [RepeatModification()],
        word_swap("leet", strength=1), GreedySearch(),
    )  # fmt: skip
    result = attack.attack("you jerk", 1)
    assert "jerk" not in result.perturbed_text().lower()


@needed
def test_our_families_in_their_attacks():
    swap = word_swap("masking", draws=3)
    forms = swap._get_replacement_words("jerk")
    assert forms == swap._get_replacement_words("jerk") != []


@pytest.mark.skipif(INSTALLED, reason="textattack is installed")
@pytest.mark.parametrize("make", [lambda: model_wrapper(TARGET), lambda: word_swap("leet")])
def test_what_is_missing_is_named_with_the_remedy(make):
    with pytest.raises(ConfigurationError, match=r"moddefense\[textattack\]"):
        make()


def test_only_words_can_be_swapped():
    with pytest.raises(ConfigurationError, match="love"):
        word_swap("love")

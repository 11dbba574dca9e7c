"""TextAttack in both directions: its attacks on our targets, our families in its attacks.

The package is optional: ``pip install 'moddefense[textattack]'``.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np

from moddefense.attacks.families import families_of, perturb
from moddefense.attacks.targets import Target
from moddefense.errors import ConfigurationError

__all__ = ["model_wrapper", "word_swap"]


def model_wrapper(target: Target) -> Any:
    """Return ``target`` as a TextAttack ``ModelWrapper`` with the classes harmless and harmful.

    Its scores must be probabilities: those of ``trigger`` and ``classifier`` are, and so are those
    of any other model that ends in a sigmoid. A target's own threshold, where it has one, decides
    instead. Raises ConfigurationError where TextAttack is not installed.

    >>> wrapper = model_wrapper(load_target("classifier", "default"))  # doctest: +SKIP
    >>> DeepWordBugGao2018.build(wrapper).attack("you jerk", 1)  # doctest: +SKIP
    """
    base: Any = _part("textattack.models.wrappers", "ModelWrapper")

    class TargetWrapper(base):
        model = target

        def __call__(self, text_input_list: Sequence[str], **settings: Any) -> np.ndarray:
            scores = target.score(list(text_input_list))
            if target.threshold is not None:
                scores = (scores >= target.threshold).astype(np.float64)
            harmful = np.clip(scores, 0.0, 1.0)
            return np.stack([1 - harmful, harmful], axis=1)

    return TargetWrapper()


def word_swap(family: str, *, strength: float = 0.5, draws: int = 5, seed: int = 0) -> Any:
    """Return a family as a TextAttack transformation that offers ``draws`` forms of a word.

    Only families that attack single words can be used so; others raise ConfigurationError.
    """
    (chosen,) = families_of([family])
    if not chosen.local:
        raise ConfigurationError(
            f"attacks: {family} does not attack single words; name one that does"
        )
    base: Any = _part("textattack.transformations", "WordSwap")

    class FamilySwap(base):
        def _get_replacement_words(self, word: str) -> list[str]:
            rng = random.Random(f"{seed}\0{family}\0{strength}\0{word}")
            drawn = [perturb(word, chosen, strength=strength, rng=rng).text for _ in range(draws)]
            return [form for form in dict.fromkeys(drawn) if form != word]

    return FamilySwap()


def _part(module: str, name: str) -> Any:
    try:
        return getattr(import_module(module), name)
    except ImportError as error:
        raise ConfigurationError(
            f"textattack: {error}; install it with pip install 'moddefense[textattack]'"
        ) from error

"""How good a bundle is: metrics, and what they mean for the decisions.

>>> from moddefense.evaluation import Options, evaluate
>>> evaluate("default", "comments.csv", Options(prevalence=0.1))  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from moddefense.evaluation.evaluating import Evaluation as Evaluation
    from moddefense.evaluation.evaluating import Options as Options
    from moddefense.evaluation.evaluating import evaluate as evaluate

__all__ = ["Evaluation", "Options", "evaluate"]


def __getattr__(name: str) -> Any:
    # Training needs a few metrics, and not all that an evaluation imports.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from moddefense.evaluation import evaluating

    return getattr(evaluating, name)

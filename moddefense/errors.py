"""Every error that moddefense raises on purpose.

::

    ModdefenseError            exit code
    ├── ConfigurationError     2   what was asked for is wrong: an option, column, key or value
    │   ├── LexiconError       2   a lexicon file that breaks the format
    │   ├── PolicyError        2   a policy with an unknown key or a value out of range
    │   └── RecipeError        2   a training recipe with an unknown key or a bad value
    ├── ReadError              3   an input is missing, unreadable, truncated or damaged
    │   └── BundleError        3   a bundle whose files do not match its manifest
    ├── WriteError             3   an output could not be written
    ├── EngineError            3   what runs the work broke down: worker processes, a cluster
    └── TrainingError          3   training could not go on (not a number, nothing to learn from)

A message says where (file, line), what (the value) and how to mend it, in one line.
"""

from __future__ import annotations

__all__ = [
    "BundleError",
    "ConfigurationError",
    "EngineError",
    "LexiconError",
    "ModdefenseError",
    "PolicyError",
    "ReadError",
    "RecipeError",
    "TrainingError",
    "WriteError",
    "at",
]


class ModdefenseError(Exception):
    """Base of all errors raised on purpose; ``exit_code`` is what a command ends with."""

    exit_code = 2


class ConfigurationError(ModdefenseError):
    """What was asked for is wrong: an option, a column, a key or a value."""


class LexiconError(ConfigurationError):
    """A lexicon file breaks the format."""


class PolicyError(ConfigurationError):
    """A policy has an unknown key, a value out of range or contradictory thresholds."""


class RecipeError(ConfigurationError):
    """A training recipe has an unknown key or a value out of range."""


class ReadError(ModdefenseError):
    """An input is missing, unreadable, truncated or damaged."""

    exit_code = 3


class BundleError(ReadError):
    """A bundle is incomplete, or a file does not match the hash in its manifest."""


class WriteError(ModdefenseError):
    """An output could not be written."""

    exit_code = 3


class EngineError(ModdefenseError):
    """What runs the work broke down: worker processes that die, or a cluster."""

    exit_code = 3


class TrainingError(ModdefenseError):
    """Training could not go on: loss not a number, or nothing to learn from."""

    exit_code = 3


def at(path: object, line: int | None = None) -> str:
    """Return ``path:line: `` (or ``path: ``), the head of every message about a file.

    >>> at("ours.csv", 7)
    'ours.csv:7: '
    """
    return f"{path}:{line}: " if line is not None else f"{path}: "

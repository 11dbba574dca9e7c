"""The command line. Each command is options plus one library call, in a module of its own.

A command's module is imported when the command is run, and no sooner: ``moddefense --help`` loads
nothing heavy.
"""

from __future__ import annotations

import click

from moddefense import __version__
from moddefense.cli.group import Program

__all__ = ["main"]

main = Program(
    {
        "screen": ("screen:screen", "Decide on every text of a file: allow, review or block."),
        "verify": ("verify:verify", "Decide a sample of an output again and compare."),
        "explain": ("explain:explain", "Show every stage's evidence for one text."),
        "train": ("train:train", "Train a bundle from a labelled corpus."),
        "evaluate": ("evaluate:evaluate", "Measure a bundle on labelled texts."),
        "neighbors": (
            "neighbors:neighbors",
            "List the words nearest to a word, as a bundle sees it.",
        ),
        "tune": ("tune:tune", "Choose thresholds with a promised recall or review budget."),
        "attack": ("attack:attack", "Measure how a bundle stands up to evasion."),
        "policy": ("policy:policy", "Show, check or compare policies."),
        "bundle": ("bundle:bundle", "Show, verify or export a trained bundle."),
        "lexicon": ("lexicon:lexicon", "Match, check, measure and edit word lists."),
    },
    name="moddefense",
    help="Screen user-written text with lexicons, a trigger, a robust classifier and a policy.",
    epilog="Example: moddefense screen comments.csv -o decisions.jsonl",
    context_settings={"help_option_names": ["-h", "--help"]},
)
click.version_option(__version__, prog_name="moddefense", message="%(prog)s %(version)s")(main)

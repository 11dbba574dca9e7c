"""``moddefense lexicon``: what needs the word lists alone."""

from __future__ import annotations

from moddefense.cli.group import LazyGroup

__all__ = ["lexicon"]

lexicon = LazyGroup(
    {
        "list": ("lexicon_list:list_lexicons", "List the shipped word lists."),
        "match": ("lexicon_match:match", "Write which terms each text of a file hits."),
    },
    name="lexicon",
    help="Work with word lists. Neither TensorFlow nor scikit-learn is loaded.",
    epilog="Example: moddefense lexicon match comments.csv -o matches.jsonl",
)

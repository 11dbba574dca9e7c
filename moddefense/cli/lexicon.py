"""``moddefense lexicon``: what needs the word lists alone."""

from __future__ import annotations

from moddefense.cli.group import LazyGroup

__all__ = ["lexicon"]

lexicon = LazyGroup(
    {
        "list": ("lexicon_list:list_lexicons", "List the word lists, or the terms in them."),
        "show": ("lexicon_list:show", "Show a term, by id or text."),
        "match": ("lexicon_match:match", "Write which terms each text of a file hits."),
        "lint": ("lexicon_lint:lint", "Check lists; exit 1 when something is wrong."),
        "audit": ("lexicon_audit:audit", "Measure what each term hits in a labelled corpus."),
        "mine": ("lexicon_mine:mine", "Propose new terms from a labelled corpus."),
        "add": ("lexicon_edit:add", "Add a term to a list."),
        "retire": ("lexicon_edit:retire", "Retire a term; its line stays."),
        "diff": (
            "lexicon_compare:diff",
            "Compare two versions of a list; exit 1 when they differ.",
        ),
        "merge": ("lexicon_compare:merge", "Merge two versions of a list that come from a third."),
        "import": ("lexicon_convert:import_list", "Make a list from a file of another shape."),
        "export": ("lexicon_convert:export_list", "Write lists in another shape."),
    },
    name="lexicon",
    help="Work with word lists. Neither TensorFlow nor scikit-learn is loaded.",
    epilog="Example: moddefense lexicon match comments.csv -o matches.jsonl",
)

"""What starting up may load: an import guard in a process of its own."""

from __future__ import annotations

import pytest

HEAVY = ("tensorflow", "keras", "sklearn", "tensorflow_text")

GUARD = """
import sys
{code}
loaded = sorted(name for name in {forbidden!r} if name in sys.modules)
sys.stderr.write("loaded: " + " ".join(loaded))
"""

COMMAND = """
sys.argv = ["moddefense", *{arguments!r}]
from moddefense.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
"""


def loaded(spawn, code, forbidden):
    script = GUARD.format(code=code, forbidden=forbidden)
    process = spawn("-c", script)
    _, errors = process.communicate()
    assert process.returncode == 0, errors.decode()
    return errors.decode().rpartition("loaded: ")[2]


def test_importing_the_package_loads_nothing(spawn):
    assert loaded(spawn, "import moddefense", ("numpy", "pyarrow", "click", *HEAVY)) == ""


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["lexicon", "--help"]])
def test_help_loads_nothing(spawn, arguments):
    forbidden = ("numpy", "pyarrow", "rich", *HEAVY)
    assert loaded(spawn, COMMAND.format(arguments=arguments), forbidden) == ""


@pytest.mark.parametrize(
    "command", ["list", "match", "screen", "lint", "audit", "mine", "add", "export"]
)
def test_lexicons_alone_load_no_models(spawn, comments, terms, tmp_path, command, request):
    comments.write_text("id,text,label\na,hello,0\nb,you jerk,1\n")
    arguments = {
        "list": ["lexicon", "list"],
        "match": ["lexicon", "match", str(comments), "-o", str(tmp_path / "out.jsonl")],
        "lint": ["lexicon", "lint", "--corpus", str(comments)],
        "audit": ["lexicon", "audit", str(comments), "--report", str(tmp_path / "audit.html")],
        "mine": ["lexicon", "mine", str(comments), "--min-count", "1"],
        "add": ["lexicon", "add", str(terms), "--term", "oaf", "--category", "insult",
                "--severity", "1"],
        "export": ["lexicon", "export", "en", "--format", "discord"],
        "screen": ["screen", str(comments), "--stages", "lexicon", "--lexicon", str(terms)],
    }[command]  # fmt: skip
    if command == "screen":
        request.getfixturevalue("shipped")
    assert loaded(spawn, COMMAND.format(arguments=arguments), HEAVY) == ""

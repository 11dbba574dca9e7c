"""``moddefense neighbors``."""

from __future__ import annotations

import json

import moddefense as md


def test_json_and_table(run, toy_bundle):
    result = run("neighbors", toy_bundle, "idiot", "cat", "-k", 3, "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    expected = md.neighbors(toy_bundle, ["idiot", "cat"], k=3)
    assert {word: [row["word"] for row in rows] for word, rows in found.items()} == {
        word: [near for near, _ in rows] for word, rows in expected.items()
    }
    assert all(set(row) == {"word", "cosine"} for rows in found.values() for row in rows)
    table = run("neighbors", toy_bundle, "idiot", "-k", 2).stdout.splitlines()
    assert table[0].split() == ["word", "neighbour", "cosine"]
    assert [line.split()[1] for line in table[1:]] == [near for near, _ in expected["idiot"][:2]]


def test_an_unknown_word_is_wrong_usage(fails, toy_bundle):
    assert "gardenia" in fails(2, "neighbors", toy_bundle, "idiot", "gardenia")


def test_known_words_need_no_tensorflow(spawn, toy_bundle):
    script = (
        "import sys; from moddefense.cli import main\n"
        f"sys.argv = ['moddefense', 'neighbors', {str(toy_bundle)!r}, 'idiot']\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        "assert 'tensorflow' not in sys.modules and 'sklearn' not in sys.modules"
    )
    _, errors = (process := spawn("-c", script)).communicate()
    assert process.returncode == 0, errors.decode()

"""``moddefense policy``: what holds, what is wrong, what another policy would change."""

from __future__ import annotations

import json

import moddefense as md


def test_show_prints_every_setting_with_its_meaning(run, toy_bundle, tmp_path):
    path = tmp_path / "policy.toml"
    path.write_text("[classifier]\nblock = 0.97\n[categories.threat]\nblock_severity = 3\n")
    shown = run("policy", "show", path, "--bundle", toy_bundle).stdout
    own = md.read_policy(toy_bundle / "policy.toml")
    assert "classifier.block" in shown
    assert "0.97" in shown
    assert f"{own.trigger_threshold}" in shown
    assert '"block_severity": 3' in shown
    printed = json.loads(run("policy", "show", path, "--bundle", toy_bundle, "--json").stdout)
    assert printed.pop("fingerprint") == md.read_policy(path, base=own).fingerprint
    assert printed == md.read_policy(path, base=own).as_dict()
    plain = json.loads(run("policy", "show", "--bundle", toy_bundle, "--json").stdout)
    assert plain["fingerprint"] == own.fingerprint


def test_check_finds_all_that_is_wrong_with_line_and_remedy(run, toy_bundle, tmp_path):
    path = tmp_path / "policy.toml"

    def check(source):
        path.write_text(source)
        done = run("policy", "check", path, "--bundle", toy_bundle)
        return done.exit_code, done.stdout.splitlines()

    assert check("[classifier]\nreview = 0.3\nblock = 0.95\n") == (0, [])
    code, lines = check("[clasifier]\nblock = 1\n[audit]\nrat = 1\nseed = 'x'\n")
    assert code == 1
    assert [line.split(":")[1] for line in lines] == ["1", "4", "5"]
    assert all(line.startswith(f"{path}:") for line in lines)
    code, lines = check("[classifier]\nreview = 0.9\nblock = 0.5\n")
    assert code == 1
    assert lines[0].startswith(f"{path}:3: classifier.block: 0.5 is below classifier.review 0.9")
    code, lines = check("[labels.insult]\nblock = 0.5\n[labels.rude]\nblock = 0.5\n"
                        "[categories.slurr]\nblock_severity = 3\n")  # fmt: skip
    assert code == 1
    assert [line.split(":")[1] for line in lines] == ["5", "3"]
    code, lines = check('[shadow]\nstages = ["lexicon", "trigger", "classifier"]\n')
    assert code == 1
    assert "nothing decides" in lines[0]
    code, lines = check("[labels.insult]\n[categories.threat]\n# nothing yet\n")
    assert code == 1
    assert sorted(line.split(":")[1] for line in lines) == ["1", "2"]
    assert "[labels.insult] has no effect: it has no setting; give review or block" in lines[1]
    assert check("[uncertainty]\nreach = 1.0\nmargin = 0.0\n")[0] == 1
    assert check("[audit]\nrate = 0.0\n")[0] == 1


def test_check_of_a_file_that_is_not_there(fails, toy_bundle, tmp_path):
    assert "No such file" in fails(3, "policy", "check", tmp_path / "no", "--bundle", toy_bundle)


def test_compare_counts_what_differs(run, toy_bundle, toy_file, tmp_path):
    strict = tmp_path / "strict.toml"
    strict.write_text("[classifier]\nreview = 0.0001\nblock = 0.0001\n")
    arguments = ["policy", "compare", "-", strict, toy_file, "--bundle", toy_bundle]
    labels = ["--label-column", "toxic", "--label-column", "insult"]
    found = json.loads(run(*arguments, *labels, "--json", "--examples", 2).stdout)
    assert found["settings"]["classifier.review"][1] == 0.0001
    assert found["differ"] == sum(change["rows"] for change in found["changes"]) > 0
    order = ("allow", "review", "block")
    for change in found["changes"]:
        assert order.index(change["to"]) > order.index(change["from"])
        assert change["harmful"] + change["harmless"] == change["rows"]
        assert 1 <= len(change["examples"]) <= 2
        assert change["examples"][0]["before"] != change["examples"][0]["after"]
    before, after = found["decisions"].values()
    assert sum(before.values()) == sum(after.values()) == found["rows"]
    assert after["block"] > before["block"]
    unlabeled = run(*arguments, "--examples", 1).stdout
    assert "harmless" not in unlabeled
    assert "→ block" in unlabeled
    same = json.loads(run("policy", "compare", "-", "-", toy_file, "--bundle", toy_bundle,
                          "--json").stdout)  # fmt: skip
    assert (same["differ"], same["changes"], same["settings"]) == (0, [], {})


def test_compare_refuses_labels_that_the_bundle_does_not_have(
    fails, toy_bundle, toy_file, tmp_path
):
    path = tmp_path / "policy.toml"
    path.write_text("[labels.rude]\nblock = 0.5\n")
    says = fails(2, "policy", "compare", "-", path, toy_file, "--bundle", toy_bundle)
    assert "labels.rude: the bundle has no such label" in says

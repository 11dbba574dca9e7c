"""``train``: its options, up to the library call, and what it shows."""

from __future__ import annotations

import importlib
import signal

import pytest

from moddefense.bundle import FILES, MANIFEST
from moddefense.cli.console import training_progress
from moddefense.errors import ConfigurationError
from moddefense.recipe import load_recipe

KILLED = """
import os, signal, sys
from moddefense.cli import main
from moddefense.classifier import checkpoint

write = checkpoint.Checkpoint.write
def dying(self, position, arrays):
    write(self, position, arrays)
    if position["epoch"] == 2:
        os.kill(os.getpid(), signal.SIGKILL)
checkpoint.Checkpoint.write = dying
main(sys.argv[1:])
"""


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "corpus.csv"
    rows = [f"text number {n},{n % 2}" for n in range(40)]
    path.write_text("\n".join(["text,label", *rows, ""]))
    return path


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--set", "training.speed=9"], 2, "training.speed"),
        (["--set", "training.epochs"], 2, "KEY=VALUE"),
        (["--recipe", "none"], 2, "no such recipe"),
        (["--label-column", "harm"], 2, "no column 'harm'"),
        (["--text-column", "body"], 2, "no column 'body'"),
        (["--val", "none.csv"], 3, "none.csv"),
        (["--unlabeled", "more.txt"], 2, "'fgm' cannot learn from unlabelled texts"),
        (["--unlabeled", "none.txt", "--set", "adversarial.method=vat"], 3, "none.txt"),
    ],
)
def test_what_cannot_be_trained(fails, corpus, tmp_path, arguments, code, says):
    out = tmp_path / "bundle"
    assert says in fails(code, "train", corpus, "--out", out, *arguments)
    assert not out.exists()


def test_robust_takes_what_the_shipped_recipe_says_and_set_goes_before_it(
    fails, corpus, tmp_path, monkeypatch
):
    seen = []

    def stop(recipe, *others):
        seen.append(recipe)
        raise ConfigurationError("enough is seen")

    monkeypatch.setattr(importlib.import_module("moddefense.cli.train"), "_read", stop)
    out = tmp_path / "bundle"
    for arguments in ((), ("--robust",), ("--robust", "--set", "noise.share=0.1")):
        fails(2, "train", corpus, "--out", out, *arguments)
    plain, robust, eased = seen
    shipped = load_recipe("english")
    assert plain == load_recipe("default")
    assert robust.noise == shipped.noise != plain.noise
    assert robust.adversarial == shipped.adversarial
    assert robust.training == plain.training
    assert eased == robust.override({"noise.share": 0.1})


def test_a_folder_of_something_else_is_left_alone(fails, corpus, tmp_path):
    assert "not empty and no bundle" in fails(3, "train", corpus, "--out", tmp_path)
    assert "is a file" in fails(3, "train", corpus, "--out", corpus)


def test_events_are_lines(capsys):
    with training_progress() as tell:
        tell({"kind": "start", "texts": {"train": 1634, "val": 182}, "notes": ["3 left out"]})
        tell({"kind": "step", "epoch": 1, "epochs": 2, "step": 1, "steps": 9, "loss": 0.5})
        tell({"kind": "epoch", "epoch": 1, "epochs": 2, "loss": 0.123456, "seconds": 3.0})
        tell({"kind": "news", "what": "unheard of"})
        tell({"kind": "done", "metrics": {"test": {}}})
    assert capsys.readouterr().err.splitlines() == [
        "start: train texts 1,634, val texts 182",
        "3 left out",
        "epoch 1 of 2: loss 0.1235, seconds 3",
        "news: what unheard of",
        "done",
    ]


def test_a_killed_training_goes_on(run, spawn, toy_file, toy_recipe_file, toy_bundle, tmp_path):
    out = tmp_path / "bundle"
    command = ["train", str(toy_file), "--recipe", str(toy_recipe_file), "--out", f"{out}/"]
    killed = spawn("-c", KILLED, *command)
    killed.communicate()
    assert killed.returncode == -9
    assert not out.exists()

    refused = run(*command, "--resume", "--set", "seed=9")
    assert refused.exit_code == 2
    assert "cannot resume: recipe.seed was 3, is 9" in refused.stderr

    resumed = run(*command, "--resume")
    assert resumed.exit_code == 0, resumed.stderr
    assert "epoch 3 of 4" in resumed.stderr
    assert "epoch 2 of 4" not in resumed.stderr
    for name in (*FILES, MANIFEST):
        assert (out / name).read_bytes() == (toy_bundle / name).read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]

    again = run(*command, "--resume")
    assert (again.exit_code, again.stderr) == (0, f"{out}/: finished already; nothing to do\n")
    other = run(*command, "--resume", "--set", "training.epochs=9")
    assert other.exit_code == 2
    assert "another training: recipe.training.epochs was 4, is 9" in other.stderr


def test_ctrl_c_can_be_gone_on_from(run, spawn, toy_file, toy_recipe_file, tmp_path):
    out = tmp_path / "bundle"
    command = ["train", str(toy_file), "--recipe", str(toy_recipe_file), "--out", str(out)]
    process = spawn("-m", "moddefense", *command, "--set", "training.epochs=9999",
                    "--set", "training.early_stopping=false")  # fmt: skip
    for line in process.stderr:
        if line.startswith(b"epoch 2 of"):
            process.send_signal(signal.SIGINT)
            break
    _, errors = process.communicate()
    assert process.returncode == 130
    assert f"{out}.training keeps what is finished; --resume goes on" in errors.decode()
    assert (tmp_path / "bundle.training" / "state.json").exists()
    anew = run(*command, "--set", "training.epochs=1", "--tensorboard", tmp_path / "logs")
    assert anew.exit_code == 0
    assert "dropped an interrupted training; --resume goes on with it" in anew.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle", "logs"]
    assert len(list((tmp_path / "logs").glob("events.out.tfevents.*"))) == 1


def test_ctrl_c_ends_what_python_cannot_interrupt(spawn):
    endless = (
        "import hashlib\n"
        "from moddefense.cli.interrupting import ends_promptly\n"
        "with ends_promptly(lambda: 'try again'):\n"
        "    while True:\n"
        "        try:\n"
        "            print(flush=True)\n"
        "            hashlib.pbkdf2_hmac('sha256', b'', b'', 2**31 - 1)\n"
        "        except KeyboardInterrupt:\n"  # it came just before the call
        "            pass\n"
    )
    process = spawn("-c", endless)
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 130
    assert errors.decode().splitlines()[-2:] == [
        "moddefense: warning: try again", "moddefense: error: interrupted"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "training.epochs passes over the training split at most [int, 12]"),
        (["--recipe", "english"], "with their values in recipe english"),
        (["--recipe", "english"], '[list, ["toxic", "severe_toxic",'),
    ],
)
def test_help_shows_the_values_of_the_recipe(run, arguments, line):
    result = run("train", *arguments, "--help")
    assert result.exit_code == 0
    assert line in " ".join(result.output.split())


def test_a_training_that_diverges_says_so_and_can_be_eased(
    run, toy_file, toy_recipe_file, tmp_path, monkeypatch
):
    from moddefense.classifier import checkpoint

    out = tmp_path / "bundle"
    command = ["train", str(toy_file), "--recipe", str(toy_recipe_file), "--out", str(out)]
    # A network that explodes within a few steps: what it writes before is what can be kept.
    monkeypatch.setattr(checkpoint.Checkpoint, "due", True)
    diverged = run(*command, "--set", "training.learning_rate=3e5")
    assert diverged.exit_code == 3
    assert diverged.stderr.splitlines()[-1].startswith("moddefense: error: ")
    assert "lower training.learning_rate or adversarial.epsilon" in diverged.stderr
    assert f"{out}.training keeps the last good weights" in diverged.stderr
    unchanged = run(*command, "--set", "training.learning_rate=3e5", "--resume")
    assert unchanged.exit_code == 2
    assert "--resume needs a lower training.learning_rate" in unchanged.stderr

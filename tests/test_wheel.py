"""The wheel: carries its data, and works where no checkout is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from moddefense.resources import bundle_names

CHECKOUT = Path(__file__).resolve().parents[1]
WHERE = """
import moddefense, moddefense.resources as r
for place in (moddefense.__file__, r.lexicons_dir(), r.bundle_dir("default"),
              r.recipe_path("default"), r.corpora_dir(), r.evaluation_dir()):
    print(place)
"""


def run(*command, cwd):
    """Run a command that must succeed, without anything that would lead it to the checkout."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", folder, CHECKOUT,
        cwd=folder)  # fmt: skip
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """An environment with the wheel; the dependencies are those that run this test."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index",
        "--quiet", wheel, cwd=folder)  # fmt: skip
    # Afterwards, so that pip sees an empty environment. Path files in the folders that this one
    # adds are not read, hence an installation in place does not lead back to the checkout.
    purelib = run(
        python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder
    )
    places = {sysconfig.get_path(name) for name in ("purelib", "platlib")}
    (Path(purelib.strip()) / "dependencies.pth").write_text("\n".join(sorted(places)) + "\n")
    return folder


def test_it_holds_package_data_and_licence_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert len(tops) == 2
    assert "moddefense" in tops
    data = {name.split("/")[2] for name in names if name.startswith("moddefense/_data/")}
    assert data == {"lexicons", "recipes", "corpora", "words", "bundles", "evaluation"}
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if name.endswith((".pyc", ".parquet")) or "test" in name]
    made = {
        name for name in ("matcher.so", "models.so") if list(CHECKOUT.glob(f"moddefense/**/{name}"))
    }
    assert made <= {Path(name).name for name in names}
    lists = {p.name for p in (CHECKOUT / "lexicons" / "en").glob("*.csv")}
    assert lists <= {Path(name).name for name in names}


def test_everything_is_found_outside_the_checkout(installed, tmp_path):
    lines = run(installed / "bin" / "python", "-c", WHERE, cwd=tmp_path).splitlines()
    assert len(lines) == 6
    for line in lines:
        assert Path(line).is_relative_to(installed), line
        assert Path(line).exists()


def test_the_command_line_works_there(installed, tmp_path):
    if "default" not in bundle_names():
        pytest.skip("no shipped bundle")
    (tmp_path / "comments.csv").write_text("id,text\na,Have a nice day\nb,You absolute 1di0t\n")
    program = installed / "bin" / "moddefense"
    run(program, "screen", "comments.csv", "-o", "out.jsonl", cwd=tmp_path)
    records = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [record["id"] for record in records] == ["a", "b"]
    assert records[0]["decision"] == "allow"
    assert records[1]["decision"] in ("review", "block")
    assert records[1]["matches"]
    manifest = json.loads((tmp_path / "out.jsonl.manifest.json").read_text())
    assert manifest["fingerprints"]["bundle"]["name"]

    listed = json.loads(run(program, "lexicon", "list", "--json", cwd=tmp_path))
    assert sum(entry["block"] for entry in listed) > 300
    assert "en" in run(program, "lexicon", "list", cwd=tmp_path)

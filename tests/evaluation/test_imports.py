"""What measuring may load, and when."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import sys
{code}
print(" ".join(name for name in {names!r} if name in sys.modules))
"""


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("import moddefense.evaluation", ("numpy",)),
        (
            "import moddefense.evaluation.evaluating, moddefense.evaluation.report",
            ("tensorflow", "keras", "sklearn", "matplotlib", "jinja2"),
        ),
    ],
)
def test_nothing_heavy_is_loaded_before_it_is_needed(code, names):
    script = CODE.format(code=code, names=names)
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr

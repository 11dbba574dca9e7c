"""Run the benchmarks and print their results; with --write, put them into README.md."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

ALL = ("screening", "batch", "quality", "classifier", "matching", "training_step", "export")
START, END = "<!-- results -->", "<!-- /results -->"


def main() -> None:
    """Run the benchmarks that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of {', '.join(ALL)}")
    parser.add_argument("--write", action="store_true", help="replace the results in README.md")
    arguments = parser.parse_args()
    sections = []
    for name in arguments.names or ALL:
        module = importlib.import_module(name)
        sections.append(f"### {module.TITLE}\n\n{module.report()}")
        print(sections[-1], end="\n\n", flush=True)
    if arguments.write:
        readme = Path(__file__).resolve().parent.parent / "README.md"
        text = readme.read_text(encoding="utf-8")
        head, tail = text.split(START)[0], text.split(END)[1]
        note = "Measured by `python benchmarks/run.py --write` (`make bench`) on two cores."
        body = "\n\n".join([note, *sections])
        readme.write_text(f"{head}{START}\n{body}\n{END}{tail}", encoding="utf-8")


if __name__ == "__main__":
    main()

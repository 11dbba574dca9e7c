"""How the shipped bundle stands up to attacks, and what each defence is worth and costs.

    python benchmarks/robustness.py [PART]... [--bundle NAME_OR_DIR] [--write]

Parts: ``ablation`` trains five small bundles once, minutes each, which is why ``make bench`` leaves
this one out; ``families``, ``price`` and ``misspellings`` measure one bundle. Bundles and finished
attacks are kept in ``out/robustness``, so that an interrupted run goes on. With ``--write`` the
tables replace those between the markers of ``docs/attacks.md`` and ``README.md``.
"""

from __future__ import annotations

import argparse
import importlib
import sys

from markers import put

PARTS = {
    "ablation": "ablation",
    "families": "attack_families",
    "price": "attack_price",
    "misspellings": "misspellings",
}


def main() -> None:
    """Measure the parts that are named, or all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"any of {', '.join(PARTS)}")
    parser.add_argument("--bundle", default="default", metavar="NAME_OR_DIR")
    parser.add_argument("--write", action="store_true", help="replace the tables in the pages")
    arguments = parser.parse_args()
    for part in arguments.parts or PARTS:
        if part not in PARTS:
            parser.error(f"no part {part!r}; there are {', '.join(PARTS)}")
        module = importlib.import_module(PARTS[part])
        body = module.report() if part == "ablation" else module.report(arguments.bundle)
        print(body, end="\n\n", flush=True)
        if arguments.write:
            for page in put(part, body):
                print(f"{page}: {part} written", file=sys.stderr)


if __name__ == "__main__":
    main()

"""The real corpora that benchmarks read: $MODDEFENSE_DATA, else data/ of the checkout."""

from __future__ import annotations

import os
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent


def corpus_path(name: str) -> Path:
    """Path of one corpus; ends the program with a clear line where it is not there."""
    folder = Path(os.environ.get("MODDEFENSE_DATA") or CHECKOUT / "data")
    path = folder / f"{name}.parquet"
    if not path.is_file():
        sys.exit(f"{path}: no such corpus; set MODDEFENSE_DATA to the folder with the corpora")
    return path

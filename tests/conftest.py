"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of the real corpora; skips the test where there is none."""
    named = os.environ.get("MODDEFENSE_DATA")
    folder = Path(named) if named else CHECKOUT / "data"
    if not (folder / "jigsaw_toxic.parquet").is_file():
        pytest.skip(f"no corpora in {folder}; set MODDEFENSE_DATA")
    return folder


@pytest.fixture(scope="session")
def cases_dir() -> Path:
    """Folder of the cases that are kept as data."""
    return CHECKOUT / "tests" / "cases"

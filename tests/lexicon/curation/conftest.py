"""Small lists and corpora."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from moddefense.corpus import Corpus

HEADER = "id,term,kind,match,category,severity,lang,status,source,note"


@pytest.fixture
def write_list(tmp_path: Path) -> Callable[..., Path]:
    """Write lines under a header to a list, and return its path."""

    def write(*lines: str, name: str = "ours.csv") -> Path:
        path = tmp_path / name
        path.write_text("\n".join((HEADER, *lines)) + "\n", encoding="utf-8")
        return path

    return write


@pytest.fixture
def make_corpus() -> Callable[..., Corpus]:
    """Make a corpus of harmful and harmless texts."""

    def make(harmful: Sequence[str], harmless: Sequence[str]) -> Corpus:
        labels = np.array([1.0] * len(harmful) + [0.0] * len(harmless), np.float32)[:, None]
        return Corpus((*harmful, *harmless), labels, ("label",), None, "made.csv")

    return make

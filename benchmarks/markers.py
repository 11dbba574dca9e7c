"""Tables between markers in pages: ``<!-- NAME -->`` … ``<!-- /NAME -->``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from corpora import CHECKOUT

PAGES = (CHECKOUT / "docs" / "attacks.md", CHECKOUT / "README.md")


def put(name: str, body: str, pages: Sequence[Path] = PAGES) -> list[Path]:
    """Write ``body`` into every page that has the markers of ``name``, and return those pages."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    written = []
    for page in pages:
        text = page.read_text(encoding="utf-8")
        if begin in text:
            head, tail = text.split(begin)[0], text.split(end)[1]
            page.write_text(f"{head}{begin}\n{body}\n{end}{tail}", encoding="utf-8")
            written.append(page)
    return written


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return Markdown; the first column is text, the others are figures."""
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def say_progress(done: int, of: int) -> None:
    """Tell on stderr how many attacks are done."""
    print(f"\rattacks: {done} of {of}", end="\n" if done == of else "", file=sys.stderr, flush=True)

"""An audit as one HTML page that needs nothing else."""

from __future__ import annotations

from pathlib import Path

from moddefense.lexicon.curation.auditing import Audit
from moddefense.lexicon.curation.editing import write_file
from moddefense.pages import render_page

__all__ = ["render_audit", "write_audit"]


def render_audit(audit: Audit, *, limit: int = 1000) -> str:
    """Return the page; terms beyond the ``limit`` with most hits are counted, not shown."""
    hitting = [term for term in audit.terms if term.all.hits]
    values = {
        "audit": audit,
        "terms": hitting[:limit],
        "more": len(hitting) - len(hitting[:limit]),
        "silent": len(audit.terms) - len(hitting),
    }
    return render_page("moddefense.lexicon.curation", "audit.html", values)


def write_audit(path: str | Path, audit: Audit) -> None:
    """Write the page, whole or not at all. Raises WriteError."""
    write_file(path, render_audit(audit).encode("utf-8", "replace"))

"""A report on attacks as one HTML page that needs nothing else."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from moddefense.lexicon.curation.editing import write_file
from moddefense.pages import render_page

__all__ = ["render", "write"]

_INK = "#010203"  # stands for the page's own text colour, light or dark
_COLOURS = ("#0891b2", "#ea580c", "#8b5cf6", "#4d7c0f", "#be185d", "#a16207")
_CUT = 600  # characters shown of an example


def write(path: str | Path, report: Mapping[str, Any]) -> None:
    """Write the page, whole or not at all. Raises WriteError."""
    write_file(path, render(report).encode("utf-8", "replace"))


def render(report: Mapping[str, Any]) -> str:
    """Return the page for what ``run`` gives."""
    targets = list(dict.fromkeys(row["target"] for row in report["results"]))
    values = {
        "report": report,
        "sections": [_section(report, target) for target in targets],
        "strengths": report["plan"]["strengths"],
    }
    return render_page("moddefense.attacks", "attacks.html", values, filters={"cut": _cut})


def _section(report: Mapping[str, Any], target: str) -> dict[str, Any]:
    """What the page says of one target: a row a family, a cell a system and strength."""
    rows = [row for row in report["results"] if row["target"] == target]
    cells = {
        (row["system"], one["family"], one["strength"]): one
        for row in rows for one in row["attacks"]
    }  # fmt: skip
    named = {one["family"]: one["group"] for row in rows for one in row["attacks"]}
    families = dict(sorted(named.items(), key=lambda item: report["groups"].index(item[1])))
    systems = [row["system"] for row in rows]
    return {
        "target": target, "rows": rows, "systems": systems, "families": families, "cells": cells,
        "groups": [
            (group, [_group(row, group) for row in rows])
            for group in report["groups"] if group in families.values()
        ],
        "plot": plot(families, systems, cells, report["plan"]["strengths"]),
    }  # fmt: skip


def _group(row: Mapping[str, Any], group: str) -> float | None:
    """Mean of what a system keeps over the families and strengths of a group."""
    kept = [a["kept"] for a in row["attacks"] if a["group"] == group and a["kept"] is not None]
    return fmean(kept) if kept else None


def plot(
    families: Sequence[str] | Mapping[str, str],
    systems: Sequence[str],
    cells: Mapping[tuple[str, str, float], Mapping[str, Any]],
    strengths: Sequence[float],
) -> str:
    """Return an SVG: a line a family, a colour a system, the larger the point the stronger."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    names = list(families)
    ink = {"text.color": _INK, "axes.edgecolor": _INK, "axes.labelcolor": _INK,
           "xtick.color": _INK, "ytick.color": _INK, "svg.fonttype": "none",
           "svg.hashsalt": "attacks", "font.size": 9}  # fmt: skip
    with rc_context(ink):
        figure = Figure(figsize=(9, 0.8 + 0.19 * max(len(names), 3)), layout="constrained")
        axes = figure.add_subplot()
        step = 0.6 / max(len(systems), 1)
        for number, system in enumerate(systems):
            colour = _COLOURS[number % len(_COLOURS)]
            for place, name in enumerate(names):
                places = [(s, cells.get((system, name, s))) for s in strengths]
                points = [(cell["kept"], s) for s, cell in places if cell is not None]
                shown = [(kept, s) for kept, s in points if kept is not None]
                axes.scatter(
                    [kept for kept, _ in shown],
                    [place + (number - (len(systems) - 1) / 2) * step] * len(shown),
                    [6 + 26 * s for _, s in shown],
                    color=colour, alpha=0.75, linewidths=0,
                    label=system if place == 0 else None,
                )  # fmt: skip
        axes.set_yticks(range(len(names)), names)
        axes.invert_yaxis()
        axes.set_xlim(left=min(0.0, axes.get_xlim()[0]))
        axes.axvline(1, color=_INK, linewidth=0.6, alpha=0.6)
        axes.grid(axis="x", alpha=0.25, color=_INK, linewidth=0.5)
        axes.set_xlabel("still flagged, relative to the texts as they are")
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        if len(systems) > 1:
            figure.legend(loc="outside upper left", ncols=3, frameon=False)
        buffer = io.StringIO()
        figure.savefig(
            buffer,
            format="svg",
            transparent=True,
            metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")),
        )
    svg = buffer.getvalue().replace(_INK, "currentColor")
    return re.sub(r"^.*?(?=<svg)", "", svg, flags=re.DOTALL)


def _cut(text: str) -> str:
    return text if len(text) <= _CUT else text[: _CUT - 1] + "…"

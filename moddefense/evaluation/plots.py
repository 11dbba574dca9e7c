"""Plots as inline SVG whose colours are those of the page, light or dark.

Figures are drawn with stand-in colours, which become CSS variables (``--ink``, ``--soft``,
``--s1`` …) of the page that holds them. The same values give the same bytes.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from moddefense.evaluation.summary import MEASURES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["bias_plot", "curves_plot", "reliability_plot", "svg", "uncertainty_plot"]

INK, SOFT, QUIET = "#010101", "#020202", "#030303"
SERIES = tuple(f"#0a000{digit}" for digit in range(1, 8))
STYLES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)))
VARIABLES = {
    INK: "var(--ink)",
    SOFT: "var(--soft)",
    QUIET: "var(--quiet)",
    **{colour: f"var(--s{place})" for place, colour in enumerate(SERIES, 1)},
}
WORST = 20  # identities in the plot


def curves_plot(curves: Mapping[str, Any]) -> str:
    """ROC, with false positives on a logarithmic axis, and precision over recall."""
    figure = _figure(9, 3.6)
    left, right = figure.subplots(1, 2)
    for place, (name, points) in enumerate(curves.items()):
        if not points["roc"]:
            continue
        look = _look(place)
        roc = [(max(x, 1e-4), y) for x, y in points["roc"]]
        left.plot(*zip(*roc, strict=True), label=name, **look)
        right.plot(*zip(*points["precision_recall"], strict=True), label=name, **look)
    left.set(xscale="log", xlim=(1e-3, 1), ylim=(0, 1.02), title="Recall over false positives")
    left.set_xticks([0.001, 0.01, 0.1, 1], ["0.1 %", "1 %", "10 %", "100 %"])
    left.set_xlabel("harmless texts at or above the threshold")
    left.set_ylabel("harmful texts at or above it")
    right.set(xlim=(0, 1), ylim=(0, 1.02), title="Precision over recall")
    right.set_xlabel("recall")
    right.set_ylabel("precision")
    _finish(figure)
    return svg(figure, name="curves")


def reliability_plot(bins: Sequence[Mapping[str, Any]]) -> str:
    """Frequency of harm over score, and how many texts have which score."""
    figure = _figure(4.6, 4.4)
    top, bottom = figure.subplots(2, 1, height_ratios=[3, 1], sharex=True)
    top.plot([0, 1], [0, 1], color=QUIET, linewidth=1, linestyle=":")
    xs = [one["score"] for one in bins]
    ys = [one["frequency"]["value"] for one in bins]
    below = [max(0.0, y - one["frequency"]["low"]) for y, one in zip(ys, bins, strict=True)]
    above = [max(0.0, one["frequency"]["high"] - y) for y, one in zip(ys, bins, strict=True)]
    top.errorbar(
        xs, ys, yerr=[below, above], color=SERIES[0], marker="o", markersize=4,
        linewidth=1.4, elinewidth=1, capsize=2,
    )  # fmt: skip
    top.set(ylim=(-0.02, 1.02), ylabel="frequency of harm", title="Reliability")
    for one in bins:
        width = one["high"] - one["low"]
        bottom.bar(one["low"], one["share"], width * 0.92, align="edge", color=SERIES[1])
    bottom.set(xlim=(0, 1), yscale="log", xlabel="score", ylabel="share of texts")
    lowest = min((one["share"] for one in bins), default=1)
    ticks = [10.0**-power for power in range(5) if 10.0**-power >= lowest / 10]
    bottom.set_yticks(ticks, [f"{100 * tick:g} %" for tick in ticks])
    bottom.minorticks_off()
    _finish(figure, legend=False)
    return svg(figure, name="reliability")


def uncertainty_plot(found: Mapping[str, Any]) -> str:
    """Accuracy by tenths of uncertainty, risk over coverage, and accuracy over review."""
    figure = _figure(11.5, 3.9)
    bins, risk, review = figure.subplots(1, 3)
    error = found["random"]["aurc"]
    for place, (name, one) in enumerate(found["measures"].items()):
        look = _look(place)
        known = [
            (tenth, bin["accuracy"]["value"])
            for tenth, bin in enumerate(one["bins"], 1)
            if bin["accuracy"]["value"] is not None
        ]
        bins.plot(*zip(*known, strict=True), label=MEASURES[name], marker="o", markersize=3, **look)
        risk.plot(*zip(*one["curve"], strict=True), **look)
        half = [(1 - c, 1 - c * r) for c, r in one["curve"] if c >= 0.5]
        review.plot(*zip(*half, strict=True), **look)
    risk.plot([0, 1], [error, error], color=QUIET, linewidth=1, label="at random")
    review.plot([0, 0.5], [1 - error, 1 - error / 2], color=QUIET, linewidth=1)
    bins.set(title="Accuracy by uncertainty", xlabel="tenth of the texts, most certain first")
    bins.set_xticks(range(1, 11))
    bins.set_ylabel("accuracy")
    risk.set(title="Risk over coverage", xlim=(0, 1), xlabel="share of texts kept")
    risk.set_ylabel("error rate among them")
    risk.set_ylim(bottom=0)
    review.set(title="Accuracy with people's help", xlim=(0, 0.5))
    review.set(xlabel="share of texts left to people", ylabel="accuracy")
    _finish(figure)
    return svg(figure, name="uncertainty")


def bias_plot(identities: Sequence[Mapping[str, Any]]) -> str:
    """The three AUCs of the worst identities with their intervals."""
    rows = [one for one in identities if one["subgroup_auc"]["value"] is not None][:WORST]
    figure = _figure(7.4, 1.1 + 0.26 * len(rows))
    axes = figure.subplots()
    kinds = (("subgroup_auc", "subgroup"), ("bpsn_auc", "BPSN"), ("bnsp_auc", "BNSP"))
    for place, (kind, label) in enumerate(kinds):
        ys = [row + 0.22 * (place - 1) for row in range(len(rows))]
        values = [one[kind]["value"] for one in rows]
        low = [max(0.0, one[kind]["value"] - one[kind]["low"]) for one in rows]
        high = [max(0.0, one[kind]["high"] - one[kind]["value"]) for one in rows]
        axes.errorbar(
            values, ys, xerr=[low, high], fmt="osD"[place], color=SERIES[place], markersize=3.5,
            elinewidth=1, label=label,
        )  # fmt: skip
    axes.set_yticks(range(len(rows)), [one["identity"] for one in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlabel("AUC")
    axes.set_xlim(right=1.005)
    _finish(figure)
    return svg(figure, name="bias")


def svg(figure: Figure, *, name: str) -> str:
    """Return a figure as an ``<svg>`` element with the colours of the page."""
    import matplotlib

    file = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(
            file, format="svg", transparent=True,
            metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
        )  # fmt: skip
    text = file.getvalue()
    text = text[text.index("<svg") :].strip()
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r' id="[\w.]+_\d+"', "", text)  # several figures would repeat them
    text = re.sub(r"font: ([\d.]+)px [^;\"]+", r"font: \1px system-ui, sans-serif", text)
    for colour, variable in VARIABLES.items():
        text = text.replace(colour, variable)
    return text.replace("<svg ", '<svg role="img" ', 1)


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _look(place: int) -> dict[str, Any]:
    return {
        "color": SERIES[place % len(SERIES)],
        "linestyle": STYLES[place % len(STYLES)],
        "linewidth": 1.9 if place == 0 else 1.4,
    }


def _finish(figure: Figure, *, legend: bool = True) -> None:
    """Give all axes of a figure one look, and the figure its legend."""
    for axes in figure.axes:
        _plain(axes)
    if legend:
        drawn: dict[str, Any] = {}
        for axes in figure.axes:
            for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
                drawn.setdefault(label, handle)
        if drawn:
            figure.legend(
                list(drawn.values()), list(drawn), loc="outside lower center", frameon=False,
                ncols=min(len(drawn), 4), labelcolor=INK, fontsize=9,
            )  # fmt: skip


def _plain(axes: Axes) -> None:
    axes.set_facecolor("none")
    axes.grid(True, color=SOFT, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(colors=INK, which="both", length=0, labelsize=9)
    axes.title.set(color=INK, fontsize=10.5, fontweight="bold")
    axes.xaxis.label.set(color=INK, fontsize=9.5)
    axes.yaxis.label.set(color=INK, fontsize=9.5)
    for side, spine in axes.spines.items():
        spine.set(color=SOFT, visible=side in ("left", "bottom"))

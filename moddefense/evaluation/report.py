"""An evaluation as one HTML page that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moddefense.evaluation.plots import bias_plot, curves_plot, reliability_plot, uncertainty_plot
from moddefense.evaluation.summary import MEASURES
from moddefense.pages import render_page

__all__ = ["render_report"]


def render_report(values: Mapping[str, Any]) -> str:
    """Return the page of what ``Evaluation.as_dict`` gives."""
    from markupsafe import Markup

    filters: dict[str, Any] = {
        "number": _number, "percent": _percent, "interval": _interval, "count": "{:,}".format,
    }  # fmt: skip
    plots = {name: Markup(drawn) for name, drawn in _plots(values).items()}
    shown = {**values, "plots": plots, "measures": MEASURES, "tiles": _tiles(values)}
    return render_page("moddefense.evaluation", "report.html", shown, filters=filters)


def _plots(values: Mapping[str, Any]) -> dict[str, str]:
    plots = {}
    if any(points["roc"] for points in values["curves"].values()):
        plots["curves"] = curves_plot(values["curves"])
    if values["reliability"]:
        plots["reliability"] = reliability_plot(values["reliability"]["harm"])
    if values["uncertainty"] is not None and values["uncertainty"]["errors"]:
        plots["uncertainty"] = uncertainty_plot(values["uncertainty"])
    if values["bias"] is not None and values["bias"]["identities_counted"]:
        plots["bias"] = bias_plot(values["bias"]["identities"])
    return plots


def _tiles(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The figures at the top: a name, the figure, how it is written and what it means."""
    decisions, scores, bias = values["decisions"], values["scores"], values["bias"]
    tiles = []
    if scores:
        harm = scores["harm"]
        recall = harm["recall_at_false_positives"]["0.05"]
        tiles += [
            ("AUC", harm["auc"], "number", "a harmful text scores above a harmless one"),
            ("Recall", recall, "percent", "of harmful texts, at 5 % false positives"),
            ("Calibration error", harm["calibration_error"], "number", "mean gap to the frequency"),
        ]  # fmt: skip
    tiles += [
        ("Harmful flagged", decisions["harmful_flagged"], "percent", "review or block"),
        ("Harmless flagged", decisions["harmless_flagged"], "percent", "review or block"),
    ]
    if values["uncertainty"] is not None and values["uncertainty"]["measures"]:
        measures = values["uncertainty"]["measures"]
        name = min(measures, key=lambda name: measures[name]["aurc"]["value"])
        reviewed = measures[name]["accuracy_after_review"]["0.1"]
        text = f"accuracy, 10 % to people by {MEASURES[name]}"
        tiles.append(("With review", reviewed, "percent", text))
    if bias is not None and bias["identities_counted"]:
        kinds = bias["generalised_mean"]
        kind = min(kinds, key=lambda kind: kinds[kind]["value"] or 1)
        name = {"subgroup_auc": "subgroup", "bpsn_auc": "BPSN", "bnsp_auc": "BNSP"}[kind]
        text = f"{name} AUC, generalised mean over {bias['identities_counted']} identities"
        tiles.append(("Bias by identity", kinds[kind], "number", text))
    return [dict(zip(("name", "figure", "unit", "text"), tile, strict=True)) for tile in tiles]


def _number(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:.{digits}f}".replace("-", "−")


def _percent(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{_number(100 * value, digits)}\N{NO-BREAK SPACE}%"


def _interval(figure: Mapping[str, Any], unit: str, digits: int) -> str:
    factor, digits = (100, 1) if unit == "percent" else (1, digits)
    return "–".join(_number(factor * figure[end], digits) for end in ("low", "high"))

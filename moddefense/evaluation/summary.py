"""The main figures of an evaluation as short tables, for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["MEASURES", "shown", "summary_tables"]

Table = tuple[str, list[str], list[list[Any]]]

MEASURES = {
    "score_distance": "distance of score to threshold",
    "entropy": "entropy over dropout samples",
    "deviation": "deviation over dropout samples",
    "information": "mutual information, dropout",
    "ensemble_entropy": "entropy over ensemble",
    "ensemble_deviation": "deviation over ensemble",
    "ensemble_information": "mutual information, ensemble",
}


def shown(estimate: Mapping[str, Any], digits: int = 3) -> str:
    """Return a figure with its interval as text; a dash where there is none.

    >>> shown({"value": 0.5, "low": 0.4, "high": 0.6})
    '0.500 (0.400–0.600)'
    """
    if estimate["value"] is None:
        return "–"
    text = f"{estimate['value']:.{digits}f}"
    if estimate["low"] is None:
        return text
    return f"{text} ({estimate['low']:.{digits}f}–{estimate['high']:.{digits}f})"


def summary_tables(values: Mapping[str, Any]) -> Iterator[Table]:
    """Yield title, header and rows of each table."""
    yield _scores(values)
    yield _decisions(values)
    if values["uncertainty"] is not None:
        yield _uncertainty(values["uncertainty"])
    if values["conformal"] is not None:
        yield _conformal(values["conformal"])
    if values["bias"] is not None and values["bias"]["identities_counted"]:
        yield _bias(values["bias"])


def _scores(values: Mapping[str, Any]) -> Table:
    prevalence = values["options"]["prevalence"]
    weighed = f", weighed to {prevalence:.1%} harmful" if prevalence else ""
    corpus = values["corpus"]
    title = (
        f"Score of the classifier: {corpus['texts']:,} texts of {corpus['source']}, "
        f"{corpus['harmful']:,} harmful{weighed}; 95 % intervals"
    )
    header = ["label", "harmful", "AUC", "average precision", "recall at 5 % false positives",
              "at 1 %", "best F1", "calibration error"]  # fmt: skip
    rows = [
        [
            name, figures["harmful"], shown(figures["auc"], 4), shown(figures["average_precision"]),
            *(shown(figures["recall_at_false_positives"][share]) for share in ("0.05", "0.01")),
            shown(figures["f1_best"]), shown(figures["calibration_error"], 4),
        ]
        for name, figures in values["scores"].items()
    ]  # fmt: skip
    return title, header, rows


def _decisions(values: Mapping[str, Any]) -> Table:
    table = values["decisions"]["decided_by"]
    rows = []
    for decider, classes in table.items():
        if sum(sum(counts.values()) for counts in classes.values()):
            cells = [counts[d] for d in ("allow", "review", "block") for counts in classes.values()]
            rows.append([decider, *cells])
    harmful, harmless = (
        shown(values["decisions"][f"{kind}_flagged"]) for kind in ("harmful", "harmless")
    )
    title = f"Decisions of the pipeline; flagged are {harmful} of the harmful, {harmless} of others"
    header = ["decided by"] + [
        f"{decision}: {kind}"
        for decision in ("allow", "review", "block")
        for kind in ("harmful", "harmless")
    ]
    return title, header, rows


def _uncertainty(found: Mapping[str, Any]) -> Table:
    title = (
        f"Uncertainty: accuracy {shown(found['accuracy'], 4)} at score {found['threshold']:g}; "
        "with the most uncertain texts left to people"
    )
    header = ["measure", "AURC", "AUC of errors", "5 % to people", "10 %", "20 %"]
    rows = [
        [
            MEASURES[name], shown(one["aurc"], 5), shown(one["error_auc"]),
            *(shown(one["accuracy_after_review"][b], 4) for b in ("0.05", "0.1", "0.2")),
        ]
        for name, one in found["measures"].items()
    ]  # fmt: skip
    random = found["random"]
    reviewed = [f"{random['accuracy_after_review'][b]:.4f}" for b in ("0.05", "0.1", "0.2")]
    return title, header, [*rows, ["at random", f"{random['aurc']:.5f}", "0.500", *reviewed]]


def _conformal(found: Mapping[str, Any]) -> Table:
    on = found["calibrated_on"]
    where = "random halves" if on == "halves" else f"{on['texts']:,} other texts"
    header = ["promised", "coverage: harmful", "harmless", "one label", "both", "none",
              "right where one"]  # fmt: skip
    keys = ("coverage_harmful", "coverage_harmless", "single", "both", "none", "accuracy")
    rows = [
        [f"{1 - level['alpha']:.0%}", *(_percent(level[key]) for key in keys)]
        for level in found["levels"]
    ]
    return f"Conformal sets, calibrated on {where}", header, rows


def _bias(found: Mapping[str, Any]) -> Table:
    means = found["generalised_mean"]
    rows = [
        [
            f"generalised mean of {found['identities_counted']}",
            *(shown(means[kind]) for kind in ("subgroup_auc", "bpsn_auc", "bnsp_auc")),
            "", "",
        ]
    ]  # fmt: skip
    rows += [
        [one["identity"], *(shown(one[kind]) for kind in ("subgroup_auc", "bpsn_auc", "bnsp_auc")),
         shown(one["false_positives"]), shown(one["misses"])]
        for one in found["identities"][:5]
        if one["subgroup_auc"]["value"] is not None
    ]  # fmt: skip
    title = f"Bias by identity, the worst first; overall AUC {shown(found['overall_auc'], 4)}"
    header = ["identity", "subgroup AUC", "BPSN AUC", "BNSP AUC",
              "harmless that are flagged", "harmful that are not"]  # fmt: skip
    return title, header, rows


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"

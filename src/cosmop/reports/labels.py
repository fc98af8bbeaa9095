"""The labelling on the page: how many answers, how far people agree, what looks wrong."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from cosmop.reports.estimates import as_estimate, format_number, title_of
from cosmop.reports.facts import Metrics
from cosmop.reports.figures import Row, forest_plot
from cosmop.reports.page_tables import Table
from cosmop.reports.remarks import Remark

_COUNTS = {
    "images": "images labelled",
    "answers": "answers",
    "annotators": "annotators",
    "seconds_per_answer": "seconds per answer, median",
    "disagreements": "questions on which annotators disagree",
    "suspected_labels": "labels that look wrong",
    "suspected_images": "images with such a label",
}
_AGREEMENT = {
    "images": "images",
    "agreeing_share": "pairs that agree",
    "cohen_kappa": "Cohen's κ",
    "fleiss_kappa": "Fleiss' κ",
}
_OVERALL = {"positive": "positive", "equal_to_suggestion": "the whole answer"}


def labelling(metrics: Metrics) -> dict[str, Any]:
    """Return the section's values for the template.

    Args:
        metrics: Of `cosmop.labels.label_metrics.summarise_labels`; empty when nobody has labelled.

    Returns:
        ``counts`` and ``agreement`` (tables or None), ``shares`` and ``equal`` (plots, may be
        empty), ``remarks``.
    """
    return {
        "counts": _counts(metrics),
        "agreement": _agreement(metrics),
        "shares": _forest(_rows(metrics, "positive", "holds")),
        "equal": _forest(_rows(metrics, "equal_to_suggestion", "equal_to_suggestion")),
        "remarks": _remarks(metrics),
    }


def _counts(metrics: Metrics) -> Table | None:
    rows = [
        [words, format_number(metrics[name])]
        for name, words in _COUNTS.items()
        if metrics.get(name) is not None
    ]
    return Table(["labelling", "number"], rows, frozenset({1})) if rows else None


def _agreement(metrics: Metrics) -> Table | None:
    """Lay out the kappas of the criteria that two people or more have answered."""
    rows = [
        [title_of(str(name)), *(format_number(figures.get(key)) for key in _AGREEMENT)]
        for name, figures in (metrics.get("agreement") or {}).items()
        if figures.get("images")
    ]
    columns = ["criterion", *_AGREEMENT.values()]
    return Table(columns, rows, frozenset(range(1, len(columns)))) if rows else None


def _rows(metrics: Metrics, overall: str, of_criterion: str) -> list[Row]:
    """Return the share for each criterion, then that of all images, as far as they are known."""
    criteria: Mapping[str, Any] = metrics.get("criteria") or {}
    shares = [
        (name.replace("_", " "), figures.get(of_criterion)) for name, figures in criteria.items()
    ]
    shares.append((_OVERALL[overall], metrics.get(overall)))
    return [
        Row(words, estimate) for words, raw in shares if (estimate := as_estimate(raw)) is not None
    ]


def _forest(rows: list[Row]) -> Markup:
    return forest_plot(rows, limits=(0.0, 1.0)) if rows else Markup("")


def _remarks(metrics: Metrics) -> list[Remark]:
    if not metrics:
        return []
    remarks = []
    if metrics.get("annotators") == 1:
        remarks.append(
            Remark("note", "One person labelled, so nobody knows how far two would agree.")
        )
    if metrics.get("suspected_labels"):
        count = format_number(metrics["suspected_labels"])
        remarks.append(
            Remark(
                "note",
                f"{count} labels are doubted by a classifier that never saw them; none was "
                "changed, and `kedro annotate --review issues` shows them again.",
            )
        )
    return remarks

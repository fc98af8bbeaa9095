"""The person filter's part of the page: how good it is, with whom, and what files alone tell."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from markupsafe import Markup

from cosmop.reports.curves import histogram_overlay
from cosmop.reports.facts import Metrics, rows_of, truths
from cosmop.reports.figures import Row, confusion_table, forest_plot
from cosmop.reports.judge_curves import precision_recall_chart
from cosmop.reports.page_tables import Table, frame_table, is_share, other_figures, share_rows
from cosmop.reports.remarks import Remark

_UNIT = (0.0, 1.0)
_QUESTIONS = {
    "is_person": "with people or without",
    "source": "from which source",
    "source_without_people": "from which source, among images without people",
}
_APART = ("at_threshold", "recall_by_people", "recall_by_largest_person_share", "source_leak")


@dataclass(frozen=True)
class Card:
    """A part of the section: a heading, empty where the content has its own, and the content."""

    title: str
    content: Markup


@dataclass(frozen=True)
class PersonFilterView:
    """The section.

    Attributes:
        remarks: What the leak test says.
        cards: Plots, in the order to be shown.
        others: Numbers and texts that no plot shows.
        problems: What was missing or damaged in the sources.
    """

    remarks: Sequence[Remark]
    cards: Sequence[Card]
    others: Table | None
    problems: Table | None


def person_filter_view(
    metrics: Metrics,
    scores: pd.DataFrame,
    curve: pd.DataFrame | None = None,
    problems: pd.DataFrame | None = None,
) -> PersonFilterView:
    """Lay the section out; what is missing is left out.

    Args:
        metrics: ``person_filter_metrics``.
        scores: Columns ``image_id``, ``score``, ``is_kept``.
        curve: ``person_filter_curve``: recall, precision, low, high.
        problems: ``person_filter_problems``: source, problem, n, example.
    """
    plain = {name: value for name, value in metrics.items() if name not in _APART}
    cards = [
        Card("Person filter", forest_plot(share_rows(plain), limits=_UNIT)),
        _at_threshold(metrics.get("at_threshold", {})),
        *_by_group(metrics),
        Card("What the files alone tell", _leak_plot(metrics.get("source_leak", {}))),
        Card("", _confusion(metrics)),
        Card("", _curve_chart(curve, metrics)),
        Card("", _score_histogram(scores)),
    ]
    return PersonFilterView(
        leak_remarks(metrics),
        [card for card in cards if card.content],
        other_figures(plain),
        None if problems is None else frame_table(problems),
    )


def leak_remarks(metrics: Metrics) -> list[Remark]:
    """Return the sentence of the leak test, a warning if there is a leak; nothing without it."""
    leak = metrics.get("source_leak") or {}
    kind = "warn" if leak.get("is_leak") else "note"
    return [Remark(kind, str(leak["sentence"]))] if leak.get("sentence") else []


def _at_threshold(metrics: Metrics) -> Card:
    wanted = metrics.get("recall_wanted")
    rows = share_rows({name: value for name, value in metrics.items() if is_share(value)})
    words = "" if wanted is None else f" that is to keep {100 * float(wanted):g} % of the people"
    return Card(f"At the threshold{words}", forest_plot(rows, limits=_UNIT))


def _by_group(metrics: Metrics) -> Iterator[Card]:
    for column, words in (
        ("people", "number of people"),
        ("largest_person_share", "height of the largest person, as a share of the image"),
    ):
        groups = metrics.get(f"recall_by_{column}", {})
        plot = forest_plot(share_rows(groups), limits=_UNIT)
        yield Card(f"Recall by {words}", plot)


def _leak_plot(leak: Metrics) -> Markup:
    asked = {name: leak[name] for name in _QUESTIONS if isinstance(leak.get(name), Mapping)}
    rows = [
        Row(f"{_QUESTIONS[name]}: from {row.label}", row.estimate, colour="b")
        for name, views in asked.items()
        for row in share_rows({view: share for view, share in views.items() if is_share(share)})
    ]
    chance = max((float(views["chance"]) for views in asked.values()), default=None)
    return forest_plot(rows, limits=_UNIT, mark=chance)


def _confusion(metrics: Metrics) -> Markup:
    confusion = metrics.get("confusion")
    return confusion_table(confusion, "Person filter, held-out images") if confusion else Markup("")


def _curve_chart(curve: pd.DataFrame | None, metrics: Metrics) -> Markup:
    points = [] if curve is None else rows_of(curve, "recall", "precision")
    return precision_recall_chart(points, metrics)


def _score_histogram(scores: pd.DataFrame) -> Markup:
    if not rows_of(scores, "score", "is_kept"):
        return Markup("")
    kept = truths(scores["is_kept"])
    groups = [
        ("a", "kept", scores["score"][kept].tolist()),
        ("b", "set aside", scores["score"][~kept].tolist()),
    ]
    return histogram_overlay(groups, "Person scores")

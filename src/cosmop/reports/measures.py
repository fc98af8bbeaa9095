"""How far synthetic images are from real ones: each measure beside its floor."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from cosmop.reports.estimates import (
    MISSING,
    as_estimate,
    format_estimate,
    format_interval,
    format_number,
    format_value,
)
from cosmop.reports.facts import Metrics, StudyFacts
from cosmop.reports.figures import Row, forest_plot
from cosmop.reports.names import MEASURES, measure_name
from cosmop.reports.page_tables import Table
from cosmop.reports.remarks import Remark, listed

HEADLINE_MEASURES = ("told_apart", "kernel_distance", "mind", "recall", "coverage")
"""What a reader should go by, in this order."""

_REFERENCES = {"to_test": "test images", "to_training": "training images"}


@dataclass(frozen=True)
class MeasureView:
    """One measure: its name, what it means, its figures on one axis, and the verdict."""

    title: str
    meaning: str
    forest: Markup
    verdict: Remark | None


def measures_against(facts: StudyFacts) -> tuple[str, Metrics]:
    """Return the real images to judge by and the measures: test images, else training images."""
    for key, words in _REFERENCES.items():
        measures = facts.distances.get(key)
        if measures:
            return words, measures
    return "", {}


def measure_views(facts: StudyFacts, *keys: str) -> list[MeasureView]:
    """Show the measures `keys` that are known, against the real images to judge by."""
    real, measures = measures_against(facts)
    return [
        _measure_view(facts, key, measures[key], real)
        for key in keys
        if as_estimate(measures.get(key)) is not None
    ]


def _measure_view(facts: StudyFacts, key: str, measure: Metrics, real: str) -> MeasureView:
    lines = [
        (f"synthetic ↔ {real}", measure, "b"),
        ("the same, at the floor's n", measure.get("at_floor_n"), "b"),
        ("real ↔ real: the floor", measure.get("floor"), "c"),
    ]
    rows = [
        Row(label, estimate, colour=colour)
        for label, raw, colour in lines
        if (estimate := as_estimate(raw)) is not None
    ]
    known = MEASURES[key]
    limits = (0.0, 1.0) if known.is_share else None
    return MeasureView(
        measure_name(facts, key), known.meaning, forest_plot(rows, limits=limits), _verdict(measure)
    )


def _verdict(measure: Metrics) -> Remark | None:
    at_floor = as_estimate(measure.get("at_floor_n"))
    if at_floor is None or measure.get("is_beyond_floor") is None:
        return None
    if measure["is_beyond_floor"]:
        return Remark("warn", "Beyond the floor: worse than real images among themselves.")
    n = "this n" if at_floor.n is None else f"n={at_floor.n:,}"
    return Remark("note", f"Not beyond the floor: at {n} no difference is shown.")


def distance_remarks(facts: StudyFacts) -> list[Remark]:
    """Say which headline measures lie beyond the floor, which do not, and what that means."""
    real, measures = measures_against(facts)
    judged = {
        key: bool(measures[key]["is_beyond_floor"])
        for key in HEADLINE_MEASURES
        if measures.get(key) and measures[key].get("is_beyond_floor") is not None
    }
    beyond = [_in_a_sentence(key) for key, is_beyond in judged.items() if is_beyond]
    within = [_in_a_sentence(key) for key, is_beyond in judged.items() if not is_beyond]
    return [*_floor_remarks(beyond, within, real), *_side_remark(facts)]


def _floor_remarks(beyond: list[str], within: list[str], real: str) -> Iterator[Remark]:
    if beyond:
        yield Remark(
            "warn",
            f"By {listed(beyond)}, synthetic images differ from the {real} by more than real "
            "images differ among themselves at the same number of images.",
        )
    if within:
        yield Remark(
            "note",
            f"By {listed(within)}, no difference from the {real} is shown beyond that among real "
            "images; with more images one may be.",
        )


def _in_a_sentence(key: str) -> str:
    title = MEASURES[key].title
    return title if title.isupper() else title[:1].lower() + title[1:]


def _side_remark(facts: StudyFacts) -> Iterator[Remark]:
    test, training = (
        as_estimate((facts.distances.get(key) or {}).get("kernel_distance")) for key in _REFERENCES
    )
    if test and training and not test.overlaps(training) and training.value < test.value:
        yield Remark(
            "note",
            "Synthetic images lie closer to the training images than to the test images: some of "
            "their closeness is particular to what the generator saw.",
        )


def measure_tables(facts: StudyFacts) -> list[tuple[str, Table]]:
    """Lay out all measures against the test and against the training images."""
    tables = []
    for key, real in _REFERENCES.items():
        measures = facts.distances.get(key) or {}
        order = [name for name in MEASURES if name in measures]
        order += [name for name in measures if name not in MEASURES]
        rows = [_table_row(facts, name, measures[name]) for name in order]
        if rows:
            tables.append((f"Synthetic images against {real}", Table(_COLUMNS, rows)))
    return tables


_COLUMNS = (
    "measure",
    "value",
    "95 % interval",
    "images",
    "at the floor's n",
    "real ↔ real",
    "beyond the floor",
)


def _table_row(facts: StudyFacts, name: str, measure: Mapping[str, Any]) -> list[str]:
    estimate = as_estimate(measure)
    is_beyond = measure.get("is_beyond_floor")
    return [
        measure_name(facts, name),
        MISSING if estimate is None else format_value(estimate),
        "" if estimate is None else format_interval(estimate),
        f"{format_number(measure.get('n_real'))} real, "
        f"{format_number(measure.get('n_generated'))} synthetic",
        format_estimate(measure.get("at_floor_n")),
        format_estimate(measure.get("floor")),
        MISSING if is_beyond is None else "yes" if is_beyond else "no",
    ]

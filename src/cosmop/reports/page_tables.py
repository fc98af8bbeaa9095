"""Tables and rows of figures for the page, made from plain mappings and data frames."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from cosmop.reports.estimates import (
    FIGURE_COLUMNS,
    as_estimate,
    figure_row,
    flatten_metrics,
    format_cell,
    path_words,
)
from cosmop.reports.facts import Metrics, rows_of
from cosmop.reports.figures import Row


@dataclass(frozen=True)
class Table:
    """A table for the page: texts, and the numbers of the right-aligned columns."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: frozenset[int] = frozenset()


def is_share(raw: object) -> bool:
    """Say whether `raw` is an estimate with an interval that fits an axis from 0 to 1."""
    estimate = as_estimate(raw)
    return estimate is not None and estimate.low is not None and 0 <= estimate.value <= 1


def share_rows(metrics: Metrics, colour: str = "a", note: str = "") -> list[Row]:
    """Return forest rows for the shares among `metrics` (accuracy, precision, recall …)."""
    return [
        Row(path_words(path), estimate, note, colour)
        for path, raw in flatten_metrics(metrics)
        if is_share(raw) and (estimate := as_estimate(raw)) is not None
    ]


def other_figures(metrics: Metrics) -> Table | None:
    """Lay out what `share_rows` leaves: other numbers and texts, without the confusion matrix."""
    return metrics_table(
        {
            path_words(path): raw
            for path, raw in flatten_metrics(metrics)
            if not is_share(raw) and "confusion" not in path
        }
    )


def metrics_table(metrics: Metrics) -> Table | None:
    """Lay out nested metrics as figure, value, interval and n."""
    rows = [figure_row(path_words(path), raw) for path, raw in flatten_metrics(metrics)]
    used = [i for i in range(4) if i < 2 or any(row[i] for row in rows)]
    kept = [[row[i] for i in used] for row in rows]
    right = frozenset(range(1, len(used)))
    return Table([FIGURE_COLUMNS[i] for i in used], kept, right) if rows else None


def frame_table(frame: pd.DataFrame) -> Table | None:
    """Lay out a whole data frame."""
    rows = rows_of(frame)
    if not rows:
        return None
    right = {i for i, kind in enumerate(frame.dtypes) if pd.api.types.is_numeric_dtype(kind)}
    columns = [str(name).replace("_", " ") for name in frame.columns]
    cells = [[format_cell(cell) for cell in row.values()] for row in rows]
    return Table(columns, cells, frozenset(right))

"""Training, as values for the templates: curves, distances and sample grids."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
from markupsafe import Markup

from cosmop.reports.curves import LineLook, Series, line_chart
from cosmop.reports.estimates import as_estimate
from cosmop.reports.facts import StudyFacts, rows_of, truths
from cosmop.reports.figures import Row, forest_plot
from cosmop.reports.names import training_distance_name
from cosmop.reports.page_tables import frame_table
from cosmop.reports.scales import format_tick
from cosmop.reports.thumbnails import ReportOptions, Tile, grid_tile, spread

_SNAPSHOTS = {
    "untrained": ("untrained generator", "b"),
    "best": ("best snapshot", "a"),
    "last": ("last snapshot", "b"),
    "floor": ("real ↔ real", "c"),
}  # they share one axis


def generation(facts: StudyFacts, options: ReportOptions) -> dict[str, Any]:
    """Draw the curves of training, the distances, and the sample grids."""
    rows = [
        Row(label, estimate, colour=colour)
        for name, (label, colour) in _SNAPSHOTS.items()
        if (estimate := as_estimate(facts.training_distances.get(name))) is not None
    ]
    return {
        "charts": _curves(facts),
        "forest": forest_plot(rows, is_log=None),
        "table": frame_table(facts.curve),
        "grids": _grid_tiles(facts, options),
        "best": best_kimg(facts.curve),
        "name": training_distance_name(facts),
    }


def best_kimg(curve: pd.DataFrame) -> float | None:
    """Return how long the best snapshot was trained, thousand images; None when unknown."""
    if not rows_of(curve, "kimg", "is_best") or not truths(curve["is_best"]).any():
        return None
    return float(curve.loc[truths(curve["is_best"]), "kimg"].iloc[0])


_MORE_CHARTS = (
    ("Kernel distance", [("kernel_distance", "kernel distance", "a")]),
    (
        "Distance to the nearest training image",
        [
            ("nearest_median", "generated (median)", "a"),
            ("nearest_unseen_median", "real images held out (median)", "c"),
        ],
    ),
    (
        "Overfitting of the discriminator",
        [
            ("real_sign", "sign on real images", "a"),
            ("held_out_gap", "gap to images held out", "b"),
        ],
    ),
    (
        "Losses",
        [("generator_loss", "generator", "a"), ("discriminator_loss", "discriminator", "b")],
    ),
)
_SHARES = (
    (
        "Precision and recall of the distribution",
        [("precision", "precision", "a"), ("recall", "recall", "b")],
    ),
    ("Adaptive augmentation strength", [("augmentation_strength", "strength", "d")]),
)


def _curves(facts: StudyFacts) -> list[Markup]:
    if not rows_of(facts.curve, "kimg", "value"):
        return []
    curve, abandoned = _without_abandoned(facts.curve)
    best, across = best_kimg(curve), "thousand images shown (kimg)"
    floor = as_estimate(facts.training_distances.get("floor"))
    look = LineLook(across, is_log=None, floor=floor, floor_label="real ↔ real", marked_x=best)
    distance = _series(curve, [("value", "distance", "a")], has_interval=True)
    for part in abandoned:
        (line,) = _series(part, [("value", "abandoned after a collapse", "d")])
        distance.append(replace(line, is_marked=False))
    plain = LineLook(across, marked_x=best)
    unit = LineLook(across, limits=(0.0, 1.0), marked_x=best)
    charts = [
        line_chart(distance, training_distance_name(facts), look),
        *(line_chart(_series(curve, lines), title, unit) for title, lines in _SHARES),
        *(line_chart(_series(curve, lines), title, plain) for title, lines in _MORE_CHARTS),
    ]
    return [chart for chart in charts if chart]


def _without_abandoned(curve: pd.DataFrame) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """Return the points that lead to the end, and those of each attempt that was given up."""
    if "is_abandoned" not in curve:
        return curve, []
    is_abandoned = truths(curve["is_abandoned"])
    parts = [part for _, part in curve[is_abandoned].groupby("attempt")]
    return curve[~is_abandoned], parts


def _series(
    curve: pd.DataFrame, columns: Sequence[tuple[str, str, str]], *, has_interval: bool = False
) -> list[Series]:
    low: list[float] = []
    high: list[float] = []
    if has_interval and {"low", "high"} <= set(curve.columns):
        low, high = curve["low"].astype(float).tolist(), curve["high"].astype(float).tolist()
    kimg = curve["kimg"].astype(float).tolist()
    return [
        Series(label, kimg, curve[name].astype(float).tolist(), low, high, colour)
        for name, label, colour in columns
        if name in curve and curve[name].notna().any()
    ]


def _grid_tiles(facts: StudyFacts, options: ReportOptions) -> list[tuple[float, Tile]]:
    best = best_kimg(facts.curve)
    chosen = set(spread(len(facts.grids), options.grids))
    chosen |= {i for i, (kimg, _) in enumerate(facts.grids) if kimg == best}
    tiles = []
    for index in sorted(chosen):
        kimg, grid = facts.grids[index]
        caption = f"{format_tick(kimg)} kimg{' · best' if kimg == best else ''}"
        alt = f"sample grid after {format_tick(kimg)} thousand images"
        tiles.append((kimg, grid_tile(grid, options, alt=alt, caption=caption)))
    return tiles

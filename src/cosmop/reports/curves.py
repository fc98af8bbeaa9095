"""Curves over training and overlaid distributions, drawn as SVG that fills its box.

The coordinates across and down are percentages; only the paths live in a stretched inner picture
whose strokes do not scale. See `cosmop.reports.figures` for the colours.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from cosmop.reports.estimates import Estimate, format_estimate, format_number
from cosmop.reports.figures import legend
from cosmop.reports.scales import Scale, fit_scale, format_tick


@dataclass(frozen=True)
class Series:
    """One line of a chart.

    Attributes:
        label: Name in the legend.
        x: Positions, ascending.
        y: Values; those that are not finite are left out.
        low: Lower ends of the intervals, empty when there are none.
        high: Upper ends likewise.
        colour: CSS class, ``"a"`` to ``"d"``.
        is_marked: Whether the chart's ``marked_x`` is marked on it.
        has_dots: Whether each point has a dot; none for a curve of many points.
    """

    label: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    colour: str = "a"
    is_marked: bool = True
    has_dots: bool = True


@dataclass(frozen=True)
class LineLook:
    """How a line chart is dressed.

    Attributes:
        x_label: What lies across.
        y_label: What lies up, where the title does not say it.
        x_limits: Fixed ends of the axis across.
        is_log: Logarithmic values; None chooses by their span.
        limits: Fixed ends of the value axis, such as 0 and 1 for shares.
        floor: A value (with interval) drawn as a level band, such as real against real.
        floor_label: The floor's name in the legend.
        marked_x: Position to mark as the best.
        height: Pixels.
    """

    x_label: str = ""
    y_label: str = ""
    x_limits: tuple[float, float] | None = None
    is_log: bool | None = False
    limits: tuple[float, float] | None = None
    floor: Estimate | None = None
    floor_label: str = ""
    marked_x: float | None = None
    height: int = 220


def line_chart(series: Sequence[Series], title: str, look: LineLook | None = None) -> Markup:
    """Draw lines with interval bands over a common axis, with legend when there are several.

    Args:
        series: The lines; an empty sequence draws nothing.
        title: Heading, and the chart's name for a screen reader.
        look: Axes, floor and mark.
    """
    if not any(len(line.x) for line in series):
        return Markup("")
    look = look or LineLook()
    across = (
        Scale(*look.x_limits) if look.x_limits else _x_scale([x for line in series for x in line.x])
    )
    up = Scale(*look.limits) if look.limits else _value_scale(series, look)
    content = Markup("").join(
        [
            _grid(across, up),
            _floor(look.floor, up),
            *(_line(line, across, up, look.marked_x) for line in series),
        ]
    )
    return Markup(
        '<figure class="chart"><figcaption>{}{}</figcaption><div class="plot"><svg width="100%" '
        'height="{}" role="img" aria-label="{}">{}</svg></div><p class="axis-label">{}</p>'
        "</figure>"
    ).format(
        title,
        _legend(series, look),
        look.height,
        _describe(title, series),
        content,
        _x_label(look, up),
    )


def _x_label(look: LineLook, up: Scale) -> str:
    words = (look.y_label and f"up: {look.y_label} · across: ") + look.x_label
    return words + (" · logarithmic values" if up.is_log else "")


def _describe(title: str, series: Sequence[Series]) -> str:
    ends = [
        f"{line.label} from {format_number(float(line.y[0]))} to {format_number(float(line.y[-1]))}"
        for line in series
        if len(line.y)
    ]
    return f"{title}: {'; '.join(ends)}"


def _x_scale(values: Sequence[float]) -> Scale:
    low, high = min(values), max(values)
    return Scale(low, high) if high > low else Scale(low - 1, high + 1)


def _value_scale(series: Sequence[Series], look: LineLook) -> Scale:
    values = [v for line in series for v in (*line.y, *line.low, *line.high)]
    if look.floor is not None:
        ends = (look.floor.value, look.floor.low, look.floor.high)
        values += [end for end in ends if end is not None]
    return fit_scale(values, is_log=look.is_log, with_zero=True)


def _grid(across: Scale, up: Scale) -> Markup:
    rows = Markup("").join(
        Markup(
            '<line class="grid" x2="100%" y1="{0:.2f}%" y2="{0:.2f}%"/>'
            '<text class="tick" x="0" dx="-8" y="{0:.2f}%" dy="4" text-anchor="end">{1}</text>'
        ).format(100 - 100 * up.share(tick), format_tick(tick))
        for tick in up.ticks()
    )
    columns = Markup("").join(
        Markup(
            '<text class="tick" x="{:.2f}%" y="100%" dy="18" text-anchor="middle">{}</text>'
        ).format(100 * across.share(tick), format_tick(tick))
        for tick in across.ticks(4)
    )
    base = Markup('<line class="base" x2="100%" y1="100%" y2="100%"/>')
    return rows + columns + base


def _floor(floor: Estimate | None, up: Scale) -> Markup:
    if floor is None:
        return Markup("")
    low = floor.value if floor.low is None else floor.low
    high = floor.value if floor.high is None else floor.high
    top, bottom = 100 - 100 * up.share(high), 100 - 100 * up.share(low)
    return Markup(
        '<rect class="band c" width="100%" y="{:.2f}%" height="{:.2f}%"/>'
        '<line class="level c" x2="100%" y1="{:.2f}%" y2="{:.2f}%"/>'
    ).format(top, max(0.0, bottom - top), *[100 - 100 * up.share(floor.value)] * 2)


def _line(line: Series, across: Scale, up: Scale, marked_x: float | None) -> Markup:
    places = [100 * across.share(x) for x in line.x]
    band = ""
    if len(line.low) == len(line.x) == len(line.high):
        ends = list(zip(places, line.low, line.high, strict=True))
        upper = [(x, high) for x, low, high in ends if _both_finite(low, high)]
        lower = [(x, low) for x, low, high in ends if _both_finite(low, high)]
        band = _path(upper + lower[::-1], up) + "Z" if upper else ""
    known = [(x, y) for x, y in zip(places, line.y, strict=True) if math.isfinite(y)]
    dots = Markup("").join(
        _dot(x, y, up, line, index, marked_x)
        for index, (x, y) in enumerate(zip(places, line.y, strict=True))
        if line.has_dots and math.isfinite(y)
    )
    return Markup(
        '<svg viewBox="0 0 100 100" preserveAspectRatio="none" width="100%" height="100%" '
        'class="lines {}"><path class="band" d="{}"/><path class="line" d="{}"/></svg>{}'
    ).format(line.colour, band, _path(known, up), dots)


def _both_finite(low: float, high: float) -> bool:
    return math.isfinite(low) and math.isfinite(high)


def _path(points: Sequence[tuple[float, float]], up: Scale) -> str:
    return " ".join(
        f"{'L' if index else 'M'}{x:.2f} {100 - 100 * up.share(y):.2f}"
        for index, (x, y) in enumerate(points)
    )


def _dot(x: float, y: float, up: Scale, line: Series, index: int, marked_x: float | None) -> Markup:
    is_best = line.is_marked and marked_x is not None and line.x[index] == marked_x
    low = line.low[index] if index < len(line.low) else None
    high = line.high[index] if index < len(line.high) else None
    words = format_estimate({"value": float(y), "low": low, "high": high})
    return Markup(
        '<circle class="dot {}{}" cx="{:.2f}%" cy="{:.2f}%" r="{}"><title>{}</title></circle>'
    ).format(
        line.colour,
        " best" if is_best else "",
        x,
        100 - 100 * up.share(y),
        6 if is_best else 5 if len(line.x) == 1 else 3,
        f"{line.label} at {format_tick(line.x[index])}: {words}{' (best)' if is_best else ''}",
    )


def _legend(series: Sequence[Series], look: LineLook) -> Markup:
    entries = [(line.colour, line.label) for line in series if len(series) > 1]
    if look.floor is not None and look.floor_label:
        entries.append(("c", f"{look.floor_label} {format_estimate(look.floor)}"))
    return legend(entries)


def histogram_overlay(
    groups: Sequence[tuple[str, str, Sequence[float]]],
    title: str,
    *,
    threshold: float | None = None,
    bins: int = 24,
) -> Markup:
    """Draw several distributions over common bins, each as its share of its own group.

    Args:
        groups: ``(colour, label, values)``; values that are not finite are left out.
        title: Heading of the chart.
        threshold: A value to draw a vertical line at.
        bins: Number of bins.
    """
    finite = [(colour, label, np.asarray(values, dtype=float)) for colour, label, values in groups]
    finite = [(c, label, v[np.isfinite(v)]) for c, label, v in finite]
    finite = [group for group in finite if len(group[2])]
    if not finite:
        return Markup("")
    everything = np.concatenate([values for _, _, values in finite])
    edges = np.histogram_bin_edges(everything, bins=bins)
    shares = [np.histogram(values, edges)[0] / len(values) for _, _, values in finite]
    across = Scale(float(edges[0]), float(edges[-1]))
    up = Scale(0.0, max(float(share.max()) for share in shares) * 1.08)
    shapes = [
        _steps(edges, share, across, up, colour)
        for (colour, _, _), share in zip(finite, shares, strict=True)
    ]
    if threshold is not None and across.low <= threshold <= across.high:
        shapes.append(
            Markup('<line class="mark" y2="100%" x1="{0:.2f}%" x2="{0:.2f}%"/>').format(
                100 * across.share(threshold)
            )
        )
    key = legend([(colour, f"{label} n={len(values):,}") for colour, label, values in finite])
    return Markup(
        '<figure class="chart"><figcaption>{}{}</figcaption><div class="plot"><svg width="100%" '
        'height="190" role="img" aria-label="{}">{}</svg></div><p class="axis-label">{}</p>'
        "</figure>"
    ).format(
        title, key, f"{title}: distributions", _grid(across, up) + Markup("").join(shapes), "score"
    )


def _steps(
    edges: np.ndarray[tuple[int], np.dtype[np.float64]],
    shares: np.ndarray[tuple[int], np.dtype[np.float64]],
    across: Scale,
    up: Scale,
    colour: str,
) -> Markup:
    corners = [(edges[0], 0.0)]
    for left, right, share in zip(edges[:-1], edges[1:], shares, strict=True):
        corners += [(left, share), (right, share)]
    corners.append((edges[-1], 0.0))
    path = _path([(100 * across.share(float(x)), float(y)) for x, y in corners], up)
    return Markup(
        '<svg viewBox="0 0 100 100" preserveAspectRatio="none" width="100%" height="100%" '
        'class="lines {}"><path class="area" d="{}Z"/></svg>'
    ).format(colour, path)

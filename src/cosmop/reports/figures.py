"""Bars, forest plots and confusion matrices for the page; plotly figures for kedro-viz.

Every SVG fills its box: lengths across are percentages, so that a chart is as wide as the screen
while its text keeps its size. Colours are CSS classes (``a`` to ``d``), so that the page's light
and dark themes reach into the charts. Lines and histograms are in `cosmop.reports.curves`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd
from markupsafe import Markup

from cosmop.reports.estimates import Estimate, as_estimate, format_estimate, format_number
from cosmop.reports.scales import Scale, fit_scale, format_tick

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


@dataclass(frozen=True)
class Row:
    """One line of a forest plot: an estimate, its name, a quiet remark, and its colour."""

    label: str
    estimate: Estimate
    note: str = ""
    colour: str = "a"


@dataclass(frozen=True)
class Bar:
    """One bar: a count, its name and a quiet remark."""

    label: str
    count: float
    note: str = ""
    colour: str = "a"


def bar_chart(bars: Sequence[Bar]) -> Markup:
    """Draw counts as horizontal bars on one scale from zero, the largest filling the width."""
    largest = max((bar.count for bar in bars), default=0) or 1
    rows = Markup("").join(_bar(bar, 100 * bar.count / largest) for bar in bars)
    return Markup('<ul class="bars">{}</ul>').format(rows)


def _bar(bar: Bar, percent: float) -> Markup:
    return Markup(
        '<li><span class="bar-label">{}</span><span class="bar-value">{}</span>'
        '<svg class="bar {}" width="100%" height="14" aria-hidden="true"><rect class="track" '
        'width="100%" height="14" rx="3"/><rect class="fill" width="{:.2f}%" height="14" rx="3"/>'
        '</svg><span class="bar-note">{}</span></li>'
    ).format(bar.label, format_number(bar.count), bar.colour, percent, bar.note)


def legend(entries: Sequence[tuple[str, str]]) -> Markup:
    """Draw a legend from ``(colour, label)`` pairs; nothing for none."""
    if not entries:
        return Markup("")
    items = Markup("").join(
        Markup('<span><i class="swatch {}"></i>{}</span>').format(*entry) for entry in entries
    )
    return Markup('<span class="legend">{}</span>').format(items)


def forest_plot(
    rows: Sequence[Row],
    *,
    limits: tuple[float, float] | None = None,
    is_log: bool | None = False,
    mark: float | None = None,
    band: tuple[float, float] | None = None,
) -> Markup:
    """Draw estimates as dots with their 95 % intervals on one axis, the numbers beside them.

    Args:
        rows: The estimates; an empty sequence draws nothing.
        limits: Fixed ends of the axis, such as 0 and 1 for shares.
        is_log: Logarithmic axis; None chooses by the span.
        mark: A value to draw a vertical line at, such as zero for differences.
        band: Ends of a shaded range, such as what the data cannot tell from zero.
    """
    if not rows:
        return Markup("")
    ends = [v for row in rows for v in (row.estimate.value, row.estimate.low, row.estimate.high)]
    values = [end for end in (*ends, mark, *(band or ())) if end is not None]
    scale = Scale(*limits) if limits else fit_scale(values, is_log=is_log)
    ground = _forest_ground(scale, mark, band)
    body = Markup("").join(_forest_row(row, scale, ground) for row in rows)
    ticks = Markup("").join(
        Markup('<text class="tick" x="{:.2f}%" y="14" text-anchor="middle">{}</text>').format(
            100 * scale.share(tick), format_tick(tick)
        )
        for tick in scale.ticks(4)
    )
    axis = Markup(
        '<li class="forest-axis" aria-hidden="true"><svg width="100%" height="18">{}</svg></li>'
    ).format(ticks)
    return Markup('<ul class="forest">{}{}</ul>').format(body, axis)


def _forest_ground(scale: Scale, mark: float | None, band: tuple[float, float] | None) -> Markup:
    parts = [_level(scale.share(tick), "grid") for tick in scale.ticks(4)]
    if band is not None:
        left, right = (100 * scale.share(end) for end in band)
        parts.insert(
            0,
            Markup('<rect class="shade" height="100%" x="{:.2f}%" width="{:.2f}%"/>').format(
                left, right - left
            ),
        )
    if mark is not None:
        parts.append(_level(scale.share(mark), "mark"))
    return Markup("").join(parts)


def _level(share: float, kind: str) -> Markup:
    return Markup('<line class="{}" y2="100%" x1="{:.2f}%" x2="{:.2f}%"/>').format(
        kind, *[100 * share] * 2
    )


def _forest_row(row: Row, scale: Scale, ground: Markup) -> Markup:
    estimate, whisker = row.estimate, Markup("")
    if estimate.low is not None and estimate.high is not None:
        whisker = Markup(
            '<line class="whisker" x1="{:.2f}%" x2="{:.2f}%" y1="50%" y2="50%"/>'
        ).format(100 * scale.share(estimate.low), 100 * scale.share(estimate.high))
    dot = Markup('<circle class="dot" cx="{:.2f}%" cy="50%" r="5"/>').format(
        100 * scale.share(estimate.value)
    )
    return Markup(
        '<li class="{}"><span class="forest-label">{}<small>{}</small></span>'
        '<svg width="100%" height="30" aria-hidden="true">{}</svg>'
        '<span class="forest-value">{}</span></li>'
    ).format(row.colour, row.label, row.note, ground + whisker + dot, format_estimate(estimate))


def confusion_table(confusion: Mapping[str, object], caption: str) -> Markup:
    """Draw a confusion matrix as an HTML table: counts, row percentages, shading by row share.

    Args:
        confusion: Counts ``tp``, ``fp``, ``fn``, ``tn``; other keys are left alone.
        caption: What was classified by what.
    """
    counts = {key: _count(confusion.get(key)) for key in ("tp", "fp", "fn", "tn")}
    rows = [
        ("truly positive", counts["tp"] + counts["fn"], ("tp", "good"), ("fn", "bad")),
        ("truly negative", counts["fp"] + counts["tn"], ("fp", "bad"), ("tn", "good")),
    ]
    body = Markup("").join(
        Markup('<tr><th scope="row">{}<small>n={:,}</small></th>{}</tr>').format(
            name, total, Markup("").join(_cell(counts[key], total, kind) for key, kind in cells)
        )
        for name, total, *cells in rows
    )
    return Markup(
        '<table class="confusion"><caption>{}</caption><thead><tr><td></td><th scope="col">'
        'said positive</th><th scope="col">said negative</th></tr></thead><tbody>{}</tbody></table>'
    ).format(caption, body)


def _count(raw: object) -> int:
    estimate = as_estimate(raw)
    return 0 if estimate is None else round(estimate.value)


def _cell(count: int, total: int, kind: str) -> Markup:
    share = count / total if total else 0.0
    return Markup(
        '<td class="{}" style="--share:{:.3f}"><b>{:,}</b><small>{:.1f} %</small></td>'
    ).format(kind, share, count, 100 * share)


def distance_curve_figure(curve: pd.DataFrame) -> "Figure":
    """Build a plotly figure of distance over training for kedro-viz.

    Args:
        curve: Columns ``kimg``, ``value``; ``name``, ``low``, ``high``, ``attempt`` and ``is_best``
            when known. Each attempt has its line.
    """
    from plotly import graph_objects  # noqa: PLC0415  # 0.5 s that only kedro-viz previews need

    name = str(curve["name"].iloc[0]) if "name" in curve and len(curve) else "distance"
    figure = graph_objects.Figure()
    attempts = curve["attempt"] if "attempt" in curve else pd.Series(0, index=curve.index)
    for attempt, line in curve.groupby(attempts):
        figure.add_scatter(
            x=line["kimg"],
            y=line["value"],
            error_y=_error_bars(line),
            mode="lines+markers",
            name=f"{name}, restart {attempt}" if attempt else name,
        )
    if "is_best" in curve and curve["is_best"].any():
        best = curve[curve["is_best"]]
        marker = {"size": 14, "symbol": "star"}
        figure.add_scatter(
            x=best["kimg"], y=best["value"], mode="markers", marker=marker, name="best"
        )
    figure.update_layout(
        template="plotly_white", xaxis_title="thousand images shown (kimg)", yaxis_title=name
    )
    return figure


def _error_bars(curve: pd.DataFrame) -> dict[str, object] | None:
    if not {"low", "high"} <= set(curve.columns):
        return None
    above, below = curve["high"] - curve["value"], curve["value"] - curve["low"]
    return {"type": "data", "symmetric": False, "array": above, "arrayminus": below}


def confusion_figure(confusion: Mapping[str, object], title: str) -> "Figure":
    """Build a plotly heat map of a confusion matrix (``tp fp fn tn``) for kedro-viz."""
    from plotly import graph_objects  # noqa: PLC0415  # 0.5 s that only kedro-viz previews need

    counts = [[_count(confusion.get(key)) for key in row] for row in (("tp", "fn"), ("fp", "tn"))]
    figure = graph_objects.Figure()
    figure.add_heatmap(
        z=counts,
        x=["said positive", "said negative"],
        y=["truly positive", "truly negative"],
        text=counts,
        texttemplate="%{text}",
        colorscale="Blues",
        showscale=False,
    )
    figure.update_layout(template="plotly_white", title=title)
    figure.update_yaxes(autorange="reversed")
    return figure

import re

import numpy as np
import pandas as pd
import pytest
from markupsafe import Markup

from cosmop.reports.curves import LineLook, Series, histogram_overlay, line_chart
from cosmop.reports.estimates import Estimate
from cosmop.reports.figures import (
    Bar,
    Row,
    bar_chart,
    confusion_figure,
    confusion_table,
    distance_curve_figure,
    forest_plot,
)

_CONFUSION = {"tp": 30, "fp": 10, "fn": 20, "tn": 40}


def _floats(pattern: str, text: str) -> list[float]:
    return [float(found) for found in re.findall(pattern, text)]


def test_bars_are_as_long_as_their_counts():
    chart = bar_chart([Bar("found", 200), Bar("kept", 50), Bar("none", 0)])

    assert _floats(r'class="fill" width="([\d.]+)%"', chart) == [100.0, 25.0, 0.0]


def test_labels_are_escaped():
    chart = bar_chart([Bar("<script>", 1, "a & b")])

    assert "&lt;script&gt;" in chart
    assert "a &amp; b" in chart


def test_a_line_passes_through_its_points():
    chart = line_chart([Series("y", [0, 5, 10], [0, 1, 0.5])], "t", LineLook(limits=(0, 1)))

    assert 'class="line" d="M0.00 100.00 L50.00 0.00 L100.00 50.00"' in chart


def test_a_band_runs_along_the_upper_ends_and_back_along_the_lower():
    line = Series("y", [0, 10], [0.5, 0.5], low=[0.25, 0.0], high=[0.75, 1.0])

    chart = line_chart([line], "t", LineLook(limits=(0, 1)))

    assert 'd="M0.00 25.00 L100.00 0.00 L100.00 100.00 L0.00 75.00Z"' in chart


def test_values_that_are_not_finite_have_no_dot():
    chart = line_chart([Series("y", [0, 1, 2], [1.0, float("nan"), 2.0])], "t")

    assert chart.count("<circle") == 2


def test_only_the_marked_position_is_shown_as_best():
    chart = line_chart([Series("y", [0, 1, 2], [3, 1, 2])], "t", LineLook(marked_x=1))

    assert _floats(r'best" cx="([\d.]+)%', chart) == [50.0]


def test_a_single_point_is_a_chart():
    assert "<circle" in line_chart([Series("y", [0.0], [3.0])], "t")


@pytest.mark.parametrize(
    "nothing",
    [line_chart([], "t"), forest_plot([]), histogram_overlay([("a", "x", [])], "t")],
)
def test_nothing_to_show_draws_nothing(nothing):
    assert nothing == Markup("")


def test_a_forest_plot_places_value_and_ends_on_its_axis():
    plot = forest_plot([Row("recall", Estimate(0.5, 0.25, 0.75, 40))], limits=(0, 1))

    assert 'class="whisker" x1="25.00%" x2="75.00%"' in plot
    assert 'class="dot" cx="50.00%"' in plot
    assert "0.500 [0.250, 0.750] n=40" in plot


def test_a_band_lies_where_its_ends_are_and_is_behind_every_row():
    rows = [Row("one", Estimate(0.5)), Row("two", Estimate(-0.5))]

    plot = forest_plot(rows, limits=(-1, 1), mark=0.0, band=(-0.25, 0.25))

    assert plot.count('class="shade" height="100%" x="37.50%" width="25.00%"') == 2
    assert plot.index("shade") < plot.index('class="dot"')


def test_fixed_ends_across_place_the_points():
    line = Series("y", [0.25, 0.5], [0.0, 1.0], has_dots=False)

    chart = line_chart([line], "t", LineLook(x_limits=(0, 1), limits=(0, 1)))

    assert 'class="line" d="M25.00 100.00 L50.00 0.00"' in chart
    assert "<circle" not in chart


def test_the_shares_of_each_row_of_a_confusion_matrix_add_to_one():
    shares = _floats(r"--share:([\d.]+)", confusion_table(_CONFUSION, "c"))

    assert shares == [0.6, 0.4, 0.2, 0.8]


def test_an_empty_confusion_matrix_is_all_zero():
    assert _floats(r"--share:([\d.]+)", confusion_table({}, "c")) == [0.0] * 4


def test_a_histogram_shows_shares_of_its_own_group_whatever_its_size():
    def areas(copies):
        groups = [("a", "x", [0.1, 0.2, 0.9]), ("b", "y", [0.0, 1.0] * copies)]
        return re.findall(r'class="area" d="([^"]+)"', histogram_overlay(groups, "t"))

    assert areas(1) == areas(50)


def test_a_histogram_of_equal_values_is_drawn():
    assert 'class="area"' in histogram_overlay([("a", "x", [0.5] * 9)], "t", threshold=0.5)


def test_the_plotly_curve_carries_the_interval_and_the_best():
    curve = pd.DataFrame(
        {
            "kimg": [0.0, 1.0],
            "value": [9.0, 4.0],
            "low": [8.0, 3.5],
            "high": [10.0, 5.0],
            "is_best": [False, True],
        }
    )

    line, best = distance_curve_figure(curve).data

    np.testing.assert_allclose(line.error_y.array, [1.0, 1.0])
    np.testing.assert_allclose(line.error_y.arrayminus, [1.0, 0.5])
    assert list(best.x) == [1.0]


def test_the_plotly_curve_has_a_line_for_each_attempt():
    curve = pd.DataFrame({"kimg": [1.0, 2.0, 2.0], "value": [4.0, 9.0, 3.0], "attempt": [0, 0, 1]})

    lines = distance_curve_figure(curve).data

    assert [(line.name, list(line.x)) for line in lines] == [
        ("distance", [1.0, 2.0]),
        ("distance, restart 1", [2.0]),
    ]


def test_the_plotly_confusion_has_truth_in_rows():
    assert [list(row) for row in confusion_figure(_CONFUSION, "c").data[0].z] == [
        [30, 20],
        [10, 40],
    ]

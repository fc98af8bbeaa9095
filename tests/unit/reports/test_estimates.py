import numpy as np
import pandas as pd
import pytest

from cosmop.reports.estimates import (
    Estimate,
    as_estimate,
    flatten_metrics,
    format_cell,
    format_estimate,
    format_number,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2100, "2,100"),
        (np.int64(12), "12"),
        (0.91234, "0.912"),
        (1.0, "1.000"),
        (0.0, "0.000"),
        (46.06, "46.06"),
        (207.25, "207.2"),
        (12345.6, "12,346"),
        (0.00042, "0.00042"),
        (float("nan"), "–"),
        (None, "–"),
    ],
)
def test_a_number_is_written_with_three_or_four_digits(value, expected):
    assert format_number(value) == expected


def test_an_estimate_is_written_with_interval_and_n():
    raw = {"value": 0.912, "low": 0.884, "high": 0.934, "n": 312}

    assert format_estimate(raw) == "0.912 [0.884, 0.934] n=312"


def test_an_estimate_leaves_out_what_is_not_known():
    assert format_estimate({"value": 0.912, "low": None, "high": None, "n": None}) == "0.912"


@pytest.mark.parametrize(
    ("estimate", "expected"),
    [
        (Estimate(0.002, -0.018, 0.022), "0.002 [-0.018, 0.022]"),
        (Estimate(0.0012, 0.0010, 0.0014), "0.0012 [0.0010, 0.0014]"),
        (Estimate(0.994, 0.91, 1.09), "0.99 [0.91, 1.09]"),
        (Estimate(7, 2.5, 9.25), "7 [2.50, 9.25]"),
    ],
)
def test_a_value_has_no_more_digits_than_its_interval(estimate, expected):
    assert format_estimate(estimate) == expected


def test_value_and_ends_have_the_same_decimals():
    assert format_estimate(Estimate(36.8, 9.125, 104.5)) == "36.8 [9.1, 104.5]"


@pytest.mark.parametrize("raw", [None, True, "0.5", float("inf"), {"value": None}, {"tp": 3}])
def test_what_is_not_a_number_is_not_an_estimate(raw):
    assert as_estimate(raw) is None


@pytest.mark.parametrize(
    ("raw", "expected"),
    [(np.bool_(True), "yes"), (False, "no"), ("text", "text"), (pd.NA, "–"), (np.nan, "–")],
)
def test_a_cell_can_hold_anything(raw, expected):
    assert format_cell(raw) == expected


def test_flattening_stops_at_estimates_and_keeps_the_order():
    metrics = {"b": {"recall": {"value": 0.5}, "name": "x"}, "a": 3}

    expected = [(("b", "recall"), {"value": 0.5}), (("b", "name"), "x"), (("a",), 3)]
    assert list(flatten_metrics(metrics)) == expected


@pytest.mark.parametrize(("low", "expected"), [(0.79, True), (0.81, False)])
def test_intervals_overlap_when_they_share_a_value(low, expected):
    first, second = Estimate(0.7, 0.6, 0.8), Estimate(0.9, low, 0.95)

    assert first.overlaps(second) is second.overlaps(first) is expected

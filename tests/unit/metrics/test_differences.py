"""Differences of figures: published numbers, the normal case in closed form, and coverage."""

import math

import numpy as np
import pytest

from cosmop.errors import InputError
from cosmop.metrics.differences import difference
from cosmop.metrics.intervals import NORMAL_975, Interval, wilson


def normal(value: float, deviation: float, n: int = 100) -> Interval:
    half = NORMAL_975 * deviation
    return {"value": value, "low": value - half, "high": value + half, "n": n}


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((10, 10), (0, 20), 0.6791, 1.0000),
        ((10, 10), (0, 10), 0.6075, 1.0000),
    ],
)
def test_two_shares_have_newcombes_interval(
    first: tuple[int, int], second: tuple[int, int], low: float, high: float
) -> None:
    """Newcombe (1998), table II, method 10."""
    got = difference(wilson(*first), wilson(*second))

    assert (got["low"], got["high"]) == pytest.approx((low, high), abs=1e-4)


def test_normal_figures_have_the_normal_interval() -> None:
    got = difference(normal(5.0, 3.0, n=7), normal(2.0, 4.0))

    assert got == pytest.approx(normal(3.0, math.hypot(3.0, 4.0), n=7))


def test_turning_the_figures_round_turns_the_interval_round() -> None:
    a: Interval = {"value": 1.0, "low": 0.5, "high": 4.0, "n": 3}
    b: Interval = {"value": 2.0, "low": 1.9, "high": 2.5, "n": 3}
    there, back = difference(a, b), difference(b, a)

    assert [there["value"], there["low"], there["high"]] == pytest.approx(
        [-back["value"], -back["high"], -back["low"]]
    )


def test_the_truth_lies_inside_in_about_95_of_100_studies(chance: np.random.Generator) -> None:
    hits = 0
    for a, b in zip(chance.binomial(80, 0.8, 2000), chance.binomial(60, 0.55, 2000), strict=True):
        got = difference(wilson(int(a), 80), wilson(int(b), 60))
        hits += got["low"] <= 0.25 <= got["high"]

    assert 0.93 <= hits / 2000 <= 0.975


@pytest.mark.parametrize("value", [math.nan, 3.0])
def test_a_figure_outside_its_interval_is_refused(value: float) -> None:
    wrong: Interval = {"value": value, "low": 0.0, "high": 1.0, "n": 1}

    with pytest.raises(InputError, match="within their own finite intervals"):
        difference(wrong, normal(0.0, 1.0))

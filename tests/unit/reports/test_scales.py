import math

import numpy as np
import pytest

from cosmop.reports.scales import Scale, fit_scale, format_tick


@pytest.mark.parametrize("is_log", [False, True])
def test_the_ends_of_a_scale_are_zero_and_one(is_log):
    scale = Scale(2.0, 50.0, is_log)

    assert (scale.share(2.0), scale.share(50.0)) == (0.0, 1.0)


def test_the_geometric_mean_is_the_middle_of_a_logarithmic_scale():
    assert Scale(1.0, 100.0, is_log=True).share(10.0) == pytest.approx(0.5)


def test_values_outside_a_scale_stay_at_its_ends():
    assert (Scale(0.0, 1.0).share(-3.0), Scale(0.0, 1.0).share(7.0)) == (0.0, 1.0)


@pytest.mark.parametrize("seed", range(20))
def test_ticks_are_few_ascending_and_inside(seed):
    rng = np.random.default_rng(seed)
    low = float(10 ** rng.uniform(-3, 3))
    scale = fit_scale([low, low * 10 ** rng.uniform(0.01, 4)])

    ticks = scale.ticks()

    assert 2 <= len(ticks) <= 12
    assert ticks == sorted(set(ticks))
    slack = 1e-9 * scale.high
    assert all(scale.low - slack <= tick <= scale.high + slack for tick in ticks)


def test_linear_ticks_are_round():
    assert Scale(0.0, 1.0).ticks(4) == [0.0, 0.25, 0.5, 0.75, 1.0]


def test_logarithmic_ticks_are_round():
    assert Scale(0.9, 110.0, is_log=True).ticks(7) == [1, 2, 5, 10, 20, 50, 100]


def test_a_wide_positive_span_is_shown_logarithmically():
    assert fit_scale([1.0, 21.0]).is_log
    assert not fit_scale([1.0, 19.0]).is_log
    assert not fit_scale([-1.0, 100.0]).is_log


@pytest.mark.parametrize("values", [[], [3.0], [0.0, 0.0], [math.nan, 2.0]])
def test_degenerate_values_still_make_a_scale(values):
    scale = fit_scale(values)

    assert scale.low < scale.high


@pytest.mark.parametrize(("value", "expected"), [(15_000.0, "15k"), (0.25, "0.25"), (0.0, "0")])
def test_ticks_are_written_shortly(value, expected):
    assert format_tick(value) == expected

import math

import numpy as np
import pytest
from scipy.stats import binomtest

from cosmop.errors import InputError
from cosmop.metrics.frechet import frechet_from_features, frechet_interval
from cosmop.metrics.intervals import bootstrap, wilson


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (3, 10), (10, 10), (703, 866), (1, 1)])
def test_wilson_agrees_with_scipy(successes, n):
    expected = binomtest(successes, n).proportion_ci(0.95, method="wilson")
    interval = wilson(successes, n)

    assert (interval["low"], interval["high"]) == pytest.approx((expected.low, expected.high))
    assert (interval["value"], interval["n"]) == (successes / n, n)


def test_a_share_of_nothing_is_unknown():
    interval = wilson(0, 0)

    assert math.isnan(interval["value"])
    assert (interval["low"], interval["high"], interval["n"]) == (0, 1, 0)


def test_more_successes_than_cases_are_refused():
    with pytest.raises(InputError, match="got 3 of 2"):
        wilson(3, 2)


def test_a_bootstrap_of_the_mean_is_as_wide_as_the_standard_error():
    x = np.random.default_rng(0).standard_normal(400)
    interval = bootstrap(np.mean, [x], resamples=2000, seed=1)

    expected = 2 * 1.96 * x.std() / 20
    assert interval["high"] - interval["low"] == pytest.approx(expected, rel=0.1)
    assert interval["value"] == x.mean()


def test_a_bootstrap_by_number_gives_row_indices_and_keeps_strata_apart():
    strata = np.array([True] * 3 + [False] * 7)
    interval = bootstrap(lambda rows: strata[rows].sum(), 10, resamples=20, strata=strata)

    assert interval == {"value": 3, "low": 3, "high": 3, "n": 10}


def test_a_bootstrap_refuses_arrays_of_different_lengths_and_no_rows():
    with pytest.raises(InputError, match=r"one length, got \[2, 3\]"):
        bootstrap(np.mean, [np.zeros(2), np.zeros(3)])
    with pytest.raises(InputError, match="at least 1 row"):
        bootstrap(np.mean, 0)


def draw(chance, n, d, spread):
    return chance.standard_normal((n, d)) * spread


@pytest.mark.parametrize(("n", "m", "d"), [(60, 50, 8), (30, 40, 60)])
def test_the_frechet_interval_covers_the_expected_distance_at_its_n(n, m, d):
    chance = np.random.default_rng(0)

    def pair():
        return draw(chance, n, d, 1.0), draw(chance, m, d, 1.4) + 0.3

    expected = np.mean([frechet_from_features(*pair()) for _ in range(300)])
    intervals = [frechet_interval(*pair(), resamples=40, seed=i) for i in range(120)]

    covered = np.mean([i["low"] <= expected <= i["high"] for i in intervals])
    assert covered >= 0.89  # 0.95 promised; 120 intervals give 0.95 ± 0.04


def test_the_plain_bootstrap_would_miss_it():
    chance = np.random.default_rng(0)
    x, y = draw(chance, 60, 30, 1.0), draw(chance, 60, 30, 1.0)
    interval = bootstrap(frechet_from_features, [x, y], resamples=100)

    assert interval["low"] > interval["value"]  # repeated rows look like a collapse


def test_the_interval_of_too_few_images_is_refused():
    with pytest.raises(InputError, match="at least 4 images"):
        frechet_interval(np.zeros((3, 2)), np.zeros((9, 2)))

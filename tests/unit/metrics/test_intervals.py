import math

import numpy as np
import pytest
from scipy.stats import binomtest

from cosmop.errors import InputError
from cosmop.metrics.frechet import frechet_from_features, frechet_interval
from cosmop.metrics.intervals import percentiles, widened, wilson


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


def test_percentiles_of_resampled_means_are_as_wide_as_the_standard_error():
    x = np.random.default_rng(0).standard_normal(400)
    drawn = x[np.random.default_rng(1).integers(400, size=(2000, 400))].mean(axis=1)
    interval = percentiles(float(x.mean()), [*drawn, np.nan], 400)

    expected = 2 * 1.96 * x.std() / 20
    assert interval["high"] - interval["low"] == pytest.approx(expected, rel=0.1)
    assert (interval["value"], interval["n"]) == (x.mean(), 400)


@pytest.mark.parametrize("cases", [1, 5, 400])
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_without_an_exception_the_interval_is_the_exact_one(value, cases):
    interval = widened({"value": value, "low": value, "high": value, "n": 9}, cases)

    exact = binomtest(round(value * cases), cases).proportion_ci(0.95, method="exact")
    assert (interval["low"], interval["high"]) == pytest.approx((exact.low, exact.high))
    assert (interval["value"], interval["n"]) == (value, 9)


def test_a_gain_without_an_exception_may_turn_on_either_side():
    unseen = 1 - 0.025 ** (1 / 10)
    nothing = widened({"value": 0.0, "low": 0.0, "high": 0.0, "n": 10}, 10, (-1, 1))

    assert (nothing["low"], nothing["high"]) == pytest.approx((-unseen, unseen))


def test_an_interval_that_has_a_width_stays_as_it_is():
    interval = {"value": 1.0, "low": 0.99, "high": 1.0, "n": 3}

    assert widened(interval, 3) == interval


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
    rows = chance.integers(60, size=(100, 2, 60))
    drawn = [frechet_from_features(x[of_x], y[of_y]) for of_x, of_y in rows]
    interval = percentiles(frechet_from_features(x, y), drawn, 120)

    assert interval["low"] > interval["value"]  # repeated rows look like a collapse


def test_the_interval_of_too_few_images_is_refused():
    with pytest.raises(InputError, match="at least 4 images"):
        frechet_interval(np.zeros((3, 2)), np.zeros((9, 2)))

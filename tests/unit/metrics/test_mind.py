import math

import numpy as np
import pytest

from cosmop.errors import InputError
from cosmop.metrics.mind import direction_source, equal_sides, mind, mind_interval


def slow_mind(x, y, directions, seed):
    """The definition, direction by direction and image by image."""
    chance = direction_source(seed)
    total = 0.0
    for _ in range(directions):
        u = chance.standard_normal(x.shape[1])
        u /= math.sqrt(u @ u)
        pairs = zip(sorted(x @ u), sorted(y @ u), strict=True)
        total += sum((a - b) ** 2 for a, b in pairs)
    return 3 * x.shape[1] / (len(x) * directions) * total


def sample(seed, n, d=8, spread=1.0, shift=0.0):
    return np.random.default_rng(seed).standard_normal((n, d)) * spread + shift


def test_it_is_the_published_sum_over_directions_and_sorted_images():
    x, y = sample(0, 20), sample(1, 20, shift=0.5)

    assert mind(x, y, 150, seed=3) == pytest.approx(slow_mind(x, y, 150, 3), rel=1e-12)


def test_a_shift_is_three_times_its_squared_length():
    x, shift = sample(0, 50), np.zeros(8)
    shift[:2] = 3, 4

    # one direction gives 3 D (c·u)², of standard deviation √2 · 75 at most: 1.5 % of 20,000
    assert mind(x, x + shift, 20_000) == pytest.approx(75, rel=0.045)


def test_a_shift_in_one_dimension_is_exact_with_any_direction():
    x = sample(0, 50, d=1)

    assert mind(x, x + 2, 1) == pytest.approx(12, rel=1e-12)


def test_a_factor_on_all_features_gives_the_mean_square_of_what_it_moves():
    x = sample(0, 40)
    x -= x.mean(0)

    # sorted pairs differ by 0.1 x·u, and E (x·u)² D = ‖x‖²
    expected = 3 * 0.01 * np.square(x).sum(1).mean()
    assert mind(x, 0.9 * x, 20_000) == pytest.approx(expected, rel=0.02)


def test_a_set_is_at_no_distance_from_itself_in_any_order_and_distance_is_symmetric():
    x, y = sample(0, 30), sample(1, 30)

    assert mind(x, x[::-1]) == pytest.approx(0, abs=1e-24)
    assert mind(x, y) == pytest.approx(mind(y, x), rel=1e-12)


def test_the_number_of_directions_only_adds_to_those_before():
    x, y = sample(0, 30), sample(1, 30)
    first, both = mind(x, y, 128), mind(x, y, 256)

    # blocks of 128: the mean of 256 is between the mean of the first and that of the second half
    assert both == pytest.approx(slow_mind(x, y, 256, 0), rel=1e-12)
    assert first == pytest.approx(slow_mind(x, y, 128, 0), rel=1e-12)


def test_of_the_larger_set_as_many_images_are_drawn():
    x, y = sample(0, 30), sample(1, 70)
    left, right = equal_sides(x, y, seed=5)

    assert left is x
    assert (len(right), len(np.unique(right, axis=0))) == (30, 30)
    assert mind(x, y, 50, seed=5) == pytest.approx(mind(x, right, 50, seed=5), rel=1e-12)
    assert mind_interval(x, y, 50, 10)["n"] == 30


def test_a_shrunken_spread_is_outside_the_interval_of_an_equal_one():
    same = mind_interval(sample(0, 300), sample(1, 300), 100, 50)
    shrunk = mind_interval(sample(0, 300), sample(1, 300, spread=0.8), 100, 50)

    assert 0 <= same["low"] < same["high"] < shrunk["low"]


def test_the_interval_covers_the_expected_value_at_its_n_over_draws_of_directions_too():
    def pair(number):
        return sample(2 * number, 60), sample(2 * number + 1, 60, spread=1.3, shift=0.2)

    expected = np.mean([mind(*pair(i), 60, seed=i) for i in range(1000, 1400)])
    intervals = [mind_interval(*pair(i), 60, 40, seed=i) for i in range(150)]

    covered = np.mean([i["low"] <= expected <= i["high"] for i in intervals])
    assert covered >= 0.90  # 0.95 promised; 150 intervals give 0.95 ± 0.035


def test_directions_do_not_follow_features_that_were_drawn_with_the_same_seed():
    chance = np.random.default_rng(0)
    x, y = chance.standard_normal((300, 60)), chance.standard_normal((300, 60))

    assert mind(x, y, seed=0) == pytest.approx(mind(x, y, seed=1), rel=0.2)


def test_few_directions_widen_the_interval():
    x, y = sample(0, 200), sample(1, 200, shift=0.5)
    few, many = (mind_interval(x, y, directions, 40) for directions in (4, 1000))

    assert few["high"] - few["low"] > 2 * (many["high"] - many["low"])


def test_no_direction_and_too_few_images_are_refused():
    with pytest.raises(InputError, match="at least 1 direction, got 0"):
        mind(sample(0, 5), sample(1, 5), directions=0)
    with pytest.raises(InputError, match="at least 2 images on each side, got 1"):
        mind(sample(0, 1), sample(1, 5))
    with pytest.raises(InputError, match="at least 4 images on each side, got 3"):
        mind_interval(sample(0, 3), sample(1, 5))

import itertools

import numpy as np
import pytest

from cosmop.errors import InputError
from cosmop.metrics.kernel import kernel_distance, kernel_distance_full, kernel_interval


def slow_kernel_distance(x, y):
    """Equation 3 of Bińkowski et al., pair by pair."""

    def k(a, b):
        return (a @ b / len(a) + 1) ** 3

    within = [
        np.mean([k(z[i], z[j]) for i, j in itertools.permutations(range(len(z)), 2)])
        for z in (x, y)
    ]
    return sum(within) - 2 * np.mean([k(a, b) for a in x for b in y])


def sample(seed, n, d=8, shift=0.0):
    return np.random.default_rng(seed).standard_normal((n, d)) + shift


def test_the_full_distance_is_the_published_sum_over_pairs():
    x, y = sample(0, 9), sample(1, 7, shift=0.5)

    assert kernel_distance_full(x, y) == pytest.approx(slow_kernel_distance(x, y), rel=1e-12)


def test_one_subset_of_everything_is_the_full_distance():
    x, y = sample(0, 30), sample(1, 30, shift=0.5)
    distance = kernel_distance(x, y, subsets=3, subset_size=30, seed=4)

    assert distance.mean == pytest.approx(kernel_distance_full(x, y), rel=1e-9)
    assert distance.std == pytest.approx(0, abs=1e-12)


def test_the_distance_is_unbiased_however_few_the_images():
    values = [kernel_distance_full(sample(2 * i, 6), sample(2 * i + 1, 5)) for i in range(2000)]

    standard_error = np.std(values) / np.sqrt(len(values))
    assert abs(np.mean(values)) < 4 * standard_error  # the biased form is off by 3
    assert standard_error < 0.02


def test_subsets_are_the_same_for_the_same_seed():
    x, y = sample(0, 40), sample(1, 50)

    first, again, other = (kernel_distance(x, y, 5, 20, seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_a_shift_is_outside_the_interval_of_no_shift():
    same = kernel_interval(sample(0, 200), sample(1, 200), resamples=50)
    moved = kernel_interval(sample(0, 200), sample(1, 200, shift=0.7), resamples=50)

    assert same["low"] < 0 < same["high"] < moved["low"]


def test_a_subset_larger_than_a_side_is_refused():
    with pytest.raises(InputError, match=r"2 to 9 images .* got 100 of 1000"):
        kernel_distance(sample(0, 20), sample(1, 9))

import numpy as np
import pytest
import scipy.linalg
import torch

from cosmop.errors import InputError
from cosmop.metrics.checks import checked_features
from cosmop.metrics.frechet import (
    _lower_congruence,
    _lower_gram,
    frechet_distance,
    frechet_from_features,
)


def gaussian(seed, n, d):
    return np.random.default_rng(seed).standard_normal((n, d)) @ np.diag(np.linspace(0.2, 2, d))


def slow_frechet(x, y):
    """The published formula, with a general matrix square root."""
    covs = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = scipy.linalg.sqrtm(covs[0] @ covs[1]).real
    shift = np.square(x.mean(0) - y.mean(0)).sum()
    return shift + np.trace(covs[0]) + np.trace(covs[1]) - 2 * np.trace(root)


def test_a_shift_of_the_mean_is_its_squared_length():
    cov = np.cov(gaussian(0, 50, 3), rowvar=False)

    assert frechet_distance([0, 0, 0], cov, [3, 4, 0], cov) == pytest.approx(25, abs=1e-9)


def test_commuting_covariances_give_the_squared_difference_of_their_roots():
    a, b = np.array([1.0, 4.0, 9.0]), np.array([4.0, 4.0, 1.0])
    rotation = scipy.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))[0]
    cov1, cov2 = rotation @ np.diag(a) @ rotation.T, rotation @ np.diag(b) @ rotation.T

    # (1 - 2)² + (2 - 2)² + (3 - 1)² = 5
    assert frechet_distance(np.zeros(3), cov1, np.zeros(3), cov2) == pytest.approx(5, abs=1e-9)


def test_singular_covariances_take_the_eigenvector_route_and_stay_exact():
    cov1, cov2 = np.diag([4.0, 0.0, 0.0]), np.diag([1.0, 9.0, 0.0])

    # (2 - 1)² + (0 - 3)² = 10
    assert frechet_distance(np.zeros(3), cov1, np.zeros(3), cov2) == pytest.approx(10, abs=1e-9)


@pytest.mark.parametrize(
    ("n", "m", "d"), [(200, 300, 20), (300, 40, 20), (15, 300, 20), (10, 12, 20), (20, 20, 20)]
)
def test_features_agree_with_the_published_formula_at_every_rank(n, m, d):
    x, y = gaussian(0, n, d), gaussian(1, m, d) + 0.3

    # the published way is itself off by about 1e-8 per zero eigenvalue
    assert frechet_from_features(x, y) == pytest.approx(slow_frechet(x, y), abs=1e-5)


def test_features_and_statistics_agree_where_both_are_exact():
    x, y = gaussian(0, 400, 30), gaussian(1, 500, 30)
    statistics = [
        f(z, **k) for z in (x, y) for f, k in ((np.mean, {"axis": 0}), (np.cov, {"rowvar": False}))
    ]

    assert frechet_from_features(x, y) == pytest.approx(frechet_distance(*statistics), rel=1e-10)


def test_a_set_has_no_distance_to_itself_and_the_distance_is_symmetric():
    x, y = gaussian(0, 40, 60), gaussian(1, 50, 60)

    assert frechet_from_features(x, x) == pytest.approx(0, abs=1e-9)
    assert frechet_from_features(x, y) == pytest.approx(frechet_from_features(y, x), rel=1e-12)


def test_a_rotation_of_both_sides_changes_nothing():
    x, y = gaussian(0, 40, 10), gaussian(1, 50, 10)
    rotation = scipy.linalg.qr(np.random.default_rng(2).standard_normal((10, 10)))[0]

    assert frechet_from_features(x @ rotation, y @ rotation) == pytest.approx(
        frechet_from_features(x, y), rel=1e-9
    )


@pytest.mark.parametrize("sizes", [(90, 60), (70, 14), (300, 200), (90, 80), None])
def test_covariances_that_do_not_commute_give_the_planted_distance(sizes):
    from frechet import planted_pair  # benchmarks/frechet.py

    planted = planted_pair(sizes, 80)

    if planted.features:
        assert frechet_from_features(*planted.features) == pytest.approx(planted.distance, rel=1e-7)
    (mean1, cov1), (mean2, cov2) = planted.statistics
    found = frechet_distance(mean1, cov1, mean2, cov2)
    # a zero eigenvalue that is 1e-16 is 1e-8 under the root
    assert found == pytest.approx(planted.distance, rel=1e-6)


@pytest.mark.parametrize(("n", "m"), [(3, 2), (70, 40), (150, 149), (270, 129)])
def test_products_cut_into_blocks_are_the_whole_products(n, m):
    chance = np.random.default_rng(0)
    x = torch.from_numpy(chance.standard_normal((n, m)))
    factor = torch.from_numpy(np.tril(chance.standard_normal((n, n))))
    symmetric = torch.from_numpy(np.cov(chance.standard_normal((n, 2 * n + 1))))

    torch.testing.assert_close(_lower_gram(x).tril(), (x @ x.T).tril())
    torch.testing.assert_close(
        _lower_congruence(factor, symmetric).tril(), (factor.T @ symmetric @ factor).tril()
    )


def test_constant_features_are_a_point():
    assert frechet_from_features(np.zeros((5, 3)), np.full((9, 3), 2.0)) == pytest.approx(12)


@pytest.mark.parametrize(
    ("x", "y", "said"),
    [
        (np.zeros((0, 3)), np.zeros((5, 3)), "at least 2 images on each side, got 0"),
        (np.zeros((5, 3)), np.zeros((1, 3)), "at least 2 images on each side, got 1"),
        (np.zeros((5, 3)), np.zeros((5, 4)), "got 3 and 4 dimensions"),
        (np.full((5, 3), np.nan), np.zeros((5, 3)), "NaN or infinity in 5 of 5"),
        (np.zeros(5), np.zeros((5, 3)), r"got \[5\]"),
    ],
)
def test_unusable_features_are_refused_in_one_sentence(x, y, said):
    with pytest.raises(InputError, match=said):
        frechet_from_features(x, y)


def test_views_that_run_backwards_and_read_only_features_are_taken():
    x, y = gaussian(0, 9, 4), gaussian(1, 8, 4)
    expected = frechet_from_features(x, y)
    x.setflags(write=False)

    assert frechet_from_features(x[::-1], y) == pytest.approx(expected, rel=1e-12)


def test_numbers_too_large_to_add_are_not_taken_for_broken_ones():
    assert checked_features(np.full((2, 3), 1e308), "This").max() == 1e308


def test_statistics_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match="of one D"):
        frechet_distance(np.zeros(3), np.eye(3), np.zeros(2), np.eye(2))
    with pytest.raises(InputError, match="finite"):
        frechet_distance(np.zeros(2), np.full((2, 2), np.inf), np.zeros(2), np.eye(2))

import numpy as np
import pytest

from cosmop.errors import InputError
from cosmop.metrics.statistics import FeatureStatistics, gather_statistics


def features(n, d=5, seed=0):
    return np.random.default_rng(seed).standard_normal((n, d)) * np.arange(1, d + 1) + 100


def equals(statistics, x):
    assert statistics.count == len(x)
    assert statistics.mean == pytest.approx(x.mean(0), rel=1e-13)
    assert statistics.covariance == pytest.approx(np.cov(x, rowvar=False), rel=1e-10, abs=1e-10)


@pytest.mark.parametrize("size", [1, 7, 64, 200])
def test_batches_of_any_size_give_the_mean_and_covariance_of_all(size):
    x = features(200)

    equals(gather_statistics(x[i : i + size] for i in range(0, 200, size)), x)


def test_shards_merge_in_any_order():
    x = features(60)
    a, b, c = (FeatureStatistics.of(part) for part in (x[:10], x[10:35], x[35:]))

    equals(a.merged(b).merged(c), x)
    equals(c.merged(b.merged(a)), x)


def test_a_large_mean_does_not_eat_the_spread():
    x = features(50) + 1e7
    naive = x.T @ x / 49 - np.outer(x.mean(0), x.mean(0)) * 50 / 49

    gathered = gather_statistics([x[:20], x[20:]]).covariance
    expected = np.cov(x - x.mean(0), rowvar=False)
    assert gathered == pytest.approx(expected, rel=1e-7, abs=1e-7)
    assert np.abs(naive - expected).max() > 1e-2  # the sum of squares, as it should not be done


def test_single_precision_features_are_added_in_double():
    x = features(100).astype(np.float32)

    equals(gather_statistics([x[:50], x[50:]]), x.astype(np.float64))


def test_a_generator_is_read_one_batch_at_a_time():
    alive = []

    def batches():
        for seed in range(3):
            alive.append(seed)
            yield features(10, seed=seed)

    assert gather_statistics(batches()).count == 30
    assert alive == [0, 1, 2]


def test_nothing_one_image_and_other_dimensions_are_refused():
    with pytest.raises(InputError, match="at least 1 batch of features, got none"):
        gather_statistics([])
    with pytest.raises(InputError, match="at least 2 images, got 1"):
        _ = FeatureStatistics.of(features(1)).covariance
    with pytest.raises(InputError, match="got 5 and 4 dimensions"):
        gather_statistics([features(3), features(3, d=4)])
    with pytest.raises(InputError, match="NaN or infinity in 2 of 2"):
        gather_statistics([features(3), np.full((2, 5), np.nan)])

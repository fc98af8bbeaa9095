import numpy as np
import pytest

from cosmop.errors import InputError
from cosmop.metrics.intervals import wilson
from cosmop.metrics.precision_recall import neighbour_radii, prdc, prdc_intervals


def slow_prdc(real, fake, k):
    """The definitions, ball by ball."""

    def distance(a, b):
        return np.sqrt(np.square(a - b).sum())

    def radius(i, points):
        return sorted(distance(points[i], p) for j, p in enumerate(points) if j != i)[k - 1]

    real_radii = [radius(i, real) for i in range(len(real))]
    fake_radii = [radius(i, fake) for i in range(len(fake))]
    inside = np.array(
        [[distance(r, f) <= rr for f in fake] for r, rr in zip(real, real_radii, strict=True)]
    )
    inside_fake = np.array(
        [[distance(r, f) <= fr for f, fr in zip(fake, fake_radii, strict=True)] for r in real]
    )
    return {
        "precision": inside.any(0).mean(),
        "recall": inside_fake.any(1).mean(),
        "density": inside.sum() / (k * len(fake)),
        "coverage": inside.any(1).mean(),
    }


def cloud(seed, n, d=4, spread=1.0):
    return np.random.default_rng(seed).standard_normal((n, d)) * spread


@pytest.mark.parametrize("k", [1, 3, 5])
def test_all_four_agree_with_their_definitions(k):
    real, fake = cloud(0, 30), cloud(1, 25, spread=0.8)

    assert prdc(real, fake, k) == pytest.approx(slow_prdc(real, fake, k))


def test_known_radii_of_the_real_images_change_nothing():
    real, fake = cloud(0, 40), cloud(1, 30, spread=0.8)
    radii = neighbour_radii(real, 3)

    distances = np.sqrt(np.square(real[:, None] - real[None]).sum(2))
    assert radii == pytest.approx(np.sort(distances, axis=1)[:, 3])
    assert prdc(real, fake, 3, radii) == prdc(real, fake, 3)
    assert prdc(real, fake, 3, 2 * radii)["coverage"] > prdc(real, fake, 3)["coverage"]


def test_a_tight_cluster_inside_the_data_is_precise_but_recalls_little():
    result = prdc(cloud(0, 300), cloud(1, 300, spread=0.05), k=3)

    assert result["precision"] > 0.95
    assert result["recall"] < 0.05


def test_swapping_real_and_generated_swaps_precision_and_recall():
    real, fake = cloud(0, 50), cloud(1, 60, spread=0.5)
    there, back = prdc(real, fake, 3), prdc(fake, real, 3)

    assert there["precision"] == back["recall"]
    assert there["recall"] == back["precision"]


def test_copies_are_perfect_and_a_far_cloud_is_nothing():
    real = cloud(0, 40)

    assert prdc(real, real, 3) == pytest.approx(
        {"precision": 1, "recall": 1, "density": slow_prdc(real, real, 3)["density"], "coverage": 1}
    )
    assert set(prdc(real, real + 100, 3).values()) == {0.0}


def test_too_few_images_for_k_and_a_senseless_k_are_refused():
    with pytest.raises(InputError, match="at least 4 images on each side, got 3"):
        prdc(cloud(0, 3), cloud(1, 30), k=3)
    with pytest.raises(InputError, match="k of at least 1, got 0"):
        prdc(cloud(0, 3), cloud(1, 30), k=0)


def test_a_share_of_one_still_has_an_interval():
    real = cloud(0, 40)
    intervals = prdc_intervals(real, real, 3, resamples=20)

    assert intervals["coverage"]["value"] == intervals["coverage"]["high"] == 1
    assert intervals["coverage"]["low"] <= wilson(40, 40)["low"] < 0.913
    assert set(intervals) == {"precision", "recall", "density", "coverage"}


def test_the_intervals_cover_the_expected_shares_at_their_n():
    def pair(number):
        return cloud(2 * number, 60, d=10), cloud(2 * number + 1, 80, d=10, spread=0.8)

    drawn = [prdc(*pair(i), 5) for i in range(1000, 1300)]
    intervals = [prdc_intervals(*pair(i), 5, 40, seed=i) for i in range(120)]

    for name in ("recall", "coverage", "precision"):
        expected = np.mean([one[name] for one in drawn])
        covered = np.mean([i[name]["low"] <= expected <= i[name]["high"] for i in intervals])
        assert covered >= 0.89, name  # 0.95 promised; 120 intervals give 0.95 ± 0.04


def test_an_interval_needs_halves_with_more_than_k_images():
    with pytest.raises(InputError, match="at least 8 images on each side, got 7"):
        prdc_intervals(cloud(0, 7), cloud(1, 30), k=3)

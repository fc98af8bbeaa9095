"""Planted copies are noticed, fresh draws from the same distribution are not."""

import numpy as np
import pytest
from numpy.typing import NDArray

from cosmop.errors import InputError
from cosmop.metrics.frechet import frechet_from_features
from cosmop.metrics.nearest import copying

Features = NDArray[np.float64]


def slow_nearest(queries: Features, targets: Features) -> list[float]:
    return [min(float(np.linalg.norm(q - t)) for t in targets) for q in queries]


def test_fresh_draws_are_as_far_as_unseen_images(chance: np.random.Generator) -> None:
    training, unseen, fresh = (chance.normal(size=(count, 8)) for count in (600, 400, 2000))

    measured = copying(training, fresh, unseen)

    # 400 unseen images: the ratio's error is 2 %, and the share's at most 0.01 with the quantile's.
    assert measured["nearest_ratio"] == pytest.approx(1, abs=0.06)
    assert measured["copied_share"] < 0.04


def test_planted_copies_are_counted_and_a_copyist_with_the_best_distance_is_noticed(
    chance: np.random.Generator,
) -> None:
    training, unseen, fresh = (chance.normal(size=(count, 8)) for count in (600, 400, 450))
    copies = training[:150] + chance.normal(0, 1e-3, (150, 8))

    some = copying(training, np.concatenate([fresh, copies]), unseen)
    all_copied = copying(training, training + 1e-3, unseen)

    clean = copying(training, fresh, unseen)["copied_share"]
    assert some["copied_share"] == pytest.approx(0.25 + 0.75 * clean)
    assert all_copied["copied_share"] == 1
    assert all_copied["nearest_ratio"] < 0.01
    assert frechet_from_features(training, training + 1e-3) < frechet_from_features(training, fresh)


def test_medians_and_quantiles_are_those_of_numpy(chance: np.random.Generator) -> None:
    training, unseen, fresh = (chance.normal(size=(count, 2)) for count in (20, 30, 41))

    measured = copying(training, fresh, unseen)

    for name, queries in (("nearest", fresh), ("nearest_unseen", unseen)):
        distances = slow_nearest(queries, training)
        assert measured[f"{name}_median"] == pytest.approx(np.median(distances))
        assert measured[f"{name}_p05"] == pytest.approx(np.quantile(distances, 0.05))


def test_without_unseen_images_only_the_distances_are_told(chance: np.random.Generator) -> None:
    features = chance.normal(size=(20, 2))

    assert copying(features, features).keys() == {"nearest_median", "nearest_p05"}


def test_features_of_another_extractor_are_refused() -> None:
    with pytest.raises(InputError, match=r"from one extractor, got \[\[4, 3\]\] and \[4, 2\]"):
        copying(np.zeros((4, 3)), np.zeros((4, 2)))

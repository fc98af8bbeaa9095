"""A judge measures generated images with fixed seeds and names what it measured with."""

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from cosmop.errors import InputError
from cosmop.metrics.frechet import frechet_from_features
from cosmop.metrics.judging import (
    Judge,
    distance_name,
    floor_between_halves,
    kernel_name,
    measure_distances,
)
from cosmop.metrics.options import DistanceOptions, JudgingOptions
from cosmop.metrics.precision_recall import prdc

OPTIONS = JudgingOptions(images=32, neighbours=3, resamples=10)


class MeanColours:
    """Features with a meaning one can see: the mean of each channel, and its spread."""

    name = "mean_colours"
    checksum = "0" * 64

    def extract_array(self, images_NHWC: NDArray[np.uint8]) -> NDArray[np.float32]:
        pixels = images_NHWC.astype(np.float32)
        return np.concatenate([pixels.mean(axis=(1, 2)), pixels.std(axis=(1, 2))], axis=1)


def draw(chance: np.random.Generator, count: int, brightness: float = 0.0) -> NDArray[np.uint8]:
    base = chance.normal(100 + brightness, 20, (count, 1, 1, 3))
    return np.clip(base + chance.normal(0, 10, (count, 8, 8, 3)), 0, 255).astype(np.uint8)


def test_a_brighter_set_is_further_away_than_the_floor(chance: np.random.Generator) -> None:
    judge = Judge(MeanColours(), draw(chance, 200), OPTIONS)

    near, far = judge.measure(draw(chance, 200)), judge.measure(draw(chance, 200, brightness=60))

    assert far["distance"]["low"] > near["distance"]["high"]
    assert near["distance"]["value"] < 5 * near["floor"]
    assert far["kernel_distance"]["value"] > near["kernel_distance"]["value"]
    assert far["recall"] < near["recall"]


def test_the_distance_is_that_of_the_features(chance: np.random.Generator) -> None:
    real, fake = draw(chance, 40), draw(chance, 32, brightness=10)

    measured = Judge(MeanColours(), real, OPTIONS).measure(fake)

    extract = MeanColours().extract_array
    expected = frechet_from_features(extract(real), extract(fake))
    assert measured["distance"]["value"] == pytest.approx(expected)
    assert measured["name"] == "fd_mean_colours"


def test_what_a_judge_keeps_of_the_real_images_changes_no_later_judgement(
    chance: np.random.Generator,
) -> None:
    real, options = draw(chance, 40), JudgingOptions(images=32, neighbours=5, resamples=10)
    judge = Judge(MeanColours(), real, options)
    extract = MeanColours().extract_array

    for count, neighbours in ((32, 5), (5, 4), (32, 5)):
        fake = draw(chance, count, brightness=10)
        measured = judge.measure(fake)
        expected = prdc(extract(real), extract(fake), neighbours)
        assert {name: measured[name] for name in expected} == expected
        assert measured == Judge(MeanColours(), real, options).measure(fake)


def test_greyscale_images_are_judged_as_the_same_pictures_in_three_equal_channels(
    chance: np.random.Generator,
) -> None:
    real, fake = draw(chance, 12)[..., :1], draw(chance, 12, brightness=30)[..., :1]
    grey = Judge(MeanColours(), real, JudgingOptions(images=12))
    colour = Judge(MeanColours(), real.repeat(3, axis=3), JudgingOptions(images=12))

    assert grey.measure(fake) == colour.measure(fake.repeat(3, axis=3))


def test_fid_and_kid_are_said_only_of_the_2015_inception() -> None:
    assert distance_name("inception_v3_2015") == "fid"
    assert distance_name("resnet50") == "fd_resnet50"
    assert distance_name("inception_v3_2015_bfloat16") == "fd_inception_v3_2015_bfloat16"
    assert kernel_name("inception_v3_2015") == "kid"
    assert kernel_name("resnet50") == "kd_resnet50"


def test_seeds_are_fixed_and_far_from_those_of_the_delivered_set() -> None:
    judge = Judge(MeanColours(), np.zeros((8, 4, 4, 3), np.uint8), OPTIONS)

    assert len(set(judge.seeds)) == OPTIONS.images
    assert min(judge.seeds) > 100_000


def test_the_fingerprint_tells_extractors_and_options_apart() -> None:
    real = np.zeros((8, 4, 4, 3), np.uint8)
    other = MeanColours()
    other.checksum = "1" * 64

    prints = {
        Judge(MeanColours(), real, OPTIONS).fingerprint,
        Judge(other, real, OPTIONS).fingerprint,
        Judge(MeanColours(), real, JudgingOptions(images=33)).fingerprint,
        Judge(MeanColours(), real, OPTIONS, np.arange(8) == 3).fingerprint,
    }

    assert len(prints) == 4


def test_copies_of_the_training_images_are_told_from_copies_of_the_held_out(
    chance: np.random.Generator,
) -> None:
    real = draw(chance, 200)
    held_out = np.arange(200) % 4 == 0
    judge = Judge(MeanColours(), real, OPTIONS, held_out)

    copied, drawn = judge.measure(real[~held_out]), judge.measure(draw(chance, 150))
    nearest = judge.measure(real[held_out])

    assert (copied["copied_share"], copied["nearest_median"]) == (1, pytest.approx(0, abs=1e-4))
    assert drawn["copied_share"] < 0.2
    assert nearest["nearest_ratio"] == pytest.approx(1)
    assert "copied_share" not in Judge(MeanColours(), real, OPTIONS).measure(real)


@pytest.mark.parametrize("marks", [np.zeros(7, bool), np.ones(8, bool)])
def test_marks_that_do_not_fit_the_images_are_refused(marks: NDArray[np.bool_]) -> None:
    with pytest.raises(InputError, match="one mark for each of 8 real images"):
        Judge(MeanColours(), np.zeros((8, 4, 4, 3), np.uint8), OPTIONS, marks)


def test_three_images_are_too_few_to_judge_by() -> None:
    with pytest.raises(InputError, match="at least 8 real images, got 3"):
        Judge(MeanColours(), np.zeros((3, 4, 4, 3), np.uint8), OPTIONS)


def test_the_floor_is_the_distance_between_halves_of_one_set(chance: np.random.Generator) -> None:
    features = chance.normal(size=(400, 3)).astype(np.float32)

    assert floor_between_halves(features, 0) < 0.1
    assert floor_between_halves(features, 0) == floor_between_halves(features, 0)


def test_the_comparison_names_its_extractor_and_both_sides(chance: np.random.Generator) -> None:
    train, test, synthetic = (
        chance.normal(size=(count, 4)).astype(np.float32) for count in (60, 30, 50)
    )

    distances = measure_distances(
        train,
        test,
        synthetic + 3,
        extractor={"name": "inception_v3_2015", "checksum": "0", "dimensions": 4},
        options=DistanceOptions(resamples=10, neighbours=20, directions=20),
    )

    assert (distances["name"], distances["kernel_name"]) == ("fid", "kid")
    assert distances["extractor"]["checksum"] == "0"
    assert distances["neighbours"] == {"to_test": 14, "to_training": 20}  # halves of 30 have 14
    for key, n_real in (("to_training", 60), ("to_test", 30)):
        assert distances[key]["distance"]["n_real"] == n_real
        assert distances[key]["distance"]["n_generated"] == 50
        assert all(distances[key][name]["is_beyond_floor"] for name in ("mind", "kernel_distance"))
    json.dumps(distances, allow_nan=False)


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_too_few_images_of_a_kind_are_refused_with_all_counts(count: int) -> None:
    features = {"train": 9, "test": count, "synthetic": 9}
    with pytest.raises(InputError, match=f"'training': 9, 'test': {count}, 'synthetic': 9"):
        measure_distances(
            **{name: np.zeros((n, 4), np.float32) for name, n in features.items()},
            extractor={"name": "x"},
            options=DistanceOptions(),
        )

"""Planted truths: what is wrong with a generator is said by the measure that should, alone."""

import json

import numpy as np
import pytest

from cosmop.errors import InputError
from cosmop.metrics.frechet import frechet_from_features
from cosmop.metrics.kernel import kernel_distance_full
from cosmop.metrics.mind import mind
from cosmop.metrics.options import DistanceOptions
from cosmop.metrics.precision_recall import prdc
from cosmop.metrics.real_floor import measures_with_floor, usable_neighbours
from cosmop.metrics.subsets import draw_rows

OPTIONS = DistanceOptions(resamples=40, directions=100)
IMAGES, DIMENSIONS, SEEDS = 700, 64, 5
ALL = {"kernel_distance", "mind", "recall", "coverage", "precision", "density", "distance"}
SPECTRUM = np.arange(1, DIMENSIONS + 1) ** -0.15


def draw(chance, count=IMAGES, group_share=0.0):
    """A cloud in the middle; some of it in a group to one side, at eight deviations."""
    x = chance.standard_normal((count, DIMENSIONS)) * SPECTRUM
    x[chance.random(count) < group_share, 0] += 8
    return x


def perfect(chance):
    return draw(chance), draw(chance)


def shrunken(chance):
    return draw(chance), 0.9 * draw(chance)


def shifted(chance):
    return draw(chance), draw(chance) + 0.1 * SPECTRUM


def without_a_group(chance):
    return draw(chance, group_share=0.25), draw(chance)


def with_copies(chance):
    real, generated = draw(chance), draw(chance)
    generated[: IMAGES // 20] = real[: IMAGES // 20]
    return real, generated


@pytest.mark.parametrize(
    ("planted", "noticed_by", "may_notice"),
    [
        (perfect, set(), set()),
        (shrunken, {"mind", "recall"}, {"distance"}),
        (shifted, {"kernel_distance", "mind"}, {"distance"}),
        (without_a_group, {"kernel_distance", "mind", "recall", "coverage"}, {"distance"}),
        (with_copies, set(), set()),
    ],
)
def test_a_planted_fault_is_noticed_by_the_measures_that_should_and_no_other(
    planted, noticed_by, may_notice
):
    beyond = [
        name
        for seed in range(SEEDS)
        for name, measure in measures_with_floor(
            *planted(np.random.default_rng(seed)), OPTIONS
        ).items()
        if measure["is_beyond_floor"]
    ]
    noticed = {name: beyond.count(name) for name in noticed_by}
    false_alarms = [name for name in beyond if name not in noticed_by | may_notice]

    # 2.5 % promised of each: above 4 of at most 35 has a chance below 1 %
    assert all(count >= SEEDS - 1 for count in noticed.values()), noticed
    assert len(false_alarms) <= 4, false_alarms


def test_the_frechet_distance_takes_copies_for_quality():
    fresh, copied = (planted(np.random.default_rng(1)) for planted in (perfect, with_copies))

    assert frechet_from_features(*copied) < frechet_from_features(*fresh)


def test_a_perfect_generator_is_rarely_called_beyond_its_floor():
    alarms = []
    for seed in range(20):
        chance = np.random.default_rng(seed)
        real, generated = chance.standard_normal((80, 12)), chance.standard_normal((100, 12))
        few = DistanceOptions(resamples=40, directions=50)
        measured = measures_with_floor(real, generated, few)
        alarms += [measure["is_beyond_floor"] for measure in measured.values()]

    # at most 2.5 % promised of each: above 9 of 140 has a chance below 1 %
    assert sum(alarms) <= 9


def test_values_are_those_of_each_measure_with_n_on_both_sides(chance):
    real, generated = chance.standard_normal((60, 8)), chance.standard_normal((40, 8)) + 0.5
    measured = measures_with_floor(real, generated, OPTIONS)

    expected = {
        "kernel_distance": kernel_distance_full(real, generated),
        "mind": mind(real, generated, OPTIONS.directions),
        "distance": frechet_from_features(real, generated),
        **prdc(real, generated, 5),
    }
    assert {k: m["value"] for k, m in measured.items()} == pytest.approx(expected, rel=1e-9)
    assert set(measured) == ALL
    for name, measure in measured.items():
        assert measure["low"] <= measure["value"] <= measure["high"]
        used = (40, 40) if name == "mind" else (60, 40)  # MIND draws as many of the larger set
        assert (measure["n_real"], measure["n_generated"], measure["n"]) == (*used, 40)
        assert measure["floor"]["n"] == measure["at_floor_n"]["n"] == 30


def test_the_floor_is_the_range_of_real_halves(chance):
    real, generated = chance.standard_normal((50, 6)), chance.standard_normal((70, 6))
    rows = draw_rows(50, 50, OPTIONS.resamples, OPTIONS.seed)
    halves = [frechet_from_features(real[r[:25]], real[r[25:]]) for r in rows]

    floor = measures_with_floor(real, generated, OPTIONS)["distance"]["floor"]

    expected = np.quantile(halves, [0.025, 0.5, 0.975])
    assert (floor["low"], floor["value"], floor["high"]) == pytest.approx(tuple(expected))


def test_fewer_generated_images_than_half_the_real_ones_set_the_floors_n(chance):
    real, generated = chance.standard_normal((100, 4)), chance.standard_normal((12, 4))
    measured = measures_with_floor(real, generated, OPTIONS)

    assert {measure["floor"]["n"] for measure in measured.values()} == {12}


@pytest.mark.parametrize(("n", "m"), [(4, 4), (4, 50), (5, 7), (9, 4)])
def test_a_handful_of_images_gets_a_finite_answer(n, m, chance):
    few = DistanceOptions(resamples=10, directions=10)
    measured = measures_with_floor(
        chance.standard_normal((n, 20)), chance.standard_normal((m, 20)), few
    )

    text = json.dumps(measured, allow_nan=False)
    assert set(json.loads(text)) == ALL
    assert usable_neighbours(5, n, m) >= 1
    width = measured["recall"]["high"] - measured["recall"]["low"]
    assert width > 0.4  # four images say next to nothing, and the interval says so


def test_equal_seeds_give_equal_documents(chance):
    real, generated = chance.standard_normal((20, 5)), chance.standard_normal((20, 5))
    few = DistanceOptions(resamples=10, directions=10)

    assert measures_with_floor(real, generated, few) == measures_with_floor(real, generated, few)


def test_a_generator_of_one_image_is_far_and_recalls_nothing(chance):
    measured = measures_with_floor(chance.standard_normal((60, 6)), np.full((60, 6), 0.1), OPTIONS)

    assert measured["recall"]["value"] == 0
    assert {"kernel_distance", "mind", "recall", "coverage", "distance"} <= {
        name for name, measure in measured.items() if measure["is_beyond_floor"]
    }


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_fewer_than_four_images_are_refused(n):
    with pytest.raises(InputError, match=f"at least 4 images on each side, got {n}"):
        measures_with_floor(np.zeros((n, 3)), np.zeros((9, 3)), OPTIONS)


def test_real_features_that_are_all_the_same_are_refused(chance):
    with pytest.raises(InputError, match=r"got 9 identical images; .* check the extractor"):
        measures_with_floor(np.full((9, 3), 0.1), chance.standard_normal((9, 3)), OPTIONS)


def test_values_that_are_not_finite_are_refused():
    with pytest.raises(InputError, match="NaN or infinity in 9 of 9"):
        measures_with_floor(np.full((9, 3), np.nan), np.zeros((9, 3)), OPTIONS)

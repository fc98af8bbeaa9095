"""Planted truths: what a glance at the pixels gives away is found, and nothing else."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from cosmop.errors import InputError
from cosmop.metrics.options import DistanceOptions
from cosmop.metrics.two_sample import pixel_facts, told_apart

OPTIONS = DistanceOptions(resamples=40)


def pictures(chance, count, *, blur=1.0, noise=0.0, tint=0.0, side=24):
    """Soft coloured clouds, uint8 [count, side, side, 3]."""
    clouds = gaussian_filter(chance.normal(size=(count, side, side, 3)), (0, blur, blur, 0))
    shown = 128 + 60 * clouds / clouds.std() + noise * chance.normal(size=clouds.shape)
    shown[..., 0] += tint
    return shown.clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    "planted", [{"noise": 8.0}, {"blur": 1.3}, {"tint": 25.0}, {"noise": 60.0, "blur": 0.1}]
)
def test_noise_blur_and_tint_are_told_apart(planted):
    chance = np.random.default_rng(1)
    real, other = pictures(chance, 120), pictures(chance, 120, **planted)

    found = told_apart(pixel_facts(real), pixel_facts(other), OPTIONS)

    assert found["is_beyond_floor"]
    assert found["low"] > 0.6
    assert found["floor"]["low"] < 0.5 < found["floor"]["high"]


def test_a_perfect_generator_is_rarely_told_apart():
    beyond, values = 0, []
    for seed in range(12):
        chance = np.random.default_rng(seed)
        found = told_apart(
            pixel_facts(pictures(chance, 80, side=16)),
            pixel_facts(pictures(chance, 60, side=16)),
            DistanceOptions(resamples=20),
        )
        beyond += found["is_beyond_floor"]
        values.append(found["value"])

    assert beyond <= 1
    assert abs(np.mean(values) - 0.5) < 0.04


def test_the_judge_is_asked_about_images_it_has_not_learned_from():
    """With more numbers than images, a model that was would tell anything apart."""
    chance = np.random.default_rng(0)
    one, other = chance.normal(size=(40, 300)), chance.normal(size=(40, 300))

    assert told_apart(one, other, OPTIONS)["value"] < 0.7


def test_the_power_spectrum_has_a_wave_in_its_ring():
    side = 32
    for cycles in (3, 9, 14):
        wave = 128 + 100 * np.sin(2 * np.pi * cycles * np.arange(side) / side)
        image = np.broadcast_to(wave, (1, side, side)).astype(np.uint8)[..., None]
        powers = pixel_facts(image)[0, 64:]
        assert len(powers) == 16
        assert abs(int(powers.argmax()) - cycles) <= 1


def test_the_same_seed_gives_the_same_answer_and_both_sides_are_counted():
    chance = np.random.default_rng(3)
    real, other = pixel_facts(pictures(chance, 40)), pixel_facts(pictures(chance, 30))
    found = told_apart(real, other, OPTIONS)

    assert found == told_apart(real, other, OPTIONS)
    assert (found["n_real"], found["n_generated"], found["n"]) == (40, 30, 30)
    assert found["floor"]["n"] == found["at_floor_n"]["n"] == 20


def test_too_few_images_are_one_sentence():
    with pytest.raises(InputError, match="at least 8"):
        told_apart(np.ones((3, 70)), np.ones((9, 70)), OPTIONS)

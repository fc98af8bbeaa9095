import numpy as np
import pytest
import scipy.fft
from PIL import ImageFilter

from cosmop.imaging.phash import low_frequencies
from cosmop.imaging.quality import (
    brightness,
    contrast,
    information,
    sharpness,
    shrink_for_sharpness,
)


def test_information_is_the_median_of_the_orthonormal_terms():
    grey = np.random.default_rng(0).integers(0, 256, (32, 32), dtype=np.uint8)
    terms = scipy.fft.dctn(grey.astype(float), norm="ortho")[:8, :8].ravel()[1:]

    assert information(low_frequencies(grey)) == pytest.approx(np.median(np.abs(terms)))


def test_sharpness_is_the_spread_of_the_laplacian():
    levels = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    laplacian = [
        sum(int(levels[y + dy, x + dx]) for dy, dx in ((0, 1), (0, -1), (1, 0), (-1, 0)))
        - 4 * int(levels[y, x])
        for y in range(1, 63)
        for x in range(1, 63)
    ]

    assert sharpness(levels) == pytest.approx(np.std(laplacian))


def test_blur_lowers_sharpness_step_by_step(draw_scene):
    grey = draw_scene(0).convert("L")

    blurred = [grey.filter(ImageFilter.GaussianBlur(radius)) for radius in (0, 4, 8, 16, 32)]
    values = [float(sharpness(np.asarray(shrink_for_sharpness(image)))) for image in blurred]

    assert values == sorted(values, reverse=True)
    assert values[-1] < values[0] / 4


def test_brightness_is_the_mean_level():
    assert brightness(np.full((32, 32), 77, np.uint8)) == 77


def test_contrast_is_the_spread_of_the_levels():
    levels = np.random.default_rng(0).integers(0, 256, (32, 32), dtype=np.uint8)

    assert contrast(levels) == pytest.approx(np.sqrt(np.mean((levels - levels.mean()) ** 2)))


def test_many_images_at_once_are_measured_like_single_ones():
    chance = np.random.default_rng(0)
    small = chance.integers(0, 256, (5, 32, 32), dtype=np.uint8)
    large = chance.integers(0, 256, (5, 64, 64), dtype=np.uint8)

    for measure, images in ((brightness, small), (contrast, small), (sharpness, large)):
        assert measure(images) == pytest.approx([measure(image) for image in images])
    blocks = low_frequencies(small)
    assert information(blocks) == pytest.approx([information(block) for block in blocks])

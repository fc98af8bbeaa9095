import numpy as np
import pandas as pd
import pytest
import scipy.fft
from PIL import Image, ImageFilter

from cosmop.imaging.phash import HashingOptions, hash_image_set, low_frequencies
from cosmop.imaging.quality import (
    QualityThresholds,
    brightness,
    flag_quality,
    information,
    sharpness,
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

    assert sharpness(Image.fromarray(levels)) == pytest.approx(np.std(laplacian))


def test_blur_lowers_sharpness_step_by_step(draw_scene):
    grey = draw_scene(0).convert("L")

    values = [sharpness(grey.filter(ImageFilter.GaussianBlur(r))) for r in (0, 4, 8, 16, 32)]

    assert values == sorted(values, reverse=True)
    assert values[-1] < values[0] / 4


def test_brightness_is_the_mean_level():
    assert brightness(np.full((32, 32), 77, np.uint8)) == 77


def test_each_fault_raises_its_own_flag(make_image_set, draw_scene, encode):
    scene = draw_scene(0)
    levels = np.asarray(scene)
    faulty = {
        "fine": scene,
        "flat": Image.new("RGB", (320, 240), (120, 120, 120)),
        "dark": Image.fromarray((levels * 0.1).astype(np.uint8)),
        "light": Image.fromarray((255 - (255 - levels) * 0.1).astype(np.uint8)),
        "blurred": scene.filter(ImageFilter.GaussianBlur(30)),
    }
    images = make_image_set({name: encode(image, "PNG") for name, image in faulty.items()})

    flags = flag_quality(hash_image_set(images, HashingOptions()), QualityThresholds())

    expected = pd.DataFrame(
        {
            "is_uninformative": [False, True],
            "is_blurred": [False, True],
            "is_dark": [False, False],
            "is_light": [False, False],
        },
        index=["fine", "flat"],
    )
    by_name = flags.set_index(pd.Index(faulty)).drop(columns="image_id")
    assert by_name.loc[["fine", "flat"]].equals(expected)
    assert by_name.loc["dark", "is_dark"]
    assert by_name.loc["light", "is_light"]
    assert by_name.loc["blurred", "is_blurred"]

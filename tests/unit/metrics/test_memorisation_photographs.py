"""Copies of real photographs are found, whatever was done to them, and fresh ones are not."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from cosmop.imaging.phash import phash
from cosmop.metrics.closeness import Pictures, measure_closeness, only
from cosmop.metrics.copy_marks import (
    apart_from_training,
    mark_held_out,
    mark_images,
    thresholds_of,
)
from cosmop.metrics.memorisation_options import MemorisationOptions
from cosmop.metrics.thumbnails import thumbnails_of

OPTIONS = MemorisationOptions()
COPIED, TRAINED, HELD_OUT, FRESH = 100, 350, 250, 250
SPLITS = 4
SIZE = (128, 128)


def recompress(image: Image.Image) -> Image.Image:
    memory = io.BytesIO()
    image.save(memory, "JPEG", quality=50)
    return Image.open(memory).convert("RGB")


def cut(left: float, top: float, right: float, bottom: float) -> Callable[..., Image.Image]:
    """Cut such shares of the sides off, and resize what is left to the old size."""

    def crop(image: Image.Image) -> Image.Image:
        width, height = image.size
        box = (left * width, top * height, (1 - right) * width, (1 - bottom) * height)
        return image.resize(image.size, Image.Resampling.BICUBIC, box=box)

    return crop


crop_2, crop_5 = cut(*[0.025] * 4), cut(*[0.05] * 4)

COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "exact": lambda image: image,
    "re-encoded": recompress,
    "mirrored": ImageOps.mirror,
    "cropped by 2.5 % on every side": crop_2,
    "cropped by 5 % on every side": crop_5,
    "cropped by 5 % at the left": cut(0.05, 0, 0, 0),
    "cropped by 10 % at the left and the top": cut(0.1, 0.1, 0, 0),
    "cropped by 7 % at the right and 8 % at the top": cut(0, 0.08, 0.07, 0),
    "all at once": lambda image: recompress(crop_5(ImageOps.mirror(image))),
}


def look_at(name: str, images: list[Image.Image]) -> Pictures:
    """Thumbnails and hashes; as features the mean colours, which a copy shares with others."""
    thumbnails = thumbnails_of(np.stack([np.asarray(image) for image in images]))
    return Pictures(
        [f"{name}{at}" for at in range(len(images))],
        thumbnails.mean(axis=(1, 2)),
        thumbnails,
        np.array([phash(image) for image in images], dtype=np.uint64),
    )


def rows_of(side: Pictures, rows: NDArray[np.int64]) -> Pictures:
    return Pictures(
        [side.ids[row] for row in rows],
        side.features[rows],
        side.thumbnails[rows],
        side.hashes[rows],
    )


@pytest.fixture
def photographs(shared_data: Path) -> list[Image.Image]:
    files = sorted((shared_data / "photos" / "objects1000").glob("*.JPEG"))
    order = np.random.default_rng(0).permutation(len(files))
    images = (Image.open(files[at]).convert("RGB") for at in order)
    return [image.resize(SIZE, Image.Resampling.BICUBIC, reducing_gap=3.0) for image in images]


def test_copies_of_photographs_are_found_and_fresh_ones_are_not(
    photographs: list[Image.Image],
) -> None:
    straight = look_at("t", photographs)
    turned = look_at("t", [ImageOps.mirror(image) for image in photographs])
    copies = {
        name: look_at("c", [change(image) for image in photographs[:COPIED]])
        for name, change in COPIES.items()
    }
    alarms, controls = [], []
    for seed in range(SPLITS):
        others = COPIED + np.random.default_rng(seed).permutation(len(photographs) - COPIED)
        trained, held_out, fresh, _ = np.split(others, np.cumsum([TRAINED, HELD_OUT, FRESH]))
        trained = np.concatenate([np.arange(COPIED), trained])
        bank = rows_of(straight, trained), rows_of(turned, trained)
        real = measure_closeness(rows_of(straight, held_out), *bank)
        apart = only(real, apart_from_training(real, OPTIONS.phash_radius_bits))
        _, thresholds = thresholds_of(apart, OPTIONS.quantile)

        def found(side: Pictures, bank=bank, thresholds=thresholds) -> float:
            seen = measure_closeness(side, *bank)
            return float(mark_images(seen, thresholds, OPTIONS.phash_radius_bits).found.mean())

        assert {name: found(side) for name, side in copies.items() if found(side) < 0.98} == {}
        alarms.append(found(rows_of(straight, fresh)))
        controls.append(mark_held_out(real, OPTIONS).found.mean())
    assert np.mean(alarms) <= 0.02
    assert abs(np.mean(controls) - np.mean(alarms)) <= 0.01

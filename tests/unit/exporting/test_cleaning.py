"""What is handed on shows the same picture, upright, and says nothing else."""

import io
import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from cosmop.exporting.cleaning import clean_image
from tests.unit.exporting.conftest import SECRETS, jpeg, png, webp


def pixels(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


def assert_silent(content: bytes) -> None:
    assert [secret for secret in SECRETS if secret in content] == []
    with Image.open(io.BytesIO(content)) as image:
        image.load()
        assert dict(image.getexif()) == {}
        assert set(image.info) <= {
            "jfif", "jfif_version", "jfif_unit", "jfif_density", "icc_profile", "dpi",
            "progressive", "progression", "adobe", "adobe_transform", "transparency",
        }  # fmt: skip


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}])
def test_an_upright_jpeg_loses_its_notes_and_no_pixel(picture, options) -> None:
    content = jpeg(picture(), **options)
    assert all(secret in content for secret in (b"SECRET", b"2026:01:02"))

    clean = clean_image(content, "jpg")

    assert_silent(clean.content)
    assert np.array_equal(pixels(clean.content), pixels(content))
    assert (clean.is_encoded_again, clean.extension) == (False, "jpg")
    with Image.open(io.BytesIO(clean.content)) as image:
        assert image.info["icc_profile"]


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_grey_and_print_colours_stay_as_they_are(picture, mode) -> None:
    content = jpeg(picture().convert(mode), icc_profile=None)

    clean = clean_image(content, "jpg")

    assert np.array_equal(pixels(clean.content), pixels(content))
    assert Image.open(io.BytesIO(clean.content)).mode == mode


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_jpeg_on_its_side_is_turned(picture, orientation) -> None:
    content = jpeg(picture(), orientation)

    clean = clean_image(content, "jpg")

    assert_silent(clean.content)
    assert clean.is_encoded_again
    upright = pixels(content)
    assert (clean.height, clean.width) == upright.shape[:2]
    error = np.abs(pixels(clean.content).astype(int) - upright)
    assert error.mean() < 1.5  # the loss of one more encoding at quality 95


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L"])
def test_a_png_keeps_every_pixel_turned_or_not(picture, orientation, mode) -> None:
    content = png(picture().convert(mode), orientation)

    clean = clean_image(content, "png")

    assert_silent(clean.content)
    assert np.array_equal(pixels(clean.content), pixels(content))
    assert clean.is_encoded_again == (orientation == 6)


def test_webp_becomes_png_without_loss(picture) -> None:
    content = webp(picture())

    clean = clean_image(content, "webp")

    assert_silent(clean.content)
    assert clean.extension == "png"
    assert np.array_equal(pixels(clean.content), pixels(content))


def test_the_thumbnail_in_a_jfif_header_goes(picture) -> None:
    plain = jpeg(picture(), exif=b"", comment=b"", icc_profile=None)
    start = plain.index(b"JFIF\0") - 4
    thumbnail = b"SECRET\0\0\0"  # three pixels
    header = plain[start + 4 : start + 16] + b"\x03\x01" + thumbnail
    planted = plain[:start] + b"\xff\xe0" + (len(header) + 2).to_bytes(2) + header
    content = planted + plain[start + 18 :]

    assert_silent(clean_image(content, "jpg").content)


def test_cleaning_twice_changes_nothing_more(picture) -> None:
    for content, extension in ((jpeg(picture()), "jpg"), (png(picture()), "png")):
        once = clean_image(content, extension)
        assert clean_image(once.content, extension).content == once.content


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # Pillow tells of damaged EXIF
@pytest.mark.parametrize("make", [jpeg, png])
def test_damage_is_a_value_error_or_a_picture_and_nothing_else(picture, make) -> None:
    content, chance = make(picture()), random.Random(0)
    extension = "jpg" if make is jpeg else "png"
    for _ in range(300):
        damaged = bytearray(content[: chance.randrange(1, len(content))])
        damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        try:
            clean = clean_image(bytes(damaged), extension)
        except ValueError:
            continue
        assert b"SECRET" not in clean.content


def test_photographs_keep_their_pixels(shared_data: Path) -> None:
    found = sorted(shared_data.rglob("*.jpg"))[:40]
    if not found:
        pytest.skip(f"no photographs below {shared_data}")
    for path in found:
        content = path.read_bytes()
        clean = clean_image(content, "jpg")
        if not clean.is_encoded_again:
            assert np.array_equal(pixels(clean.content), pixels(content)), path

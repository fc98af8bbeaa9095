"""Images written anew have the size that was asked for, and the colours they had."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

from cosmop.imaging.intake_options import ResizeOptions
from cosmop.imaging.rewriting import write_anew


def rewrite(content, **options):
    resize = ResizeOptions(**options) if options else None
    with Image.open(io.BytesIO(content)) as image:
        return Image.open(io.BytesIO(write_anew(image, resize)))


@pytest.mark.parametrize(
    ("mode", "size", "only_shrunk"),
    [
        ("border", (256, 256), (120, 90)),
        ("keep_ratio_largest", (256, 192), (120, 90)),
        ("keep_ratio", (341, 256), (120, 90)),
        ("center_crop", (256, 256), (120, 90)),
        ("stretch", (256, 256), (120, 90)),
    ],
)
@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_sizes_are_those_of_img2dataset(draw_scene, encode, mode, size, only_shrunk, format):
    large, small = (encode(draw_scene(0, pixels), format) for pixels in ((800, 600), (120, 90)))

    assert rewrite(large, mode=mode).size == size
    assert rewrite(large, mode=mode, only_shrink=True).size == size
    assert rewrite(small, mode=mode).size == size
    assert rewrite(small, mode=mode, only_shrink=True).size == only_shrunk


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK", "RGBA"])
def test_borders_are_white_and_the_picture_lies_in_the_middle(encode, mode):
    content = encode(
        Image.new("RGB", (400, 200), "blue").convert(mode), "PNG" if mode == "RGBA" else "JPEG"
    )

    pixels = np.asarray(rewrite(content, side_px=100).convert("RGB")).astype(int)

    assert pixels.shape == (100, 100, 3)
    assert pixels[[*range(20), *range(80, 100)]].min() > 245
    assert np.ptp(pixels[30:70], axis=(0, 1)).max() < 12
    assert pixels[50, 50].max() < 256 if mode == "L" else pixels[50, 50, 2] > 220


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("mode", ["keep_ratio", "center_crop", "stretch"])
def test_pictures_are_upright_and_look_as_if_shrunk_from_all_pixels(
    draw_scene, encode, mode, orientation
):
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encode(draw_scene(5, (1000, 700)), exif=exif, quality=95)

    found = rewrite(content, mode=mode, side_px=200)

    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
    fit = ImageOps.fit if mode == "center_crop" else Image.Image.resize
    expected = np.asarray(fit(upright, found.size, Image.Resampling.LANCZOS)).astype(int)
    assert np.abs(np.asarray(found) - expected).mean() < 3


def test_transparency_is_laid_on_white(encode):
    content = encode(Image.new("RGBA", (60, 60), (255, 0, 0, 0)), "PNG")

    assert np.asarray(rewrite(content, side_px=32)).min() > 250


def swapped_profile():
    """sRGB with red and green exchanged: who ignores it shows other colours."""
    plain = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = plain.index(b"rXYZ"), plain.index(b"gXYZ")
    plain[red : red + 4], plain[green : green + 4] = b"gXYZ", b"rXYZ"
    return bytes(plain).replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be"))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_a_colour_profile_is_applied(encode, format):
    content = encode(
        Image.new("RGB", (64, 64), (220, 40, 30)), format, icc_profile=swapped_profile()
    )

    red, green, _ = np.asarray(rewrite(content, side_px=64))[32, 32].astype(int)

    assert (red < 60, green > 200) == (True, True)


LAB = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()


@pytest.mark.parametrize("profile", [b"nonsense", bytes(200), LAB], ids=["words", "zeros", "Lab"])
def test_a_profile_that_is_broken_or_of_other_colours_changes_nothing(draw_scene, encode, profile):
    scene = draw_scene(0, (64, 64))

    found, expected = (
        np.asarray(rewrite(encode(scene, **words))) for words in ({"icc_profile": profile}, {})
    )

    assert np.array_equal(found, expected)

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from cosmop.imaging.decoding import (
    DecodingLimits,
    UnreadableImageError,
    decode_rgb,
    fit_image,
    inspect_image,
)

LIMITS = DecodingLimits()
ORIENTATION = 0x0112


def _reason(content, limits=LIMITS):
    with pytest.raises(UnreadableImageError) as caught:
        inspect_image(content, limits)
    return str(caught.value)


@pytest.mark.parametrize(
    ("format", "extension"), [("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp")]
)
def test_facts_come_from_the_content(draw_scene, encode, format, extension):
    facts = inspect_image(encode(draw_scene(0), format), LIMITS)

    assert (facts.extension, facts.width, facts.height) == (extension, 320, 240)


def test_a_photograph_cut_anywhere_is_unreadable(draw_scene, encode):
    content = encode(draw_scene(0))

    for share in (0.01, 0.1, 0.5, 0.9, 0.999):
        assert _reason(content[: int(len(content) * share)])


def test_verify_alone_would_accept_half_a_photograph(draw_scene, encode):
    content = encode(draw_scene(0))
    half = content[: len(content) // 2]

    Image.open(io.BytesIO(half)).verify()
    assert "truncated" in _reason(half)


@pytest.mark.parametrize(
    "content", [b"", b"<html>no image</html>", b"\xff\xd8\xff", b"GIF89a" + bytes(100)]
)
def test_what_is_not_an_image_is_named_so(content):
    assert _reason(content) == "not a JPEG, PNG or WebP image"


@pytest.mark.parametrize("format", ["GIF", "BMP", "TIFF"])
def test_other_formats_are_refused(draw_scene, encode, format):
    assert _reason(encode(draw_scene(0), format)) == "not a JPEG, PNG or WebP image"


@pytest.mark.parametrize(
    ("size", "words"),
    [((31, 100), "smaller than 32 px"), ((1000, 33), "longer than 8 : 1"), ((300, 40), "pixels")],
)
def test_dimensions_outside_the_limits_are_refused(encode, size, words):
    limits = DecodingLimits(max_pixels=11_999) if words == "pixels" else LIMITS

    assert words in _reason(encode(Image.new("RGB", size), "PNG"), limits)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [8_000, 12_000, 20_000])
def test_a_bomb_is_refused_by_its_header(side):
    def chunk(kind, body):
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")

    assert "pixels" in _reason(bomb)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_flipped_bytes_never_raise_anything_else(draw_scene, encode, format):
    content = encode(draw_scene(0, (64, 48)), format)
    rng = np.random.default_rng(0)

    for _ in range(300):
        broken = bytearray(content)
        for at in rng.integers(0, min(len(content), 400), 4):
            broken[at] = rng.integers(0, 256)
        try:
            facts = inspect_image(bytes(broken), LIMITS)
        except UnreadableImageError:
            continue
        assert decode_rgb(bytes(broken)).size == (facts.width, facts.height)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_come_upright_whatever_their_orientation(draw_scene, encode, orientation):
    scene = draw_scene(0)
    backwards = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    lying = scene.transpose(backwards[orientation]) if orientation > 1 else scene
    content = encode(lying, "PNG", exif=exif)

    facts = inspect_image(content, LIMITS)
    assert (facts.width, facts.height) == scene.size
    assert np.array_equal(np.asarray(decode_rgb(content)), np.asarray(scene))


@pytest.mark.filterwarnings("ignore:.*EXIF:UserWarning")  # Pillow says so, and goes on
@pytest.mark.parametrize(
    "exif", [b"Exif\x00\x00garbage", b"Exif\x00\x00MM\x00*\x00\x00\xff\xff", b""]
)
def test_broken_exif_leaves_an_image_as_it_is(draw_scene, encode, exif):
    content = encode(draw_scene(0), exif=exif)

    assert inspect_image(content, LIMITS).width == 320
    assert decode_rgb(content).size == (320, 240)


def test_transparency_is_laid_on_white(encode):
    content = encode(Image.new("RGBA", (40, 40), (255, 0, 0, 0)), "PNG")

    assert np.asarray(decode_rgb(content)).min() == 255


def test_sixteen_bits_keep_their_upper_eight(encode):
    levels = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)

    decoded = np.asarray(decode_rgb(encode(Image.fromarray(levels), "PNG")))

    assert np.array_equal(decoded[..., 0], levels >> 8)


@pytest.mark.parametrize("mode", ["L", "CMYK", "1", "P", "LA"])
def test_every_mode_becomes_rgb(encode, mode):
    content = encode(Image.new(mode, (40, 50)), "JPEG" if mode == "CMYK" else "PNG")

    assert decode_rgb(content).mode == "RGB"


def test_a_phones_pair_of_jpegs_is_a_jpeg(draw_scene, encode):
    content = encode(draw_scene(0), "MPO", save_all=True, append_images=[draw_scene(1)])

    assert inspect_image(content, LIMITS).extension == "jpg"
    assert decode_rgb(content).size == (320, 240)


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_fitting_gives_height_by_width(draw_scene, fit):
    assert fit_image(draw_scene(0), (48, 64), fit).size == (64, 48)


def test_padding_keeps_everything_and_cropping_cuts_the_sides():
    stripes = Image.new("RGB", (300, 100), "red")
    stripes.paste("blue", (100, 0, 200, 100))

    padded = np.asarray(fit_image(stripes, (100, 100), "pad"))
    cropped = np.asarray(fit_image(stripes, (100, 100), "crop"))
    assert padded[0, 50].tolist() == [128, 128, 128]
    assert padded[50, 5].tolist() == [255, 0, 0]
    assert cropped[50, 5].tolist() == [0, 0, 255]


def test_what_is_made_of_a_decoded_image_holds_none_of_its_notes(draw_scene, encode):
    content = encode(draw_scene(0), comment=b"SECRET")

    assert b"SECRET" not in encode(decode_rgb(content))

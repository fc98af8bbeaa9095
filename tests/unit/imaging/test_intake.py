"""A file that is taken in is whole, and measured as if it were hashed later."""

import io
import json
import re
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

from cosmop.imaging.decoding import DecodingLimits, UnreadableImageError, opened_image
from cosmop.imaging.grey_decoding import decode_picture
from cosmop.imaging.hash_rows import HashingOptions, hash_files
from cosmop.imaging.intake import IntakeRow, take_in
from cosmop.imaging.intake_options import IntakeOptions, ResizeOptions
from cosmop.imaging.progressive_jpeg import without_details
from cosmop.imaging.store import ImageStore

OPTIONS = IntakeOptions()
FORMATS = [
    ("JPEG", {}),
    ("JPEG", {"progressive": True}),
    ("PNG", {}),
    ("WEBP", {}),
    ("WEBP", {"lossless": True}),
]
MODES = {
    "JPEG": ("RGB", "L", "1", "CMYK"),
    "PNG": ("RGB", "L", "1", "P", "LA", "RGBA", "I;16"),
    "WEBP": ("RGB", "RGBA"),
}


@pytest.fixture
def store(tmp_path):
    return ImageStore(tmp_path / "images")


@pytest.fixture
def take(tmp_path, store):
    def take(content, options=OPTIONS, owned=True):
        file = tmp_path / "arrival.part"
        file.write_bytes(content)
        row = take_in(file, store, options, owned=owned)
        assert file.exists() != owned
        return row

    return take


def files_below(folder):
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


def png_chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


@pytest.mark.parametrize(("format", "options"), FORMATS)
@pytest.mark.parametrize("owned", [True, False])
def test_the_bytes_lie_in_the_store_beside_a_thumbnail(
    draw_scene, encode, take, store, format, options, owned
):
    content = encode(draw_scene(0, (1200, 800)), format, **options)

    row = take(content, owned=owned)

    assert store.read(row.path) == content
    assert (row.width, row.height, row.bytes) == (1200, 800, len(content))
    assert row.image_id == row.original_sha256 == row.path[3:67]
    assert (row.problem_kind, row.problem) == ("", "")
    with Image.open(store.thumbnail(row.image_id)) as thumbnail:
        assert max(thumbnail.size) == (150 if format == "JPEG" else 160)
    assert IntakeRow.from_json(json.loads(json.dumps(row))) == row


@pytest.mark.parametrize(
    ("format", "options", "mode"),
    [(*format, mode) for format in FORMATS for mode in MODES[format[0]]],
)
@pytest.mark.parametrize("size", [(1203, 797), (500, 375), (60, 90)])
def test_the_hashes_are_those_of_hashing_the_stored_file(
    draw_scene, encode, take, store, mode, format, options, size
):
    scene = draw_scene(3, size)
    if mode == "I;16":
        image = Image.fromarray(np.asarray(scene.convert("L")).astype(np.uint16) * 257)
    else:
        image = scene.convert(mode)

    row = take(encode(image, format, **options))

    (expected,) = hash_files([store.root / row.path], HashingOptions())
    if "first scan" in expected.decoder:
        assert row.hashed.decoder.endswith("scaled to 64 px, all scans")
        bits = int(row.hashed.hashes[0], 16) ^ int(expected.hashes[0], 16)
        assert bits.bit_count() <= 4
    else:
        assert row.hashed._replace(decoder=expected.decoder) == expected
        assert row.hashed.decoder.removesuffix(", all scans") == expected.decoder


@pytest.mark.parametrize("options", [{}, {"scaled_decoding": False}, {"decoded_side_px": 128}])
def test_hashing_options_count(draw_scene, encode, take, store, options):
    hashing = HashingOptions(**options)

    row = take(encode(draw_scene(1, (900, 700))), IntakeOptions(hashing=hashing))

    assert [row.hashed] == hash_files([store.root / row.path], hashing)


def test_hashes_of_photographs_are_those_of_hashing(photo_files, store):
    files = photo_files[::20]

    rows = [take_in(file, store, OPTIONS, owned=False) for file in files]

    assert [row.hashed for row in rows] == hash_files(files, HashingOptions())


def test_a_jpeg_of_red_green_and_blue_is_decoded_as_such(draw_scene, encode, take, store):
    scene = draw_scene(2, (600, 500))
    row = take(encode(scene, keep_rgb=True, quality=95))

    (expected,) = hash_files([store.root / row.path], HashingOptions())
    bits = int(row.hashed.hashes[0], 16) ^ int(expected.hashes[0], 16)
    assert bits.bit_count() <= 2  # libjpeg and Pillow round grey levels differently
    with Image.open(store.thumbnail(row.image_id)) as thumbnail:
        small = np.asarray(scene.resize(thumbnail.size, Image.Resampling.BOX)).astype(int)
        assert np.abs(np.asarray(thumbnail.convert("RGB")) - small).mean() < 6


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_sizes_hashes_and_thumbnails_are_upright(
    draw_scene, encode, take, store, format, orientation
):
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encode(draw_scene(0, (800, 600)), format, exif=exif)

    row = take(content)

    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB")
    assert (row.width, row.height) == upright.size
    assert [row.hashed] == hash_files([store.root / row.path], HashingOptions())
    with Image.open(store.thumbnail(row.image_id)) as thumbnail:
        small = np.asarray(upright.resize(thumbnail.size)).astype(int)
        assert np.abs(np.asarray(thumbnail.convert("RGB")) - small).mean() < 8


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK", "RGBA", "P"])
def test_thumbnails_show_the_picture_and_tell_nothing(draw_scene, encode, take, store, mode):
    scene = draw_scene(0, (800, 600)).convert(mode)
    exif = Image.Exif()
    exif[0x010F] = "SECRET camera"
    kinds = {"exif": exif, "comment": b"SECRET"} if mode in ("RGB", "L", "CMYK") else {"exif": exif}

    row = take(encode(scene, "JPEG" if "comment" in kinds else "PNG", **kinds))

    thumbnail = store.thumbnail(row.image_id).read_bytes()
    assert b"SECRET" in store.read(row.path)
    assert b"SECRET" not in thumbnail
    assert b"Exif" not in thumbnail
    shown = Image.open(io.BytesIO(thumbnail)).convert("RGB")
    small = np.asarray(scene.convert("RGB").resize(shown.size, Image.Resampling.BOX)).astype(int)
    assert np.abs(np.asarray(shown) - small).mean() < 8


@pytest.mark.parametrize("side_px", [0, 400])
def test_no_thumbnail_is_made_where_none_is_wanted_or_needed(
    draw_scene, encode, take, tmp_path, side_px
):
    row = take(encode(draw_scene(0, (800, 600))), IntakeOptions(thumbnail_side_px=side_px))

    assert files_below(tmp_path) == [f"images/{row.path}"]


@pytest.mark.parametrize(("format", "options"), FORMATS)
def test_a_file_that_is_cut_anywhere_is_truncated(
    draw_scene, encode, take, tmp_path, format, options
):
    content = encode(draw_scene(0, (640, 480)), format, **options)
    cuts = [len(content) * part // 16 for part in range(1, 16)]

    for length in (*cuts, len(content) - 2, len(content) - 1):
        row = take(content[:length])
        assert (row.problem_kind, row.problem) == ("truncated", "image file is truncated"), length
        assert row.hashed.problem == row.problem
        assert (row.image_id, row.path, row.bytes) == ("", "", length)
    assert files_below(tmp_path) == []


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", " but an empty file"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", " but an SVG"),
        (b"GIF89a" + bytes(100), " but a GIF"),
        (b"RIFF\x04\0\0\0WEBP", ""),
    ],
)
def test_what_is_not_an_image_is_named_so(take, content, what):
    row = take(content)

    assert row.problem_kind == "not_an_image"
    assert row.problem == f"not a JPEG, PNG or WebP image{what}"


@pytest.mark.parametrize(
    ("size", "kind"),
    [((31, 90), "too_small"), ((900, 100), "too_long_shape"), ((400, 300), "too_many_pixels")],
)
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("resize", [None, ResizeOptions()])
def test_limits_hold_for_what_comes(encode, take, size, kind, format, resize):
    options = IntakeOptions(limits=DecodingLimits(max_pixels=100_000), resize=resize)

    assert take(encode(Image.new("RGB", size), format), options).problem_kind == kind


def test_animations_are_refused_unless_wanted(draw_scene, encode, take):
    frames = [draw_scene(seed) for seed in range(3)]
    animations = [
        encode(frames[0], format, save_all=True, append_images=frames[1:])
        for format in ("PNG", "WEBP")
    ]

    patient = IntakeOptions(limits=DecodingLimits(max_frames=3))

    assert [take(content).problem_kind for content in animations] == ["too_many_frames"] * 2
    assert take(animations[0]).problem == "an animation of 3 frames"
    assert [take(content, patient).problem_kind for content in animations] == [""] * 2


def test_a_phones_pair_of_jpegs_is_a_jpeg(draw_scene, encode, take):
    scenes = [draw_scene(seed, (640, 480)) for seed in range(2)]

    row = take(encode(scenes[0], "MPO", save_all=True, append_images=scenes[1:]))

    assert (row.problem, row.path[-3:], row.width) == ("", "jpg", 640)


def damaged(content, rng):
    """A JPEG in which one thing is wrong: a byte, a marker, a cut, or a piece twice."""
    at = int(rng.integers(2, len(content) - 2))
    markers = [found.start() for found in re.finditer(rb"\xff[\xc0-\xcf\xd8-\xfe]", content)]
    near = int(rng.choice(markers)) + int(rng.integers(0, 24))
    byte = rng.bytes(1)
    return [
        lambda: content[:at] + byte + content[at + 1 :],
        lambda: content[:near] + byte + content[near + 1 :],
        lambda: content[:near] + content[near + 1 :],
        lambda: content[:near] + byte + content[near:],
        lambda: content[:at] + b"\xff\xd9",
        lambda: content[:near] + content[at:],
    ][rng.integers(6)]()


def decoded(content, whole):
    """Brightness at 1/8, from all of a file or as it is taken in; and why there is none."""
    try:
        with opened_image(content, DecodingLimits()) as image:
            if not whole:
                return decode_picture(image, content, 32).grey.image.tobytes(), ""
            image.draft("YCbCr", (32, 32))
            return image.getchannel(0).tobytes(), ""
    except UnreadableImageError as error:
        return b"", f"{error.kind}: {error}"


PROGRESSIVE = [("RGB", {}), ("RGB", {"restart_marker_blocks": 3}), ("RGB", {"subsampling": 0})]


@pytest.mark.parametrize(("mode", "options"), [*PROGRESSIVE, ("L", {})])
def test_the_brightness_of_a_progressive_file_needs_no_scan_of_details(
    draw_scene, encode, mode, options
):
    for seed in range(10):
        scene = draw_scene(seed, (331, 260)).convert(mode)
        content = encode(scene, progressive=True, **options)

        assert len(without_details(content)) < len(content) / 2
        assert decoded(content, whole=False) == decoded(content, whole=True)


@pytest.mark.parametrize(("mode", "options"), PROGRESSIVE)
def test_a_damaged_progressive_file_is_refused_as_by_a_complete_decode(
    draw_scene, encode, mode, options
):
    content = encode(draw_scene(1, (264, 260)).convert(mode), progressive=True, **options)
    rng = np.random.default_rng(0)
    files = [damaged(content, rng) for _ in range(400)]

    problems = [[decoded(file, whole)[1] for whole in (True, False)] for file in files]

    assert [first for first, _ in problems] == [second for _, second in problems]
    assert sum(first != "" for first, _ in problems) > 40
    assert sum(without_details(file) is not None for file in files) > 200


def test_a_progressive_file_of_very_many_scans_is_refused_by_its_header(draw_scene, encode, take):
    content = encode(draw_scene(0, (640, 480)).convert("L"), progressive=True)
    last = content.rindex(b"\xff\xda")
    empty_scan = content[last : last + 10] + b"\0"

    row = take(content[:-2] + empty_scan * 1000 + content[-2:])

    assert (row.problem_kind, row.problem) == ("undecodable", "a JPEG of more than 200 scans")


@pytest.mark.parametrize("kind", [b"zTXt", b"iCCP"])
def test_a_compressed_note_that_unpacks_to_a_gigabyte_is_refused(encode, take, kind):
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(256)) + packer.flush()
    content = encode(Image.new("RGB", (64, 64)), "PNG")
    note = png_chunk(kind, b"x\0\0" + packed)

    row = take(content[:33] + note + content[33:])

    assert row.problem_kind == "undecodable"
    assert "ecompress" in row.problem


def test_a_file_that_is_not_there_is_a_row(tmp_path, store):
    row = take_in(tmp_path / "absent", store, OPTIONS, owned=True)

    assert (row.problem_kind, row.problem) == ("unreadable_file", "No such file or directory")


def test_taking_in_twice_stores_once(draw_scene, encode, take, tmp_path):
    content = encode(draw_scene(0, (640, 480)))

    assert take(content) == take(content, owned=False) == take(content)
    assert len(files_below(tmp_path)) == 2  # the image and its thumbnail


@pytest.mark.parametrize("mode", ["border", "keep_ratio"])
def test_resized_images_are_rows_of_what_is_stored(draw_scene, encode, take, store, mode):
    content = encode(draw_scene(0, (800, 600)))
    options = IntakeOptions(resize=ResizeOptions(side_px=200, mode=mode))

    row = take(content, options)

    stored = store.read(row.path)
    assert (row.image_id, row.original_sha256) == (take(stored).image_id, take(content).image_id)
    assert row.bytes == len(stored)
    with Image.open(io.BytesIO(stored)) as image:
        assert (row.width, row.height) == image.size
    assert [row.hashed] == hash_files([store.root / row.path], HashingOptions())


def test_reencoded_images_tell_nothing_and_hide_nothing(draw_scene, encode, take, store):
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8825)[1] = "SECRET"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    words = {"exif": exif, "comment": b"SECRET", "icc_profile": profile, "xmp": b"<x>SECRET</x>"}
    content = encode(draw_scene(0), **words) + b"<script>SECRET</script>"

    row = take(content, IntakeOptions(reencode=True))

    stored = store.read(row.path)
    assert content.count(b"SECRET") == 4
    assert b"SECRET" not in stored
    assert (row.width, row.height) == (240, 320)
    with Image.open(io.BytesIO(stored)) as image:
        assert set(image.info) == {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
        upright = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
        assert np.abs(np.asarray(image).astype(int) - np.asarray(upright)).mean() < 3

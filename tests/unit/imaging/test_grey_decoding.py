import io

import numpy as np
import pytest
from PIL import Image

from cosmop.imaging.dct_hash import low_frequencies, phash_from_dct, shrink
from cosmop.imaging.grey_decoding import _first_scan, decode_grey
from cosmop.imaging.hash_rows import hash_files
from cosmop.imaging.phash import HashingOptions, hash_image_set, phash

SIZE = (1100, 705)
START_OF_SCAN = b"\xff\xda"


@pytest.fixture
def write(tmp_path):
    def write(content, name="image"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


def _hash(decoded):
    return phash_from_dct(low_frequencies(np.asarray(shrink(decoded.image, decoded.box))))


@pytest.mark.parametrize("subsampling", [0, 2])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_the_first_scan_of_a_progressive_file_is_as_good_as_all(
    draw_scene, encode, write, mode, subsampling
):
    bits = []
    for seed in range(12):
        scene = draw_scene(seed, SIZE).convert(mode)
        file = write(encode(scene, progressive=True, quality=88, subsampling=subsampling))
        decoded = decode_grey(file, 64)
        assert decoded.decoder.endswith("scaled to 64 px, first scan")
        with Image.open(file) as image:
            bits.append((_hash(decoded) ^ phash(image)).bit_count())

    assert np.mean(bits) < 1
    assert max(bits) <= 4


def test_no_more_than_the_first_scan_is_read(draw_scene, encode, write):
    content = bytearray(encode(draw_scene(0, SIZE), progressive=True))
    whole = _hash(decode_grey(write(bytes(content)), 64))
    half = len(content) // 2
    content[half:-2] = bytes(len(content) - 2 - half)  # later scans become nonsense

    assert _hash(decode_grey(write(bytes(content)), 64)) == whole


def test_a_progressive_file_with_restart_markers_is_read_to_the_end_of_its_scan(
    draw_scene, encode, write
):
    scene = draw_scene(1, SIZE)
    plain, restarted = (
        decode_grey(write(encode(scene, progressive=True, **options), str(n)), 64)
        for n, options in enumerate(({}, {"restart_marker_blocks": 4}))
    )

    assert "first scan" in restarted.decoder
    assert np.array_equal(np.asarray(plain.image), np.asarray(restarted.image))


def test_a_header_before_the_scan_may_be_long_and_full_of_markers(draw_scene, encode, write):
    exif = Image.Exif()
    exif[0x010E] = "\u00ff\u00da" * 20_000
    exif[0x0112] = 6
    file = write(encode(draw_scene(0, SIZE), progressive=True, exif=exif))

    decoded = decode_grey(file, 64)

    assert "first scan" in decoded.decoder
    assert decoded.orientation == 6


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({"progressive": False}, SIZE),
        ({"progressive": True}, (500, 375)),  # not decoded at an eighth
    ],
)
def test_other_files_take_the_normal_way(draw_scene, encode, write, options, size):
    decoded = decode_grey(write(encode(draw_scene(0, size), **options)), 64)

    assert decoded.decoder.endswith("scaled to 64 px")


@pytest.mark.parametrize("at", [-3, -1], ids=["other terms", "a refinement"])
def test_another_kind_of_first_scan_is_not_taken_for_the_picture(draw_scene, encode, write, at):
    content = bytearray(encode(draw_scene(0, SIZE).convert("L"), progressive=True))
    start = content.index(START_OF_SCAN)
    content[start + 2 + content[start + 3] + at] |= 0x10
    file = write(bytes(content))

    (row,) = hash_files([file], HashingOptions())

    # Whatever the decoder makes of the whole file is what counts.
    with file.open("rb") as stream, Image.open(stream) as image:
        assert _first_scan(image, stream, 64) is None
    assert "first scan" not in row.decoder


def test_a_first_scan_of_one_colour_alone_is_not_taken_for_the_picture(draw_scene, encode, write):
    content = encode(draw_scene(0, SIZE), progressive=True)
    start = content.index(START_OF_SCAN)
    one = START_OF_SCAN + bytes([0, 8, 1, 1, 0, 0, 0, 1])

    changed = content[:start] + one + content[start + 14 :]

    assert "first scan" not in decode_grey(write(changed), 64).decoder


def test_a_truncated_progressive_file_is_refused_though_its_first_scan_is_whole(
    draw_scene, encode, make_image_set
):
    images = make_image_set({"a": encode(draw_scene(0, SIZE), progressive=True)})
    whole = images.files[0].read_bytes()
    images.files[0].write_bytes(whole[: len(whole) * 3 // 4])

    table = hash_image_set(images, HashingOptions())

    assert table["phash"].tolist() == [""]
    assert "truncated" in table["problem"][0]


def test_a_progressive_cmyk_file_has_the_hash_of_its_baseline_twin(draw_scene, encode, write):
    scene = draw_scene(4, SIZE).convert("CMYK")
    twins = [write(encode(scene, progressive=p), str(p)) for p in (True, False)]
    first, second = (_hash(decode_grey(file, 64)) for file in twins)

    assert (first ^ second).bit_count() <= 4


def test_sixteen_bits_keep_their_upper_eight(draw_scene, encode, write):
    grey = draw_scene(0).convert("L")
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    buffer = io.BytesIO()
    deep.save(buffer, "PNG")

    decoded = decode_grey(write(buffer.getvalue()), None)

    assert np.array_equal(np.asarray(decoded.image), np.asarray(grey))


def test_of_an_animation_the_first_frame_counts(draw_scene, write):
    frames = [draw_scene(seed) for seed in range(3)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "WEBP", save_all=True, append_images=frames[1:], lossless=True)

    decoded = decode_grey(write(buffer.getvalue()), 64)

    assert np.array_equal(np.asarray(decoded.image), np.asarray(frames[0].convert("L")))
    assert "webp" in decoded.decoder
    assert decoded.decoder.endswith("full size")

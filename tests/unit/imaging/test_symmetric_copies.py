import io
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cosmop.errors import InputError
from cosmop.imaging.phash import phash
from cosmop.imaging.symmetric_copies import INVERSES, SYMMETRIES, find_symmetric_copies

TURNS = {
    "mirrored": Image.Transpose.FLIP_LEFT_RIGHT,
    "flipped": Image.Transpose.FLIP_TOP_BOTTOM,
    "rotated_90": Image.Transpose.ROTATE_90,
    "rotated_180": Image.Transpose.ROTATE_180,
    "rotated_270": Image.Transpose.ROTATE_270,
    "transposed": Image.Transpose.TRANSPOSE,
    "transversed": Image.Transpose.TRANSVERSE,
}


def _hashes_of(images):
    rows = [
        {"phash": f"{phash(image):016x}", "low_information": False}
        | {f"phash_{name}": f"{phash(image.transpose(turn)):016x}" for name, turn in TURNS.items()}
        for image in images
    ]
    return _named(pd.DataFrame(rows))


def _named(frame):
    return frame.assign(image_id=[f"image{at}" for at in range(len(frame))])


def _from_codes(codes, low=()):
    columns = ["phash", *(f"phash_{name}" for name in SYMMETRIES)]
    frame = pd.DataFrame([[f"{int(code):016x}" for code in row] for row in codes], columns=columns)
    return _named(frame).assign(low_information=[at in low for at in range(len(frame))])


def _rows(found):
    return list(found.itertuples(index=False, name=None))


def _brute_force(codes, radius):
    """Each image against each earlier one, in every position and both directions."""
    found = []
    for i, code in enumerate(codes):
        for j, earlier in enumerate(codes[:i]):
            if (int(code[0]) ^ int(earlier[0])).bit_count() <= radius:
                continue
            near = []
            for number, (name, inverse) in enumerate(INVERSES.items()):
                undone = SYMMETRIES.index(inverse)
                bits = min(
                    (int(code[0]) ^ int(earlier[1 + number])).bit_count(),
                    (int(earlier[0]) ^ int(code[1 + undone])).bit_count(),
                )
                near.append((bits, number, name))
            bits, _, name = min(near)
            if bits <= radius:
                found.append((f"image{i}", f"image{j}", name, bits))
                break
    return found


def _jpeg(image, quality=75):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer)


def test_each_turned_copy_is_found_with_the_turn_that_made_it(draw_scene):
    originals = [draw_scene(seed) for seed in range(len(TURNS))]
    copies = [
        _jpeg(image.transpose(turn).resize((200, 150)))
        for image, turn in zip(originals, TURNS.values(), strict=True)
    ]

    found = find_symmetric_copies(_hashes_of([*originals, *copies]), 8)

    assert list(found.columns) == ["image_id", "copy_of", "symmetry", "distance"]
    assert [row[:3] for row in _rows(found)] == [
        (f"image{len(TURNS) + at}", f"image{at}", name) for at, name in enumerate(TURNS)
    ]


def test_the_symmetry_turns_the_earlier_image_into_the_later(draw_scene):
    image = draw_scene(3)
    turned = image.transpose(Image.Transpose.ROTATE_90)

    forward = find_symmetric_copies(_hashes_of([image, turned]), 4)
    backward = find_symmetric_copies(_hashes_of([turned, image]), 4)

    assert [forward["symmetry"][0], backward["symmetry"][0]] == ["rotated_90", "rotated_270"]


def test_symmetric_pictures_and_plain_copies_are_not_flagged(draw_scene):
    half = draw_scene(1).crop((0, 0, 160, 240))
    symmetric = Image.new("RGB", (320, 240))
    symmetric.paste(half, (0, 0))
    symmetric.paste(half.transpose(Image.Transpose.FLIP_LEFT_RIGHT), (160, 0))

    found = find_symmetric_copies(_hashes_of([symmetric, _jpeg(symmetric, 50), symmetric]), 8)

    assert len(found) == 0


@pytest.mark.parametrize("radius", [0, 3, 8, 12])
def test_what_is_found_is_what_brute_force_finds(radius):
    rng = np.random.default_rng(radius)
    codes = rng.integers(0, 2**64, (150, 8), dtype=np.uint64)
    for at in range(30, 150):  # plain and turned copies of others, with up to 12 bits changed
        source, position = rng.integers(at), rng.integers(8)
        noise = sum(1 << int(bit) for bit in rng.choice(64, rng.integers(13), replace=False))
        codes[at, rng.integers(8)] = codes[source, position] ^ np.uint64(noise)
    codes[140:] = codes[:10]

    found = find_symmetric_copies(_from_codes(codes), radius)

    assert _rows(found) == _brute_force(codes, radius)
    assert len(found) > 3


def test_of_several_symmetries_the_nearest_is_named_and_of_equals_the_first():
    codes = np.random.default_rng(1).integers(0, 2**64, (4, 8), dtype=np.uint64)
    plain = SYMMETRIES.index
    codes[0, 1 + plain("mirrored")] = codes[1, 0] ^ np.uint64(7)
    codes[0, 1 + plain("flipped")] = codes[1, 0] ^ np.uint64(3)
    codes[2, 1 + plain("transposed")] = codes[3, 0] ^ np.uint64(1)
    codes[2, 1 + plain("rotated_180")] = codes[3, 0] ^ np.uint64(2)

    found = find_symmetric_copies(_from_codes(codes), 8)

    assert _rows(found) == [
        ("image1", "image0", "flipped", 2),
        ("image3", "image2", "rotated_180", 1),
    ]


def test_low_information_and_unhashed_images_match_nothing():
    codes = np.arange(32, dtype=np.uint64).reshape(4, 8) << np.uint64(20)
    codes[1, 0] = codes[0, 1]
    frame = _from_codes(codes)
    assert len(find_symmetric_copies(frame, 0)) == 1

    unhashed = frame.copy()
    unhashed.loc[1, [name for name in frame if name.startswith("phash")]] = ""

    assert len(find_symmetric_copies(_from_codes(codes, low=[0]), 0)) == 0
    assert len(find_symmetric_copies(unhashed, 0)) == 0


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_images_have_no_copies(count):
    frame = _from_codes(np.ones((count, 8), np.uint64))

    found = find_symmetric_copies(frame, 8)

    assert _rows(found) == []
    assert list(found.columns) == ["image_id", "copy_of", "symmetry", "distance"]


def test_many_copies_of_a_picture_and_its_mirror_image_cost_no_pairs():
    straight, mirrored = np.random.default_rng(0).integers(0, 2**64, (2, 8), dtype=np.uint64)
    mirrored[:2] = straight[1::-1]
    codes = np.tile(np.stack([straight, mirrored]), (20_000, 1))
    frame = _from_codes(codes)
    tracemalloc.start()

    found = find_symmetric_copies(frame, 8)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found["copy_of"].value_counts().to_dict() == {"image0": 20_000, "image1": 19_999}
    assert set(found["symmetry"]) == {"mirrored"}
    assert peak < 80 * 2**20


def test_too_many_pairs_are_refused():
    codes = np.random.default_rng(0).integers(0, 2**64, (50, 8), dtype=np.uint64)
    codes[:, 1] = codes[0, 0] ^ (np.uint64(1) << np.arange(50, dtype=np.uint64))

    with pytest.raises(InputError, match=f"at most 40 pairs.*hash {int(codes[0, 0]):016x}"):
        find_symmetric_copies(_from_codes(codes), 1, max_pairs=40)

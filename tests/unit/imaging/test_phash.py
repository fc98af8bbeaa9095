import imagehash
import numpy as np
import pytest
from PIL import Image

from cosmop.imaging.duplicates import pairs_within
from cosmop.imaging.phash import (
    HashingOptions,
    hash_image_set,
    hashes_as_integers,
    low_frequencies,
    phash,
    phash_from_dct,
)

FULL = HashingOptions(scaled_decoding=False)
# The worked example of the original study, from its slides.
STUDY_8x8 = np.array(
    """
    2695.75  183.03   25.67   -9.87  -28.53  190.49 -209.49 -129.36
     -35.63   -9.40   48.99 -183.20 -164.72  103.19   94.72  162.46
    -180.23  -17.94 -187.33   48.69  -97.08    1.02  128.60   -8.86
     170.07  171.71  110.75  -15.24  175.67   -5.70   -4.93  -46.96
       0.83  -23.50   36.72   32.19   74.75   -1.50   46.93   -0.82
     -34.72  -57.99  -18.34   68.62   43.66  -91.67  -12.05   23.01
     -36.69   41.82   30.53  -50.22   35.30    7.33  -86.91    7.91
     102.35   17.89  -57.32   13.70  -73.18  -12.67    9.38   19.77
    """.split(),  # noqa: SIM905  # a block of numbers reads as in the slides
    dtype=float,
).reshape(8, 8)


def _distance(first, second):
    return (int(first, 16) ^ int(second, 16)).bit_count()


def test_the_studys_worked_example_is_met_digit_for_digit():
    assert f"{phash_from_dct(STUDY_8x8, 'mean'):016x}" == "c42712e808100080"
    assert f"{phash_from_dct(STUDY_8x8, 'median'):016x}" == "e42716e83a196dd3"


def test_the_mean_without_dc_is_the_mean_of_the_other_63():
    limit = (STUDY_8x8.sum() - STUDY_8x8[0, 0]) / 63
    expected = "".join("1" if term > limit else "0" for term in STUDY_8x8.ravel())

    assert f"{phash_from_dct(STUDY_8x8, 'mean_without_dc'):064b}" == expected


def test_low_frequencies_are_the_double_cosine_sum():
    grey = np.random.default_rng(0).integers(0, 256, (32, 32), dtype=np.uint8)
    at = np.arange(32)
    cosines = 2 * np.cos(np.pi * np.arange(8)[:, None] * (2 * at + 1) / 64)
    expected = cosines @ grey @ cosines.T

    assert low_frequencies(grey) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "CMYK", "P", "1"])
def test_the_median_hash_is_imagehashs_on_drawn_images(draw_scene, mode):
    for seed in range(10):
        image = draw_scene(seed, (320 + seed, 200)).convert(mode)

        assert f"{phash(image):016x}" == str(imagehash.phash(image))


@pytest.mark.parametrize("level", [0, 1, 127, 255])
def test_the_median_hash_is_imagehashs_even_on_flat_images(level):
    image = Image.new("L", (100, 70), level)

    assert f"{phash(image):016x}" == str(imagehash.phash(image))


def test_the_median_hash_is_imagehashs_on_real_photographs(photo_files):
    for file in photo_files[::20]:
        with Image.open(file) as image:
            assert f"{phash(image):016x}" == str(imagehash.phash(image))


def test_real_photographs_are_apart_where_the_studys_threshold_is_not(photo_files):
    kinds = ("median", "mean_without_dc", "mean")
    hashes = {kind: np.zeros(len(photo_files), np.uint64) for kind in kinds}
    for at, file in enumerate(photo_files):
        with Image.open(file) as image:
            image.draft("L", (64, 64))
            grey = image.convert("L").resize((32, 32), Image.Resampling.LANCZOS)
        low_8x8 = low_frequencies(np.asarray(grey))
        for kind in kinds:
            hashes[kind][at] = phash_from_dct(low_8x8, kind)

    pairs = {kind: len(pairs_within(hashes[kind], 4)[0]) for kind in kinds}
    assert pairs["median"] == pairs["mean_without_dc"] == 0
    assert pairs["mean"] > 4000  # 4,497 of 499,500 with full decoding


def test_a_set_hashed_with_full_decoding_equals_single_images(make_image_set, draw_scene, encode):
    images = make_image_set({str(seed): encode(draw_scene(seed)) for seed in range(20)})

    table = hash_image_set(images, FULL)

    assert table["image_id"].tolist() == images.ids
    assert table["phash"].tolist() == [f"{phash(images.open(i)):016x}" for i in range(20)]
    assert table["problem"].tolist() == [""] * 20


def test_scaled_decoding_stays_within_a_few_bits(make_image_set, draw_scene, encode):
    images = make_image_set(
        {str(seed): encode(draw_scene(seed, (1200, 800))) for seed in range(12)}
    )

    scaled, full = (hash_image_set(images, o)["phash"] for o in (HashingOptions(), FULL))

    bits = [_distance(a, b) for a, b in zip(scaled, full, strict=True)]
    assert max(bits) <= 6
    assert np.mean(bits) <= 2


@pytest.mark.parametrize("options", [HashingOptions(), FULL])
@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_turned_original_has_the_hash_of_its_upright_copy(
    make_image_set, draw_scene, encode, orientation, options
):
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = make_image_set({"turned": encode(draw_scene(3), exif=exif)})
    upright = make_image_set({"upright": encode(turned.open(0), quality=95)})

    first, second = (hash_image_set(images, options)["phash"][0] for images in (turned, upright))

    assert _distance(first, second) <= 4


def test_the_number_of_workers_changes_nothing(make_image_set, draw_scene, encode):
    images = make_image_set({str(seed): encode(draw_scene(seed)) for seed in range(40)})

    one, many = (hash_image_set(images, HashingOptions(workers=n)) for n in (1, 5))

    assert one.equals(many)


def test_flats_and_gradients_are_low_information_and_scenes_are_not(
    make_image_set, draw_scene, encode
):
    ramp = np.tile(np.linspace(0, 255, 320), (240, 1)).astype(np.uint8)
    noise = np.random.default_rng(0).normal(120, 3, (240, 320)).astype(np.uint8)
    images = make_image_set(
        {
            "flat": encode(Image.new("RGB", (320, 240), (40, 90, 20))),
            "gradient": encode(Image.fromarray(ramp)),
            "noise": encode(Image.fromarray(noise)),
            **{str(seed): encode(draw_scene(seed)) for seed in range(5)},
        }
    )

    assert hash_image_set(images, HashingOptions())["low_information"].tolist() == (
        [True] * 3 + [False] * 5
    )


def test_a_broken_file_in_the_middle_is_a_row_with_a_reason(make_image_set, draw_scene, encode):
    images = make_image_set({str(seed): encode(draw_scene(seed)) for seed in range(3)})
    images.files[0].write_bytes(images.files[0].read_bytes()[:2000])
    images.files[1].unlink()

    table = hash_image_set(images, HashingOptions())

    assert table["phash"].map(len).tolist() == [0, 0, 16]
    assert "truncated" in table["problem"][0]
    assert "No such file" in table["problem"][1]


def test_an_empty_set_gives_an_empty_table_of_the_same_kinds(make_image_set, draw_scene, encode):
    images = make_image_set({"one": encode(draw_scene(0))})
    some, none = (hash_image_set(images.where([n]), HashingOptions()) for n in (True, False))

    assert len(none) == 0
    assert none.dtypes.equals(some.dtypes)


def test_a_transparent_original_has_the_hash_of_its_flattened_copy(
    make_image_set, draw_scene, encode
):
    cut_out = draw_scene(2).convert("RGBA")
    cut_out.putalpha(
        Image.fromarray(np.tile(np.arange(320) < 200, (240, 1)).astype(np.uint8) * 255)
    )
    images = make_image_set({"png": encode(cut_out, "PNG")})
    flattened = make_image_set({"jpg": encode(images.open(0), quality=95)})

    first, second = (hash_image_set(i, HashingOptions())["phash"][0] for i in (images, flattened))

    assert _distance(first, second) <= 4


def test_hashes_survive_the_way_through_text():
    hashes = np.random.default_rng(0).integers(0, 2**64, 100, dtype=np.uint64)

    assert np.array_equal(hashes_as_integers([f"{int(h):016x}" for h in hashes]), hashes)


TRANSPOSES = {
    "mirrored": Image.Transpose.FLIP_LEFT_RIGHT,
    "flipped": Image.Transpose.FLIP_TOP_BOTTOM,
    "rotated_90": Image.Transpose.ROTATE_90,
    "rotated_180": Image.Transpose.ROTATE_180,
    "rotated_270": Image.Transpose.ROTATE_270,
    "transposed": Image.Transpose.TRANSPOSE,
    "transversed": Image.Transpose.TRANSVERSE,
}


@pytest.mark.parametrize("position", TRANSPOSES)
def test_the_hash_of_a_position_is_that_of_the_picture_in_it(
    make_image_set, draw_scene, encode, position
):
    # Pictures of 32×32 are not resized, so that nothing but the order of sums can differ.
    scenes = [draw_scene(seed, (128, 128)).convert("L").resize((32, 32)) for seed in range(30)]
    turned = [scene.transpose(TRANSPOSES[position]) for scene in scenes]
    first, second = (
        hash_image_set(
            make_image_set({str(at): encode(scene, "PNG") for at, scene in enumerate(side)}), FULL
        )
        for side in (scenes, turned)
    )

    assert first[f"phash_{position}"].tolist() == second["phash"].tolist()
    assert first["phash"].tolist() != second["phash"].tolist()


def test_the_positions_of_a_photograph_are_those_of_its_turned_copies(
    make_image_set, photo_files, encode
):
    with Image.open(photo_files[0]) as image:
        photo = image.convert("RGB")
    turned = {name: encode(photo.transpose(how), "PNG") for name, how in TRANSPOSES.items()}

    of_photo = hash_image_set(make_image_set({"photo": encode(photo, "PNG")}), FULL).iloc[0]
    table = hash_image_set(make_image_set(turned), FULL)

    for name, found in zip(TRANSPOSES, table["phash"], strict=True):
        assert _distance(of_photo[f"phash_{name}"], found) <= 2, name


def test_decoding_at_an_eighth_does_not_stretch_what_ends_within_a_block(
    make_image_set, draw_scene, encode
):
    # 521 = 65.1 blocks: taken as 66 whole ones, the picture would be 1.3 % too small.
    scenes = {str(seed): encode(draw_scene(seed, (521, 521)), quality=95) for seed in range(30)}
    images = make_image_set(scenes)

    scaled, full = (hash_image_set(images, o)["phash"] for o in (HashingOptions(), FULL))

    assert np.mean([_distance(a, b) for a, b in zip(scaled, full, strict=True)]) < 1


@pytest.mark.parametrize("side", [1, 7])
def test_tiny_images_have_hashes(make_image_set, encode, side):
    content = encode(Image.new("RGB", (side + 31, 32), (9, 99, 199)))

    table = hash_image_set(make_image_set({"tiny": content}), HashingOptions())

    assert table["problem"].tolist() == [""]


def test_all_identical_pictures_have_one_hash(make_image_set, draw_scene, encode):
    scene = draw_scene(0)
    images = make_image_set({str(q): encode(scene, quality=q) for q in range(80, 96)})

    assert hash_image_set(images, FULL)["phash"].map(int, base=16).nunique() <= 3

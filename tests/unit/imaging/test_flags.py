import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFilter

from cosmop.imaging.flags import FlagOptions, flag_images
from cosmop.imaging.phash import HashingOptions, hash_image_set

OPTIONS = FlagOptions()


def flag(images, options=OPTIONS, hashing=None):
    hashes = hash_image_set(images, hashing or HashingOptions())
    return flag_images(images, hashes, options).set_index(images.manifest["name"])


def raised(row):
    return {name.removeprefix("is_") for name in row.index if name.startswith("is_") and row[name]}


def scaled(image, factor, towards=0):
    levels = np.asarray(image).astype(float)
    return Image.fromarray((towards + (levels - towards) * factor).astype(np.uint8))


FAULTS = {
    "fine": lambda scene: scene,
    "too_small": lambda scene: scene.resize((80, 60)),
    "too_long": lambda scene: scene.resize((400, 100)),
    "blurred": lambda scene: scene.filter(ImageFilter.GaussianBlur(0.04 * 240)),
    "dark": lambda scene: scaled(scene, 0.05),
    "light": lambda scene: scaled(scene, 0.05, towards=255),
    "uniform": lambda scene: Image.new("RGB", scene.size, (120, 120, 120)),
}


def test_each_fault_raises_its_own_flag(make_image_set, draw_scene, encode):
    planted = {
        f"{name} {seed}": encode(spoil(draw_scene(seed + 50 * at)), "PNG")
        for at, (name, spoil) in enumerate(FAULTS.items())
        for seed in range(5)
        if name != "uniform" or seed == 0
    }

    flags = flag(make_image_set(planted))

    for name, row in flags.iterrows():
        expected = {name.split()[0]} - {"fine"}
        # What is left of a twentieth of the levels may be too little to tell apart from none.
        assert raised(row) - {"uniform"} == expected - {"uniform"}, name
        assert raised(row) or not row["reasons"]
        assert ("uniform" in name) <= row["is_uniform"]


def test_reasons_are_one_sentence_with_the_values(make_image_set, draw_scene, encode):
    dark = scaled(draw_scene(0, (56, 224)), 0.05)

    (reason,) = flag(make_image_set({"dark": encode(dark, "PNG")}))["reasons"]

    assert reason.startswith(
        "The image has a side of 56 px, is 4.0 times as long as wide, is dark (mean grey level "
    )
    assert reason.count(".") == 2  # one decimal point and the end
    assert reason.endswith(").")


def test_real_photographs_are_rarely_flagged_and_faulty_ones_are(photo_files, make_image_set):
    some = photo_files[::10]
    flags = flag(make_image_set({file.name: file.read_bytes() for file in some}))
    assert flags.filter(like="is_").to_numpy().sum() <= 2

    def spoiled(spoil):
        for file in some:
            with Image.open(file) as image:
                buffer = io.BytesIO()
                spoil(image.convert("RGB")).save(buffer, "JPEG", quality=90)
            yield file.name, buffer.getvalue()

    for name, spoil in {
        "is_blurred": lambda image: image.filter(ImageFilter.GaussianBlur(0.04 * min(image.size))),
        "is_dark": FAULTS["dark"],
        "is_light": FAULTS["light"],
    }.items():
        assert flag(make_image_set(dict(spoiled(spoil))))[name].all(), name


def test_the_same_pixels_in_other_files_are_found_and_named_by_the_first(
    make_image_set, draw_scene, encode
):
    scene, other = draw_scene(0), draw_scene(1)
    exif = Image.Exif()
    exif[0x0112] = 3
    retouched = scene.copy()
    retouched.putpixel((7, 7), (1, 2, 3))
    images = make_image_set(
        {
            "png": encode(scene, "PNG"),
            "other": encode(other, "PNG"),
            "webp": encode(scene, "WEBP", lossless=True),
            "upside down": encode(scene.transpose(Image.Transpose.ROTATE_180), "PNG", exif=exif),
            "retouched": encode(retouched, "PNG"),
            "jpeg": encode(scene),
        }
    )

    flags = flag(images)

    first = images.ids[0]
    assert flags["pixel_copy_of"].tolist() == ["", "", first, first, "", ""]
    assert flags["is_pixel_copy"].tolist() == [False, False, True, True, False, False]
    assert flags.loc["webp", "reasons"] == f"The image has the pixels of {first}."


def test_a_jpeg_and_its_progressive_twin_have_the_same_pixels(make_image_set, draw_scene, encode):
    scenes = [draw_scene(seed, (520, 520)) for seed in range(24)]
    contents = {
        f"{seed} {progressive}": encode(scene, progressive=progressive, quality=50)
        for seed, scene in enumerate(scenes)
        for progressive in (False, True)
    }

    flags = flag(make_image_set(contents))

    assert flags["is_pixel_copy"].tolist() == [False, True] * 24


def test_mirrored_and_turned_copies_are_named_with_their_symmetry(
    make_image_set, draw_scene, encode
):
    scene = draw_scene(3)
    images = make_image_set(
        {
            "scene": encode(scene),
            "mirrored": encode(scene.transpose(Image.Transpose.FLIP_LEFT_RIGHT), quality=60),
            "rotated_90": encode(scene.transpose(Image.Transpose.ROTATE_90), quality=80),
            "other": encode(draw_scene(4)),
        }
    )

    flags = flag(images)

    assert flags["symmetry"].tolist() == ["", "mirrored", "rotated_90", ""]
    assert flags["symmetric_copy_of"].tolist() == ["", images.ids[0], images.ids[0], ""]
    assert flags.loc["mirrored", "reasons"] == f"The image is a copy, mirrored of {images.ids[0]}."


def test_unreadable_files_in_the_middle_have_that_flag_alone(make_image_set, draw_scene, encode):
    images = make_image_set({str(seed): encode(draw_scene(seed)) for seed in range(4)})
    images.files[1].write_bytes(b"\xff\xd8 nonsense")
    images.files[2].unlink()

    flags = flag(images)

    assert [raised(row) for _, row in flags.iterrows()] == [
        set(),
        {"unreadable"},
        {"unreadable"},
        set(),
    ]
    assert "No such file" in flags["reasons"].iloc[2]


@pytest.mark.parametrize("count", [0, 1])
def test_empty_and_single_sets_have_all_columns(make_image_set, draw_scene, encode, count):
    images = make_image_set({"one": encode(draw_scene(0))}).where([bool(count)])

    flags = flag_images(images, hash_image_set(images, HashingOptions()), OPTIONS)

    assert len(flags) == count
    assert flags.select_dtypes("bool").shape[1] == 9
    assert not flags.select_dtypes("bool").to_numpy().any()


def test_many_copies_of_one_picture_all_name_the_first(make_image_set, encode):
    image = Image.new("RGB", (64, 64), (10, 200, 30))
    contents = {}
    for at in range(100):
        exif = Image.Exif()
        exif[0x010E] = f"copy {at}"
        contents[str(at)] = encode(image, "PNG", exif=exif)
    images = make_image_set(contents)

    flags = flag(images)

    assert flags["pixel_copy_of"].tolist() == [""] + [images.ids[0]] * 99
    assert flags["is_uniform"].all()


def test_an_image_without_a_hash_row_is_refused(make_image_set, draw_scene, encode):
    images = make_image_set({str(seed): encode(draw_scene(seed)) for seed in range(2)})
    hashes = hash_image_set(images, HashingOptions()).iloc[:1]

    with pytest.raises(ValueError, match=f"got none for 1, first '{images.ids[1]}'"):
        flag_images(images, hashes, OPTIONS)


def test_thresholds_are_strict_and_adjustable(make_image_set, draw_scene, encode):
    images = make_image_set({"a": encode(draw_scene(0, (300, 100)))})

    at_limit = flag(images, FlagOptions(min_side_px=100, max_aspect=3.0))
    beyond = flag(images, FlagOptions(min_side_px=101, max_aspect=2.9))

    assert raised(at_limit.iloc[0]) == set()
    assert raised(beyond.iloc[0]) == {"too_small", "too_long"}


def test_the_order_of_the_hash_table_does_not_matter(make_image_set, draw_scene, encode):
    images = make_image_set({str(s): encode(FAULTS["dark"](draw_scene(s))) for s in range(5)})
    hashes = hash_image_set(images, HashingOptions())

    pd.testing.assert_frame_equal(
        flag_images(images, hashes, OPTIONS), flag_images(images, hashes.iloc[::-1], OPTIONS)
    )

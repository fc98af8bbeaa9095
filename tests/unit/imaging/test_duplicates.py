import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cosmop.imaging.duplicates import DuplicateOptions, group_duplicates, group_for_splits
from cosmop.imaging.phash import HashingOptions, hash_image_set

OPTIONS = DuplicateOptions()


def _hashes(values, low=()):
    ids = [f"image{at}" for at in range(len(values))]
    texts = ["" if value is None else f"{value:016x}" for value in values]
    frame = pd.DataFrame({"image_id": ids, "phash": texts, "problem": ""})
    return frame.assign(low_information=[at in low for at in range(len(values))])


def _manifest(count, **columns):
    ids = [f"image{at}" for at in range(count)]
    return pd.DataFrame({"image_id": ids, "width": 100, "height": 100}).assign(**columns)


def _kept(groups):
    return groups.loc[groups["is_kept"], "image_id"].tolist()


def _bits(count, start=0):
    return sum(1 << (start + at) for at in range(count))


def test_planted_copies_join_their_original_and_nothing_else_does(
    make_image_set, draw_scene, encode
):
    contents = {}
    for seed in range(30):
        scene = draw_scene(seed, (640, 480))
        contents[f"{seed} original"] = encode(scene, quality=92)
        contents[f"{seed} small"] = encode(scene.resize((320, 240)), quality=70)
        contents[f"{seed} png"] = encode(scene.resize((500, 375)), "PNG")
        contents[f"{seed} cropped"] = encode(scene.crop((6, 4, 634, 476)), "WEBP", quality=80)
    images = make_image_set(contents)

    groups = group_duplicates(hash_image_set(images, HashingOptions()), images.manifest, OPTIONS)

    names = images.manifest["name"]
    scene_of = names.str.split().str[0]
    assert names[groups["is_kept"]].tolist() == [f"{seed} original" for seed in range(30)]
    assert groups.groupby("group_id").size().tolist() == [4] * 30
    assert scene_of.groupby(groups["group_id"]).nunique().eq(1).all()


def test_the_best_copy_is_kept_by_pixels_then_bytes_then_time_then_id():
    hashes = _hashes([5] * 4)
    equal = {"bytes": 10, "fetched_at": "2024"}

    by_pixels = _manifest(4, **equal | {"width": [1, 9, 9, 2], "bytes": [99, 1, 2, 3]})
    by_bytes = _manifest(4, **equal | {"bytes": [1, 2, 9, 9], "fetched_at": list("4321")})
    by_time = _manifest(4, **equal | {"fetched_at": list("2113")})
    by_place = _manifest(4).iloc[::-1]

    kept = [
        _kept(group_duplicates(hashes, manifest, OPTIONS))
        for manifest in (by_pixels, by_bytes, by_time, _manifest(4, **equal), by_place)
    ]
    assert kept == [["image2"], ["image3"], ["image1"], ["image0"], ["image3"]]


def test_a_chain_is_not_one_group():
    chain = [_bits(8 * at) for at in range(5)]  # each 8 bits from the next, 32 from end to end

    groups = group_duplicates(_hashes(chain), _manifest(5), OPTIONS)

    assert _kept(groups) == ["image0", "image2", "image4"]
    assert groups["distance_to_kept"].max() == 8


def test_a_copy_joins_the_nearest_kept_image():
    first, second, copy = 0, _bits(10), _bits(7)  # 7 bits from the first, 3 from the second

    groups = group_duplicates(_hashes([first, second, copy]), _manifest(3), OPTIONS)

    assert groups["kept_image_id"].tolist() == ["image0", "image1", "image1"]
    assert groups["distance_to_kept"].tolist() == [0, 0, 3]
    assert groups["reason"][2] == "3 bits from the kept image, which was found first"


@pytest.mark.parametrize("seed", range(5))
def test_kept_images_are_apart_and_all_others_are_near_theirs(seed):
    rng = np.random.default_rng(seed)
    centres = rng.integers(0, 2**64, 40, dtype=np.uint64)
    values = [
        int(centres[rng.integers(40)])
        ^ sum(1 << int(b) for b in rng.choice(64, rng.integers(9), False))
        for _ in range(400)
    ]
    manifest = _manifest(400, width=rng.integers(50, 60, 400))
    groups = group_duplicates(_hashes(values), manifest, OPTIONS)
    hash_of = dict(zip(groups["image_id"], values, strict=True))

    kept = [hash_of[image_id] for image_id in _kept(groups)]
    assert all((a ^ b).bit_count() > 8 for at, a in enumerate(kept) for b in kept[:at])
    distances = [
        (hash_of[a] ^ hash_of[b]).bit_count()
        for a, b in zip(groups["image_id"], groups["kept_image_id"], strict=True)
    ]
    assert distances == groups["distance_to_kept"].tolist()
    assert max(distances) <= 8


def _slow_star(images, radius):
    """Walk from the best image to the worst; keep what no kept image stands for."""
    best_first = sorted(
        images, key=lambda one: (-one["pixels"], -one["bytes"], one["found"], one["image_id"])
    )
    kept = []
    for one in best_first:
        if not _kept_near(one, kept, radius):
            kept.append(one)
    stands_for = {}
    for one in images:
        bits, place = (0, kept.index(one)) if one in kept else min(_kept_near(one, kept, radius))
        stands_for[one["image_id"]] = (kept[place]["image_id"], bits)
    return stands_for


def _kept_near(one, kept, radius):
    distances = [(_slow_distance(one, other), place) for place, other in enumerate(kept)]
    return [(bits, place) for bits, place in distances if bits is not None and bits <= radius]


def _slow_distance(one, other):
    if one["hash"] is None or other["hash"] is None:
        return None
    if one["low"] or other["low"]:
        is_same = one["low"] == other["low"] and one["hash"] == other["hash"]
        return 0 if is_same and one["brightness"] == other["brightness"] else None
    return (one["hash"] ^ other["hash"]).bit_count()


def _random_images(seed, count=120):
    """Few sizes, bytes and times, so that ties abound; near hashes, equal, low and none."""
    rng = np.random.default_rng(seed)
    centres = rng.integers(0, 2**64, 6, dtype=np.uint64)
    images = []
    for at in range(count):
        noise = sum(1 << int(bit) for bit in rng.choice(64, rng.integers(7), replace=False))
        low = bool(rng.random() < 0.15)
        images.append(
            {
                "image_id": f"image{at}",
                "hash": None if rng.random() < 0.1 else int(centres[rng.integers(6)]) ^ noise,
                "low": low,
                "brightness": float(rng.integers(2)),
                "width": int(rng.integers(1, 4)),
                "bytes": int(rng.integers(3)),
                "found": str(rng.integers(2)),
            }
        )
        if low and images[-1]["hash"] is not None:
            images[-1]["hash"] = int(rng.integers(3))
        images[-1]["pixels"] = 100 * images[-1]["width"]
    return images


@pytest.mark.parametrize("radius", [0, 3, 6, 12])
@pytest.mark.parametrize("seed", range(6))
def test_groups_are_those_of_a_slow_walk_from_the_best_image_to_the_worst(seed, radius):
    images = _random_images(seed)
    table = pd.DataFrame(images).rename(columns={"low": "low_information", "found": "fetched_at"})
    texts = ["" if one["hash"] is None else f"{one['hash']:016x}" for one in images]
    hashes = table[["image_id", "low_information", "brightness"]].assign(phash=texts)
    manifest = table[["image_id", "width", "bytes", "fetched_at"]].assign(height=100)

    groups = group_duplicates(hashes, manifest, DuplicateOptions(radius_bits=radius))

    found = zip(groups["kept_image_id"], groups["distance_to_kept"].tolist(), strict=True)
    assert dict(zip(groups["image_id"], found, strict=True)) == _slow_star(images, radius)
    assert groups["group_id"].nunique() == groups["is_kept"].sum()
    assert groups.groupby("group_id")["kept_image_id"].nunique().eq(1).all()


def test_the_order_of_rows_does_not_change_the_decision():
    rng = np.random.default_rng(0)
    values = [int(v) & 0xFFF for v in rng.integers(0, 2**64, 200, dtype=np.uint64)]
    manifest = _manifest(200, bytes=1, fetched_at="2024")
    hashes = _hashes(values)

    straight = group_duplicates(hashes, manifest, OPTIONS)
    mixed = group_duplicates(hashes.sample(frac=1, random_state=1), manifest.iloc[::-1], OPTIONS)

    assert dict(zip(straight["image_id"], straight["kept_image_id"], strict=True)) == dict(
        zip(mixed["image_id"], mixed["kept_image_id"], strict=True)
    )


def test_low_information_images_match_only_exactly(make_image_set, encode):
    images = make_image_set(
        {
            "grey": encode(Image.new("RGB", (320, 240), (90, 90, 90))),
            "grey again": encode(Image.new("RGB", (300, 240), (90, 90, 90))),
            "white": encode(Image.new("RGB", (320, 240), "white")),
        }
    )
    hashes = hash_image_set(images, HashingOptions())
    assert hashes["phash"].nunique() == 1

    groups = group_duplicates(hashes, images.manifest, OPTIONS)

    assert groups["group_id"].tolist() == [0, 0, 1]


def test_a_low_information_hash_matches_no_near_hash():
    groups = group_duplicates(_hashes([0, 1, 1, 3], low=[1, 2]), _manifest(4), OPTIONS)

    assert groups["kept_image_id"].tolist() == ["image0", "image1", "image1", "image0"]


def test_images_without_a_hash_stand_alone():
    groups = group_duplicates(_hashes([None, None, 5], low=[0, 1]), _manifest(3), OPTIONS)

    assert groups["is_kept"].all()
    assert groups["group_id"].tolist() == [0, 1, 2]


def test_a_hundred_thousand_copies_are_one_group():
    count = 100_000

    groups = group_duplicates(_hashes([3] * count), _manifest(count), OPTIONS)

    assert groups["is_kept"].sum() == 1
    assert groups["group_id"].max() == 0


@pytest.mark.parametrize("count", [0, 1])
def test_empty_and_single_sets_need_no_special_care(count):
    groups = group_duplicates(_hashes([9] * count), _manifest(count), OPTIONS)

    assert len(groups) == count
    assert groups["is_kept"].all()
    assert groups["reason"].tolist() == ["the only one of its kind"] * count


def test_an_image_without_a_hash_row_is_refused():
    with pytest.raises(ValueError, match="none for 1, first 'image2'"):
        group_duplicates(_hashes([1, 2]), _manifest(3), OPTIONS)


def test_groups_for_splits_follow_chains_and_set_low_information_apart():
    values = [0, _bits(8), _bits(16), _bits(40, 20), 1, 1, None]

    groups = group_for_splits(_hashes(values, low=[4, 5, 6]), 8)

    assert groups["group"].tolist() == [0, 0, 0, 1, 2, 2, 3]

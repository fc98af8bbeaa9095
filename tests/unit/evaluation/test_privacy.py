"""What the catalog holds, brought to the search for copies and to the search for leaks."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from cosmop.classifiers.feature_table import FeatureTable
from cosmop.errors import InputError
from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.phash import HashingOptions, hash_image_set
from cosmop.labels.splits import SplitOptions
from cosmop.metrics.memorisation_options import MemorisationOptions
from cosmop.pipelines.evaluation.privacy import look_for_leaks, search_for_copies

Make = Callable[..., ImageSet]
Draw = Callable[[int], list[np.ndarray]]


def pixel_features(sets: dict[str, ImageSet]) -> FeatureTable:
    """Let the features be pixels, so that nearness is what an eye calls near."""
    parts = {name: images.array((6, 8)) for name, images in sets.items()}
    parts["train_mirrored"] = parts["train"][:, :, ::-1]
    rows = [
        pd.DataFrame(
            {
                "image_id": sets[name.removesuffix("_mirrored")].ids,
                "set": name,
                "is_positive": True,
            }
        )
        for name in parts
    ]
    vectors = np.concatenate([images.reshape(len(images), -1) for images in parts.values()])
    return FeatureTable(
        pd.concat(rows, ignore_index=True), vectors.astype(np.float32), {"name": "pixels"}
    )


@pytest.mark.parametrize("is_mirrored", [False, True])
def test_a_set_of_copies_is_found_and_each_points_to_its_original(
    make_set: Make, scenes: Draw, is_mirrored: bool
) -> None:
    train = scenes(60)
    copies = [image[:, ::-1] if is_mirrored else image for image in train[:40]]
    sets = {
        "train": make_set(train, [True] * 60),
        "test": make_set(scenes(150), [True] * 150),
    }
    # One changed pixel: the same bytes would be the same image of the store.
    for image in (copies := [image.copy() for image in copies]):
        image[0, 0] ^= 1
    synthetic = make_set(copies, [True] * 40)

    table = pixel_features(sets | {"synthetic": synthetic})
    found = search_for_copies(table, sets, synthetic, MemorisationOptions())

    assert found["verdict"] == "copies found"
    assert found["found"]["value"] == 1
    assert found["phash_hits"]["value"] == 1
    original = dict(zip(synthetic.ids, sets["train"].ids, strict=False))
    assert all(pair["nearest_id"] == original[pair["image_id"]] for pair in found["closest"])
    assert {pair["is_mirrored"] for pair in found["closest"]} == {is_mirrored}


def test_new_scenes_are_no_copies(make_set: Make, scenes: Draw) -> None:
    sets = {
        "train": make_set(scenes(60), [True] * 60),
        "validation": make_set(scenes(50), [True] * 50),
        "test": make_set(scenes(200), [True] * 200),
    }
    synthetic = make_set(scenes(200), [True] * 200)

    table = pixel_features(sets | {"synthetic": synthetic})
    found = search_for_copies(table, sets, synthetic, MemorisationOptions())

    assert found["verdict"] == "no sign of copying"


@pytest.fixture
def splits(make_set: Make, scenes: Draw) -> dict[str, ImageSet]:
    sizes = {"train": 6, "validation": 3, "test": 4}
    return {name: make_set(scenes(size), [True] * size) for name, size in sizes.items()}


def hashes_of(splits: dict[str, ImageSet]) -> pd.DataFrame:
    return pd.concat(
        [hash_image_set(images, HashingOptions()) for images in splits.values()],
        ignore_index=True,
    )


def test_a_clean_split_passes_every_check(splits: dict[str, ImageSet]) -> None:
    used = {"generator": splits["train"].manifest}

    leaks = look_for_leaks(splits, hashes_of(splits), used, ["another"], SplitOptions())

    assert all(check["ok"] for check in leaks.values())
    assert "generator_saw_training_only" in leaks


def test_a_generator_that_saw_a_test_image_stops_the_study(splits: dict[str, ImageSet]) -> None:
    used = {"generator": pd.concat([splits["train"].manifest, splits["test"].manifest[:1]])}

    with pytest.raises(InputError, match="generator was trained on 7 images"):
        look_for_leaks(splits, hashes_of(splits), used, [], SplitOptions())


def test_a_mirrored_training_image_among_the_test_images_is_told(
    splits: dict[str, ImageSet], make_set: Make
) -> None:
    mirrored = splits["train"].array((48, 64))[0][:, ::-1]
    planted = make_set([*splits["test"].array((48, 64)), mirrored], [True] * 5)
    spoilt = splits | {"test": planted}

    used = {"generator": splits["train"].manifest}
    leaks = look_for_leaks(spoilt, hashes_of(spoilt), used, [], SplitOptions())

    assert not leaks["near_copies_apart"]["ok"]
    assert planted.ids[-1] in leaks["near_copies_apart"]["examples"][0]


def test_a_person_filter_that_knows_test_images_is_told_and_ends_nothing(
    splits: dict[str, ImageSet],
) -> None:
    used = {"generator": splits["train"].manifest}
    filter_ids = [splits["test"].ids[0], splits["train"].ids[0]]

    leaks = look_for_leaks(splits, hashes_of(splits), used, filter_ids, SplitOptions())

    told = leaks["person_filter_saw_no_held_out"]
    assert (told["ok"], told["n"], told["examples"]) == (False, 1, filter_ids[:1])
    assert "1 of 7 validation and test images" in told["sentence"]


def test_features_of_other_images_are_refused(make_set: Make, scenes: Draw) -> None:
    sets = {"train": make_set(scenes(5), [True] * 5), "test": make_set(scenes(5), [True] * 5)}
    synthetic, others = (make_set(scenes(5), [True] * 5) for _ in range(2))
    table = pixel_features(sets | {"synthetic": synthetic})

    with pytest.raises(InputError, match="features of these very images"):
        search_for_copies(table, sets, others, MemorisationOptions())

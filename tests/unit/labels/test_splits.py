import hashlib
import json

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from cosmop.errors import InputError
from cosmop.labels.splits import (
    SplitOptions,
    assign_splits,
    compare_split_manifests,
    split_manifest,
)

OPTIONS = SplitOptions()
SHARES = {"train": 0.7, "validation": 0.1, "test": 0.2}


def _study(seed, images=1000, positive_share=0.4, largest_group=1):
    """Labels, and groups of 1 to `largest_group` images whose members mostly share their class."""
    rng = np.random.default_rng(seed)
    ids = [f"{int(number):016x}" for number in rng.integers(0, 2**62, images)]
    group = np.repeat(np.arange(images), rng.integers(1, largest_group + 1, images))[:images]
    group_class = rng.random(images) < positive_share
    is_positive = group_class[group] ^ (rng.random(images) < 0.02)
    labels = pd.DataFrame({"image_id": ids, "is_positive": is_positive})
    return labels, pd.DataFrame({"image_id": ids, "group": group})


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("largest_group", [1, 5, 30])
def test_no_group_straddles_and_shares_are_kept_in_both_classes(seed, largest_group):
    labels, groups = _study(seed, largest_group=largest_group)

    table = labels.merge(assign_splits(labels, groups, OPTIONS)).merge(groups)

    assert table.groupby("group")["split"].nunique().eq(1).all()
    for _, of_class in table.groupby("is_positive"):
        counts = of_class["split"].value_counts()
        for name, share in SHARES.items():
            assert abs(counts[name] - share * len(of_class)) <= largest_group


def test_single_images_are_apportioned_to_the_image():
    labels, groups = _study(0, images=1000)

    splits = assign_splits(labels, groups, OPTIONS)["split"].value_counts()

    for name, share in SHARES.items():
        assert abs(splits[name] - share * 1000) <= 2


def test_the_original_studys_sizes_come_out():
    ids = [f"{at:04}" for at in range(4323)]
    labels = pd.DataFrame({"image_id": ids, "is_positive": np.arange(4323) < 1697})
    groups = pd.DataFrame({"image_id": ids, "group": range(4323)})
    options = SplitOptions(validation_share=0.0, test_share=0.2)

    table = labels.assign(split=assign_splits(labels, groups, options)["split"])

    counts = table.groupby(["split", "is_positive"]).size()
    assert abs(counts["test", True] - 340) <= 1
    assert abs(counts["test", False] - 526) <= 1
    assert set(table["split"]) == {"train", "test"}


def test_neither_the_order_of_rows_nor_the_group_numbers_matter():
    labels, groups = _study(1, largest_group=6)
    renumbered = groups.assign(group=[f"g{997 * number % 1009}" for number in groups["group"]])

    straight = assign_splits(labels, groups, OPTIONS)
    mixed = assign_splits(
        labels.sample(frac=1, random_state=0), renumbered.sample(frac=1, random_state=1), OPTIONS
    )

    assert straight["image_id"].tolist() == labels["image_id"].tolist()
    assert straight.equals(mixed.set_index("image_id").loc[labels["image_id"]].reset_index())


def test_another_seed_gives_another_split():
    labels, groups = _study(2)

    one, other = (assign_splits(labels, groups, SplitOptions(seed=s))["split"] for s in (0, 1))

    assert 0.3 < np.mean(one.to_numpy() == other.to_numpy()) < 0.8  # by chance 0.54


@pytest.mark.parametrize("largest_group", [1, 5])
def test_images_that_are_added_move_few_others(largest_group):
    labels, groups = _study(8, images=3300, largest_group=largest_group)
    is_early = groups["group"] < groups["group"].max() / 1.1  # whole groups are added

    early = assign_splits(labels[is_early], groups, OPTIONS)
    late = assign_splits(labels, groups, OPTIONS)

    both = early.merge(late, on="image_id")
    assert len(labels) - len(both) > 250
    assert np.mean(both["split_x"] != both["split_y"]) < 0.03  # a new draw would move 46 %


def test_a_single_image_that_is_added_moves_at_most_one_across_each_boundary():
    labels, groups = _study(9, images=1001)

    early = assign_splits(labels[1:], groups, OPTIONS)
    late = assign_splits(labels, groups, OPTIONS)

    both = early.merge(late, on="image_id")
    assert (both["split_x"] != both["split_y"]).sum() <= 2


def test_a_group_larger_than_the_test_set_goes_to_training():
    labels, groups = _study(3, images=200)
    groups.loc[:79, "group"] = -1

    table = groups.assign(split=assign_splits(labels, groups, OPTIONS)["split"])

    assert set(table.loc[table["group"] == -1, "split"]) == {"train"}


def test_three_images_of_a_rare_class_reach_all_three_splits():
    labels, groups = _study(4, images=300)
    labels["is_positive"] = np.arange(300) < 3

    table = labels.merge(assign_splits(labels, groups, OPTIONS))

    assert sorted(table.loc[table["is_positive"], "split"]) == ["test", "train", "validation"]


def test_groups_of_images_that_are_not_labelled_do_not_matter():
    labels, groups = _study(5, largest_group=4)
    few = labels.iloc[::2]

    table = few.merge(assign_splits(few, groups, OPTIONS)).merge(groups)

    assert table.groupby("group")["split"].nunique().eq(1).all()


@pytest.mark.parametrize(
    ("positives", "images", "words"),
    [
        (1, 3, r"3 labelled images wants .* got \(positive \+ negative\) train 1 \+"),
        (0, 100, r"train 0 \+ 70, validation 0 \+ 10, test 0 \+ 20; label more"),
        (2, 100, "label more images of the missing class"),
        (0, 0, "0 labelled images"),
    ],
)
def test_a_split_without_a_class_is_refused_with_its_counts(positives, images, words):
    labels, groups = _study(6, images=images)
    labels["is_positive"] = np.arange(images) < positives

    with pytest.raises(InputError, match=words):
        assign_splits(labels, groups, OPTIONS)


def test_an_image_without_a_group_is_refused():
    labels, groups = _study(7)

    with pytest.raises(InputError, match="but 1 have none, first"):
        assign_splits(labels, groups.iloc[1:], OPTIONS)


@pytest.mark.parametrize(
    "wrong", [{"test_share": 0.0}, {"test_share": 0.6, "validation_share": 0.4}, {"seed": -1}]
)
def test_shares_that_leave_nothing_are_refused(wrong):
    with pytest.raises(ValidationError):
        SplitOptions(**wrong)


# The manifest


def _sides(seed=0, images=60):
    labels, groups = _study(seed, images=images)
    table = labels.assign(split=assign_splits(labels, groups, OPTIONS)["split"])
    return [table[table["split"] == name] for name in ("train", "validation", "test")]


def test_the_checksum_is_that_of_sorted_lines():
    table = pd.DataFrame({"image_id": ["b", "a"], "is_positive": [True, False]})

    manifest = split_manifest(table, table.iloc[:0], table.iloc[:1].assign(image_id="c"))

    lines = b"a train 0\nb train 1\nc test 1\n"
    assert manifest["checksum"] == hashlib.sha256(lines).hexdigest()
    assert manifest["test_checksum"] == hashlib.sha256(b"c test 1\n").hexdigest()
    assert json.loads(json.dumps(manifest)) == manifest


def test_the_checksum_knows_no_order_but_every_image_split_and_label():
    train, validation, test = _sides()
    first = split_manifest(train, validation, test)

    shuffled = split_manifest(train.sample(frac=1, random_state=0), validation, test)
    relabelled = test.assign(
        is_positive=[not test["is_positive"].iloc[0], *test["is_positive"][1:]]
    )
    others = [
        split_manifest(train.iloc[1:], validation, test),
        split_manifest(train, validation, relabelled),
        split_manifest(train, test, validation),
    ]

    assert shuffled == first
    assert len({one["checksum"] for one in [first, *others]}) == 4
    assert others[0]["test_checksum"] == first["test_checksum"] != others[1]["test_checksum"]


def test_an_image_in_two_splits_has_no_manifest():
    train, validation, test = _sides()

    with pytest.raises(InputError, match=f"got '{test['image_id'].iloc[0]}' twice"):
        split_manifest(pd.concat([train, test.iloc[:1]]), validation, test)


def test_what_changed_in_the_test_split_is_said():
    train, validation, test = _sides()
    before = split_manifest(train, validation, test)
    new = test.iloc[:2].assign(image_id=["new 1", "new 2"])
    flipped = test.iloc[5:].assign(
        is_positive=[not test["is_positive"].iloc[5], *test["is_positive"][6:]]
    )

    # Of the test images the first goes, the next four move to training; three come from there.
    now = split_manifest(
        pd.concat([train.iloc[3:], test.iloc[1:5]]),
        validation,
        pd.concat([flipped, new, train.iloc[:3]]),
    )
    change = compare_split_manifests(before, now)

    sentence = change.pop("sentence")
    assert change == {
        "is_same": False,
        "added": 2,
        "removed": 1,
        "moved_in": 3,
        "moved_out": 4,
        "relabelled": 1,
    }
    assert sentence == (
        "The test split has changed since the last run, from 12 to 12 images (2 added, 1 removed, "
        "3 moved in, 4 moved out, 1 relabelled): its figures cannot be compared with earlier ones; "
        "what the last run trained may have seen the images that moved in."
    )


def test_a_test_split_that_stayed_is_said_to_have_stayed():
    train, validation, test = _sides()
    before = split_manifest(train, validation, test)

    change = compare_split_manifests(before, split_manifest(train.iloc[1:], validation, test))

    assert change["is_same"]
    assert change["sentence"] == "The test split is that of the last run: 12 images."


def test_an_edited_manifest_is_refused():
    before = split_manifest(*_sides())
    edited = {**before, "images": before["images"][1:]}

    with pytest.raises(InputError, match="but its images have"):
        compare_split_manifests(edited, before)

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from cosmop.errors import InputError
from cosmop.labels.splits import SplitOptions, assign_splits

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

"""A planted leak of each kind is caught, and a split by groups has none."""

import numpy as np
import pandas as pd
import pytest

from cosmop.errors import InputError
from cosmop.imaging.duplicates import group_for_splits
from cosmop.labels.leaks import check_groups_apart, find_leaks, require_no_leaks
from cosmop.labels.near_copies import group_near_copies, near_copy_pairs
from cosmop.labels.splits import SplitOptions, assign_splits

RADIUS = 10


def flip_bits(value, bits, rng):
    for bit in rng.choice(64, bits, replace=False):
        value ^= 1 << int(bit)
    return value


def hash_table(rng, images=400, copies=60, mirrored_copies=60):
    """Random hashes; the last ones are near-copies, or near mirror images, of the first ones."""
    straight = [int(value) for value in rng.integers(0, 2**63, images)]
    turned = [int(value) for value in rng.integers(0, 2**63, images)]
    for at in range(copies):
        straight[-1 - at] = flip_bits(straight[at], int(rng.integers(0, RADIUS + 1)), rng)
        turned[-1 - at] = flip_bits(turned[at], int(rng.integers(0, RADIUS + 1)), rng)
    for at in range(copies, copies + mirrored_copies):
        straight[-1 - at] = flip_bits(turned[at], int(rng.integers(0, RADIUS + 1)), rng)
        turned[-1 - at] = flip_bits(straight[at], int(rng.integers(0, RADIUS + 1)), rng)
    return pd.DataFrame(
        {
            "image_id": [f"{at:064x}" for at in range(images)],
            "phash": [f"{value:016x}" for value in straight],
            "phash_mirrored": [f"{value:016x}" for value in turned],
            "low_information": False,
        }
    )


def split(hashes, groups, seed=0):
    rng = np.random.default_rng(seed)
    labels = pd.DataFrame(
        {"image_id": hashes["image_id"], "is_positive": rng.random(len(hashes)) < 0.4}
    )
    table = labels.merge(assign_splits(labels, groups, SplitOptions(seed=seed)))
    return [table[table["split"] == name] for name in ("train", "validation", "test")]


@pytest.fixture
def clean():
    hashes = hash_table(np.random.default_rng(0), copies=0, mirrored_copies=0)
    return *split(hashes, group_near_copies(hashes, RADIUS)), hashes


def failing(leaks):
    return {name for name, check in leaks.items() if not check["ok"]}


@pytest.mark.parametrize("seed", range(12))
def test_a_split_by_groups_of_near_copies_has_no_leak(seed):
    hashes = hash_table(np.random.default_rng(seed))
    train, validation, test = split(hashes, group_near_copies(hashes, RADIUS), seed)
    used = {"generator": train["image_id"], "image_classifier": train["image_id"][:50]}

    leaks = find_leaks(train, validation, test, hashes, used, RADIUS)

    assert failing(leaks) == set()
    assert len(leaks) == 5
    assert "mirror images included" in leaks["near_copies_apart"]["sentence"]
    require_no_leaks(leaks)


def test_groups_that_know_no_mirror_images_leak_them():
    hashes = hash_table(np.random.default_rng(1))
    sides = split(hashes, group_for_splits(hashes, RADIUS))

    seen = find_leaks(*sides, hashes, {}, RADIUS)
    blind = find_leaks(*sides, hashes.drop(columns="phash_mirrored"), {}, RADIUS)

    assert failing(seen) == {"near_copies_apart", "groups_apart"}
    assert failing(blind) == set()
    assert "mirror images not looked at" in blind["near_copies_apart"]["sentence"]


def test_an_image_in_two_splits_is_caught(clean):
    train, validation, test, hashes = clean
    both = pd.concat([train, test.iloc[:1]])

    leaks = find_leaks(both, validation, test, hashes, {}, RADIUS)

    assert leaks["ids_apart"] == {
        "ok": False,
        "n": 1,
        "sentence": "Of 401 images, 1 can be found in more than one split.",
        "examples": [test["image_id"].iloc[0]],
    }


@pytest.mark.parametrize("column", ["phash", "phash_mirrored"])
@pytest.mark.parametrize(("bits", "is_leak"), [(0, True), (RADIUS, True), (RADIUS + 1, False)])
def test_a_near_copy_in_another_split_is_caught_up_to_the_radius(clean, column, bits, is_leak):
    train, validation, test, hashes = clean
    seen, unseen = train["image_id"].iloc[3], test["image_id"].iloc[5]
    table = hashes.set_index("image_id")
    source = int(table.loc[seen, column], 16)
    table.loc[unseen, "phash"] = f"{flip_bits(source, bits, np.random.default_rng(0)):016x}"

    leaks = find_leaks(train, validation, test, table.reset_index(), {}, RADIUS)

    assert failing(leaks) == ({"near_copies_apart", "groups_apart"} if is_leak else set())
    if is_leak:
        assert leaks["near_copies_apart"]["n"] == 1
        assert set(leaks["near_copies_apart"]["examples"][0].split()) == {seen, unseen}


def test_a_chain_through_an_unlabelled_image_is_caught(clean):
    train, validation, test, hashes = clean
    rng = np.random.default_rng(2)
    one, other = train["image_id"].iloc[0], test["image_id"].iloc[0]
    table = hashes.set_index("image_id")
    start = int(table.loc[one, "phash"], 16)
    between, end = start ^ 0x1FF, start ^ 0x3FFFF  # 9 bits each way, 18 between the ends
    table.loc[other, "phash"] = f"{end:016x}"
    bridge = pd.DataFrame(
        {
            "image_id": ["bridge"],
            "phash": [f"{between:016x}"],
            "phash_mirrored": [f"{int(rng.integers(0, 2**63)):016x}"],
            "low_information": [False],
        }
    )

    leaks = find_leaks(
        train, validation, test, pd.concat([table.reset_index(), bridge]), {}, RADIUS
    )

    assert failing(leaks) == {"groups_apart"}
    assert set(leaks["groups_apart"]["examples"]) == {one, other}


@pytest.mark.parametrize("side", ["validation", "test"])
def test_a_generator_that_saw_other_images_is_caught(clean, side):
    train, validation, test, hashes = clean
    foreign = {"validation": validation, "test": test}[side]["image_id"].iloc[0]
    used = {"generator": [*train["image_id"], foreign], "image_classifier": train["image_id"]}

    leaks = find_leaks(train, validation, test, hashes, used, RADIUS)

    assert failing(leaks) == {"generator_saw_training_only"}
    assert leaks["generator_saw_training_only"]["examples"] == [foreign]
    count = len(train)
    with pytest.raises(
        InputError, match=f"on {count + 1} images, of which the training split holds only {count};"
    ):
        require_no_leaks(leaks)


def test_all_leaks_are_named_in_one_sentence(clean):
    train, _, test, hashes = clean

    leaks = find_leaks(train, test, test, hashes, {"generator": test["image_id"]}, RADIUS)

    with pytest.raises(InputError, match="more than one split; The generator was trained on"):
        require_no_leaks(leaks)


def test_an_ordinary_grouping_can_be_checked_too(clean):
    train, _, test, _ = clean
    sides = {"train": train["image_id"].tolist(), "test": test["image_id"].tolist()}
    ids = sides["train"][:2] + sides["test"][:2]

    apart = check_groups_apart(sides, pd.DataFrame({"image_id": ids, "group": list("aabb")}))
    torn = check_groups_apart(sides, pd.DataFrame({"image_id": ids, "group": list("abbc")}))

    assert apart["ok"]
    assert (torn["n"], torn["examples"]) == (1, ids[1:3])


# Pairs and groups


def slow_pairs(hashes, radius):
    rows = list(hashes.itertuples(index=False))
    pairs = []
    for i, one in enumerate(rows):
        for j in range(i + 1, len(rows)):
            other = rows[j]
            if not one.phash or not other.phash or one.low_information != other.low_information:
                continue
            here = [one.phash, one.phash_mirrored], [other.phash, other.phash_mirrored]
            apart = [
                (int(here[0][0], 16) ^ int(here[1][0], 16)).bit_count(),
                (int(here[0][0], 16) ^ int(here[1][1], 16)).bit_count(),
                (int(here[0][1], 16) ^ int(here[1][0], 16)).bit_count(),
            ]
            if (one.low_information and apart[0] == 0) or (
                not one.low_information and min(apart) <= radius
            ):
                pairs.append((i, j))
    return pairs


@pytest.mark.parametrize("seed", range(4))
def test_pairs_are_those_of_comparing_all(seed):
    rng = np.random.default_rng(seed)
    hashes = hash_table(rng, images=60, copies=15, mirrored_copies=10)
    hashes.loc[rng.choice(60, 12, replace=False), "low_information"] = True
    hashes.loc[rng.choice(60, 3, replace=False), ["phash", "phash_mirrored"]] = ""
    low = hashes.index[hashes["low_information"]]
    hashes.loc[low[:2], "phash"] = "00000000000000ff"

    first, second = near_copy_pairs(hashes, RADIUS)

    assert list(zip(first.tolist(), second.tolist(), strict=True)) == slow_pairs(hashes, RADIUS)


@pytest.mark.parametrize("seed", range(4))
def test_groups_are_the_components_of_all_pairs(seed):
    rng = np.random.default_rng(seed)
    hashes = hash_table(rng, images=60, copies=15, mirrored_copies=10)
    hashes.loc[40:49, "phash"] = hashes.loc[39, "phash"]
    hashes.loc[44:49, "phash_mirrored"] = hashes.loc[39, "phash_mirrored"]
    hashes.loc[rng.choice(60, 12, replace=False), "low_information"] = True
    hashes.loc[rng.choice(60, 3, replace=False), ["phash", "phash_mirrored"]] = ""
    hashes = hashes.sample(frac=1, random_state=seed)
    label = list(range(60))
    for one, other in slow_pairs(hashes, RADIUS):
        label = [label[one] if held == label[other] else held for held in label]

    groups = group_near_copies(hashes, RADIUS)["group"]

    assert groups.tolist() == pd.factorize(pd.Series(label))[0].tolist()


def test_a_mirror_image_of_any_member_joins_the_whole_group():
    """The second image is near the first; the third's mirror image is near the second only."""
    straight = [0, 0xFF, 0xFFFF_0000_0000_0000, 0x0F0F_0F0F_0F0F_0000]
    mirrored = [0x3333_3333_0000_0000, 0x5555_5555_5555_0000, 0x1FFFF, 0xF0F0_F0F0_0000_0000]
    hashes = hash_table(np.random.default_rng(0), images=4, copies=0, mirrored_copies=0).assign(
        phash=[f"{value:016x}" for value in straight],
        phash_mirrored=[f"{value:016x}" for value in mirrored],
    )

    assert group_near_copies(hashes, RADIUS)["group"].tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize("is_low", [False, True])
def test_a_hundred_thousand_copies_of_one_image_are_one_group(is_low):
    """Five thousand million pairs, none of which is needed."""
    strangers = hash_table(np.random.default_rng(5), images=20, copies=0, mirrored_copies=0)
    copies = strangers.iloc[[0] * 100_000].assign(
        image_id=[f"{at:064x}" for at in range(20, 100_020)], low_information=is_low
    )

    groups = group_near_copies(pd.concat([copies, strangers[1:]]), RADIUS)["group"]

    assert groups[:100_000].eq(0).all()
    assert groups.nunique() == 20


def test_a_symmetric_picture_is_no_copy_of_itself():
    hashes = hash_table(np.random.default_rng(4), images=20, copies=0, mirrored_copies=0)
    hashes["phash_mirrored"] = hashes["phash"]

    assert len(near_copy_pairs(hashes, RADIUS)[0]) == 0


def test_without_mirrored_hashes_the_groups_are_those_of_the_split():
    hashes = hash_table(np.random.default_rng(3)).drop(columns="phash_mirrored")

    assert group_near_copies(hashes, RADIUS).equals(group_for_splits(hashes, RADIUS))
    assert len(group_near_copies(hashes.iloc[:0], RADIUS)) == 0


# Bad input


def test_what_cannot_be_checked_is_refused(clean):
    train, validation, test, hashes = clean

    with pytest.raises(InputError, match=r"training and test images, got \{'train': 0"):
        find_leaks(train.iloc[:0], validation, test, hashes, {}, RADIUS)
    with pytest.raises(InputError, match="but 1 have none, first"):
        find_leaks(
            train, validation, test, hashes[hashes["image_id"] != test["image_id"].iloc[0]], {}
        )
    with pytest.raises(InputError, match="The generator must say which images"):
        find_leaks(train, validation, test, hashes, {"generator": []}, RADIUS)
    assert failing(find_leaks(train, validation.iloc[:0], test, hashes, {}, RADIUS)) == set()

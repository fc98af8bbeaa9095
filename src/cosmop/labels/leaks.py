"""Does anything that was trained know the test images? One check, one sentence each."""

from collections.abc import Collection, Iterable, Mapping
from itertools import combinations, islice
from typing import TypedDict

import numpy as np
import pandas as pd

from cosmop.errors import InputError
from cosmop.labels.near_copies import MIRRORED_COLUMN, group_near_copies, near_copy_pairs
from cosmop.labels.splits import SPLITS

_EXAMPLES = 10


class Check(TypedDict):
    """What a check found.

    Keys: ``ok``; ``n``, how many images (or pairs) offend; ``sentence`` for people; ``examples``,
    at most 10 offending ids, of pairs both ids with a space between.
    """

    ok: bool
    n: int
    sentence: str
    examples: list[str]


def find_leaks(
    train: pd.DataFrame,
    validation: pd.DataFrame,
    test: pd.DataFrame,
    hashes: pd.DataFrame,
    used_ids: Mapping[str, Collection[str]],
    radius_bits: int = 10,
) -> dict[str, Check]:
    """Look for test images that something was trained on, or that look like one.

    Args:
        train: Manifest with ``image_id``.
        validation: The same; may be empty.
        test: The same.
        hashes: ``image_id``, ``phash``, ``low_information`` and where known ``phash_mirrored``,
            for at least the images of the three splits.
        used_ids: Which images each trainer was given: ``{"generator": ids, …}``.
        radius_bits: Hashes this close are near-copies; that of the split (`SplitOptions`).

    Returns:
        By name: ``ids_apart``, each image is in one split; ``near_copies_apart``, no two images
        within the radius are in two splits, nor an image and another one's mirror image;
        ``groups_apart``, nor are they joined by a chain of such; ``<who>_saw_training_only``, one
        for each of `used_ids`.

    Raises:
        InputError: No training or no test images, an image without a hash row, or a trainer that
            names no images.
    """
    sides = zip(SPLITS, (train, validation, test), strict=True)
    side_ids = {name: side["image_id"].astype(str).tolist() for name, side in sides}
    _require_images(side_ids, hashes)
    training = set(side_ids["train"])
    return {
        "ids_apart": check_ids_apart(side_ids),
        "near_copies_apart": check_near_copies_apart(side_ids, hashes, radius_bits),
        "groups_apart": check_groups_apart(side_ids, group_near_copies(hashes, radius_bits)),
        **{
            f"{who}_saw_training_only": check_subset(ids, training, f"The {who}")
            for who, ids in used_ids.items()
        },
    }


def require_no_leaks(leaks: Mapping[str, Check]) -> None:
    """Refuse to go on with a leak.

    Raises:
        InputError: The sentences of all checks that failed.
    """
    found = [check["sentence"].removesuffix(".") for check in leaks.values() if not check["ok"]]
    if found:
        raise InputError(
            f"The study wants test images that nothing was trained on, but: {'; '.join(found)}; "
            "split again and train again on the training split alone."
        )


def check_ids_apart(side_ids: Mapping[str, Collection[str]]) -> Check:
    """Check that no image is in two splits."""
    shared = sorted(
        {
            image
            for one, other in combinations(side_ids.values(), 2)
            for image in set(one) & set(other)
        }
    )
    total = sum(len(ids) for ids in side_ids.values())
    return _check(
        len(shared),
        shared,
        f"Each of {total} images is in one split only.",
        f"Of {total} images, {len(shared)} can be found in more than one split.",
    )


def check_near_copies_apart(
    side_ids: Mapping[str, Collection[str]], hashes: pd.DataFrame, radius_bits: int
) -> Check:
    """Check that no two images of different splits look the same, one of them mirrored or not."""
    side_of = _side_of(side_ids)
    known = hashes[hashes["image_id"].isin(side_of)].reset_index(drop=True)
    first, second = near_copy_pairs(known, radius_bits)
    ids = known["image_id"].astype(str).to_numpy(dtype=object)
    side = np.array([side_of[image] for image in ids], dtype=object)
    across = side[first] != side[second]
    pairs = zip(ids[first[across]], ids[second[across]], strict=True)
    n = int(across.sum())
    mirrored = "mirror images included"
    if MIRRORED_COLUMN not in hashes.columns:
        mirrored = "mirror images not looked at, since they have no hashes"
    within = f"within {radius_bits} bits by perceptual hash ({mirrored})"
    return _check(
        n,
        (f"{one} {other}" for one, other in pairs),
        f"No two images of different splits are {within}.",
        f"No two images of different splits may be {within}, but pairs found: {n}.",
    )


def check_groups_apart(side_ids: Mapping[str, Collection[str]], groups: pd.DataFrame) -> Check:
    """Check that no group of near-copies (``image_id``, ``group``) has images in two splits."""
    side_of = _side_of(side_ids)
    known = groups[groups["image_id"].isin(side_of)]
    sides = known["image_id"].map(side_of).groupby(known["group"]).nunique()
    torn = sides.index[sides > 1]
    images = known.loc[known["group"].isin(torn), "image_id"].astype(str)
    return _check(
        len(torn),
        images,
        f"Each of {len(sides)} groups of near-copies is in one split only.",
        f"Of {len(sides)} groups of near-copies, {len(torn)} can be found in more than one split.",
    )


def check_subset(used_ids: Collection[str], training_ids: Collection[str], who: str) -> Check:
    """Check that a trainer was given training images only.

    Args:
        used_ids: What it was given.
        training_ids: The training split.
        who: Begins the sentence: "The generator".

    Raises:
        InputError: `used_ids` is empty: a check that cannot fail says nothing.
    """
    used = {str(image) for image in used_ids}
    if not used:
        raise InputError(
            f"{who} must say which images it was trained on, got none; pass the ids of its "
            "training set."
        )
    foreign = sorted(used - set(training_ids))
    return _check(
        len(foreign),
        foreign,
        f"{who} was trained on {len(used)} images, all of the training split.",
        f"{who} was trained on {len(used)} images, of which the training split holds only "
        f"{len(used) - len(foreign)}.",
    )


def _check(n: int, examples: Iterable[str], fine: str, wrong: str) -> Check:
    return {
        "ok": n == 0,
        "n": n,
        "sentence": wrong if n else fine,
        "examples": list(islice(examples, _EXAMPLES)) if n else [],
    }


def _side_of(side_ids: Mapping[str, Collection[str]]) -> dict[str, str]:
    return {image: name for name, ids in side_ids.items() for image in ids}


def _require_images(side_ids: Mapping[str, Collection[str]], hashes: pd.DataFrame) -> None:
    if not side_ids["train"] or not side_ids["test"]:
        counts = {name: len(ids) for name, ids in side_ids.items()}
        raise InputError(
            f"The search for leaks needs training and test images, got {counts}; label more images."
        )
    known = set(hashes["image_id"].astype(str))
    missing = [image for ids in side_ids.values() for image in ids if image not in known]
    if missing:
        raise InputError(
            f"The search for leaks needs a hash row for each image of the splits, but "
            f"{len(missing)} have none, first {missing[0]!r}; hash the labelled images again."
        )

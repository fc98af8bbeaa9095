"""Splits made before anything is trained: whole duplicate groups, both classes in proportion."""

import hashlib
from collections.abc import Iterable
from itertools import groupby, pairwise
from typing import Any, Self, TypedDict, cast

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from cosmop.config import Options
from cosmop.errors import InputError

SPLITS = ("train", "validation", "test")

_Floats = np.ndarray[Any, np.dtype[np.float64]]


class SplitOptions(Options):
    """Shares of the labelled images; training gets the rest."""

    validation_share: float = Field(default=0.1, ge=0, lt=1)
    test_share: float = Field(
        default=0.2, gt=0, lt=1, description="The original study: 866 of 4,323 images, 0.2."
    )
    seed: int = Field(default=0, ge=0)
    group_radius_bits: int = Field(
        default=10,
        ge=0,
        le=16,
        description="Images this close by perceptual hash, or joined by a chain of such, stay on "
        "one side; wider than what counts as a copy, so that no near copy leaks.",
    )

    @model_validator(mode="after")
    def _check_rest(self) -> Self:
        if self.validation_share + self.test_share >= 1:
            raise ValueError(
                "validation_share + test_share must leave images for training, got "
                f"{self.validation_share + self.test_share:g}"
            )
        return self


class SplitImage(TypedDict):
    """One image of a split manifest."""

    image_id: str
    split: str
    is_positive: bool


class SplitManifest(TypedDict):
    """Which image was in which split, and checksums that say whether this is the same split.

    Keys: ``images``, sorted by id; ``checksum``, SHA-256 (hex) of all of them; ``test_checksum``,
    of the test images alone.
    """

    checksum: str
    test_checksum: str
    images: list[SplitImage]


class SplitChange(TypedDict):
    """How the test split differs from that of an earlier run.

    Keys: ``is_same``; images ``added`` that were in no split before, ``removed`` that are in none
    now, ``moved_in`` from another split and ``moved_out`` to one, ``relabelled`` and still there;
    ``sentence`` for people.
    """

    is_same: bool
    added: int
    removed: int
    moved_in: int
    moved_out: int
    relabelled: int
    sentence: str


def assign_splits(
    labels: pd.DataFrame, groups: pd.DataFrame, options: SplitOptions
) -> pd.DataFrame:
    """Assign each labelled image to train, validation or test.

    Groups go whole, the largest first, to the split that they bring nearest to its share of both
    classes. Which of equally composed groups these are, their rank in an order drawn from the seed
    says: images that are added later move few others. The result depends on ids, labels, grouping
    and seed alone: not on the order of rows, nor on how groups are numbered.

    Args:
        labels: ``image_id`` and ``is_positive``, one row per image.
        groups: ``image_id`` and ``group``, for at least the labelled images.
        options: See the class.

    Returns:
        ``image_id`` and ``split``, in the order of `labels`.

    Raises:
        InputError: A wanted split would be empty or lack a class, or an image has no group.
    """
    images = _with_groups(labels, groups)
    counts_GC, names = _count_groups(images)
    train_share = 1 - options.validation_share - options.test_share
    wanted_S = np.array([train_share, options.validation_share, options.test_share])
    order = _drawn_order(counts_GC, names, options.seed)
    split_G = _deal(_fill(counts_GC, wanted_S, order), counts_GC, order)
    split_of = dict(zip(names, split_G, strict=True))
    split = [SPLITS[split_of[name]] for name in images["group_name"]]
    _check_classes(images, split, wanted_S)
    return pd.DataFrame(
        {"image_id": images["image_id"].to_numpy(), "split": pd.Series(split, dtype="str")}
    )


def _with_groups(labels: pd.DataFrame, groups: pd.DataFrame) -> pd.DataFrame:
    """Add ``group_name``: the lowest id in the group, which no renumbering changes."""
    group_of = groups.set_index("image_id")["group"]
    images = labels[["image_id", "is_positive"]].reset_index(drop=True)
    missing = ~images["image_id"].isin(group_of.index)
    if missing.any():
        raise InputError(
            f"The split of {len(images)} labelled images wants a duplicate group for each, but "
            f"{int(missing.sum())} have none, first {images['image_id'][missing].iloc[0]!r}; hash "
            "the labelled images again."
        )
    group = group_of.loc[images["image_id"]].to_numpy()
    return images.assign(group_name=images.groupby(group)["image_id"].transform("min"))


def _count_groups(images: pd.DataFrame) -> tuple[_Floats, list[str]]:
    """Count negatives and positives per group [G, 2], groups sorted by name."""
    positives = images.groupby("group_name")["is_positive"].agg(["size", "sum"])
    counts_GC = np.stack([positives["size"] - positives["sum"], positives["sum"]], axis=1)
    return counts_GC.astype(np.float64), [str(name) for name in positives.index]


def _drawn_order(counts_GC: _Floats, names: list[str], seed: int) -> list[int]:
    """Largest groups first, equally composed ones in an order drawn by hashing seed and name."""
    drawn = [hashlib.sha256(f"{seed} {name}".encode()).digest() for name in names]
    composed = [(-sum(counts), *counts) for counts in counts_GC.tolist()]
    return sorted(range(len(names)), key=lambda at: (composed[at], drawn[at]))


def _fill(counts_GC: _Floats, wanted_S: _Floats, order: list[int]) -> list[int]:
    """Give each group to the split that lacks most of what it brings."""
    # A rare class reaches every wanted split, as long as there are enough of it.
    target_SC = np.maximum(wanted_S[:, None] * counts_GC.sum(axis=0), 1.0)
    have_SC = np.zeros_like(target_SC)
    split_G = [0] * len(counts_GC)
    for group in order:
        added_C = counts_GC[group]
        # How much the sum of (have - target)² / target falls; for single images this is the
        # apportionment of Webster and Sainte-Laguë.
        gain_SC = added_C * (2 * (target_SC - have_SC) - added_C) / target_SC
        gain_S = np.where(wanted_S > 0, gain_SC.sum(axis=1), -np.inf)
        split = int(np.argmax(gain_S))
        have_SC[split] += added_C
        split_G[group] = split
    return split_G


def _deal(split_G: list[int], counts_GC: _Floats, order: list[int]) -> list[int]:
    """Give equally composed groups the same places, the first drawn the test, then validation.

    A group that is added shifts the ranks of the others by at most one, so that of all those only
    the ones next to a boundary change sides.
    """
    dealt_G = list(split_G)
    for _, alike in groupby(order, key=lambda at: tuple(counts_GC[at])):
        places = list(alike)
        splits = sorted((split_G[at] for at in places), reverse=True)
        for at, split in zip(places, splits, strict=True):
            dealt_G[at] = split
    return dealt_G


def _check_classes(images: pd.DataFrame, split: list[str], wanted_S: _Floats) -> None:
    classes = images["is_positive"].astype(bool).to_numpy()
    counts = {
        name: tuple(
            int(((np.array(split) == name) & (classes == side)).sum()) for side in (True, False)
        )
        for name, share in zip(SPLITS, wanted_S, strict=True)
        if share > 0
    }
    if all(positive and negative for positive, negative in counts.values()):
        return
    came = ", ".join(f"{name} {p} + {n}" for name, (p, n) in counts.items())
    raise InputError(
        f"The split of {len(images)} labelled images wants positive and negative images in "
        f"{', '.join(counts)}, but got (positive + negative) {came}; label more images of the "
        "missing class."
    )


def split_manifest(
    train: pd.DataFrame, validation: pd.DataFrame, test: pd.DataFrame
) -> SplitManifest:
    """Write down a split, so that a later run can say whether it is still the same.

    The checksum is SHA-256 over one line per image, sorted by id: id, split and 1 for positive or
    0 for negative, with spaces between, in UTF-8.

    Args:
        train: Manifest with ``image_id`` and ``is_positive``.
        validation: The same; may be empty.
        test: The same.

    Raises:
        InputError: An image is in two splits, or twice in one.
    """
    images: list[SplitImage] = sorted(
        (
            {"image_id": str(image), "split": name, "is_positive": bool(positive)}
            for name, side in zip(SPLITS, (train, validation, test), strict=True)
            for image, positive in zip(side["image_id"], side["is_positive"], strict=True)
        ),
        key=lambda image: image["image_id"],
    )
    ids = [image["image_id"] for image in images]
    if len(set(ids)) < len(ids):
        twice = next(one for one, other in pairwise(ids) if one == other)
        raise InputError(
            f"The split manifest of {len(ids)} images wants each image once, but got {twice!r} "
            "twice; split again."
        )
    return {
        "checksum": _checksum(images),
        "test_checksum": _checksum(image for image in images if image["split"] == "test"),
        "images": images,
    }


def compare_split_manifests(before: SplitManifest, now: SplitManifest) -> SplitChange:
    """Say what changed in the test split since an earlier run.

    Raises:
        InputError: The earlier manifest does not have the checksum it states: it was edited.
    """
    if _checksum(before["images"]) != before["checksum"]:
        raise InputError(
            f"The split manifest of the last run wants the checksum {before['checksum'][:12]}…, "
            f"but its images have {_checksum(before['images'])[:12]}…; restore the file."
        )
    old, new = ({image["image_id"]: image for image in side["images"]} for side in (before, now))
    was, is_now = _test_ids(before), _test_ids(now)
    counts = {
        "added": len(is_now - old.keys()),
        "removed": len(was - new.keys()),
        "moved_in": len((is_now - was) & old.keys()),
        "moved_out": len((was - is_now) & new.keys()),
        "relabelled": sum(
            old[image]["is_positive"] != new[image]["is_positive"] for image in was & is_now
        ),
    }
    is_same = not any(counts.values())
    sentence = _say(counts, len(was), len(is_now))
    return cast(SplitChange, {"is_same": is_same, **counts, "sentence": sentence})


def _say(counts: dict[str, int], before: int, now: int) -> str:
    if not any(counts.values()):
        return f"The test split is that of the last run: {now} images."
    changed = ", ".join(
        f"{count} {name.replace('_', ' ')}" for name, count in counts.items() if count
    )
    risk = ""
    if counts["moved_in"]:
        risk = "; what the last run trained may have seen the images that moved in"
    return (
        f"The test split has changed since the last run, from {before} to {now} images ({changed})"
        f": its figures cannot be compared with earlier ones{risk}."
    )


def _test_ids(manifest: SplitManifest) -> set[str]:
    return {image["image_id"] for image in manifest["images"] if image["split"] == "test"}


def _checksum(images: Iterable[SplitImage]) -> str:
    lines = (f"{i['image_id']} {i['split']} {int(i['is_positive'])}\n" for i in images)
    return hashlib.sha256("".join(lines).encode()).hexdigest()

"""Pairs and groups of near-copies by perceptual hash, mirror images among them.

A generator learns each image and its mirror image, so a test image whose mirror image is a training
image has been seen.
"""

from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from cosmop.imaging.duplicates import group_for_splits
from cosmop.imaging.hamming_join import pairs_across, pairs_within
from cosmop.imaging.phash import hashes_as_integers

MIRRORED_COLUMN = "phash_mirrored"

_Rows = np.ndarray[Any, np.dtype[np.int64]]


def near_copy_pairs(hashes: pd.DataFrame, radius_bits: int) -> tuple[_Rows, _Rows]:
    """Find all pairs of images within the radius, or of which one is so to the other's mirror.

    As in `cosmop.imaging.duplicates.group_for_splits`, images without a hash have no pairs and
    low-information hashes pair only when equal; mirrored, they have no pairs.

    Args:
        hashes: Columns ``image_id``, ``phash`` (16 hex digits, or empty), ``low_information``, and
            where known ``phash_mirrored``: the hash of the picture mirrored left to right.
        radius_bits: 0 to 64.

    Returns:
        Rows (i, j) of each pair, int64 [P] each, i < j, each pair once, ascending.
    """
    has_hash = (hashes["phash"] != "").to_numpy(dtype=bool)
    is_low = hashes["low_information"].to_numpy(dtype=bool)
    texts = hashes["phash"].to_numpy(dtype=object)
    low, near = np.flatnonzero(has_hash & is_low), np.flatnonzero(has_hash & ~is_low)
    first, second, _ = pairs_within(hashes_as_integers(texts[low]), 0)
    found = [low[np.stack([first, second])]]
    first, second, _ = pairs_within(hashes_as_integers(texts[near]), radius_bits)
    found.append(near[np.stack([first, second])])
    if MIRRORED_COLUMN in hashes.columns:
        mirrored = hashes[MIRRORED_COLUMN].to_numpy(dtype=object)
        found.append(near[_mirrored_pairs(texts[near], mirrored[near], radius_bits)])
    pairs = np.unique(np.sort(np.concatenate(found, axis=1), axis=0), axis=1)
    return pairs[0], pairs[1]


def _mirrored_pairs(straight: Any, mirrored: Any, radius_bits: int) -> _Rows:
    """Return pairs [2, P] of which the one is near the other's mirror image, in both orders."""
    first, second, _ = pairs_across(
        hashes_as_integers(straight), hashes_as_integers(mirrored), radius_bits
    )
    apart = first != second
    return np.stack([first[apart], second[apart]])


def group_near_copies(hashes: pd.DataFrame, radius_bits: int) -> pd.DataFrame:
    """Group images that must not be on two sides of a split, mirror images included.

    The groups of `cosmop.imaging.duplicates.group_for_splits`, joined where a mirrored pair links
    them; without the column ``phash_mirrored`` they are the same. Copies cost next to nothing,
    however many there are.

    Args:
        hashes: As `near_copy_pairs`.
        radius_bits: 0 to 64.

    Returns:
        Columns ``image_id`` and ``group`` (int), one row per image.
    """
    groups = group_for_splits(hashes, radius_bits)
    if MIRRORED_COLUMN not in hashes.columns or groups.empty:
        return groups
    number = groups["group"].to_numpy(dtype=np.int64)
    first, second = _mirrored_links(hashes, number, radius_bits)
    size = int(number.max()) + 1
    links = (np.ones(len(first), dtype=bool), (first, second))
    _, joined = connected_components(coo_array(links, shape=(size, size)), directed=False)
    numbers, _ = pd.factorize(joined[number])
    return groups.assign(group=numbers)


def _mirrored_links(hashes: pd.DataFrame, number: _Rows, radius_bits: int) -> tuple[_Rows, _Rows]:
    """Return pairs of group numbers of which the one holds a near mirror image of the other."""
    usable = (hashes["phash"] != "") & ~hashes["low_information"].astype(bool)
    images = hashes.assign(group=number)[usable]
    straight = images.drop_duplicates(["phash", "group"])
    mirrored = images.drop_duplicates([MIRRORED_COLUMN, "group"])
    first, second, _ = pairs_across(
        hashes_as_integers(straight["phash"]),
        hashes_as_integers(mirrored[MIRRORED_COLUMN]),
        radius_bits,
    )
    return straight["group"].to_numpy()[first], mirrored["group"].to_numpy()[second]

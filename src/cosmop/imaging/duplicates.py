"""Near-duplicate groups: a star of copies around each image that is kept."""

from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from cosmop.config import Options
from cosmop.imaging.block_tables import IntegerArray
from cosmop.imaging.hamming_join import distinct_pairs, pairs_within
from cosmop.imaging.phash import HashArray, hashes_as_integers

__all__ = [
    "DuplicateOptions",
    "connected_groups",
    "group_duplicates",
    "group_for_splits",
    "pairs_within",
]


class DuplicateOptions(Options):
    """When two images count as one."""

    radius_bits: int = Field(
        default=8,
        ge=0,
        le=16,
        description="Hashes at most this many of 64 bits apart are copies. With the median "
        "threshold 8 finds 99.2 to 99.9 % of re-published copies, by how they were cut, and takes "
        "none of 538,203 pairs of unrelated photographs for copies; 10 finds 99.8 to 99.9 %, at "
        "1 false pair per million (docs/results/duplicates.md).",
    )
    max_pairs: int = Field(
        default=20_000_000,
        ge=1,
        description="More pairs than this are refused: the hashes are degenerate.",
    )


def connected_groups(hashes: HashArray, radius: int) -> IntegerArray:
    """Number the connected components of "within `radius` bits", by first occurrence.

    Chains join: wanted where groups must not touch (splits), not where images are given up.

    Args:
        hashes: uint64 [N].
        radius: Bits, 0 to 64.

    Returns:
        Component numbers [N], 0 for the first hash.
    """
    distinct, inverse = np.unique(np.asarray(hashes, dtype=np.uint64), return_inverse=True)
    if len(distinct) == 0:
        return np.zeros(0, dtype=np.int64)
    first, second, _ = distinct_pairs(distinct, radius)
    edges = coo_array((np.ones(len(first), bool), (first, second)), shape=(len(distinct),) * 2)
    _, component = connected_components(edges, directed=False)
    return _number_by_first(component[inverse])


def group_for_splits(hashes: pd.DataFrame, radius_bits: int) -> pd.DataFrame:
    """Group images that must not be on two sides of a split: connected within `radius_bits`.

    Low-information hashes join only when equal; an image without a hash stands alone.

    Args:
        hashes: Columns ``image_id``, ``phash`` (16 hex digits, or empty), ``low_information``.
        radius_bits: 0 to 64.

    Returns:
        Columns ``image_id`` and ``group`` (int), one row per image.
    """
    keys = pd.Series(hashes["image_id"].to_numpy(dtype=object), dtype=object)
    has_hash, is_low = _hash_kinds(hashes)
    texts = hashes["phash"].to_numpy(dtype=object)
    keys[has_hash & is_low] = texts[has_hash & is_low]
    near = np.flatnonzero(has_hash & ~is_low)
    components = connected_groups(hashes_as_integers(texts[near]), radius_bits)
    keys[near] = components.astype(object)
    numbers, _ = pd.factorize(keys)
    return pd.DataFrame({"image_id": hashes["image_id"].to_numpy(), "group": numbers})


def group_duplicates(
    hashes: pd.DataFrame, manifest: pd.DataFrame, options: DuplicateOptions
) -> pd.DataFrame:
    """Group near-duplicates and choose the copy to keep.

    Images are taken from the best to the worst: most pixels, then most bytes, then first found,
    then lowest id. One that has no kept image within the radius is kept; every other one joins the
    nearest kept image. So each member is itself within the radius of what stands for it, however
    long a chain of copies is, and no two kept images are within the radius. Low-information images
    match only where hash and brightness are equal; unhashed images stand alone.

    Args:
        hashes: From `hash_image_set`: ``image_id``, ``phash``, ``low_information``, and
            ``brightness`` where known.
        manifest: ``image_id``, ``width``, ``height``, and where known ``bytes`` and ``fetched_at``;
            without them its order says what was found first.
        options: See the class.

    Returns:
        One row per manifest row, in its order: ``image_id``, ``group_id`` (int),
        ``kept_image_id``, ``is_kept``, ``distance_to_kept`` (bits), ``reason``.

    Raises:
        ValueError: An image of the manifest has no row in `hashes`.
        InputError: More pairs than ``options.max_pairs``.
    """
    images = _join(manifest, hashes)
    rank = _rank(images)
    kind = _match_keys(images)
    # Equal keys are one node, represented by its best image: a million copies cost one node.
    nodes, node_of = np.unique(kind, return_inverse=True)
    best_rank = np.full(len(nodes), len(images), dtype=np.int64)
    np.minimum.at(best_rank, node_of, rank)
    best_image = np.argsort(rank)[best_rank]
    kept_node, distance = _star(images, best_image, best_rank, options)
    kept_row = best_image[kept_node[node_of]]
    return _as_table(images, kept_row, distance[node_of])


def _join(manifest: pd.DataFrame, hashes: pd.DataFrame) -> pd.DataFrame:
    columns = ["image_id", "phash", "low_information", "brightness"]
    known = hashes[[name for name in columns if name in hashes.columns]]
    base = manifest[[name for name in manifest.columns if name not in columns[1:]]]
    images = base.merge(known, on="image_id", how="left", validate="one_to_one")
    missing = images["phash"].isna()
    if missing.any():
        raise ValueError(
            f"Duplicate groups need a hash row for each of {len(images)} images, got none for "
            f"{int(missing.sum())}, first {images['image_id'][missing].iloc[0]!r}."
        )
    return images


def _rank(images: pd.DataFrame) -> IntegerArray:
    """Rank images from the best, 0, to the worst."""
    order = pd.DataFrame(
        {
            "pixels": -(images["width"].astype("int64") * images["height"].astype("int64")),
            "bytes": -images["bytes"].fillna(0) if "bytes" in images else 0,
            "found": images["fetched_at"].astype("str") if "fetched_at" in images else 0,
            "place": 0 if "fetched_at" in images else np.arange(len(images)),
            "image_id": images["image_id"],
        }
    )
    rank = np.empty(len(images), dtype=np.int64)
    rank[order.sort_values(list(order.columns)).index.to_numpy()] = np.arange(len(images))
    return rank


def _hash_kinds(hashes: pd.DataFrame) -> tuple[Any, Any]:
    """Boolean arrays [N]: has a hash at all; its hash is of low information."""
    has_hash = (hashes["phash"] != "").to_numpy(dtype=bool)
    return has_hash, hashes["low_information"].to_numpy(dtype=bool)


def _match_keys(images: pd.DataFrame) -> Any:
    """Text keys [N]; images with equal keys are one image to the search."""
    has_hash, is_low = _hash_kinds(images)
    level = images["brightness"] if "brightness" in images else pd.Series(0.0, images.index)
    keys = images["phash"].to_numpy(dtype=object)
    keys = np.where(is_low, keys + level.map(" {:.4f}".format).to_numpy(dtype=object), keys)
    return np.where(has_hash, keys, images["image_id"].to_numpy(dtype=object)).astype("str")


def _star(
    images: pd.DataFrame,
    best_image: IntegerArray,
    best_rank: IntegerArray,
    options: DuplicateOptions,
) -> tuple[IntegerArray, IntegerArray]:
    """Choose kept nodes, best first, and send every other node to the nearest of them.

    Returns:
        The kept node of each node, and the distance to it in bits.
    """
    count = len(best_image)
    has_hash, is_low = _hash_kinds(images)
    near = np.flatnonzero((has_hash & ~is_low)[best_image])
    integers = hashes_as_integers(images["phash"].to_numpy(dtype=object)[best_image[near]])
    # Nodes are sorted by their hex text, so `integers` is distinct and ascending.
    first, second, bits = distinct_pairs(integers, options.radius_bits, options.max_pairs)
    ends = np.concatenate([near[first], near[second]])
    others = np.concatenate([near[second], near[first]])
    bits = np.concatenate([bits, bits])
    is_kept = _independent(count, ends, others, best_rank)

    kept_node = np.arange(count)
    distance = np.zeros(count, dtype=np.int64)
    to_kept = is_kept[others] & ~is_kept[ends]
    ends, others, bits = ends[to_kept], others[to_kept], bits[to_kept]
    order = np.lexsort((best_rank[others], bits, ends))
    joined, at = np.unique(ends[order], return_index=True)
    kept_node[joined], distance[joined] = others[order][at], bits[order][at]
    return kept_node, distance


def _independent(
    count: int, ends: IntegerArray, others: IntegerArray, best_rank: IntegerArray
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Greedily keep nodes by rank that have no kept neighbour before them."""
    is_kept = np.ones(count, dtype=bool)
    forward = best_rank[ends] < best_rank[others]
    ends, others = ends[forward], others[forward]
    order = np.argsort(best_rank[ends], kind="stable")
    ends, others = ends[order], others[order]
    starts = np.flatnonzero(np.diff(ends, prepend=-1))
    for start, stop in zip(starts, np.append(starts, len(ends))[1:], strict=True):
        if is_kept[ends[start]]:
            is_kept[others[start:stop]] = False
    return is_kept


def _as_table(images: pd.DataFrame, kept_row: IntegerArray, distance: IntegerArray) -> pd.DataFrame:
    ids = images["image_id"].to_numpy(dtype=object)
    is_kept = kept_row == np.arange(len(images))
    group = _number_by_first(kept_row)
    members = np.bincount(group, minlength=1)[group]
    return pd.DataFrame(
        {
            "image_id": images["image_id"],
            "group_id": group,
            "kept_image_id": pd.Series(ids[kept_row], dtype="str"),
            "is_kept": is_kept,
            "distance_to_kept": distance,
            "reason": pd.Series(_reasons(images, kept_row, members, distance), dtype="str"),
        }
    )


def _reasons(
    images: pd.DataFrame, kept_row: IntegerArray, members: IntegerArray, distance: IntegerArray
) -> list[str]:
    """Say for each image, in words, why it is kept or what is kept instead."""
    pixels = images["width"].to_numpy(dtype=np.int64) * images["height"].to_numpy(dtype=np.int64)
    size = images["bytes"].fillna(0).to_numpy() if "bytes" in images else np.zeros(len(images))
    more_pixels, more_bytes = pixels[kept_row] - pixels, size[kept_row] - size
    nearest = "is the nearest one kept"
    advantage = np.select(
        [more_pixels > 0, more_pixels < 0, more_bytes > 0, more_bytes < 0],
        ["has more pixels", nearest, "has more bytes", nearest],
        "was found first",
    )
    is_kept = kept_row == np.arange(len(images))
    return [
        f"{bits} bits from the kept image, which {why}"
        if not kept
        else ("the only one of its kind" if count == 1 else f"the best of {count} copies")
        for bits, why, kept, count in zip(distance, advantage, is_kept, members, strict=True)
    ]


def _number_by_first(labels: Any) -> IntegerArray:
    """Renumber labels 0, 1, 2 … in the order in which they first occur."""
    numbers, _ = pd.factorize(labels)
    return np.asarray(numbers, dtype=np.int64)

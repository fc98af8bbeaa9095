"""Mirrored, turned and transposed copies, by the hashes of an image's seven other positions."""

from typing import Any

import numpy as np
import pandas as pd

from cosmop.imaging.block_tables import HashArray, IntegerArray
from cosmop.imaging.hamming_join import MAX_PAIRS, pairs_across
from cosmop.imaging.phash import hashes_as_integers

# Names are those of PIL's `Image.Transpose`; each beside the one that undoes it.
INVERSES = {
    "mirrored": "mirrored",
    "flipped": "flipped",
    "rotated_180": "rotated_180",
    "rotated_90": "rotated_270",
    "rotated_270": "rotated_90",
    "transposed": "transposed",
    "transversed": "transversed",
}
SYMMETRIES = tuple(INVERSES)
_COLUMNS = ["phash", *(f"phash_{name}" for name in SYMMETRIES)]


def find_symmetric_copies(
    hashes: pd.DataFrame, radius_bits: int, max_pairs: int = MAX_PAIRS
) -> pd.DataFrame:
    """Find the images that look like an earlier image mirrored, turned or transposed.

    Two images match when the hash of one is within the radius of a hash of the other in another
    position, and their plain hashes are not within it: plain copies, and pictures that are their
    own mirror image, are `group_duplicates`' matter. Low-information images and images without a
    hash match nothing.

    Args:
        hashes: One row per image in manifest order: ``image_id``, ``phash``, ``low_information``,
            and ``phash_mirrored``, ``phash_flipped``, ``phash_rotated_90``, ``phash_rotated_180``,
            ``phash_rotated_270``, ``phash_transposed``, ``phash_transversed``: 16 hex digits each,
            of the image after that PIL transpose.
        radius_bits: 0 to 64.
        max_pairs: Refuse more pairs of distinct images than this.

    Returns:
        One row per image that matches an earlier one, in manifest order: ``image_id``;
        ``copy_of``, the first image in manifest order that it matches; ``symmetry``, what turns
        ``copy_of`` into the image, of several the nearest (one of `SYMMETRIES`); ``distance`` in
        bits. Memory grows with the images and the matches of distinct ones, not with copies.

    Raises:
        InputError: More than `max_pairs` pairs.
    """
    usable = (hashes["phash"] != "") & ~hashes["low_information"].astype(bool)
    rows = np.flatnonzero(usable.to_numpy())
    integers = hashes[_COLUMNS].to_numpy(dtype=object)[rows].reshape(-1)
    codes = hashes_as_integers(integers).reshape(-1, len(_COLUMNS))
    # Images equal in all positions are one node, named by its first image.
    nodes, first, node_of = np.unique(codes, axis=0, return_index=True, return_inverse=True)
    matches = _matches(nodes, radius_bits, max_pairs)
    matches["copy_of"] = rows[first[matches["copy_of"]]]
    matches = matches.sort_values(["node", "copy_of", "distance", "symmetry"])
    best = matches.drop_duplicates("node").set_index("node")
    images = pd.DataFrame({"row": rows, "node": node_of.reshape(-1)})
    found = images.join(best, on="node", how="inner")
    found = found[found["copy_of"] < found["row"]]
    return _as_table(hashes["image_id"].to_numpy(dtype=object), found)


def _matches(nodes: HashArray, radius: int, max_pairs: int) -> pd.DataFrame:
    """Match nodes [M, 8] in both directions; ``symmetry`` is its number in `SYMMETRIES`."""
    parts = []
    for number, inverse in enumerate(INVERSES.values()):
        position = nodes[:, number + 1]
        one, other, distance = pairs_across(nodes[:, 0], position, radius, max_pairs)
        undone = SYMMETRIES.index(inverse)
        parts += [_part(one, other, number, distance), _part(other, one, undone, distance)]
    found = pd.concat(parts, ignore_index=True)
    plain = nodes[:, 0]
    bits = plain[found["node"].to_numpy()] ^ plain[found["copy_of"].to_numpy()]
    apart: pd.DataFrame = found.loc[np.bitwise_count(bits) > radius]
    return apart


def _part(
    node: IntegerArray, copy_of: IntegerArray, symmetry: int, distance: IntegerArray
) -> pd.DataFrame:
    columns = {"node": node, "copy_of": copy_of, "distance": distance}
    return pd.DataFrame(columns).assign(symmetry=symmetry)


def _as_table(ids: Any, found: pd.DataFrame) -> pd.DataFrame:
    names = np.array(SYMMETRIES, dtype=object)
    return pd.DataFrame(
        {
            "image_id": pd.Series(ids[found["row"]], dtype="str"),
            "copy_of": pd.Series(ids[found["copy_of"]], dtype="str"),
            "symmetry": pd.Series(names[found["symmetry"]], dtype="str"),
            "distance": found["distance"].to_numpy(dtype=np.int64),
        }
    )

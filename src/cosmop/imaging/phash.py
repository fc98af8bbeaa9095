"""Perceptual hashes of image sets: 64 bits that say what an image looks like.

Neither size nor compression changes them much. The arithmetic is in `cosmop.imaging.dct_hash`.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from cosmop.imaging.dct_hash import (
    POSITIONS,
    HashArray,
    Threshold,
    hashes_as_integers,
    low_frequencies,
    phash,
    phash_from_dct,
)
from cosmop.imaging.hash_rows import (
    HASH_COLUMNS,
    HashingOptions,
    HashRow,
    hash_files,
    hashing_fingerprint,
)
from cosmop.imaging.hashing_processes import hash_in_processes
from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.line_workers import usable_cores
from cosmop.progress import track

__all__ = [
    "POSITIONS",
    "HashArray",
    "HashingOptions",
    "Threshold",
    "hash_image_set",
    "hash_table",
    "hashes_as_integers",
    "hashing_fingerprint",
    "low_frequencies",
    "phash",
    "phash_from_dct",
]

_FILES_PER_TASK = 32
_FILES_PER_PROCESS = 500  # a process takes half a second to start, as long as 500 small files take


def hash_image_set(
    images: ImageSet, options: HashingOptions, known: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Hash every image of a set, upright by its EXIF, over processes where that pays.

    Args:
        images: The set.
        options: See the class.
        known: Rows as this function returns them, with a column ``hashing``, the
            `hashing_fingerprint` of how each was made. Those of the same making are taken over;
            images without one, with another one, or with a problem are hashed.

    Returns:
        One row per image in manifest order: ``image_id``; ``phash`` (16 hex digits); the hashes of
        the image in its seven other positions, ``phash_mirrored`` (left to right),
        ``phash_flipped`` (top to bottom), ``phash_rotated_90``, ``phash_rotated_180``,
        ``phash_rotated_270`` (counter-clockwise), ``phash_transposed``, ``phash_transversed``;
        ``low_information`` (the hash is mostly rounding); ``information``, ``sharpness``,
        ``brightness`` and ``contrast`` (see `cosmop.imaging.quality`); ``decoder`` (name, version
        and extent: hashes depend on it); ``problem``, why an image could not be hashed, then
        ``phash`` is empty.
    """
    if known is None:
        return _compute(images, options)
    is_same = (known["hashing"] == hashing_fingerprint(options)) & (known["problem"] == "")
    reusable = known[is_same & known["image_id"].isin(images.ids)].drop_duplicates("image_id")
    computed = _compute(
        images.where(~images.manifest["image_id"].isin(reusable["image_id"])), options
    )
    reused = reusable[list(computed)].astype(computed.dtypes.to_dict())
    table = pd.concat([part for part in (reused, computed) if len(part)] or [computed])
    return table.set_index("image_id").loc[images.ids].reset_index()


def hash_table(ids: Sequence[str], rows: Sequence[HashRow]) -> pd.DataFrame:
    """Return rows as the table of `hash_image_set`, an image id for each."""
    table = pd.DataFrame([row.hashes for row in rows], columns=list(HASH_COLUMNS), dtype="str")
    table.insert(0, "image_id", pd.Series(ids, dtype="str"))
    for name, kind in list(HashRow.__annotations__.items())[1:]:
        table[name] = pd.Series([getattr(row, name) for row in rows], dtype=kind.__name__)
    return table


def _compute(images: ImageSet, options: HashingOptions) -> pd.DataFrame:
    files = images.files
    rows: list[HashRow] = []
    with track(files, "perceptual hashes", unit="image") as bar:
        for hashed in _hash(files, options):
            rows.extend(hashed)
            bar.update(len(hashed))
    return hash_table(images.ids, rows)


def _hash(files: Sequence[Path], options: HashingOptions) -> Iterator[list[HashRow]]:
    chunks = [files[at : at + _FILES_PER_TASK] for at in range(0, len(files), _FILES_PER_TASK)]
    useful = max(1, len(files) // _FILES_PER_PROCESS)
    count = options.workers or min(useful, usable_cores())
    if count == 1:
        return (hash_files(chunk, options) for chunk in chunks)
    return hash_in_processes(chunks, options, min(count, len(chunks)))

"""What is wrong with an image, in words: flags by thresholds, which inform and remove nothing."""

import hashlib
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from pydantic import Field

from cosmop.config import Options
from cosmop.imaging.duplicates import connected_groups
from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.phash import hashes_as_integers
from cosmop.imaging.symmetric_copies import find_symmetric_copies

BoolArray = np.ndarray[Any, np.dtype[np.bool_]]
# The same pixels may be hashed by two ways of decoding: a progressive JPEG by its first scan.
_SAME_PIXELS_BITS = 4

Flag = Literal[
    "unreadable",
    "too_small",
    "too_long",
    "blurred",
    "dark",
    "light",
    "uniform",
    "pixel_copy",
    "symmetric_copy",
]


class FlagOptions(Options):
    """When an image is flagged.

    The figures are of 1,123 real photographs, and of 225 of them with planted faults.
    """

    min_side_px: int = Field(
        default=64,
        ge=1,
        description="too_small: the shorter side is less; 1 of 1,123 photographs.",
    )
    max_aspect: float = Field(
        default=3.0,
        ge=1,
        description="too_long: longer side over shorter side is more; 1 of 1,123 photographs.",
    )
    min_relative_sharpness: float = Field(
        default=0.29,
        ge=0,
        description="blurred: sharpness over contrast is less, so that dark is not called blurred; "
        "none of 1,123 photographs, all when blurred by a sigma of 4 % of the shorter side, 99.6 % "
        "by 3 %, 74 % by 2 %.",
    )
    min_brightness: float = Field(
        default=20.0,
        ge=0,
        le=255,
        description="dark: the mean grey level is less; 2 of 1,123 photographs, all when darkened "
        "to a twentieth, 98 % to a tenth.",
    )
    max_brightness: float = Field(
        default=235.0,
        ge=0,
        le=255,
        description="light: the mean grey level is more; 1 of 1,123 photographs, all when "
        "lightened to a twentieth of their distance from white, 99 % to a tenth.",
    )
    min_information: float = Field(
        default=3.0,
        ge=0,
        description="uniform: the median size of the low frequencies, in grey levels, is less; "
        "none of 1,123 photographs, flat images and plain gradients always, photographs of a "
        "fiftieth of their contrast in 99.6 %.",
    )
    symmetric_radius_bits: int = Field(
        default=8,
        ge=0,
        le=16,
        description="symmetric_copy: mirrored or turned, the hash is at most this far from that of "
        "an earlier image; 1 false pair among 630,003 pairs of photographs in 7 positions.",
    )


def flag_images(images: ImageSet, hashes: pd.DataFrame, options: FlagOptions) -> pd.DataFrame:
    """Apply the thresholds, and find copies that bytes and plain hashes do not show.

    Args:
        images: What is flagged.
        hashes: From `cosmop.imaging.phash.hash_image_set`, a row for each image.
        options: See the class.

    Returns:
        One row per image in manifest order: ``image_id``; a bool column for each `Flag`, named
        ``is_`` and the flag; ``pixel_copy_of``, the first image that decodes to the same upright
        pixels from other bytes; ``symmetric_copy_of``, the first image of which this one is a
        mirrored, turned or transposed copy, and ``symmetry``, by what (see
        `cosmop.imaging.symmetric_copies`); all three empty where there is none; ``reasons``, one
        sentence, empty for an image without flags.

    Raises:
        ValueError: An image has no row in `hashes`.
    """
    table = _measures(images, hashes)
    copies = find_symmetric_copies(table, options.symmetric_radius_bits).set_index("image_id")
    origins = pd.DataFrame(
        {
            "pixel_copy_of": _find_pixel_copies(images, table),
            "symmetric_copy_of": copies["copy_of"].reindex(images.ids, fill_value="").to_numpy(),
            "symmetry": copies["symmetry"].reindex(images.ids, fill_value="").to_numpy(),
        },
        dtype="str",
    )
    findings = [*_bad_measures(table, options), *_copies(origins)]
    flags = {f"is_{finding.flag}": finding.is_so for finding in findings}
    reasons = pd.Series(_sentences(findings, len(images)), dtype="str")
    return pd.DataFrame({"image_id": table["image_id"]} | flags).join(
        origins.assign(reasons=reasons)
    )


class _Finding(NamedTuple):
    """Which images [N] have a flag, and words with the value that is to blame."""

    flag: Flag
    is_so: BoolArray
    words: str
    values: Any


def _measures(images: ImageSet, hashes: pd.DataFrame) -> pd.DataFrame:
    measured = hashes.set_index("image_id").reindex(images.ids)
    missing = measured["phash"].isna()
    if missing.any():
        raise ValueError(
            f"Flags need a hash row for each of {len(images)} images, got none for "
            f"{int(missing.sum())}, first {missing.idxmax()!r}."
        )
    sizes = images.manifest[["width", "height"]]
    return measured.reset_index(names="image_id").join(sizes)


def _bad_measures(table: pd.DataFrame, options: FlagOptions) -> list[_Finding]:
    short = table[["width", "height"]].min(axis=1).to_numpy()
    aspect = table[["width", "height"]].max(axis=1).to_numpy() / short
    level, amount = table["brightness"].to_numpy(), table["information"].to_numpy()
    sharpness = table["sharpness"].to_numpy() / np.maximum(table["contrast"].to_numpy(), 1)
    problem = table["problem"].to_numpy(dtype=object)
    is_read = problem == ""
    is_uniform = is_read & (amount < options.min_information)
    is_blurred = is_read & ~is_uniform & (sharpness < options.min_relative_sharpness)
    is_dark = is_read & (level < options.min_brightness)
    is_light = is_read & (level > options.max_brightness)
    return [
        _Finding("unreadable", ~is_read, "cannot be read: {}", problem),
        _Finding("too_small", short < options.min_side_px, "has a side of {} px", short),
        _Finding(
            "too_long", aspect > options.max_aspect, "is {:.1f} times as long as wide", aspect
        ),
        _Finding("blurred", is_blurred, "is blurred (relative sharpness {:.2f})", sharpness),
        _Finding("dark", is_dark, "is dark (mean grey level {:.0f})", level),
        _Finding("light", is_light, "is light (mean grey level {:.0f})", level),
        _Finding("uniform", is_uniform, "is nearly uniform (information {:.1f})", amount),
    ]


def _copies(origins: pd.DataFrame) -> list[_Finding]:
    pixels, symmetric, symmetry = (origins[name].to_numpy(dtype=object) for name in origins)
    described = [f"{how} of {origin}" for how, origin in zip(symmetry, symmetric, strict=True)]
    return [
        _Finding("pixel_copy", pixels != "", "has the pixels of {}", pixels),
        _Finding("symmetric_copy", symmetric != "", "is a copy, {}", described),
    ]


def _sentences(findings: list[_Finding], count: int) -> list[str]:
    words: list[list[str]] = [[] for _ in range(count)]
    for _, is_so, text, values in findings:
        for at in np.flatnonzero(is_so):
            words[at].append(text.format(values[at]))
    return [f"The image {', '.join(said)}." if said else "" for said in words]


def _find_pixel_copies(images: ImageSet, table: pd.DataFrame) -> list[str]:
    """Name the first image with the same pixels, or nothing; only look-alikes are decoded."""
    ids, origins = images.ids, [""] * len(images)
    for rows in _look_alikes(table):
        first: dict[bytes, int] = {}
        for row in rows:
            origin = first.setdefault(_digest(images, row), row)
            origins[row] = ids[origin] if origin != row else ""
    return origins


def _look_alikes(table: pd.DataFrame) -> Iterator[list[int]]:
    """Yield rows of equal size and nearly equal hash, two or more together, in order."""
    known = table[table["problem"] == ""]
    for _, same in known.groupby(["width", "height"], sort=False):
        if len(same) > 1:
            groups = connected_groups(hashes_as_integers(same["phash"]), _SAME_PIXELS_BITS)
            rows = pd.Series(same.index.to_numpy()).groupby(groups, sort=False)
            yield from (list(members) for _, members in rows if len(members) > 1)


def _digest(images: ImageSet, row: int) -> bytes:
    """Return a checksum of size and pixels; one that nothing equals if they cannot be decoded."""
    try:
        image = images.open(row)
    except Exception:  # noqa: BLE001  # hostile bytes make decoders raise anything
        return str(row).encode()
    return hashlib.sha256(f"{image.size}".encode() + image.tobytes()).digest()

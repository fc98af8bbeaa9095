"""Perceptual hashes: 64 bits that say what an image looks like, whatever its size or compression.

Grey, 32×32 by Lanczos, DCT-II, the 8×8 low frequencies, one bit each: above the threshold or not.
"""

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import scipy.fft
from PIL import Image, features
from PIL import __version__ as pillow_version
from pydantic import Field

from cosmop.config import Options
from cosmop.imaging.decoding import (
    ACCEPTED_FORMATS,
    flatten_rgb,
    has_transparency,
    read_orientation,
    turn_upright,
)
from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.quality import FloatArray, GreyArray, brightness, information, sharpness
from cosmop.progress import track

Threshold = Literal["median", "mean", "mean_without_dc"]
HashArray = np.ndarray[Any, np.dtype[np.uint64]]

_SIDE_PX = 32
_LOW = 8
# Mirroring left to right turns the sign of every odd horizontal frequency.
_MIRROR = np.array([1.0, -1.0] * (_LOW // 2))
_FILES_PER_TASK = 16


class HashingOptions(Options):
    """How an image set is hashed."""

    threshold: Threshold = Field(
        default="median",
        description="median: as imagehash. mean: over all 64 terms, as the original study; it puts "
        "0.9 % of unrelated photographs within 4 bits. mean_without_dc: the mean of 63 terms.",
    )
    scaled_decoding: bool = Field(
        default=True,
        description="Let the JPEG decoder shrink while it decodes: about 3 times faster, and on "
        "average less than one bit away from full decoding.",
    )
    decoded_side_px: int = Field(
        default=64,
        ge=32,
        description="Scaled decoding keeps both sides at least this long.",
    )
    min_information: float = Field(
        default=3.0,
        ge=0,
        description="Below this the hash is mostly rounding, and matches exact copies only; see "
        "QualityThresholds.",
    )
    workers: int = Field(default=0, ge=0, description="Threads; 0 is one per core.")


class _Row(NamedTuple):
    phash: str
    phash_mirrored: str
    low_information: bool
    information: float
    sharpness: float
    brightness: float
    problem: str


def phash(image: Image.Image, threshold: Threshold = "median") -> int:
    """Hash `image`, upright, of any mode and size, to 64 bits.

    With ``"median"`` the result is bit for bit that of ``imagehash.phash``.

    Returns:
        0 to 2^64 - 1; row-major, most significant bit first.
    """
    grey_32x32 = _shrink(image.convert("L"))
    return phash_from_dct(low_frequencies(np.asarray(grey_32x32)), threshold)


def low_frequencies(grey_32x32: GreyArray) -> FloatArray:
    """Return the low 8×8 of the unnormalised two-dimensional DCT-II of a 32×32 grey image."""
    columns = scipy.fft.dct(grey_32x32.astype(np.float64), axis=0)[:_LOW]
    low_8x8: FloatArray = scipy.fft.dct(columns, axis=1)[:, :_LOW]
    return low_8x8


def phash_from_dct(low_8x8: FloatArray, threshold: Threshold = "median") -> int:
    """Turn 64 low-frequency terms [8, 8] into 64 bits: is the term above the threshold?

    Args:
        low_8x8: DCT terms, the constant one (DC) at [0, 0].
        threshold: ``"median"`` of all 64 terms; ``"mean"`` of all 64, DC included, as in the
            original study; ``"mean_without_dc"``, the mean of the other 63.

    Returns:
        0 to 2^64 - 1; row-major, most significant bit first.
    """
    terms = np.asarray(low_8x8, dtype=np.float64).reshape(64)
    match threshold:
        case "median":
            limit = np.median(terms)
        case "mean":
            limit = terms.mean()
        case "mean_without_dc":
            limit = terms[1:].mean()
    return int.from_bytes(np.packbits(terms > limit).tobytes(), "big")


def hash_image_set(images: ImageSet, options: HashingOptions) -> pd.DataFrame:
    """Hash every image of a set, upright by its EXIF, on several threads.

    Returns:
        One row per image in manifest order: ``image_id``; ``phash`` and
        ``phash_mirrored`` (16 hex digits; the second of the image mirrored left to right);
        ``low_information`` (the hash is mostly rounding); ``information``, ``sharpness`` and
        ``brightness`` (see `cosmop.imaging.quality`); ``decoder`` (name and version: hashes depend
        on it); ``problem``, why an image could not be hashed, then ``phash`` is empty.
    """
    files = images.files
    chunks = [files[at : at + _FILES_PER_TASK] for at in range(0, len(files), _FILES_PER_TASK)]
    rows: list[_Row] = []
    with (
        ThreadPoolExecutor(options.workers or _usable_cores()) as pool,
        track(files, "perceptual hashes", unit="image") as bar,
    ):
        for hashed in pool.map(lambda chunk: [_hash_file(file, options) for file in chunk], chunks):
            rows.extend(hashed)
            bar.update(len(hashed))
    return _as_table(images.ids, rows, options)


def hashes_as_integers(phashes: Iterable[str]) -> HashArray:
    """Read 16-digit hex hashes, the form in which tables hold them, as uint64 [N]."""
    return np.array([int(text, 16) for text in phashes], dtype=np.uint64)


def _as_table(ids: list[str], rows: list[_Row], options: HashingOptions) -> pd.DataFrame:
    kinds = _Row.__annotations__
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(kinds)
    table = pd.DataFrame({"image_id": pd.Series(ids, dtype="str")})
    for (name, kind), values in zip(kinds.items(), columns, strict=True):
        table[name] = pd.Series(list(values), dtype=kind.__name__)
    table.insert(len(table.columns) - 1, "decoder", _decoder_name(options))
    return table


def _hash_file(file: Path, options: HashingOptions) -> _Row:
    try:
        grey, orientation = _decode_grey(file, options)
    except Exception as error:  # noqa: BLE001  # one bad file is a row with a reason
        reason = str(error) or type(error).__name__
        return _Row("", "", True, 0.0, 0.0, 0.0, reason.replace(str(file), file.name))
    grey_32x32 = np.asarray(turn_upright(_shrink(grey), orientation))
    low_8x8 = low_frequencies(grey_32x32)
    amount = information(low_8x8)
    return _Row(
        f"{phash_from_dct(low_8x8, options.threshold):016x}",
        f"{phash_from_dct(low_8x8 * _MIRROR, options.threshold):016x}",
        amount < options.min_information,
        amount,
        sharpness(grey),
        brightness(grey_32x32),
        "",
    )


def _decode_grey(file: Path, options: HashingOptions) -> tuple[Image.Image, int]:
    """Decode to grey, not yet upright: turning 32×32 pixels later costs nothing."""
    with Image.open(file, formats=ACCEPTED_FORMATS) as image:
        orientation = read_orientation(image)
        if options.scaled_decoding:
            image.draft("L", (options.decoded_side_px, options.decoded_side_px))
        if has_transparency(image) or image.mode.startswith("I"):
            return flatten_rgb(image).convert("L"), orientation
        return image.convert("L"), orientation


def _shrink(grey: Image.Image) -> Image.Image:
    return grey.resize((_SIDE_PX, _SIDE_PX), Image.Resampling.LANCZOS)


def _usable_cores() -> int:
    """Cores this process may use; a container often has fewer than the machine."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _decoder_name(options: HashingOptions) -> str:
    library = "libjpeg_turbo" if features.check("libjpeg_turbo") else "jpg"
    scale = f"scaled to {options.decoded_side_px} px" if options.scaled_decoding else "full size"
    return f"Pillow {pillow_version}, {library} {features.version(library)}, {scale}"

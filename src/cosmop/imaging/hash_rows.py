"""One row of measures for each image file: hashes in all positions, and how good the image is."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError
from pydantic import Field

from cosmop.config import Options
from cosmop.imaging.dct_hash import (
    POSITIONS,
    GreyArray,
    Threshold,
    hashes_from_dct,
    in_all_positions,
    low_frequencies,
    shrink,
)
from cosmop.imaging.decoding import turn_upright
from cosmop.imaging.grey_decoding import DecodedGrey, decode_grey, decoder_versions
from cosmop.imaging.quality import (
    brightness,
    contrast,
    information,
    sharpness,
    shrink_for_sharpness,
)

HASH_COLUMNS = ("phash", *(f"phash_{position}" for position in POSITIONS[1:]))

_REDUCING_GAP = 1.5  # 0.1 bits more off full decoding than without it, 30 µs less per image


class HashingOptions(Options):
    """How an image set is hashed."""

    threshold: Threshold = Field(
        default="median",
        description="median: as imagehash. mean: over all 64 terms, as the original study; it puts "
        "0.9 % of unrelated photographs within 4 bits. mean_without_dc: the mean of 63 terms.",
    )
    scaled_decoding: bool = Field(
        default=True,
        description="Let the JPEG decoder shrink while it decodes, and read no more than the first "
        "scan of a large progressive JPEG: 3.6 and 8 times as fast as imagehash at 1200×800, on "
        "average 0.3 bits from full decoding, at most 4 on 562 photographs.",
    )
    decoded_side_px: int = Field(
        default=64,
        ge=32,
        description="Scaled decoding keeps both sides at least this long.",
    )
    min_information: float = Field(
        default=3.0,
        ge=0,
        description="Below this the hash is mostly rounding, and matches exact copies only. Median "
        "size of the 63 low-frequency DCT terms (orthonormal, grey levels); 1,000 unrelated "
        "photographs lie at 5.6 to 180, drawn flats and gradients below 1.",
    )
    workers: int = Field(
        default=0,
        ge=0,
        description="Processes; 0 is one per core, and none beside this one for few images.",
    )

    @property
    def least_side_px(self) -> int | None:
        """Sides that scaled decoding keeps; None decodes everything."""
        return self.decoded_side_px if self.scaled_decoding else None


class HashRow(NamedTuple):
    """What is measured of an image; `hash_image_set` says what it means.

    Attributes:
        hashes: 16 hex digits for each of `HASH_COLUMNS`; all empty where there is a problem.
        low_information: The hash is mostly rounding.
        information: Grey levels.
        sharpness: Grey levels.
        brightness: Grey levels.
        contrast: Grey levels.
        decoder: Libraries with their versions, and how much was decoded.
        problem: Why there is no hash; else empty.
    """

    hashes: list[str]
    low_information: bool
    information: float
    sharpness: float
    brightness: float
    contrast: float
    decoder: str
    problem: str


class GreyThumbnails(NamedTuple):
    """What all measures are taken from: 32×32 upright, 64×64 as stored, and who decoded."""

    grey_32x32: Image.Image
    grey_64x64: Image.Image
    decoder: str


def hash_files(files: Sequence[Path], options: HashingOptions) -> list[HashRow]:
    """Measure image files, upright by their EXIF; a bad one is a row with a reason.

    Args:
        files: A few dozen: their thumbnails are in memory together, so that the arithmetic costs
            next to nothing beside the decoding.
        options: See the class.

    Returns:
        A row for each file, in their order.
    """
    found = [_try_to_decode(file, options) for file in files]
    rows = iter(
        measure_thumbnails([item for item in found if isinstance(item, GreyThumbnails)], options)
    )
    return [bad_row(item) if isinstance(item, str) else next(rows) for item in found]


def hashing_fingerprint(options: HashingOptions) -> str:
    """Name what a row depends on beside the file: 16 hex digits of the options and the decoders.

    How many processes did it does not matter.
    """
    deciding = options.model_dump_json(exclude={"workers"})
    return hashlib.sha256(f"{deciding} {decoder_versions()}".encode()).hexdigest()[:16]


def bad_row(problem: str) -> HashRow:
    """Return the row of an image that could not be hashed."""
    return HashRow([""] * len(HASH_COLUMNS), True, 0.0, 0.0, 0.0, 0.0, "", problem)


def _try_to_decode(file: Path, options: HashingOptions) -> GreyThumbnails | str:
    try:
        return shrink_decoded(decode_grey(file, options.least_side_px), options)
    except UnidentifiedImageError:
        return "not a JPEG, PNG or WebP image"
    except Exception as error:  # noqa: BLE001  # hostile bytes make decoders raise anything
        reason = str(error) or type(error).__name__
        return reason.replace(str(file), file.name)


def shrink_decoded(decoded: DecodedGrey, options: HashingOptions) -> GreyThumbnails:
    """Make the thumbnails of a decoded image that `measure_thumbnails` wants."""
    grey, box, orientation, decoder = decoded
    small = shrink(grey, box, _REDUCING_GAP if options.scaled_decoding else None)
    sharp = shrink_for_sharpness(grey, box)
    return GreyThumbnails(turn_upright(small, orientation), sharp, decoder)


def measure_thumbnails(found: Sequence[GreyThumbnails], options: HashingOptions) -> list[HashRow]:
    """Hash and measure images by their thumbnails: a row for each, in their order."""
    if not found:
        return []
    images_32x32, images_64x64, decoders = zip(*found, strict=True)
    grey_32x32, grey_64x64 = _stack(images_32x32), _stack(images_64x64)
    low_8x8 = low_frequencies(grey_32x32)
    hashes = hashes_from_dct(in_all_positions(low_8x8), options.threshold)
    texts = [[f"{bits:016x}" for bits in positions] for positions in hashes.tolist()]
    amounts = information(low_8x8)
    columns = (
        (amounts < options.min_information).tolist(),
        amounts.tolist(),
        sharpness(grey_64x64).tolist(),
        brightness(grey_32x32).tolist(),
        contrast(grey_32x32).tolist(),
        decoders,
        [""] * len(found),
    )
    return [HashRow(*values) for values in zip(texts, *columns, strict=True)]


def _stack(images: Sequence[Image.Image]) -> GreyArray:
    return np.stack([np.asarray(image) for image in images])

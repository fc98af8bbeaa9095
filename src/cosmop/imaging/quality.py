"""Cheap measures of an image's worth, taken from the thumbnail that is hashed anyway."""

from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from pydantic import Field

from cosmop.config import Options

FloatArray = np.ndarray[Any, np.dtype[np.float64]]
GreyArray = np.ndarray[Any, np.dtype[np.uint8]]

_SHARPNESS_SIDE_PX = 64
# Scipy's unnormalised DCT-II of 32 values, made orthonormal: 1/sqrt(4·32) for the constant term,
# 1/sqrt(2·32) for the others.
_ORTHONORMAL_8 = np.array([1 / np.sqrt(128)] + [1 / 8] * 7)


class QualityThresholds(Options):
    """Below (or above) which an image is flagged; flags inform, they remove nothing."""

    min_information: float = Field(
        default=3.0,
        ge=0,
        description="Median size of the 63 low-frequency DCT terms (orthonormal, grey levels); "
        "1,000 unrelated photographs lie at 5.6 to 180, drawn flats and gradients below 1.",
    )
    min_sharpness: float = Field(
        default=8.0,
        ge=0,
        description="Standard deviation of the Laplacian at 64×64 px, in grey levels; 1,000 "
        "unrelated photographs lie at 11 to 159.",
    )
    min_brightness: float = Field(default=20.0, ge=0, le=255, description="Mean grey level.")
    max_brightness: float = Field(default=235.0, ge=0, le=255, description="Mean grey level.")


def information(low_8x8: FloatArray) -> float:
    """Median size of the 63 AC terms of the low-frequency block: how far bits are from noise.

    A flat image and a plain gradient both have next to none, though the gradient has contrast: most
    of their hash bits are decided by rounding.

    Args:
        low_8x8: Unnormalised DCT-II terms [8, 8] of a 32×32 grey image, see
            `cosmop.imaging.phash.low_frequencies`.

    Returns:
        Grey levels, 0 or more (orthonormal DCT).
    """
    orthonormal = low_8x8 * _ORTHONORMAL_8[:, None] * _ORTHONORMAL_8[None, :]
    return float(np.median(np.abs(orthonormal.ravel()[1:])))


def sharpness(grey: Image.Image) -> float:
    """Standard deviation of the Laplacian at 64×64 px, in grey levels.

    The variance of the Laplacian is the usual focus measure (Pertuz et al., 2013, LAP4). The fixed
    size makes images comparable; blur finer than the thumbnail is not seen.
    """
    side = _SHARPNESS_SIDE_PX
    levels = np.asarray(grey.resize((side, side), Image.Resampling.BOX), dtype=np.int16)
    centre = levels[1:-1, 1:-1]
    neighbours = levels[1:-1, :-2] + levels[1:-1, 2:] + levels[:-2, 1:-1] + levels[2:, 1:-1]
    return float(np.std(neighbours - 4 * centre))


def brightness(grey_32x32: GreyArray) -> float:
    """Mean grey level, 0 to 255."""
    return float(grey_32x32.mean())


def flag_quality(hashes: pd.DataFrame, thresholds: QualityThresholds) -> pd.DataFrame:
    """Apply `thresholds` to the measures of a hash table.

    Args:
        hashes: Columns ``image_id``, ``information``, ``sharpness``, ``brightness``.
        thresholds: See the class.

    Returns:
        Columns ``image_id``, ``is_uninformative``, ``is_blurred``, ``is_dark``, ``is_light``.
    """
    return pd.DataFrame(
        {
            "image_id": hashes["image_id"],
            "is_uninformative": hashes["information"] < thresholds.min_information,
            "is_blurred": hashes["sharpness"] < thresholds.min_sharpness,
            "is_dark": hashes["brightness"] < thresholds.min_brightness,
            "is_light": hashes["brightness"] > thresholds.max_brightness,
        }
    )

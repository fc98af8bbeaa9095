"""Cheap measures of an image's worth, taken from the thumbnails that are made for its hash."""

import numpy as np
from PIL import Image

from cosmop.imaging.dct_hash import FloatArray, GreyArray

SHARPNESS_SIDE_PX = 64
# Scipy's unnormalised DCT-II of 32 values, made orthonormal: 1/sqrt(4·32) for the constant term,
# 1/sqrt(2·32) for the others.
_ORTHONORMAL_8 = np.array([1 / np.sqrt(128)] + [1 / 8] * 7)
_ORTHONORMAL_8x8 = np.outer(_ORTHONORMAL_8, _ORTHONORMAL_8)


def information(low_8x8: FloatArray) -> FloatArray:
    """Median size of the 63 AC terms of the low-frequency block: how far bits are from noise.

    A flat image and a plain gradient both have next to none, though the gradient has contrast: most
    of their hash bits are decided by rounding.

    Args:
        low_8x8: Unnormalised DCT-II terms [..., 8, 8] of 32×32 grey images, see
            `cosmop.imaging.dct_hash.low_frequencies`.

    Returns:
        Grey levels [...], 0 or more (orthonormal DCT).
    """
    sizes = np.abs(low_8x8 * _ORTHONORMAL_8x8)
    median: FloatArray = np.median(sizes.reshape(*low_8x8.shape[:-2], 64)[..., 1:], axis=-1)
    return median


def shrink_for_sharpness(
    grey: Image.Image, box: tuple[float, float, float, float] | None = None
) -> Image.Image:
    """Bring a grey image, or what lies in the `box` (left, upper, right, lower), to 64×64."""
    return grey.resize((SHARPNESS_SIDE_PX, SHARPNESS_SIDE_PX), Image.Resampling.BOX, box)


def sharpness(grey_64x64: GreyArray) -> FloatArray:
    """Standard deviation of the Laplacian of images of 64×64 px, in grey levels.

    The variance of the Laplacian is the usual focus measure (Pertuz et al., 2013, LAP4). The fixed
    size makes images comparable; blur finer than the thumbnail is not seen.

    Args:
        grey_64x64: uint8 [..., 64, 64].

    Returns:
        Grey levels [...], 0 or more.
    """
    levels = grey_64x64.astype(np.int16)
    laplacian = levels[..., 1:-1, 1:-1] * np.int16(-4)
    laplacian += levels[..., 1:-1, :-2]
    laplacian += levels[..., 1:-1, 2:]
    laplacian += levels[..., :-2, 1:-1]
    laplacian += levels[..., 2:, 1:-1]
    spread: FloatArray = np.std(laplacian, axis=(-2, -1))
    return spread


def brightness(grey_32x32: GreyArray) -> FloatArray:
    """Mean grey level [...] of images [..., 32, 32], 0 to 255."""
    mean: FloatArray = grey_32x32.mean(axis=(-2, -1))
    return mean


def contrast(grey_32x32: GreyArray) -> FloatArray:
    """Standard deviation of the grey levels [...] of images [..., 32, 32]."""
    spread: FloatArray = grey_32x32.std(axis=(-2, -1))
    return spread

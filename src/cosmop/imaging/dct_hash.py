"""The arithmetic of perceptual hashes: 32×32 grey levels to 64 bits.

DCT-II, the 8×8 low frequencies, one bit each: above the threshold or not. The hashes of an image
mirrored or turned follow from the same 64 terms by signs and a transposition, at no cost.
"""

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import scipy.fft
from PIL import Image

Threshold = Literal["median", "mean", "mean_without_dc"]
FloatArray = np.ndarray[Any, np.dtype[np.float64]]
GreyArray = np.ndarray[Any, np.dtype[np.uint8]]
HashArray = np.ndarray[Any, np.dtype[np.uint64]]

# Positions by the names of PIL's `Image.Transpose`; rotations are counter-clockwise.
POSITIONS = (
    "upright",
    "mirrored",
    "flipped",
    "rotated_180",
    "transposed",
    "rotated_270",
    "rotated_90",
    "transversed",
)

_SIDE_PX = 32
_LOW = 8
# Reversing an axis of the picture turns the sign of every odd frequency along it.
_ODD = np.array([1.0, -1.0] * (_LOW // 2))
_SIGNS = np.stack(
    [np.ones((8, 8)), np.tile(_ODD, (8, 1)), np.tile(_ODD, (8, 1)).T, np.outer(_ODD, _ODD)]
)


def phash(image: Image.Image, threshold: Threshold = "median") -> int:
    """Hash `image`, upright, of any mode and size, to 64 bits.

    With ``"median"`` the result is bit for bit that of ``imagehash.phash``.

    Returns:
        0 to 2^64 - 1; row-major, most significant bit first.
    """
    grey_32x32 = shrink(image.convert("L"))
    return phash_from_dct(low_frequencies(np.asarray(grey_32x32)), threshold)


def shrink(
    grey: Image.Image,
    box: tuple[float, float, float, float] | None = None,
    reducing_gap: float | None = None,
) -> Image.Image:
    """Bring a grey image, or what lies in the `box` (left, upper, right, lower), to 32×32.

    With a `reducing_gap` blocks of pixels are averaged first, as long as this many times 32 pixels
    are left: for large images several times faster, and nearly the same.
    """
    return grey.resize((_SIDE_PX, _SIDE_PX), Image.Resampling.LANCZOS, box, reducing_gap)


def low_frequencies(grey_32x32: GreyArray) -> FloatArray:
    """Return the low 8×8 of the unnormalised two-dimensional DCT-II of 32×32 grey images.

    Args:
        grey_32x32: uint8 [..., 32, 32].

    Returns:
        float64 [..., 8, 8]: vertical frequency, then horizontal.
    """
    columns = scipy.fft.dct(grey_32x32.astype(np.float64), axis=-2)[..., :_LOW, :]
    low_8x8: FloatArray = scipy.fft.dct(columns, axis=-1)[..., :_LOW]
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
    return int(hashes_from_dct(np.asarray(low_8x8, dtype=np.float64), threshold))


def hashes_from_dct(low_8x8: FloatArray, threshold: Threshold) -> HashArray:
    """Hash many blocks of terms [..., 8, 8] to uint64 [...], each as `phash_from_dct` does."""
    terms = low_8x8.reshape(*low_8x8.shape[:-2], 64)
    match threshold:
        case "median":
            limit = np.sort(terms, axis=-1)[..., 31:33].mean(axis=-1, keepdims=True)
        case "mean":
            limit = terms.mean(axis=-1, keepdims=True)
        case "mean_without_dc":
            limit = terms[..., 1:].mean(axis=-1, keepdims=True)
    packed = np.packbits(terms > limit, axis=-1)
    return packed.view(">u8")[..., 0].astype(np.uint64)


def in_all_positions(low_8x8: FloatArray) -> FloatArray:
    """Return the terms [..., 8, 8] of the picture in its eight `POSITIONS`, as [..., 8, 8, 8].

    A rotation by 90° is a transposition followed by a reversal of the rows, and so on: the eight
    are the symmetries of the square.
    """
    both = np.stack([low_8x8, np.swapaxes(low_8x8, -1, -2)], axis=-3)
    positions: FloatArray = (both[..., :, None, :, :] * _SIGNS).reshape(
        *low_8x8.shape[:-2], 8, 8, 8
    )
    return positions


def hashes_as_integers(phashes: Iterable[str]) -> HashArray:
    """Read 16-digit hex hashes, the form in which tables hold them, as uint64 [N]."""
    return np.array([int(text, 16) for text in phashes], dtype=np.uint64)

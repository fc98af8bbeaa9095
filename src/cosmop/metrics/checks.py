"""Refusing features and labels that no number can be trusted on."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cosmop.errors import InputError

Floats = NDArray[np.float64]


def checked_features(features: ArrayLike, who: str, least: int = 2) -> Floats:
    """Return `features` as float64 [N, D] with N ≥ `least`, D ≥ 1 and every value finite.

    Raises:
        InputError: Another shape, too few rows, or values that are not finite.
    """
    x = np.require(features, np.float64, ["C", "W"])  # torch refuses views that run backwards
    if x.ndim != 2 or x.shape[1] == 0:
        raise InputError(
            f"{who} needs features of shape [images, dimensions], got {list(x.shape)}; extract "
            "them again."
        )
    if len(x) < least:
        raise InputError(
            f"{who} needs at least {least} images on each side, got {len(x)}; add images."
        )
    with np.errstate(over="ignore", invalid="ignore"):
        is_sound = np.isfinite(x.sum())  # a tenth of the time of looking at each number
    broken = 0 if is_sound else int((~np.isfinite(x)).any(axis=1).sum())
    if broken:
        raise InputError(
            f"{who} needs finite features, got NaN or infinity in {broken} of {len(x)} images; "
            "extract them again or leave these images out."
        )
    return x


def checked_pair(x: ArrayLike, y: ArrayLike, who: str, least: int = 2) -> tuple[Floats, Floats]:
    """Return both sides as `checked_features`, of the same dimension.

    Raises:
        InputError: As `checked_features`, or two different dimensions.
    """
    left, right = checked_features(x, who, least), checked_features(y, who, least)
    if left.shape[1] != right.shape[1]:
        raise InputError(
            f"{who} needs both sides from the same extractor, got {left.shape[1]} and "
            f"{right.shape[1]} dimensions; extract both with one extractor."
        )
    return left, right


def checked_labels(values: ArrayLike, who: str) -> NDArray[np.bool_]:
    """Return yes/no `values` as bool [N], N ≥ 1.

    Raises:
        InputError: Empty, not one-dimensional, or anything but true/false or 1/0.
    """
    given: NDArray[Any] = np.asarray(values)
    if given.ndim != 1 or len(given) == 0:
        raise InputError(
            f"{who} needs one label per image, got shape {list(given.shape)}; pass a list of at "
            "least one label."
        )
    if not np.isin(given, [0, 1]).all():
        raise InputError(
            f"{who} needs labels that are true or false, got {given[~np.isin(given, [0, 1])][0]!r};"
            " map the classes to true and false first."
        )
    return given.astype(bool)


def require_same_length(who: str, **parts: int) -> None:
    """Raise an InputError unless all named lengths agree."""
    if len(set(parts.values())) > 1:
        raise InputError(
            f"{who} needs lists of the same length, got {parts}; pass the same images to each."
        )


def require_variation(who: str, images: int, spread_D: ArrayLike) -> None:
    """Raise an InputError unless some feature varies.

    Args:
        who: Begins the sentence.
        images: How many images there are.
        spread_D: Of each feature over the images: 0 or false where all have the same value.
    """
    if not np.any(spread_D):
        raise InputError(
            f"{who} needs features that vary, got {images} identical images; add other images or "
            "check the extractor and its weights."
        )

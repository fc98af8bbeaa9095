"""The kernel distance (KID when the features are Inception's): unbiased at any number of images.

MMD² with the cubic kernel k(x, y) = (x·y / D + 1)³ (Bińkowski et al. 2018, arXiv 1801.01401).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from cosmop.errors import InputError
from cosmop.metrics.checks import Floats, checked_pair
from cosmop.metrics.intervals import Interval, half_sample_interval

_WHO = "The kernel distance"


@dataclass(frozen=True)
class KernelDistance:
    """Mean and standard deviation of the squared distance over random subsets, as KID is published.

    The deviation is that of one subset, not of the mean.
    """

    mean: float
    std: float


def kernel_distance(
    x: ArrayLike, y: ArrayLike, subsets: int = 100, subset_size: int = 1000, seed: int = 0
) -> KernelDistance:
    """Return the kernel distance over random subsets of features x [N, D] and y [M, D].

    Raises:
        InputError: Fewer images than a subset needs, other dimensions, or values not finite.
    """
    left, right = checked_pair(x, y, _WHO)
    if not 2 <= subset_size <= min(len(left), len(right)) or subsets < 1:
        raise InputError(
            f"{_WHO} needs subsets of 2 to {min(len(left), len(right))} images (the smaller side), "
            f"got {subsets} of {subset_size}; lower `subset_size` or use all images at once."
        )
    chance = np.random.default_rng(seed)
    values = [
        _unbiased(
            left[chance.choice(len(left), subset_size, replace=False)],
            right[chance.choice(len(right), subset_size, replace=False)],
        )
        for _ in range(subsets)
    ]
    return KernelDistance(float(np.mean(values)), float(np.std(values)))


def kernel_distance_full(x: ArrayLike, y: ArrayLike) -> float:
    """Return the unbiased squared kernel distance of all features x [N, D] and y [M, D].

    Identical distributions give 0 on average, so a value below 0 is chance.

    Raises:
        InputError: Fewer than 2 images, other dimensions, or values that are not finite.
    """
    return _unbiased(*checked_pair(x, y, _WHO))


def kernel_interval(x: ArrayLike, y: ArrayLike, resamples: int = 200, seed: int = 0) -> Interval:
    """Return `kernel_distance_full` with its 95 % interval, see `half_sample_interval`.

    Raises:
        InputError: Fewer than 4 images, other dimensions, or values that are not finite.
    """
    left, right = checked_pair(x, y, _WHO, least=4)
    return half_sample_interval(_unbiased, left, right, resamples=resamples, seed=seed)


def _unbiased(x: Floats, y: Floats) -> float:
    """Return the U-statistic of MMD²: no image is compared with itself (equation 3)."""
    return (
        _off_diagonal_mean(_kernel(x, x))
        + _off_diagonal_mean(_kernel(y, y))
        - 2 * float(_kernel(x, y).mean())
    )


def _kernel(x: Floats, y: Floats) -> Floats:
    gram: Floats = (x @ y.T / x.shape[1] + 1) ** 3
    return gram


def _off_diagonal_mean(gram: Floats) -> float:
    n = len(gram)
    return float((gram.sum() - np.trace(gram)) / (n * (n - 1)))

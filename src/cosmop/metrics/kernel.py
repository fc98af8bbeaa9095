"""The kernel distance (KID when the features are Inception's): unbiased at any number of images.

MMD² with the cubic kernel k(x, y) = (x·y / D + 1)³ (Bińkowski et al. 2018, arXiv 1801.01401).
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike

from cosmop.errors import InputError
from cosmop.metrics.checks import Floats, checked_pair
from cosmop.metrics.intervals import Interval
from cosmop.metrics.subsets import PairTable, Rows, half_sample_intervals

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
    """Return `kernel_distance_full` with its 95 % interval, see `half_sample_intervals`.

    Raises:
        InputError: Fewer than 4 images, other dimensions, or values that are not finite.
    """
    left, right = checked_pair(x, y, _WHO, least=4)
    comparison = KernelComparison(left, right)
    intervals = half_sample_intervals(
        comparison, len(left), len(right), resamples=resamples, seed=seed
    )
    return intervals["kernel_distance"]


class KernelComparison:
    """The unbiased kernel distance of x [N, D] and y [M, D] on subsets, as ``kernel_distance``.

    A subset's sum over pairs is wᵀKw with w its 0/1 indicator, so all subsets take one product.
    """

    def __init__(self, x: Floats, y: Floats) -> None:
        self._sides = (x, y)
        of_x = PairTable(x, x, _kernel)
        self._within = (of_x, of_x if y is x else PairTable(y, y, _kernel))
        self._between = of_x if y is x else PairTable(x, y, _kernel)

    def full(self) -> dict[str, float]:
        """Return the distance of all images."""
        everything = [np.arange(len(side))[None] for side in self._sides]
        return {"kernel_distance": float(self.at(*everything)["kernel_distance"][0])}

    def at(self, rows_x: Rows, rows_y: Rows) -> dict[str, Floats]:
        """Return the distance [R] of rows [R, n] of x and rows [R, m] of y."""
        given = zip((rows_x, rows_y), self._sides, strict=True)
        chosen = [_indicators(rows, len(side)) for rows, side in given]
        pairs = rows_x.shape[1] * rows_y.shape[1]
        distances = -2 * _sums(self._between, chosen[0], chosen[1]) / pairs
        for side, table, w_NR in zip(self._sides, self._within, chosen, strict=True):
            n = w_NR[:, 0].sum()
            itself = (np.square(side).sum(1) / side.shape[1] + 1) ** 3 @ w_NR
            distances += (_sums(table, w_NR, w_NR) - itself) / (n * (n - 1))
        return {"kernel_distance": distances}


def _indicators(rows: Rows, count: int) -> Floats:
    """Return 1 where a row is in a subset, else 0, [N, R]."""
    chosen_NR = np.zeros((count, len(rows)))
    chosen_NR[rows, np.arange(len(rows))[:, None]] = 1
    return chosen_NR


def _sums(table: PairTable, w_NR: Floats, w_MR: Floats) -> Floats:
    """Return Σᵢⱼ wᵢ Kᵢⱼ wⱼ of each subset, [R]."""
    sums = np.zeros(w_NR.shape[1])
    for rows, block in table.blocks():
        sums += ((torch.from_numpy(block) @ torch.from_numpy(w_MR)).numpy() * w_NR[rows]).sum(0)
    return sums


def _unbiased(x: Floats, y: Floats) -> float:
    """Return the U-statistic of MMD²: no image is compared with itself (equation 3)."""
    return (
        _off_diagonal_mean(_kernel(x, x))
        + _off_diagonal_mean(_kernel(y, y))
        - 2 * float(_kernel(x, y).mean())
    )


def _kernel(x: Floats, y: Floats) -> Floats:
    base = torch.from_numpy(x) @ torch.from_numpy(y).T / x.shape[1] + 1
    gram: Floats = (base * base * base).numpy()  # a cube by `pow` takes ten times as long
    return gram


def _off_diagonal_mean(gram: Floats) -> float:
    n = len(gram)
    return float((gram.sum() - np.trace(gram)) / (n * (n - 1)))

"""The Fréchet distance between two sets of features, in float64.

d² = |m₁ − m₂|² + tr(S₁ + S₂ − 2 (S₁S₂)^½)   (Dowson & Landau 1982; Heusel et al. 2017, 1706.08500)

It is called FID only when the features are those of the 2015 Inception network. The trace term is
never taken by a general matrix square root: with fewer images than dimensions the product has
hundreds of zero eigenvalues, whose rounding errors of 1e-16 become 1e-8 under the root, each.
"""

import math

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from cosmop.errors import InputError
from cosmop.metrics.checks import Floats, checked_pair
from cosmop.metrics.intervals import Interval
from cosmop.metrics.subsets import PairTable, Rows, half_sample_intervals

_WHO = "The Fréchet distance"


def frechet_distance(mean1: ArrayLike, cov1: ArrayLike, mean2: ArrayLike, cov2: ArrayLike) -> float:
    """Return the squared Fréchet distance between two Gaussians.

    Args:
        mean1: Mean of the first, [D].
        cov1: Covariance of the first, [D, D], symmetric and positive semidefinite.
        mean2: Mean of the second, [D].
        cov2: Covariance of the second, [D, D].

    Raises:
        InputError: Shapes that do not fit, or values that are not finite.
    """
    means = [_finite_tensor(m, 1) for m in (mean1, mean2)]
    covs = [_finite_tensor(c, 2) for c in (cov1, cov2)]
    if len({len(means[0]), len(means[1]), *covs[0].shape, *covs[1].shape}) > 1:
        raise InputError(
            f"{_WHO} needs means [D] and covariances [D, D] of one D, got "
            f"{[list(t.shape) for t in means + covs]}; take both from one extractor."
        )
    traces = covs[0].trace() + covs[1].trace()
    distance = (means[0] - means[1]).square().sum() + traces - 2 * _trace_of_root(*covs)
    return max(0.0, float(distance))


def frechet_from_features(x: ArrayLike, y: ArrayLike) -> float:
    """Return the squared Fréchet distance between features x [N, D] and y [M, D].

    With fewer images than dimensions on one side, (S₁S₂)^½ has the eigenvalues of a matrix as small
    as that side, and no covariance is formed; otherwise Cholesky, see `frechet_distance`.

    Raises:
        InputError: Fewer than 2 images, other dimensions, or values that are not finite.
    """
    left, right = checked_pair(x, y, _WHO)
    sides = [torch.from_numpy(side) for side in (left, right)]
    means = [side.mean(0) for side in sides]
    small, large = sorted(map(torch.sub, sides, means), key=len)
    freedoms = len(small) - 1, len(large) - 1
    if len(small) <= small.shape[1]:
        root = _low_rank_trace_of_root(small, large) / math.sqrt(math.prod(freedoms))
    else:
        root = _trace_of_root(small.T @ small / freedoms[0], large.T @ large / freedoms[1])
    traces = _sum_of_squares(small) / freedoms[0] + _sum_of_squares(large) / freedoms[1]
    shift = (means[0] - means[1]).square().sum()
    return max(0.0, float(shift + traces - 2 * root))


def frechet_interval(x: ArrayLike, y: ArrayLike, resamples: int = 200, seed: int = 0) -> Interval:
    """Return the Fréchet distance of features x [N, D] and y [M, D] with its 95 % interval.

    See `half_sample_intervals` for what it covers; ``low`` is at least 0, ``n`` the smaller side.

    Raises:
        InputError: Fewer than 4 images, other dimensions, or values that are not finite.
    """
    left, right = checked_pair(x, y, "The interval of a Fréchet distance", least=4)
    comparison = FrechetComparison(left, right)
    interval = half_sample_intervals(
        comparison, len(left), len(right), resamples=resamples, seed=seed
    )["distance"]
    return {**interval, "low": max(0.0, interval["low"])}


class FrechetComparison:
    """The Fréchet distance of x [N, D] and y [M, D] on subsets, as ``distance``.

    The products of all pairs are worked out once. Of a subset with fewer images than dimensions the
    centred products, whose singular values sum to tr (S₁S₂)^½, are picked from them.
    """

    def __init__(self, x: Floats, y: Floats) -> None:
        middle = x.mean(0)  # distances stay, rounding shrinks
        self._x, self._y = x - middle, y - middle
        self._products = PairTable(self._x, self._y, _products)

    def full(self) -> dict[str, float]:
        """Return the distance of all images."""
        return {"distance": frechet_from_features(self._x, self._y)}

    def at(self, rows_x: Rows, rows_y: Rows) -> dict[str, Floats]:
        """Return the distance [R] of rows [R, n] of x and rows [R, m] of y."""
        is_low_rank = min(rows_x.shape[1], rows_y.shape[1]) <= self._x.shape[1]
        measure = self._low_rank if is_low_rank else self._any_rank
        pairs = zip(rows_x, rows_y, strict=True)
        return {"distance": np.array([measure(in_x, in_y) for in_x, in_y in pairs])}

    def _low_rank(self, in_x: Rows, in_y: Rows) -> float:
        x, y = self._x[in_x], self._y[in_y]
        shift = x.mean(0) - y.mean(0)
        traces = x.var(0, ddof=1).sum() + y.var(0, ddof=1).sum()
        cross = torch.from_numpy(self._products.at(in_x, in_y))
        cross = cross - cross.mean(0) - cross.mean(1, keepdim=True) + cross.mean()
        cross /= math.sqrt((len(x) - 1) * (len(y) - 1))
        small = cross if len(x) <= len(y) else cross.T
        root = _sum_of_roots(_lower_gram(small))
        return max(0.0, float(shift @ shift + traces - 2 * root))

    def _any_rank(self, in_x: Rows, in_y: Rows) -> float:
        return frechet_from_features(self._x[in_x], self._y[in_y])


def _products(x: Floats, y: Floats) -> Floats:
    products: Floats = (torch.from_numpy(x) @ torch.from_numpy(y).T).numpy()
    return products


def _sum_of_squares(x_ND: Tensor) -> Tensor:
    total: Tensor = x_ND.flatten().dot(x_ND.flatten())
    return total


def _low_rank_trace_of_root(small: Tensor, large: Tensor) -> Tensor:
    """Return tr (X₁ᵀX₁X₂ᵀX₂)^½ from the eigenvalues of X₁X₂ᵀX₂X₁ᵀ, one per image of X₁."""
    n, m, d = len(small), len(large), large.shape[1]
    if n * m * (d + n) <= d * (m * d + n * d + n * n):  # multiplications
        gram = _lower_gram(small @ large.T)
    else:
        gram = small @ (large.T @ large) @ small.T
    return _sum_of_roots(gram)


def _trace_of_root(cov1: Tensor, cov2: Tensor) -> Tensor:
    """Return tr (S₁S₂)^½ from the eigenvalues of AᵀS₂A, where S₁ = AAᵀ.

    A is the Cholesky factor, or for a singular S₁ its eigenvectors of nonzero eigenvalue.
    """
    factor, failed = torch.linalg.cholesky_ex(cov1)
    if failed:
        values, vectors = torch.linalg.eigh(cov1)
        is_real = values > values.amax().clamp_min(0) * len(values) * np.finfo(np.float64).eps
        factor = vectors[:, is_real] * values[is_real].sqrt()
        return _sum_of_roots(factor.T @ cov2 @ factor)
    return _sum_of_roots(_lower_congruence(factor, cov2))


def _lower_gram(x_ND: Tensor) -> Tensor:
    """Return the lower triangle of XXᵀ [N, N]; nothing else is read of it."""
    gram = x_ND.new_zeros(len(x_ND), len(x_ND))
    for start, stop in _blocks(len(x_ND)):
        torch.matmul(x_ND[start:stop], x_ND[:stop].T, out=gram[start:stop, :stop])
    return gram


def _lower_congruence(factor_DD: Tensor, symmetric_DD: Tensor) -> Tensor:
    """Return the lower triangle of LᵀSL [D, D], passing over the zeros of the triangular L."""
    right, product = torch.empty_like(factor_DD), torch.zeros_like(factor_DD)
    for start, stop in _blocks(len(factor_DD)):
        right[:, start:stop] = symmetric_DD[:, start:] @ factor_DD[start:, start:stop]
    for start, stop in _blocks(len(factor_DD)):
        product[start:stop, :stop] = factor_DD[start:, start:stop].T @ right[start:, :stop]
    return product


def _blocks(size: int) -> list[tuple[int, int]]:
    """Cut a size into eighths, as far as they are worth a product of their own."""
    step = max(64, math.ceil(size / 8))
    return [(start, min(start + step, size)) for start in range(0, size, step)]


def _sum_of_roots(lower: Tensor) -> Tensor:
    """Return Σ √λ of a positive semidefinite matrix, of which the lower triangle is read."""
    eigenvalues: Tensor = torch.linalg.eigvalsh(lower, UPLO="L")
    return eigenvalues.clamp_min(0).sqrt().sum()


def _finite_tensor(values: ArrayLike, dimensions: int) -> Tensor:
    array = np.array(values, dtype=np.float64)
    if array.ndim != dimensions or array.size == 0 or not np.isfinite(array).all():
        raise InputError(
            f"{_WHO} needs finite means [D] and covariances [D, D], got shape {list(array.shape)} "
            "or values that are not finite; compute them again from at least 2 images."
        )
    return torch.from_numpy(array)

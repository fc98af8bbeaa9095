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
from cosmop.metrics.checks import checked_pair

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
    x1, x2 = torch.from_numpy(left), torch.from_numpy(right)
    shift = (x1.mean(0) - x2.mean(0)).square().sum()
    small, large = sorted((_scaled(x1), _scaled(x2)), key=len)
    traces = small.square().sum() + large.square().sum()
    if len(small) <= small.shape[1]:
        root = _low_rank_trace_of_root(small, large)
    else:
        root = _trace_of_root(small.T @ small, large.T @ large)
    return max(0.0, float(shift + traces - 2 * root))


def _scaled(x_ND: Tensor) -> Tensor:
    """Centre and divide by √(N − 1): then XᵀX is the covariance."""
    return (x_ND - x_ND.mean(0)) / math.sqrt(len(x_ND) - 1)


def _low_rank_trace_of_root(small: Tensor, large: Tensor) -> Tensor:
    """Return tr (S₁S₂)^½ from the eigenvalues of X₁S₂X₁ᵀ, one per image of the small side."""
    if len(large) <= large.shape[1]:
        cross = small @ large.T
        gram = cross @ cross.T
    else:
        gram = small @ (large.T @ large) @ small.T
    return _sum_of_roots(torch.linalg.eigvalsh(gram))


def _trace_of_root(cov1: Tensor, cov2: Tensor) -> Tensor:
    """Return tr (S₁S₂)^½ from the eigenvalues of AᵀS₂A, where S₁ = AAᵀ.

    A is the Cholesky factor, or for a singular S₁ its eigenvectors of nonzero eigenvalue.
    """
    factor, failed = torch.linalg.cholesky_ex(cov1)
    if failed:
        values, vectors = torch.linalg.eigh(cov1)
        is_real = values > values.amax().clamp_min(0) * len(values) * np.finfo(np.float64).eps
        factor = vectors[:, is_real] * values[is_real].sqrt()
    return _sum_of_roots(torch.linalg.eigvalsh(factor.T @ cov2 @ factor))


def _sum_of_roots(eigenvalues: Tensor) -> Tensor:
    return eigenvalues.clamp_min(0).sqrt().sum()


def _finite_tensor(values: ArrayLike, dimensions: int) -> Tensor:
    array = np.array(values, dtype=np.float64)
    if array.ndim != dimensions or array.size == 0 or not np.isfinite(array).all():
        raise InputError(
            f"{_WHO} needs finite means [D] and covariances [D, D], got shape {list(array.shape)} "
            "or values that are not finite; compute them again from at least 2 images."
        )
    return torch.from_numpy(array)

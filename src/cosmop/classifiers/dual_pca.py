"""Exact PCA of few images in many dimensions, by the products between images.

With n images in D ≫ n dimensions the n×n matrix G = Z Zᵀ of the centred, standardised features has
the same eigenvalues as PCA's D×D matrix, and its eigenvectors are the scores up to their lengths
(Turk & Pentland 1991, "Eigenfaces for Recognition"). G grows by blocks of columns, standardised on
the way, so a memory map is read once for the scores and once more for the components.

Shapes: N images, D features, K components, B of a block.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import eigh
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from cosmop.errors import InputError
from cosmop.metrics.checks import require_variation

__all__ = ["Decomposition", "DualPca", "decompose", "fit_dual_pca", "row_blocks"]

_LOG = logging.getLogger(__name__)
Floats = NDArray[np.float64]
Features = NDArray[np.floating[Any]]

_BLOCK_VALUES = 2**21  # 16 MB of float64: large enough for fast products, small enough for caches
_ROW_BLOCK_VALUES = 2**23
_SPREAD_OF_FLOAT32 = 1e3  # largest over smallest kept eigenvalue; beyond, G is made in float64
_EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class DualPca:
    """A fitted PCA with the scaler before it.

    Attributes:
        scaler: scikit-learn's scaler with its fitted attributes; None without standardisation.
        pca: scikit-learn's PCA with its fitted attributes, signs as its own solver sets them.
        scores_NK: Training images in the kept space, float64 [N, K].
    """

    scaler: StandardScaler | None
    pca: PCA
    scores_NK: Floats


@dataclass(frozen=True)
class _Columns:
    """Means, variances and divisors of all columns, float64 [D], as `StandardScaler` has them."""

    mean_D: Floats
    variance_D: Floats
    scale_D: Floats


@dataclass(frozen=True)
class Decomposition:
    """What `decompose` finds; components are made when they are asked for.

    Attributes:
        eigenvalues: All of the products' eigenvalues, falling, float64 [N] or [D].
        scores_NK: Training images in the kept space, float64 [N, K]; signs are arbitrary.
    """

    eigenvalues: Floats
    scores_NK: Floats
    _features: Features
    _columns: _Columns
    _axes_DK: Floats | None = None

    @property
    def explained_variance(self) -> Floats:
        """Variance along each kept component, float64 [K]."""
        n, kept = self.scores_NK.shape
        return np.asarray(self.eigenvalues[:kept] / (n - 1))

    def components(self, block: slice) -> Features:
        """Return the columns `block` of the components, [K, B] in the features' type."""
        dtype = self._features.dtype
        if self._axes_DK is not None:
            return self._axes_DK[block].T.astype(dtype)
        kept = self.scores_NK.shape[1]
        weights_NK = self.scores_NK / self.eigenvalues[:kept]  # sum to 0: a column's shift is lost
        z_NB = _standardised(self._features, block, self._columns)
        return np.asarray(weights_NK.T.astype(dtype) @ z_NB)


def fit_dual_pca(
    features: ArrayLike, n_components: int | float | None = None, *, standardise: bool = True
) -> DualPca:
    """Fit an exact PCA, equal to scikit-learn's full solver.

    Args:
        features: Float [N, D], a memory map if need be; float32 is never copied as a whole.
        n_components: A count ≥ 1; or, below 1, the share of the variance that must be exceeded;
            None keeps all. No more are kept than the features span, and a cut is logged.
        standardise: Each feature to mean 0 and standard deviation 1 first; features that never
            vary stay 0, as in `StandardScaler`.

    Raises:
        InputError: Fewer than 2 images, values that are not finite, features that never vary, or a
            number of components that means nothing.
    """
    x = _checked(features)
    found = decompose(x, n_components, standardise=standardise)
    components_KD = np.empty((found.scores_NK.shape[1], x.shape[1]), dtype=x.dtype)
    for block in _blocks(x.shape[1], _BLOCK_VALUES // len(x)):
        components_KD[:, block] = found.components(block)
    signs_K = _signs(components_KD)
    components_KD *= signs_K[:, None].astype(x.dtype)
    return DualPca(
        scaler=_fitted_scaler(found) if standardise else None,
        pca=_fitted_pca(found, components_KD, n_components, standardise),
        scores_NK=found.scores_NK * signs_K,
    )


def decompose(
    features: ArrayLike, n_components: int | float | None = None, *, standardise: bool = True
) -> Decomposition:
    """Find scores and explained variances in one pass; arguments and errors as `fit_dual_pca`."""
    x = _checked(features)
    _require_meaning(n_components)
    solve = _solve_by_images if len(x) <= x.shape[1] else _solve_by_features
    found = solve(x, n_components, standardise)
    kept = found.scores_NK.shape[1]
    if n_components is not None and n_components > kept:
        _LOG.warning(
            "PCA: %d components asked for, the %d images in %d dimensions span %d.",
            n_components,
            *x.shape,
            kept,
        )
    return found


def _solve_by_images(x: Features, wanted: float | None, standardise: bool) -> Decomposition:
    """Solve with the n×n products between images, in float32 where that is exact enough."""
    eigenvalues, vectors, columns = _image_eigenvectors(x, x.dtype, standardise)
    kept = _count(eigenvalues, wanted, x)
    if x.dtype == np.float32 and eigenvalues[0] > _SPREAD_OF_FLOAT32 * eigenvalues[kept - 1]:
        eigenvalues, vectors, columns = _image_eigenvectors(x, np.float64, standardise)
        kept = _count(eigenvalues, wanted, x)
    scores_NK = vectors[:, :kept] * np.sqrt(eigenvalues[:kept])
    return Decomposition(eigenvalues, scores_NK, x, columns)


def _image_eigenvectors(
    x: Features, dtype: Any, standardise: bool
) -> tuple[Floats, Floats, _Columns]:
    """Return eigenvalues [N], falling, and eigenvectors [N, N] of Z Zᵀ; products in `dtype`."""
    gram_NN = np.zeros((len(x), len(x)))

    def add(z_NB: Floats) -> None:
        z = z_NB.astype(dtype, copy=False)
        np.add(gram_NN, z @ z.T, out=gram_NN)

    columns = _measure_columns(x, standardise, add)
    return (*_falling_eigenvectors(gram_NN), columns)


def _solve_by_features(x: Features, wanted: float | None, standardise: bool) -> Decomposition:
    """Solve with the D×D products between features, for more images than features."""
    columns = _measure_columns(x, standardise)
    products_DD = np.zeros((x.shape[1], x.shape[1]))
    for z_BD in _standardised_rows(x, columns):
        products_DD += z_BD.T @ z_BD
    eigenvalues, vectors = _falling_eigenvectors(products_DD)
    axes_DK = vectors[:, : _count(eigenvalues, wanted, x)]
    parts = [z_BD @ axes_DK for z_BD in _standardised_rows(x, columns)]
    return Decomposition(eigenvalues, np.concatenate(parts), x, columns, axes_DK)


def _measure_columns(
    x: Features, standardise: bool, visit: Callable[[Floats], None] | None = None
) -> _Columns:
    """Measure every column in float64 and show each centred, scaled block [N, B] to `visit`."""
    parts = []
    for block in _blocks(x.shape[1], _BLOCK_VALUES // len(x)):
        z_NB = x[:, block].astype(np.float64)
        mean = z_NB.mean(axis=0)
        if not np.isfinite(mean).all():
            raise InputError(
                "PCA needs finite features, got NaN or infinity between columns "
                f"{block.start} and {block.stop}; extract the features again."
            )
        z_NB -= mean
        variance = np.einsum("nb,nb->b", z_NB, z_NB) / len(x)
        constant = _is_constant(mean, variance, len(x))
        scale = np.where(constant | (not standardise), 1.0, np.sqrt(variance))
        parts.append((mean, variance, scale))
        if visit is not None:
            z_NB /= scale
            visit(z_NB)
    columns = _Columns(*(np.concatenate(part) for part in zip(*parts, strict=True)))
    require_variation("PCA", len(x), ~_is_constant(columns.mean_D, columns.variance_D, len(x)))
    return columns


def _is_constant(mean: Floats, variance: Floats, n: int) -> NDArray[np.bool_]:
    """Return which columns vary by rounding only, by scikit-learn's own bound."""
    return variance <= n * _EPSILON * variance + np.square(n * mean * _EPSILON)


def _standardised(x: Features, block: slice, columns: _Columns) -> Features:
    """Return a block in the type of `x`; a mean rounded to float32 shifts a column as a whole."""
    z: Features = x[:, block] - columns.mean_D[block].astype(x.dtype)
    z *= np.reciprocal(columns.scale_D[block]).astype(x.dtype)
    return z


def _standardised_rows(x: Features, columns: _Columns) -> Iterator[Features]:
    for rows in row_blocks(x):
        yield _standardised(x[rows].astype(np.float64), slice(None), columns)


def _falling_eigenvectors(products: Floats) -> tuple[Floats, Floats]:
    eigenvalues, vectors = eigh(products, driver="evd", overwrite_a=True, check_finite=False)
    return eigenvalues[::-1].clip(min=0), vectors[:, ::-1]


def _count(eigenvalues: Floats, wanted: float | None, x: Features) -> int:
    """Return how many components to keep: what was wanted, at most what the features span."""
    spanned = int((eigenvalues > eigenvalues[0] * max(x.shape) * _EPSILON).sum())
    possible = max(1, min(spanned, len(x) - 1))
    if wanted is None:
        return possible
    if wanted < 1:
        shares = np.cumsum(eigenvalues) / eigenvalues.sum()
        return min(possible, int(np.searchsorted(shares, wanted, side="right")) + 1)
    return min(possible, int(wanted))


def _signs(components_KD: Features) -> Floats:
    """Return the signs that make each component's largest entry positive, as scikit-learn."""
    largest = [row[np.argmax(np.abs(row))] for row in components_KD]
    return np.where(np.asarray(largest) < 0, -1.0, 1.0)


def _fitted_scaler(found: Decomposition) -> StandardScaler:
    columns, scaler = found._columns, StandardScaler()
    scaler.mean_, scaler.var_, scaler.scale_ = columns.mean_D, columns.variance_D, columns.scale_D
    scaler.n_features_in_, scaler.n_samples_seen_ = len(columns.mean_D), len(found.scores_NK)
    return scaler


def _fitted_pca(
    found: Decomposition, components_KD: Features, wanted: float | None, standardise: bool
) -> PCA:
    (n, kept), dimensions = found.scores_NK.shape, components_KD.shape[1]
    variances, mean_D = found.eigenvalues / (n - 1), found._columns.mean_D
    pca = PCA(n_components=wanted, svd_solver="full")
    pca.n_samples_, pca.n_features_in_, pca.n_components_ = n, dimensions, kept
    pca.components_ = components_KD
    pca.mean_ = (np.zeros(dimensions) if standardise else mean_D).astype(components_KD.dtype)
    pca.explained_variance_ = variances[:kept]
    pca.explained_variance_ratio_ = variances[:kept] / variances.sum()
    pca.singular_values_ = np.sqrt(found.eigenvalues[:kept])
    pca.noise_variance_ = float(variances[kept:].sum() / max(1, min(n, dimensions) - kept))
    return pca


def row_blocks(x: Features) -> list[slice]:
    """Return slices of rows of `x` [N, D] that are small enough to be copied."""
    return list(_blocks(len(x), _ROW_BLOCK_VALUES // x.shape[1]))


def _blocks(total: int, width: int) -> Iterator[slice]:
    step = max(1, width)
    return (slice(start, min(start + step, total)) for start in range(0, total, step))


def _checked(features: ArrayLike) -> Features:
    x = np.asarray(features)
    if x.dtype != np.float32:
        x = x.astype(np.float64, copy=False)
    if x.ndim != 2 or len(x) < 2 or x.shape[1] == 0:
        raise InputError(
            "PCA needs features [images, dimensions] of at least 2 images, got shape "
            f"{list(x.shape)}; label more images or extract the features again."
        )
    return x


def _require_meaning(n_components: float | None) -> None:
    if n_components is None or 0 < n_components < 1:
        return
    if n_components < 1 or n_components != int(n_components):
        raise InputError(
            "PCA keeps a whole number of components from 1 on, or a share between 0 and 1, got "
            f"{n_components}; correct the options."
        )

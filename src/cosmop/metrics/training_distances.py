"""Distances from images to the training images, exact, in blocks of bounded memory.

A copy may be mirrored or cropped, and a generator that mirrors its training images learns both
sides of each. So a training image is looked at in several ways and taken once, at the smallest of
the distances: the mirror image of what was copied must not pass for a second, independent
neighbour.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from cosmop.errors import InputError
from cosmop.metrics.checks import Floats, checked_features

_WHO = "The search for nearest training images"
_BLOCK_NUMBERS = 2_000_000  # 16 MB of distances, and as much beside them
# Squared distances come from sums of squares; below this share of the largest norm is rounding.
_ROUNDING = 1e-7


@dataclass(frozen=True)
class Neighbours:
    """The k training images nearest to each query, nearest first.

    Attributes:
        distances_MK: Euclidean; 0 where the difference is within rounding.
        rows_MK: Rows of the training images.
        is_mirrored_MK: Whether a mirrored view is the nearest one.
    """

    distances_MK: Floats
    rows_MK: NDArray[np.int64]
    is_mirrored_MK: NDArray[np.bool_]


def nearest_training(
    queries: ArrayLike,
    training: Sequence[ArrayLike],
    mirrored: Sequence[ArrayLike] = (),
    k: int = 1,
) -> Neighbours:
    """Find the k training images nearest to each query, by comparing all.

    Args:
        queries: Features [M, D], M ≥ 1.
        training: Features of the N ≥ k training images, one array [N, D] for each way of looking
            at them (whole, cropped …), row by row.
        mirrored: Such arrays of the same images mirrored left to right.
        k: Neighbours per query.

    Raises:
        InputError: Fewer than k training images, other shapes, or values that are not finite.
    """
    views = [np.asarray(view) for view in (*training, *mirrored)]
    x = checked_features(queries, _WHO, least=1)
    shapes = {checked_features(view, _WHO, least=k).shape for view in views}
    if len(shapes) > 1 or views[0].shape[1] != x.shape[1]:
        raise InputError(
            f"{_WHO} needs training images, as many mirrored ones, and queries from one extractor, "
            f"got {[list(view.shape) for view in views]} and {list(x.shape)}; extract them again."
        )
    middle = torch.from_numpy(views[0].mean(axis=0, dtype=np.float64))
    block = max(1, _BLOCK_NUMBERS // len(views[0]))
    found = [
        _nearest(rows - middle, views, len(training), middle, k)
        for rows in torch.split(torch.from_numpy(x), block)
    ]
    distances, rows, is_mirrored = (torch.cat(part).numpy() for part in zip(*found, strict=True))
    return Neighbours(distances, rows, is_mirrored)


def _nearest(
    x_MD: Tensor, views: Sequence[NDArray[np.generic]], straight: int, middle: Tensor, k: int
) -> tuple[Tensor, Tensor, Tensor]:
    once_MN = torch.full((len(x_MD), len(views[0])), torch.inf, dtype=torch.float64)
    is_mirrored_MN = torch.zeros(once_MN.shape, dtype=torch.bool)
    for number, view in enumerate(views):
        apart_MN = _distances(x_MD, _double(view) - middle)  # rounding shrinks around the middle
        is_nearer_MN = apart_MN < once_MN
        is_mirrored_MN[is_nearer_MN] = number >= straight
        torch.minimum(once_MN, apart_MN, out=once_MN)
    distances_MK, rows_MK = once_MN.topk(k, dim=1, largest=False)
    return distances_MK, rows_MK, is_mirrored_MN.gather(1, rows_MK)


def _distances(x_MD: Tensor, view_ND: Tensor) -> Tensor:
    apart_MN = torch.cdist(x_MD, view_ND)
    scale = max(float(torch.linalg.vector_norm(part, dim=1).amax()) for part in (x_MD, view_ND))
    apart_MN[apart_MN <= _ROUNDING * scale] = 0
    return apart_MN


def _double(view: NDArray[np.generic]) -> Tensor:
    return torch.from_numpy(np.require(view, np.float64, ["C", "W"]))


def distance_ratios(neighbours: Neighbours) -> Floats:
    """Return d1 / mean(d2 … dk) of each query, 0 to 1: 0 for a copy, near 1 for a fresh image.

    Dividing by the distance to the other neighbours makes images of dense and of sparse regions,
    and of generators of too little or too much spread, comparable. Where all k distances are 0 the
    image is a copy of one training image that is there k times: 0.
    """
    first_M, others_M = neighbours.distances_MK[:, 0], neighbours.distances_MK[:, 1:].mean(axis=1)
    ratios_M: Floats = np.zeros_like(first_M)
    np.divide(first_M, others_M, out=ratios_M, where=others_M > 0)
    return ratios_M

"""Distances from images to the training images, exact, in blocks of bounded memory.

A generator that mirrors its training images learns both sides of each. So every training image is
taken once, at the smaller of the distances to itself and to its mirror image: a copy's own mirror
image must not pass for a second, independent neighbour.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from cosmop.errors import InputError
from cosmop.metrics.checks import Floats, checked_features

_BLOCK_NUMBERS = 4_000_000  # 32 MB of distances at once
# Squared distances come from sums of squares; below this share of the largest norm is rounding.
_ROUNDING = 1e-7


@dataclass(frozen=True)
class Neighbours:
    """The k training images nearest to each query, nearest first.

    Attributes:
        distances_MK: Euclidean; 0 where the difference is within rounding.
        rows_MK: Rows of the training images.
        is_mirrored_MK: Whether the mirror image is the nearer one.
    """

    distances_MK: Floats
    rows_MK: NDArray[np.int64]
    is_mirrored_MK: NDArray[np.bool_]


def nearest_training(
    queries: ArrayLike, training: ArrayLike, mirrored: ArrayLike | None = None, k: int = 1
) -> Neighbours:
    """Find the k training images nearest to each query, by comparing all.

    Args:
        queries: Features [M, D], M ≥ 1.
        training: Features of the training images [N, D], N ≥ k.
        mirrored: Features of the same images mirrored left to right, row by row [N, D].
        k: Neighbours per query.

    Raises:
        InputError: Fewer than k training images, other shapes, or values that are not finite.
    """
    who = "The search for nearest training images"
    parts = [training] if mirrored is None else [training, mirrored]
    banks = [checked_features(part, who, least=k) for part in parts]
    x = checked_features(queries, who, least=1)
    shapes = {bank.shape for bank in banks}
    if len(shapes) > 1 or banks[0].shape[1] != x.shape[1]:
        raise InputError(
            f"{who} needs training images, as many mirrored ones, and queries from one extractor, "
            f"got {[list(bank.shape) for bank in banks]} and {list(x.shape)}; extract them again."
        )
    middle = torch.from_numpy(banks[0].mean(axis=0))
    centred = [torch.from_numpy(bank) - middle for bank in banks]  # rounding shrinks
    block = max(1, _BLOCK_NUMBERS // (len(banks) * len(banks[0])))
    found = [
        _nearest(rows - middle, centred, k) for rows in torch.split(torch.from_numpy(x), block)
    ]
    distances, rows, is_mirrored = (torch.cat(part).numpy() for part in zip(*found, strict=True))
    return Neighbours(distances, rows, is_mirrored)


def _nearest(x_MD: Tensor, banks: list[Tensor], k: int) -> tuple[Tensor, Tensor, Tensor]:
    apart_BMN = torch.stack([torch.cdist(x_MD, bank_ND) for bank_ND in banks])
    scale = max(float(torch.linalg.vector_norm(part, dim=1).amax()) for part in (x_MD, *banks))
    apart_BMN[apart_BMN <= _ROUNDING * scale] = 0
    once_MN, bank_MN = apart_BMN.min(dim=0)
    distances_MK, rows_MK = once_MN.topk(k, dim=1, largest=False)
    return distances_MK, rows_MK, bank_MN.gather(1, rows_MK) == 1


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

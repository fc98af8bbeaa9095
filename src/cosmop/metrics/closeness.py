"""How close images come to the training images: by features, by thumbnails, by hash."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosmop.errors import InputError
from cosmop.metrics.checks import Floats
from cosmop.metrics.thumbnails import VIEWS, WHOLE, seen_through
from cosmop.metrics.training_distances import Neighbours, distance_ratios, nearest_training

Hashes = NDArray[np.uint64]
Bits = NDArray[np.int64]

_HASH_BLOCK = 4_000_000  # 32 MB of XORs at once


@dataclass(frozen=True)
class Pictures:
    """What the search knows of some images.

    Attributes:
        ids: Names [N].
        features: Of one extractor [N, D].
        thumbnails: From `cosmop.metrics.thumbnails` [N, 16, 16, C], or None. Mirrored and cropped
            ones are worked out here.
        hashes: Perceptual hashes [N], or None.
    """

    ids: Sequence[str]
    features: NDArray[Any]
    thumbnails: NDArray[np.float32] | None = None
    hashes: Hashes | None = None

    def __post_init__(self) -> None:
        parts = {"vectors": self.features, "thumbnails": self.thumbnails, "hashes": self.hashes}
        counts = {"ids": len(self.ids)}
        counts |= {name: len(part) for name, part in parts.items() if part is not None}
        if len(set(counts.values())) > 1:
            raise InputError(
                "The search for copies needs an id, a vector and, if any, a thumbnail and a hash "
                f"for each image, got {counts}; take all from one set."
            )


@dataclass(frozen=True)
class View:
    """How close images come to the training images in one kind of features.

    Attributes:
        near: Nearest training images.
        ratios_M: d1 / mean(d2 … dk).
        bits_M: Hash distance to the nearest of `near`, or None.
    """

    near: Neighbours
    ratios_M: Floats
    bits_M: Bits | None = None


@dataclass(frozen=True)
class Closeness:
    """How close images come to the training images.

    Attributes:
        ids: Of the images [M].
        views: By ``features``, and by ``thumbnails`` where there are any.
        bits_M: Hash distance to the training image nearest by hash, or None.
    """

    ids: Sequence[str]
    views: Mapping[str, View]
    bits_M: Bits | None = None


def measure_closeness(
    images: Pictures, training: Pictures, training_mirrored: Pictures, neighbours: int = 50
) -> Closeness:
    """Measure how close images come to the training images or their mirror images.

    By thumbnails, training images are also looked at cropped; they take 9 KB for each training
    image in colour, whatever the number of images that are judged.

    Args:
        images: Any images.
        training: N ≥ 3 training images.
        training_mirrored: The same, mirrored, in the same order.
        neighbours: k, or N if that is less.
    """
    hashes = None
    if training.hashes is not None and training_mirrored.hashes is not None:
        hashes = np.stack([training.hashes, training_mirrored.hashes])
    spaces = {"features": (images.features, [training.features], [training_mirrored.features])}
    if images.thumbnails is not None and training.thumbnails is not None:
        spaces["thumbnails"] = (
            seen_through(WHOLE, images.thumbnails),
            [seen_through(view, training.thumbnails) for view in VIEWS],
            [seen_through(view, training.thumbnails[:, :, ::-1]) for view in VIEWS],
        )
    k = min(neighbours, len(training.ids))
    views = {
        name: _view(nearest_training(*space, k), images.hashes, hashes)
        for name, space in spaces.items()
    }
    bits = None if images.hashes is None or hashes is None else _fewest_bits(images.hashes, hashes)
    return Closeness(images.ids, views, bits)


def only(closeness: Closeness, mask_M: NDArray[np.bool_]) -> Closeness:
    """Return what is known of the images that `mask_M` marks."""

    def chosen(view: View) -> View:
        near = Neighbours(
            view.near.distances_MK[mask_M],
            view.near.rows_MK[mask_M],
            view.near.is_mirrored_MK[mask_M],
        )
        bits_M = None if view.bits_M is None else view.bits_M[mask_M]
        return View(near, view.ratios_M[mask_M], bits_M)

    ids = [image for image, is_in in zip(closeness.ids, mask_M, strict=True) if is_in]
    views = {name: chosen(view) for name, view in closeness.views.items()}
    return Closeness(ids, views, None if closeness.bits_M is None else closeness.bits_M[mask_M])


def _view(near: Neighbours, hashes_M: Hashes | None, bank_2N: Hashes | None) -> View:
    bits_M = None
    if hashes_M is not None and bank_2N is not None:
        nearest_M = bank_2N[near.is_mirrored_MK[:, 0].astype(int), near.rows_MK[:, 0]]
        bits_M = np.bitwise_count(hashes_M ^ nearest_M).astype(np.int64)
    return View(near, distance_ratios(near), bits_M)


def _fewest_bits(hashes_M: Hashes, bank_2N: Hashes) -> Bits:
    """Return the Hamming distance of each hash to the nearest of the bank [M]."""
    bank = bank_2N.ravel()
    block = max(1, _HASH_BLOCK // len(bank))
    parts = [hashes_M[at : at + block, None] ^ bank for at in range(0, len(hashes_M), block)]
    return np.concatenate([np.bitwise_count(part).min(axis=1) for part in parts]).astype(np.int64)

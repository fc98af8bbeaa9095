"""Distances put together: for a snapshot during training, and for the final comparison."""

import hashlib
import json
from collections.abc import Mapping
from functools import cache, partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cosmop.errors import InputError
from cosmop.metrics.frechet import frechet_from_features, frechet_interval
from cosmop.metrics.kernel import kernel_interval
from cosmop.metrics.nearest import copying
from cosmop.metrics.options import DistanceOptions, JudgingOptions
from cosmop.metrics.precision_recall import neighbour_radii, prdc
from cosmop.metrics.real_floor import FEWEST_IMAGES, measures_with_floor, usable_neighbours

_INCEPTION = "inception_v3_2015"
_FEWEST_IMAGES = 8
_FIRST_SEED = 1_000_000  # far from the seeds of the delivered set


class Extractor(Protocol):
    """What turns images into features."""

    name: str
    checksum: str

    def extract_array(self, images_NHWC: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return features [N, D] of uint8 images [N, H, W, C]."""


class Judge:
    """Measures generated images against the training images, always with the same seeds.

    Args:
        extractor: Network whose features are compared.
        real_NHWC: The training images, uint8 [N, H, W, C], C 3 or 1.
        options: How many images, which neighbours, how many resamples.
        held_out_N: Which of them are never trained on, bool [N]; they tell what a generator that
            copies nothing looks like, see `cosmop.metrics.nearest`.

    Raises:
        InputError: Too few real images, or another number of marks.
    """

    def __init__(
        self,
        extractor: Extractor,
        real_NHWC: NDArray[np.uint8],
        options: JudgingOptions,
        held_out_N: NDArray[np.bool_] | None = None,
    ) -> None:
        if len(real_NHWC) < _FEWEST_IMAGES:
            raise InputError(
                f"Judging a generator needs at least {_FEWEST_IMAGES} real images, got "
                f"{len(real_NHWC)}; collect or label more positive images."
            )
        unseen = np.zeros(len(real_NHWC), bool) if held_out_N is None else held_out_N
        if len(unseen) != len(real_NHWC) or unseen.all():
            raise InputError(
                f"Judging wants one mark for each of {len(real_NHWC)} real images and some left to "
                f"train on, got {len(unseen)} marks, {int(unseen.sum())} of them held out; take "
                "both from one training run."
            )
        self._extractor = extractor
        self._options = options
        self._unseen = unseen
        self._real = extractor.extract_array(_as_rgb(real_NHWC))
        self._floor = floor_between_halves(self._real, options.seed)
        self._radii = cache(partial(neighbour_radii, self._real))

    @property
    def seeds(self) -> list[int]:
        """The seeds of the images to judge."""
        return list(range(_FIRST_SEED, _FIRST_SEED + self._options.images))

    @property
    def fingerprint(self) -> str:
        """What the measurements depend on, besides the images: extractor, options, held out."""
        marks = np.packbits(self._unseen).tobytes().hex()
        known = [self._extractor.name, self._extractor.checksum]
        parts = [*known, self._options.model_dump(), marks]
        text = json.dumps(parts, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def measure(self, fake_NHWC: NDArray[np.uint8]) -> dict[str, Any]:
        """Return the distances of generated images, uint8 [M, H, W, C], to the training images.

        Keys: ``name`` of the Fréchet distance, ``distance`` and ``kernel_distance`` with their
        intervals, ``precision``, ``recall``, ``density``, ``coverage``, the ``floor``: real half
        against real half, and those of `cosmop.metrics.nearest.copying`.
        """
        fake = self._extractor.extract_array(_as_rgb(fake_NHWC))
        unseen = self._real[self._unseen] if self._unseen.any() else None
        return {
            "name": distance_name(self._extractor.name),
            **self._compare(fake),
            "floor": self._floor,
            **copying(self._real[~self._unseen], fake, unseen),
        }

    def _compare(self, fake: NDArray[np.float32]) -> dict[str, Any]:
        """Return every distance and share of fake [M, D] against the real features."""
        options = self._options
        k = min(options.neighbours, len(self._real) - 1, len(fake) - 1)
        return {
            "distance": frechet_interval(self._real, fake, options.resamples, options.seed),
            "kernel_distance": kernel_interval(self._real, fake, options.resamples, options.seed),
            **prdc(self._real, fake, k, self._radii(k)),
        }


def _as_rgb(images_NHWC: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Repeat the one channel of greyscale images, since extractors look at colours."""
    return images_NHWC.repeat(3, axis=3) if images_NHWC.shape[3] == 1 else images_NHWC


def distance_name(extractor: str) -> str:
    """Name a Fréchet distance by its features; "fid" is said only of the 2015 Inception."""
    return "fid" if extractor == _INCEPTION else f"fd_{extractor}"


def kernel_name(extractor: str) -> str:
    """Name a kernel distance by its features; "kid" is said only of the 2015 Inception."""
    return "kid" if extractor == _INCEPTION else f"kd_{extractor}"


def floor_between_halves(features: NDArray[np.float32], seed: int) -> float:
    """Return the Fréchet distance between random halves of one set: a perfect score."""
    order = np.random.default_rng(seed).permutation(len(features))
    middle = len(features) // 2
    return frechet_from_features(features[order[:middle]], features[order[middle:]])


def measure_distances(
    train: NDArray[np.float32],
    test: NDArray[np.float32],
    synthetic: NDArray[np.float32],
    *,
    extractor: Mapping[str, Any],
    options: DistanceOptions,
) -> dict[str, Any]:
    """Compare the synthetic images with the training images and with images nobody trained on.

    Args:
        train: Features of the positive training images [N, D].
        test: Features of the positive test images [M, D].
        synthetic: Features of the synthetic images [S, D].
        extractor: ``name`` and ``checksum`` of the network behind the features.
        options: Neighbours, directions, resamples, seed.

    Returns:
        ``to_test`` and ``to_training``: each measure of the synthetic images with its interval and
        floor, see `measures_with_floor`; ``name`` and ``kernel_name`` of the Fréchet and the kernel
        distance; ``extractor``; ``seed``; and ``neighbours``, the k used for both sides of each.

    Raises:
        InputError: Fewer than 4 images of a kind, other dimensions, values that are not finite, or
            real features that are all the same.
    """
    counts = {"training": len(train), "test": len(test), "synthetic": len(synthetic)}
    if min(counts.values()) < FEWEST_IMAGES:
        raise InputError(
            f"Measuring distances needs at least {FEWEST_IMAGES} positive training, "
            f"positive test and synthetic images, got {counts}; label or generate more."
        )
    name = str(extractor["name"])
    return {
        "name": distance_name(name),
        "kernel_name": kernel_name(name),
        "extractor": dict(extractor),
        "seed": options.seed,
        "neighbours": {
            key: usable_neighbours(options.neighbours, len(real), len(synthetic))
            for key, real in (("to_test", test), ("to_training", train))
        },
        "to_test": measures_with_floor(test, synthetic, options),
        "to_training": measures_with_floor(train, synthetic, options),
    }

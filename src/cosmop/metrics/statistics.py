"""Mean and covariance of features that come in batches or shards, without keeping the features."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from cosmop.errors import InputError
from cosmop.metrics.checks import Floats, checked_features

_WHO = "The statistics of a set"


@dataclass(frozen=True)
class FeatureStatistics:
    """Count, mean [D] and co-moment Σ (x − m)(x − m)ᵀ [D, D] of a set of features, in float64.

    Two of them are merged without loss (Chan, Golub & LeVeque 1983, equations 2.1), in any order.
    """

    count: int
    mean: Floats
    comoment: Floats

    @classmethod
    def of(cls, features: ArrayLike) -> "FeatureStatistics":
        """Return the statistics of features [N, D], N ≥ 1.

        Raises:
            InputError: Another shape, no image, or values that are not finite.
        """
        x_ND = checked_features(features, _WHO, least=1)
        mean = x_ND.mean(0)
        centred = x_ND - mean
        return cls(len(x_ND), mean, centred.T @ centred)

    @property
    def covariance(self) -> Floats:
        """The unbiased covariance [D, D]: the co-moment divided by N − 1.

        Raises:
            InputError: Fewer than 2 images.
        """
        if self.count < 2:
            raise InputError(
                f"A covariance needs at least 2 images, got {self.count}; add images to the set."
            )
        return self.comoment / (self.count - 1)

    def merged(self, other: "FeatureStatistics") -> "FeatureStatistics":
        """Return the statistics of both sets together.

        Raises:
            InputError: Another dimension.
        """
        if len(self.mean) != len(other.mean):
            raise InputError(
                f"{_WHO} can only be merged with one from the same extractor, got {len(self.mean)} "
                f"and {len(other.mean)} dimensions; extract both with one extractor."
            )
        count = self.count + other.count
        shift = other.mean - self.mean
        return FeatureStatistics(
            count,
            self.mean + shift * (other.count / count),
            self.comoment
            + other.comoment
            + np.outer(shift, shift * (self.count * other.count / count)),
        )


def gather_statistics(batches: Iterable[ArrayLike]) -> FeatureStatistics:
    """Return the statistics of all batches [N, D] together; one batch is in memory at a time.

    Raises:
        InputError: No batch at all, an unusable batch, or batches of different dimensions.
    """
    gathered: FeatureStatistics | None = None
    for batch in batches:
        newest = FeatureStatistics.of(batch)
        gathered = newest if gathered is None else gathered.merged(newest)
    if gathered is None:
        raise InputError(f"{_WHO} needs at least 1 batch of features, got none; pass the images.")
    return gathered

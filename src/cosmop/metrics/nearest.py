"""Does a generator copy its training images? Distances to the nearest training image.

Fresh images of the same distribution lie as far from the training images as images held out of
training do; copies lie nearer (Meehan, Chaudhuri & Dasgupta 2020, 2004.05675, data-copying: their
test compares the same two sets of distances by rank). The Fréchet distance cannot tell: a perfect
copyist scores 0.
"""

import numpy as np
from numpy.typing import ArrayLike

from cosmop.metrics.checks import Floats
from cosmop.metrics.training_distances import nearest_training

_NEAR_QUANTILE = 0.05
_COPY_QUANTILE = 0.01


def copying(
    training: ArrayLike, generated: ArrayLike, unseen: ArrayLike | None = None
) -> dict[str, float]:
    """Return how near generated images come to training images, and how near unseen real ones do.

    Args:
        training: Features of the images trained on [N, D].
        generated: Features of generated images [M, D].
        unseen: Features of real images that were held out of training [H, D].

    Returns:
        ``nearest_median`` and ``nearest_p05`` (5 % quantile) of the distances from generated images
        to their nearest training image. With `unseen` the same of those, ``nearest_unseen_median``
        and ``nearest_unseen_p05``; ``nearest_ratio`` of the two medians, below 1 when generated
        images are nearer than unseen ones; and ``copied_share``, the share of generated images
        nearer than the nearest 1 % of unseen ones: 0.01 is expected of a generator that copies
        nothing, with the error of a 1 % quantile from H images.

    Raises:
        InputError: No images on a side, other dimensions, or values not finite.
    """
    near = nearest_training(generated, [training]).distances_MK[:, 0]
    measured = _summary("nearest", near)
    if unseen is None:
        return measured
    real = nearest_training(unseen, [training]).distances_MK[:, 0]
    measured |= _summary("nearest_unseen", real)
    return measured | {
        "nearest_ratio": float(np.median(near) / np.median(real)),
        "copied_share": float((near < np.quantile(real, _COPY_QUANTILE)).mean()),
    }


def _summary(name: str, distances: Floats) -> dict[str, float]:
    return {
        f"{name}_median": float(np.median(distances)),
        f"{name}_p05": float(np.quantile(distances, _NEAR_QUANTILE)),
    }

"""The protocol by which papers state FID: all real images against 50,000 generated ones.

``fid50k_full`` of StyleGAN2-ADA (Karras et al. 2020, 2006.06676, section 4): every image of the
training set, unmirrored; 50,000 generated images, z drawn at random, no truncation. Here image i
comes from seed i alone, so that each can be made again; the published code seeds anew each time.

The covariance divides by N − 1, as in Heusel et al. 2017; the published code of StyleGAN2-ADA
divides by N, so its value is given beside. They differ by about 1 / N of the traces.
"""

from collections.abc import Iterable
from typing import Any

from numpy.typing import ArrayLike

from cosmop.errors import InputError
from cosmop.metrics.frechet import frechet_distance
from cosmop.metrics.judging import distance_name
from cosmop.metrics.statistics import FeatureStatistics, gather_statistics

PUBLISHED_IMAGES = 50_000


def published_seeds() -> range:
    """Return the seeds of the 50,000 images to generate, one seed for each."""
    return range(PUBLISHED_IMAGES)


def fid50k_full(
    real: Iterable[ArrayLike] | FeatureStatistics,
    generated: Iterable[ArrayLike],
    *,
    extractor: str,
) -> dict[str, Any]:
    """Return the Fréchet distance by the published protocol.

    Args:
        real: Features of all training images in batches [N, D], or their statistics.
        generated: Features of the images of `published_seeds` in batches [N, D].
        extractor: Name of the network behind the features.

    Returns:
        ``name`` (fid50k_full only for the 2015 Inception), ``value``, ``value_divided_by_n`` as the
        published code has it, ``n_real``, ``n_generated``, ``first_seed``, ``last_seed``,
        ``extractor``.

    Raises:
        InputError: Another number than 50,000 generated images, fewer than 2 real ones, other
            dimensions, or values that are not finite.
    """
    theirs = real if isinstance(real, FeatureStatistics) else gather_statistics(real)
    ours = gather_statistics(generated)
    if ours.count != PUBLISHED_IMAGES:
        raise InputError(
            f"The published protocol compares {PUBLISHED_IMAGES} generated images, got "
            f"{ours.count}; generate one image for each of `published_seeds`."
        )
    return {
        "name": _name(extractor),
        "value": _distance(theirs, ours, is_divided_by_n=False),
        "value_divided_by_n": _distance(theirs, ours, is_divided_by_n=True),
        "n_real": theirs.count,
        "n_generated": ours.count,
        "first_seed": published_seeds()[0],
        "last_seed": published_seeds()[-1],
        "extractor": extractor,
    }


def _distance(
    real: FeatureStatistics, generated: FeatureStatistics, *, is_divided_by_n: bool
) -> float:
    covariances = [
        s.covariance * ((s.count - 1) / s.count if is_divided_by_n else 1)
        for s in (real, generated)
    ]
    return frechet_distance(real.mean, covariances[0], generated.mean, covariances[1])


def _name(extractor: str) -> str:
    name = distance_name(extractor)
    return f"{name}50k_full" if name == "fid" else f"{name}_50k_full"

"""Two published measures of copying, for comparison with papers; neither makes a verdict here.

Both take a generator of too little spread for a copyist: at 0.8 of the spread and without a single
copy, AuthPct falls from 75 to 1 and C_T to −30 (measured on Gaussians).
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import mannwhitneyu
from sklearn.cluster import KMeans

from cosmop.metrics.checks import Floats, checked_features, checked_pair
from cosmop.metrics.training_distances import nearest_training

_CELLS, _DIMENSIONS = 3, 64
_FEWEST_IN_CELL = 20


def authenticity_percent(training: ArrayLike, images: ArrayLike) -> float:
    """Return AuthPct (Alaa et al. 2022, 2102.08921, section 4.3): authentic images in per cent.

    An image is authentic if its nearest training image lies nearer to another training image than
    to it. About 75, not 100, is the value of a perfect generator.

    Args:
        training: Features [N, D], N ≥ 2.
        images: Features of generated, or of held-out real images [M, D].

    Raises:
        InputError: Too few images, other dimensions, or values that are not finite.
    """
    bank, x = checked_pair(training, images, "AuthPct", least=1)
    between_training_N = nearest_training(bank, [bank], k=2).distances_MK[:, 1]
    near = nearest_training(x, [bank])
    is_authentic = between_training_N[near.rows_MK[:, 0]] < near.distances_MK[:, 0]
    return 100 * float(is_authentic.mean())


def data_copying_score(
    training: ArrayLike, held_out: ArrayLike, generated: ArrayLike, seed: int = 0
) -> float | None:
    """Return C_T (Meehan, Chaudhuri & Dasgupta 2020, 2004.05675, section 3), below 0 for copying.

    In each cell of the training set: are generated images nearer to the training images than
    held-out ones? The Mann-Whitney U of the two sets of distances, as a z-score, averaged over the
    cells by their share of held-out images. As in dgm-eval: 3 cells by k-means, in the first 64
    principal components, and only cells of more than 20 generated images count.

    Args:
        training: Features [N, D], N ≥ 3.
        held_out: Features of real images that were not trained on [H, D].
        generated: Features [M, D].
        seed: Of k-means.

    Returns:
        The score; None where no cell holds enough images of each kind.

    Raises:
        InputError: Too few training images, other dimensions, or values that are not finite.
    """
    bank = checked_features(training, "C_T", least=_CELLS)
    sides = [checked_pair(bank, side, "C_T", least=1)[1] for side in (held_out, generated)]
    sets = _principal([bank, *sides])
    cells = _cells(sets, seed)
    scores, weights = [], []
    for cell in range(_CELLS):
        near, real, fake = (part[of == cell] for part, of in zip(sets, cells, strict=True))
        if len(near) and len(real) and len(fake) > _FEWEST_IN_CELL:
            scores.append(_rank_score(near, real, fake))
            weights.append(len(real))
    return float(np.average(scores, weights=weights)) if scores else None


def _principal(sets: list[Floats]) -> list[Floats]:
    """Project on the first principal components of the first set."""
    middle = sets[0].mean(axis=0)
    centred = [part - middle for part in sets]
    n, d = sets[0].shape
    if d <= _DIMENSIONS:
        return centred
    if n > d:
        axes_DK = np.linalg.eigh(centred[0].T @ centred[0])[1][:, -_DIMENSIONS:]
    else:
        axes_DK = np.linalg.svd(centred[0], full_matrices=False)[2][:_DIMENSIONS].T
    return [part @ axes_DK for part in centred]


def _cells(sets: list[Floats], seed: int) -> list[NDArray[np.int64]]:
    """Number the cell of each image."""
    means = KMeans(_CELLS, n_init=10, random_state=seed).fit(sets[0])
    return [np.asarray(means.predict(part), dtype=np.int64) for part in sets]


def _rank_score(training: Floats, held_out: Floats, generated: Floats) -> float:
    """Return z of U: how often a generated image is farther than a held-out one."""
    real, fake = (
        nearest_training(part, [training]).distances_MK[:, 0] for part in (held_out, generated)
    )
    n, m = len(real), len(fake)
    farther = float(mannwhitneyu(fake, real).statistic)
    return float((farther - n * m / 2) / np.sqrt(n * m * (n + m + 1) / 12))

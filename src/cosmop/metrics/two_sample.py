"""Can the simplest of judges tell generated images from real ones by their pixels?

A classifier two-sample test (Lopez-Paz and Oquab, ICLR 2017): a linear model learns on some of the
images which ones are real, and is asked about the others. It sees no content, only 8×8 colours and
how strong fine and coarse structure are. Distances between features are blind to what their network
is blind to, noise for one; this test is not. Generators that fool it still may be bad ones.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import Ridge
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler

from cosmop.metrics.checks import Floats, checked_pair, require_variation
from cosmop.metrics.classification import auroc
from cosmop.metrics.curves import rank, roc_areas
from cosmop.metrics.intervals import Interval
from cosmop.metrics.options import DistanceOptions
from cosmop.metrics.real_floor import Measure
from cosmop.metrics.subsets import draw_rows
from cosmop.metrics.thumbnails import thumbnails_of

FEWEST_IMAGES = 8

_WHO = "Telling generated images from real ones"
_FOLDS = 4
_MOST_REPEATS = 50  # each is four small regressions
_MOST_IMAGES = 2000  # a side: more would change the third digit
_RIDGE = 10.0  # of standardised features
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R 601-2
_RINGS = 32


def pixel_facts(images_NHWC: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return what the judge sees of images: colours of 8×8 fields, and a power spectrum.

    Args:
        images_NHWC: uint8 [N, H, W, C], C 3 or 1, all of one size.

    Returns:
        float32 [N, 64 C + R]: mean colours, 0 to 1; then the logarithm of the power of luma in R
        rings of spatial frequency, up to 32, from coarse to fine.
    """
    small_NHWC = thumbnails_of(images_NHWC)
    n, _, _, channels = small_NHWC.shape
    fields = small_NHWC.reshape(n, 8, 2, 8, 2, channels).mean(axis=(2, 4)).reshape(n, -1)
    weights = _LUMA if channels == 3 else np.ones(1, np.float32)
    luma_NHW = images_NHWC.astype(np.float32) @ weights
    return np.concatenate([fields, _ring_powers(luma_NHW)], axis=1).astype(np.float32)


def _ring_powers(luma_NHW: NDArray[np.float32]) -> NDArray[np.float32]:
    _, height, width = luma_NHW.shape
    window = np.outer(np.hanning(height + 2)[1:-1], np.hanning(width + 2)[1:-1])
    flat = luma_NHW - luma_NHW.mean(axis=(1, 2), keepdims=True)
    power = np.abs(np.fft.rfft2(flat * window)) ** 2
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    rings = min(_RINGS, min(height, width) // 2)
    ring = np.minimum((radius / 0.5 * rings).astype(int), rings - 1)
    in_ring = np.bincount(ring.ravel(), minlength=rings)
    sums = np.stack([np.bincount(ring.ravel(), one.ravel(), rings) for one in power])
    powers: NDArray[np.float32] = np.log1p(sums / np.maximum(in_ring, 1)).astype(np.float32)
    return powers


def told_apart(real: ArrayLike, generated: ArrayLike, options: DistanceOptions) -> Measure:
    """Return how well real [N, D] and generated [M, D] `pixel_facts` are told apart, with floor.

    The value is the AUROC on images that the model has not seen: 0.5 is a coin, 1 is without
    error. The floor is that of two random halves of the real images.

    Raises:
        InputError: Fewer than 8 images on a side, other dimensions, values that are not finite, or
            real images that are all the same.
    """
    left, right = checked_pair(real, generated, _WHO, least=FEWEST_IMAGES)
    require_variation(_WHO, len(left), np.ptp(left, axis=0))
    left, right = left[:_MOST_IMAGES], right[:_MOST_IMAGES]
    labels, scores = _unseen_scores(left, right, options.seed)
    value = auroc(labels, scores, resamples=options.resamples, seed=options.seed)
    floor, reached = _at_floor(left, right, options)
    return {
        **value,
        "n": min(len(left), len(right)),
        "n_real": len(left),
        "n_generated": len(right),
        "floor": floor,
        "at_floor_n": reached,
        "is_beyond_floor": reached["value"] > floor["high"],
    }


def _unseen_scores(
    real: Floats, generated: Floats, seed: int
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return labels and cross-fitted scores; ranks within folds, whose models differ in scale."""
    features = np.concatenate([real, generated])
    is_real = np.arange(len(features)) < len(real)
    scores = np.empty(len(features))
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=seed)
    for seen, unseen in folds.split(features, is_real):
        scaler = StandardScaler().fit(features[seen])
        weights = np.where(is_real[seen], 1 / is_real[seen].sum(), 1 / (~is_real[seen]).sum())
        model = Ridge(_RIDGE).fit(
            scaler.transform(features[seen]), is_real[seen], weights * len(seen) / 2
        )
        answers = model.predict(scaler.transform(features[unseen]))
        scores[unseen] = answers.argsort().argsort() / len(answers)
    return is_real, scores


def _at_floor(
    real: Floats, generated: Floats, options: DistanceOptions
) -> tuple[Interval, Interval]:
    """Return the range of repeats, real against real and generated against real halves."""
    n = min(len(real) // 2, len(generated))
    repeats = min(options.resamples, _MOST_REPEATS)
    both = draw_rows(len(real), 2 * n, repeats, options.seed)
    drawn = draw_rows(len(generated), n, repeats, options.seed + 1)

    def areas(others: Iterator[Floats]) -> Interval:
        found = [
            _area(real[rows[:n]], other, options.seed + at)
            for at, (rows, other) in enumerate(zip(both, others, strict=True))
        ]
        low, middle, high = np.quantile(found, [0.025, 0.5, 0.975])
        return {"value": float(middle), "low": float(low), "high": float(high), "n": n}

    return areas(real[rows[n:]] for rows in both), areas(generated[rows] for rows in drawn)


def _area(real: Floats, generated: Floats, seed: int) -> float:
    labels, scores = _unseen_scores(real, generated, seed)
    once = np.ones((1, len(labels)), dtype=np.int64)
    return float(roc_areas(rank(labels, scores, _WHO), once)[0])

"""What a score can do at every threshold at once: ranks, ROC and precision-recall.

All bootstraps here count how often each image was drawn instead of copying rows, so that a thousand
resamples are a few matrix operations. Shape suffixes: N images, T distinct scores (highest first),
B resamples, P points of a curve.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cosmop.errors import InputError
from cosmop.metrics.checks import Floats, checked_labels, require_same_length
from cosmop.metrics.intervals import Interval, percentiles, widened

Counts = NDArray[np.int64]

_GRID_P = np.linspace(0, 1, 101)
_CELLS_AT_A_TIME = 4_000_000  # 32 MB of counts
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Ranking:
    """Images in the order of their scores.

    Attributes:
        order_N: The images, highest score first.
        ends_T: For each distinct score the place of the last image that has it; images with the
            same score are accepted together.
        truth_N: What is true, in the order in which the images were given.
    """

    order_N: Counts
    ends_T: Counts
    truth_N: NDArray[np.bool_]

    def accepted(self, weights_BN: Counts) -> tuple[Counts, Counts]:
        """Return the positives and negatives accepted at each threshold, [B, T] both.

        Args:
            weights_BN: How often each image counts, in the order in which they were given.
        """
        ordered_BN = weights_BN[:, self.order_N]
        truth_N = self.truth_N[self.order_N]
        positives_BT = np.cumsum(ordered_BN * truth_N, axis=1)[:, self.ends_T]
        negatives_BT = np.cumsum(ordered_BN * ~truth_N, axis=1)[:, self.ends_T]
        return positives_BT, negatives_BT


def rank(labels: ArrayLike, scores: ArrayLike, who: str) -> Ranking:
    """Order images by score.

    Args:
        labels: What is true, bool [N].
        scores: Higher is more positive, [N].
        who: Begins the sentence of an error.

    Raises:
        InputError: One class only, different lengths, or scores that are not finite.
    """
    truth_N = checked_labels(labels, who)
    scores_N = np.asarray(scores, dtype=np.float64)
    require_same_length(who, labels=len(truth_N), scores=len(scores_N))
    if truth_N.all() or not truth_N.any() or not np.isfinite(scores_N).all():
        raise InputError(
            f"{who} needs finite scores of both classes, got {int(truth_N.sum())} positive of "
            f"{len(truth_N)} and {int((~np.isfinite(scores_N)).sum())} scores that are not finite; "
            "add images of the other class or score again."
        )
    order_N = np.argsort(-scores_N, kind="stable")
    ends_T = np.flatnonzero(np.append(np.diff(scores_N[order_N]) != 0, True))
    return Ranking(order_N, ends_T, truth_N)


def roc_areas(ranking: Ranking, weights_BN: Counts) -> Floats:
    """Return the area under the ROC curve per row of weights [B]; NaN where a class is absent.

    It is the chance that a positive scores above a negative, ties counting half.
    """
    positives_BT, negatives_BT = ranking.accepted(weights_BN)
    before_BT = _one_step_before(positives_BT)
    steps_BT = negatives_BT - _one_step_before(negatives_BT)
    doubled_B = ((positives_BT + before_BT) * steps_BT).sum(axis=1).astype(np.float64)
    pairs_B = (positives_BT[:, -1] * negatives_BT[:, -1]).astype(np.float64)
    return _shares(doubled_B, 2 * pairs_B)


def average_precisions(ranking: Ranking, weights_BN: Counts) -> Floats:
    """Return the average precision per row of weights [B]; NaN where there is no positive.

    The step-wise sum of precision times gained recall over the distinct scores, without
    interpolation, which would be too kind (Davis & Goadrich 2006).
    """
    positives_BT, negatives_BT = ranking.accepted(weights_BN)
    gained_BT = positives_BT - _one_step_before(positives_BT)
    precision_BT = positives_BT / np.maximum(positives_BT + negatives_BT, 1)
    summed_B: Floats = (precision_BT * gained_BT).sum(axis=1)
    return _shares(summed_B, positives_BT[:, -1].astype(np.float64))


def _one_step_before(counts_BT: Counts) -> Counts:
    return np.pad(counts_BT, ((0, 0), (1, 0)))[:, :-1]


def _shares(part_B: Floats, whole_B: Floats) -> Floats:
    shares_B: Floats = np.full(len(part_B), np.nan)
    np.divide(part_B, whole_B, out=shares_B, where=whole_B > 0)
    return shares_B


def ranking_interval(
    statistic: Callable[[Ranking, Counts], Floats], ranking: Ranking, resamples: int, seed: int
) -> Interval:
    """Return a statistic of a ranking with its percentile bootstrap interval within classes.

    Where all resamples agree, as under a perfect ranking, the interval is `widened` to what as many
    right pairs as the smaller class has images allow: disjoint pairs are independent, and the area
    is the chance that one is right. Average precision was checked on normal scores (3 to 1,000
    images a class), where that interval covers it, too.
    """
    n, positives = len(ranking.truth_N), int(ranking.truth_N.sum())
    value = float(statistic(ranking, np.ones((1, n), np.int64))[0])
    chunks = draw_weights(ranking.truth_N, resamples, seed)
    drawn_B = np.concatenate([statistic(ranking, each) for each in chunks])
    return widened(percentiles(value, drawn_B, n), min(positives, n - positives))


def draw_weights(strata_N: NDArray[np.bool_], resamples: int, seed: int) -> Iterator[Counts]:
    """Yield how often each image is drawn with replacement, [b, N], `resamples` rows in all.

    Images are drawn within images of the same stratum.

    Raises:
        InputError: Fewer than 2 resamples.
    """
    if resamples < 2:
        raise InputError(f"A bootstrap needs at least 2 resamples, got {resamples}; 1000 is usual.")
    chance = np.random.default_rng(seed)
    layers = [np.flatnonzero(strata_N == value) for value in np.unique(strata_N)]
    rows = max(1, _CELLS_AT_A_TIME // len(strata_N))
    for start in range(0, resamples, rows):
        count = min(rows, resamples - start)
        weights_bN = np.empty((count, len(strata_N)), np.int64)
        for layer in layers:
            weights_bN[:, layer] = multiplicities(chance, count, len(layer))
        yield weights_bN


def multiplicities(chance: np.random.Generator, rows: int, n: int) -> Counts:
    """Return how often each of n things comes up in n draws with replacement, [rows, n]."""
    drawn = chance.integers(n, size=(rows, n)) + n * np.arange(rows)[:, None]
    return np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n)


def precision_recall_curve(
    labels: ArrayLike, scores: ArrayLike, *, resamples: int = 1000, seed: int = 0
) -> list[dict[str, float]]:
    """Return precision at 101 recalls with its pointwise 95 % band.

    At each recall the highest threshold that reaches it decides; at 0 the one that reaches the
    first positive. Images are drawn again within classes.

    Returns:
        ``recall``, ``precision``, ``low``, ``high`` per point.

    Raises:
        InputError: As `rank`.
    """
    ranking = rank(labels, scores, "A precision-recall curve")
    return _curve(_precisions, ranking, ("recall", "precision"), resamples, seed)


def roc_curve(
    labels: ArrayLike, scores: ArrayLike, *, resamples: int = 1000, seed: int = 0
) -> list[dict[str, float]]:
    """Return recall at 101 false-positive rates with its pointwise 95 % band.

    Straight lines between thresholds, the upper end where the curve rises upright.

    Returns:
        ``false_positive_rate``, ``recall``, ``low``, ``high`` per point.

    Raises:
        InputError: As `rank`.
    """
    ranking = rank(labels, scores, "An ROC curve")
    return _curve(_recalls, ranking, ("false_positive_rate", "recall"), resamples, seed)


def _curve(
    heights: Callable[[Counts, Counts], Floats],
    ranking: Ranking,
    names: tuple[str, str],
    resamples: int,
    seed: int,
) -> list[dict[str, float]]:
    def of(weights_BN: Counts) -> Floats:
        rows = zip(*ranking.accepted(weights_BN), strict=True)
        return np.stack([heights(positives, negatives) for positives, negatives in rows])

    chunks = draw_weights(ranking.truth_N, resamples, seed)
    low_P, high_P = np.quantile(np.concatenate([of(each) for each in chunks]), [0.025, 0.975], 0)
    value_P = of(np.ones((1, len(ranking.truth_N)), np.int64))[0]
    columns = (_GRID_P, value_P, np.minimum(low_P, value_P), np.maximum(high_P, value_P))
    points = zip(*(column.tolist() for column in columns), strict=True)
    return [dict(zip((*names, "low", "high"), point, strict=True)) for point in points]


def _precisions(positives_T: Counts, negatives_T: Counts) -> Floats:
    needed_P = np.maximum(np.ceil(_GRID_P * positives_T[-1] - _ROUNDING), 1)
    at_P = np.searchsorted(positives_T, needed_P)
    precision_P: Floats = positives_T[at_P] / (positives_T + negatives_T)[at_P]
    return precision_P


def _recalls(positives_T: Counts, negatives_T: Counts) -> Floats:
    allowed_P = _GRID_P * negatives_T[-1] + _ROUNDING
    negatives, positives = np.append(0, negatives_T), np.append(0, positives_T)
    recall_P: Floats = np.interp(allowed_P, negatives, positives) / positives_T[-1]
    return recall_P

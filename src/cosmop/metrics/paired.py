"""Two ways of training compared on the same test images, over the same seeds.

A difference has two sources of chance: which images are in the test set, and which seed a training
had. The interval of a gain counts both; the McNemar test counts the first, image by image.

Shape suffixes: N test images, S seeds, B resamples, G groups of images that belong together.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t as student

from cosmop.errors import InputError
from cosmop.metrics.checks import Floats, checked_labels
from cosmop.metrics.classification import mcnemar_exact
from cosmop.metrics.curves import Counts, multiplicities, rank, roc_areas
from cosmop.metrics.intervals import Interval, widened

Statistic = Callable[[Counts], Floats]
"""Takes how often each image counts [B, N], gives one figure per seed [B, S]."""

_WHO = "A paired comparison"
_TINY = 1e-300


@dataclass(frozen=True)
class TwoWayDraws:
    """How often each test image and each seed was drawn.

    Draw once and measure everything on it, so that all figures of a study are paired.

    Attributes:
        images_BN: Groups are drawn with replacement, with all their images.
        seeds_BS: Seeds are drawn with replacement, independently of the images.
        groups: How many groups there are.
    """

    images_BN: Counts
    seeds_BS: Counts
    groups: int


def draw_two_way(
    groups: ArrayLike, seeds: int, *, resamples: int = 1000, seed: int = 0
) -> TwoWayDraws:
    """Draw test groups and seeds again, crosswise (the pigeonhole bootstrap, Owen 2007).

    Args:
        groups: Which group each test image belongs to, [N]; near copies and frames of one video
            share a group. Images of their own groups are drawn one by one.
        seeds: How many seeds S, at least 2.
        resamples: How often, B.
        seed: Of the draws.

    Raises:
        InputError: Fewer than 2 groups, seeds or resamples.
    """
    names_N = np.asarray(groups)
    names, group_N = np.unique(names_N, return_inverse=True)
    number = len(names)
    if names_N.ndim != 1 or number < 2 or seeds < 2 or resamples < 2:
        raise InputError(
            f"{_WHO} needs a group for each test image, 2 groups, 2 seeds and 2 resamples, got "
            f"shape {list(names_N.shape)}, {number} groups, {seeds} seeds and {resamples} "
            "resamples; test on more images that are no near copies, or train with more seeds."
        )
    chance = np.random.default_rng(seed)
    groups_BG = multiplicities(chance, resamples, number)
    return TwoWayDraws(groups_BG[:, group_N], multiplicities(chance, resamples, seeds), number)


def two_way_interval(
    statistic: Statistic,
    draws: TwoWayDraws,
    limits: tuple[float, float] = (-1.0, 1.0),
    *,
    cases: int | None = None,
) -> Interval:
    """Return a figure, mean over the seeds, with its 95 % interval over groups × seeds.

    The variance is that of two-way clustering (Cameron, Gelbach & Miller 2011): of groups, plus of
    seeds, minus what both count, each from the draws; the interval is value ± Student's quantile
    times its root, at Satterthwaite's degrees of freedom, which makes up for few seeds. Percentiles
    of the draws would count three times what is peculiar to an image *and* a seed (Owen 2007):
    measured on equal arms, such intervals promised 95 % and covered 99.7 %.

    Measured with 5 seeds and 300 to 866 images on equal arms, 600 studies of each kind: 0 is
    covered in 96 to 98 % where seeds hardly matter or groups of five are judged alike, in 91 to
    94 % where trainings differ by 2 or 5 points as a whole.

    Args:
        statistic: Of the images' weights, per seed.
        draws: From `draw_two_way`.
        limits: What the figure cannot leave.
        cases: How many independent cases there are where all agree, see
            `cosmop.metrics.intervals.widened`; by default the groups.
    """
    n, seeds = draws.images_BN.shape[1], draws.seeds_BS.shape[1]
    plain_S = statistic(np.ones((1, n), np.int64))[0]
    drawn_BS = statistic(draws.images_BN)
    is_known_B = np.isfinite(drawn_BS).all(axis=1)
    drawn_BS, seeds_BS = drawn_BS[is_known_B], draws.seeds_BS[is_known_B] / seeds
    value = float(plain_S.mean())
    both_B = (drawn_BS * seeds_BS).sum(axis=1) - value
    error, freedom = _standard_error(
        drawn_BS.mean(axis=1) - value, seeds_BS @ plain_S - value, both_B, draws
    )
    half = float(student.ppf(0.975, freedom)) * error
    low, high = max(limits[0], value - half), min(limits[1], value + half)
    drawn: Interval = {"value": value, "low": low, "high": high, "n": n}
    return widened(drawn, cases or draws.groups, limits)


def _standard_error(
    groups_B: Floats, seeds_B: Floats, both_B: Floats, draws: TwoWayDraws
) -> tuple[float, float]:
    """Return the standard error and its degrees of freedom.

    Args:
        groups_B: Deviations of the figure when only groups are drawn.
        seeds_B: When only seeds are drawn.
        both_B: When both are.
        draws: Says how many there are of each.
    """
    others, more = draws.seeds_BS.shape[1] - 1, draws.groups - 1
    of_both = float(np.var(both_B - groups_B - seeds_B))
    of_groups = float(np.var(groups_B))
    of_seeds = max(0.0, float(np.var(seeds_B)) * (others + 1) / others - of_both)
    variance = of_groups + of_seeds
    freedom = variance**2 / max(of_groups**2 / more + of_seeds**2 / others, _TINY)
    return float(np.sqrt(variance)), max(freedom, 1.0)


def mean_per_seed(values_SN: ArrayLike) -> Statistic:
    """Return the statistic "mean over the images", such as accuracy from what is right [S, N]."""
    values = np.asarray(values_SN, dtype=np.float64)
    return lambda weights_BN: (weights_BN @ values.T) / weights_BN.sum(axis=1, keepdims=True)


def balanced_per_seed(truth_N: NDArray[np.bool_], right_SN: NDArray[np.bool_]) -> Statistic:
    """Return the statistic "mean of recall and specificity"; NaN where a class was not drawn."""

    def statistic(weights_BN: Counts) -> Floats:
        with np.errstate(invalid="ignore"):
            sides = [
                mean_per_seed(right_SN[:, side])(weights_BN[:, side])
                for side in (truth_N, ~truth_N)
            ]
        mean_BS: Floats = np.mean(sides, axis=0)
        return mean_BS

    return statistic


def auroc_per_seed(truth_N: NDArray[np.bool_], scores_SN: Floats) -> Statistic:
    """Return the statistic "area under the ROC curve"; NaN where a class was not drawn."""
    rankings = [rank(truth_N, scores_N, "AUROC") for scores_N in scores_SN]
    return lambda weights_BN: np.stack([roc_areas(each, weights_BN) for each in rankings], axis=1)


def majority(probabilities_SN: ArrayLike) -> NDArray[np.bool_]:
    """Return the verdict of most seeds for each image [N]; a tie goes by the mean probability."""
    p_SN = np.asarray(probabilities_SN, dtype=np.float64)
    votes_N = (p_SN >= 0.5).mean(axis=0)
    verdict_N: NDArray[np.bool_] = np.where(votes_N == 0.5, p_SN.mean(axis=0) >= 0.5, votes_N > 0.5)
    return verdict_N


def compare_paired(
    labels: ArrayLike, before_SN: ArrayLike, after_SN: ArrayLike, draws: TwoWayDraws
) -> dict[str, Any]:
    """Compare two arms on the same test images, seed by seed.

    ``gain`` is the mean over seeds of accuracy after minus before, with its interval over groups ×
    seeds. ``p_mcnemar`` is the exact McNemar test between the *majority verdicts* of the two arms:
    one verdict per image and arm, so that no image is counted once per seed. The majority hides
    what seeds differ in, and the test takes images for independent; the interval does neither.
    ``p_seeds`` is Student's test over the seeds' gains, which takes the test images for given.
    ``p_value`` is the larger of both, so that neither source of chance alone makes a finding, and 1
    where the two point in opposite directions.

    Args:
        labels: What is true, bool [N].
        before_SN: Probabilities of the first arm.
        after_SN: Probabilities of the second arm, seeds and images in the same order.
        draws: From `draw_two_way`, for all comparisons of a study the same.

    Returns:
        ``gain``, ``p_value``, ``p_mcnemar`` and ``p_seeds``, ``fixed`` and ``broken`` (images that
        only the second, only the first arm's majority gets right), ``disagreement`` (their share),
        ``per_seed`` (each seed's gain).

    Raises:
        InputError: Other shapes than [S, N] of both arms and the draws, or other labels than
            true and false.
    """
    truth_N = checked_labels(labels, _WHO)
    before, after = (np.asarray(given, dtype=np.float64) for given in (before_SN, after_SN))
    wanted = (draws.seeds_BS.shape[1], len(truth_N))
    if not before.shape == after.shape == wanted or draws.images_BN.shape[1] != len(truth_N):
        raise InputError(
            f"{_WHO} needs probabilities [seeds, images] = {list(wanted)} of both arms, got "
            f"{list(before.shape)} and {list(after.shape)}; train both with the same seeds and "
            "score the same test images."
        )
    change_SN = ((after >= 0.5) == truth_N).astype(float) - ((before >= 0.5) == truth_N)
    test = mcnemar_exact(truth_N, majority(before), majority(after))
    fixed, broken = int(test["only_second_right"]), int(test["only_first_right"])
    gain = two_way_interval(mean_per_seed(change_SN), draws)
    p_seeds = _chance_of_seeds(change_SN.mean(axis=1))
    is_opposite = (fixed - broken) * gain["value"] < 0
    return {
        "gain": gain,
        "p_value": 1.0 if is_opposite else max(test["p_value"], p_seeds),
        "p_mcnemar": test["p_value"],
        "p_seeds": p_seeds,
        "fixed": fixed,
        "broken": broken,
        "disagreement": (fixed + broken) / len(truth_N),
        "per_seed": change_SN.mean(axis=1).tolist(),
    }


def _chance_of_seeds(gain_S: Floats) -> float:
    """Return the two-sided p-value of Student's test that the mean gain of the seeds is 0."""
    error = float(gain_S.std(ddof=1)) / len(gain_S) ** 0.5
    if error == 0:
        return float(gain_S.mean() == 0)
    return 2 * float(student.sf(abs(gain_S.mean()) / error, len(gain_S) - 1))


def is_shown(gain: Interval, p_adjusted: float, alpha: float = 0.05) -> bool:
    """Say whether a difference is shown: by the corrected p-value, and by an interval without 0.

    Measured on six equal arms against one, 5 seeds, 800 images, 300 studies each, Holm over the
    six: any false finding in 0.3 % of studies where seeds do not matter, in 2.7 and 4.0 % where
    trainings differ by 2 and 4 points as a whole; with the McNemar test alone in 0.7, 16 and 28 %.
    """
    return p_adjusted <= alpha and not gain["low"] <= 0 <= gain["high"]


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number, in the given order (Holm 1979).

    Whoever calls those up to α significant is wrong about any of them with a chance of at most α.

    Raises:
        InputError: A value outside 0..1.
    """
    p = np.asarray(p_values, dtype=np.float64)
    if not ((p >= 0) & (p <= 1)).all():
        raise InputError(
            f"Holm's correction needs p-values between 0 and 1, got {list(p_values)}; test again."
        )
    order = np.argsort(p, kind="stable")
    raised = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(raised, 1)
    return [float(value) for value in adjusted]

"""What the arms of the augmentation study reached, compared image by image and seed by seed."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cosmop.classifiers.arms import Arm, StudyPart
from cosmop.classifiers.arms_options import StudyArmsOptions
from cosmop.classifiers.study_conclusion import conclude
from cosmop.metrics.curves import rank, roc_areas
from cosmop.metrics.paired import (
    TwoWayDraws,
    auroc_per_seed,
    balanced_per_seed,
    compare_paired,
    holm,
    is_shown,
    mean_per_seed,
    two_way_interval,
)
from cosmop.metrics.power import smallest_detectable_gain

_POWER = 0.8


@dataclass(frozen=True)
class ArmResult:
    """What an arm's classifiers say of the test images.

    Attributes:
        arm: Which one.
        fraction: Of the real training data.
        counts: ``n_real``, ``n_synthetic``, ``n_repeated``.
        seeds: Of its trainings.
        p_SN: Probability of the subject, per seed and test image.
    """

    arm: Arm
    fraction: float
    counts: dict[str, int]
    seeds: list[int]
    p_SN: NDArray[np.float64]


def compare_arms(
    results: list[ArmResult], test: StudyPart, draws: TwoWayDraws, options: StudyArmsOptions
) -> dict[str, Any]:
    """Return the figures of all arms, their comparisons, and what may be concluded.

    Every arm is compared with the real one of its fraction; p-values are corrected for the number
    of these within the fraction (Holm). Every synthetic arm is also compared with the placebo of
    the nearest ratio, a family of its own: a gain counts as the synthetic images' only if both
    differences are shown, which needs no further correction (intersection–union test).

    Args:
        results: All arms at all fractions, seeds in one order.
        test: The test images.
        draws: Of the test images' groups and the seeds.
        options: Level and fractions.

    Returns:
        ``arms``: accuracy, balanced accuracy, AUROC with intervals over test groups × seeds, and
        per seed. ``comparisons``: see `cosmop.metrics.paired.compare_paired`, with ``p_adjusted``
        and ``is_significant``. ``smallest_detectable_gain``: at the largest fraction, at the level
        that the first of the corrected tests has, with the median disagreement of the synthetic
        arms (of all arms if there are none). ``conclusion``: one sentence on the largest fraction,
        and on gains shown at smaller ones.
    """
    truth_N = np.asarray(test.labels, dtype=bool)
    comparisons = []
    for fraction in sorted({result.fraction for result in results}):
        arms = [result for result in results if result.fraction == fraction]
        comparisons += _against_real(arms, truth_N, draws, options.alpha)
        comparisons += _against_placebo(arms, truth_N, draws, options.alpha)
    smallest = _smallest_gain(comparisons, len(truth_N), options)
    return {
        "arms": [_figures(result, truth_N, draws) for result in results],
        "comparisons": comparisons,
        "smallest_detectable_gain": smallest,
        "conclusion": conclude(results[-1].fraction, comparisons, smallest, len(truth_N)),
    }


def seed_figures(truth_N: NDArray[np.bool_], p_N: NDArray[np.float64]) -> dict[str, float]:
    """Return accuracy, balanced accuracy and AUROC of one classifier at the threshold 0.5."""
    right_N = (p_N >= 0.5) == truth_N
    every_1N = np.ones((1, len(truth_N)), np.int64)
    return {
        "accuracy": float(right_N.mean()),
        "balanced_accuracy": float((right_N[truth_N].mean() + right_N[~truth_N].mean()) / 2),
        "auroc": float(roc_areas(rank(truth_N, p_N, "AUROC"), every_1N)[0]),
    }


def _figures(result: ArmResult, truth_N: NDArray[np.bool_], draws: TwoWayDraws) -> dict[str, Any]:
    right_SN = (result.p_SN >= 0.5) == truth_N
    statistics = {
        "accuracy": mean_per_seed(right_SN),
        "balanced_accuracy": balanced_per_seed(truth_N, right_SN),
        "auroc": auroc_per_seed(truth_N, result.p_SN),
    }
    positives = int(truth_N.sum())
    cases = min(draws.groups, positives, len(truth_N) - positives)
    return {
        "name": result.arm.name,
        "label": result.arm.label,
        "fraction": result.fraction,
        **result.counts,
        **{
            name: two_way_interval(statistic, draws, (0, 1), cases=cases)
            for name, statistic in statistics.items()
        },
        "per_seed": [
            {"seed": seed, **seed_figures(truth_N, p_N)}
            for seed, p_N in zip(result.seeds, result.p_SN, strict=True)
        ],
    }


def _against_real(
    arms: list[ArmResult], truth_N: NDArray[np.bool_], draws: TwoWayDraws, alpha: float
) -> list[dict[str, Any]]:
    real = next(result for result in arms if result.arm.kind == "real")
    pairs = [(result, real) for result in arms if result is not real]
    return _family(pairs, truth_N, draws, alpha)


def _against_placebo(
    arms: list[ArmResult], truth_N: NDArray[np.bool_], draws: TwoWayDraws, alpha: float
) -> list[dict[str, Any]]:
    placebos = [result for result in arms if result.arm.kind == "oversampled"]
    synthetic = [result for result in arms if result.arm.kind == "synthetic"]
    pairs = [(result, _nearest(placebos, result)) for result in synthetic if placebos]
    return _family(pairs, truth_N, draws, alpha)


def _nearest(placebos: list[ArmResult], result: ArmResult) -> ArmResult:
    ratio = result.arm.ratio
    return min(placebos, key=lambda other: (abs(other.arm.ratio - ratio), -other.arm.ratio))


def _family(
    pairs: list[tuple[ArmResult, ArmResult]],
    truth_N: NDArray[np.bool_],
    draws: TwoWayDraws,
    alpha: float,
) -> list[dict[str, Any]]:
    """Compare pairs (arm, against); their p-values are corrected together."""
    compared = [compare_paired(truth_N, other.p_SN, one.p_SN, draws) for one, other in pairs]
    adjusted = holm([each["p_value"] for each in compared])
    return [
        {
            "arm": one.arm.name,
            "label": one.arm.label,
            "kind": one.arm.kind,
            "against": other.arm.name,
            "fraction": one.fraction,
            **each,
            "p_adjusted": p,
            "is_significant": is_shown(each["gain"], p, alpha),
        }
        for (one, other), each, p in zip(pairs, compared, adjusted, strict=True)
    ]


def _smallest_gain(
    comparisons: list[dict[str, Any]], n: int, options: StudyArmsOptions
) -> dict[str, Any] | None:
    """Return the smallest gain that the strictest of the corrected tests would have shown."""
    largest = max(options.fractions)
    family = [
        each for each in comparisons if each["fraction"] == largest and each["against"] == "real"
    ]
    if not family:
        return None
    synthetic = [each for each in family if each["kind"] == "synthetic"] or family
    disagreement = float(np.median([each["disagreement"] for each in synthetic]))
    alpha = options.alpha / len(family)
    return {
        "value": smallest_detectable_gain(n, disagreement, power=_POWER, alpha=alpha),
        "power": _POWER,
        "alpha": alpha,
        "disagreement": disagreement,
        "comparisons": len(family),
    }

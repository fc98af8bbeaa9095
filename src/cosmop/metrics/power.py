"""How large a gain must be for the exact McNemar test to show it."""

import numpy as np
from scipy.stats import binom

from cosmop.errors import InputError

_PRECISION = 1e-5  # of the smallest gain: a thousandth of a point


def smallest_detectable_gain(
    n: int, disagreement: float, *, power: float = 0.8, alpha: float = 0.05
) -> float | None:
    """Return the smallest gain in accuracy that the exact McNemar test would probably have shown.

    The number of images on which the arms disagree is binomial, and so is its split; the test's
    power is summed over all splits. Images count as independent and seeds as without effect, so
    what a study can really show is this or more.

    Args:
        n: Test images.
        disagreement: Share of images that only one of the arms gets right, as observed. A gain
            that is larger needs as many disagreements as itself.
        power: The chance of showing it, 0.8 by custom.
        alpha: Level of the test.

    Returns:
        A share of images; None when not even a gain on every image would be shown.

    Raises:
        InputError: No images, or shares outside 0..1.
    """
    if n < 1 or not 0 <= disagreement <= 1 or not 0 < power < 1 or not 0 < alpha < 1:
        raise InputError(
            "The smallest gain needs at least 1 test image, and disagreement, power and alpha "
            f"within 0 and 1, got {n}, {disagreement}, {power} and {alpha}; correct them."
        )
    low, high = 0.0, 1.0
    if mcnemar_power(n, 1.0, high, alpha=alpha) < power:
        return None
    while high - low > _PRECISION:
        middle = (low + high) / 2
        if mcnemar_power(n, max(disagreement, middle), middle, alpha=alpha) < power:
            low = middle
        else:
            high = middle
    return high


def mcnemar_power(n: int, disagreement: float, gain: float, *, alpha: float = 0.05) -> float:
    """Return the chance that the exact McNemar test shows `gain` in either direction.

    Args:
        n: Test images.
        disagreement: Share of images that only one arm gets right.
        gain: Difference in accuracy, at most `disagreement`.
        alpha: Level of the test.
    """
    if disagreement == 0:
        return 0.0
    d = np.arange(n + 1)  # images on which the arms disagree
    largest = binom.ppf(alpha / 2, d, 0.5)
    largest -= binom.cdf(largest, d, 0.5) > alpha / 2  # most on the lesser side that still counts
    share = (1 + gain / disagreement) / 2
    shown = binom.cdf(largest, d, 1 - share) + binom.cdf(largest, d, share)
    return float((binom.pmf(d, n, disagreement) * shown).sum())

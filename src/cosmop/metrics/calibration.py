"""Do probabilities mean what they say?

Shape suffixes: N images, B resamples, K bins.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cosmop.errors import InputError
from cosmop.metrics.checks import Floats, checked_labels, require_same_length
from cosmop.metrics.curves import draw_weights
from cosmop.metrics.intervals import NORMAL_975, Interval, percentiles, wilson


def expected_calibration_error(
    labels: ArrayLike, probabilities: ArrayLike, bins: int = 10
) -> float:
    """Return the mean distance between probability and share of positives over equal-width bins.

    Guo et al. 2017, equation 3, for the probability of a yes; a bin counts by its images.

    Args:
        labels: What is true, bool [N].
        probabilities: Of being positive, [N] in 0..1.
        bins: How many.

    Raises:
        InputError: No images, different lengths, or numbers outside 0..1.
    """
    truth_N, p_N = _checked(labels, probabilities)
    return float(np.abs((p_N - truth_N) @ _members(p_N, bins)).sum() / len(p_N))


def calibration(
    labels: ArrayLike,
    probabilities: ArrayLike,
    *,
    bins: int = 10,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """Say whether probabilities mean what they say.

    ``brier`` is the mean squared error (Brier 1950) with its bootstrap interval. ``expected_error``
    is `expected_calibration_error`. It is above 0 even for a perfectly calibrated judge, by an
    amount that falls with n; ``expected_error_floor`` is that amount here,
    with labels drawn from the probabilities themselves, median and 95 % range. Its own interval is
    value ± 1.96 bootstrap deviations and covers the error to be expected *at this n*.

    Args:
        labels: What is true, bool [N].
        probabilities: Of being positive, [N] in 0..1.
        bins: How many bins of equal width; empty ones are left out of ``bins``.
        resamples: Of the bootstraps.
        seed: Of the draws.

    Returns:
        ``brier``, ``expected_error``, ``expected_error_floor``, and per bin ``low``, ``high``,
        ``mean`` probability and ``share`` of positives.

    Raises:
        InputError: No images, different lengths, or numbers outside 0..1.
    """
    truth_N, p_N = _checked(labels, probabilities)
    n, off_N, member_NK = len(truth_N), p_N - truth_N, _members(p_N, bins)
    weights_BN = np.concatenate(list(draw_weights(np.zeros(n, bool), resamples, seed)))
    drawn_BN = np.random.default_rng(seed).random((resamples, n)) < p_N
    error = expected_calibration_error(truth_N, p_N, bins)
    errors_B = np.abs(weights_BN @ (off_N[:, None] * member_NK)).sum(axis=1) / n
    floor_B = np.abs((p_N - drawn_BN) @ member_NK).sum(axis=1) / n
    return {
        "brier": percentiles(float(np.square(off_N).mean()), weights_BN @ off_N**2 / n, n),
        "expected_error": _around(error, float(errors_B.std(ddof=1)), n),
        "expected_error_floor": percentiles(float(np.median(floor_B)), floor_B, n),
        "bins": [
            _bin(truth_N, p_N, member_NK[:, k], k, bins)
            for k in np.flatnonzero(member_NK.any(axis=0)).tolist()
        ],
    }


def _members(p_N: Floats, bins: int) -> NDArray[np.bool_]:
    """Return which bin each image is in, [N, K]."""
    bin_N = np.minimum((p_N * bins).astype(int), bins - 1)
    member_NK: NDArray[np.bool_] = bin_N[:, None] == np.arange(bins)
    return member_NK


def _checked(labels: ArrayLike, probabilities: ArrayLike) -> tuple[NDArray[np.bool_], Floats]:
    who = "Calibration"
    truth_N, p_N = checked_labels(labels, who), np.asarray(probabilities, dtype=np.float64)
    require_same_length(who, labels=len(truth_N), probabilities=len(p_N))
    is_fine = (p_N >= 0) & (p_N <= 1)
    if not is_fine.all():
        raise InputError(
            f"{who} needs probabilities between 0 and 1, got {p_N[~is_fine][0]}; leave out judges "
            "whose scores are no probabilities."
        )
    return truth_N, p_N


def _around(value: float, deviation: float, n: int) -> Interval:
    low, high = max(0.0, value - NORMAL_975 * deviation), min(1.0, value + NORMAL_975 * deviation)
    return {"value": value, "low": low, "high": high, "n": n}


def _bin(
    truth_N: NDArray[np.bool_], p_N: Floats, is_inside_N: NDArray[np.bool_], k: int, bins: int
) -> dict[str, Any]:
    share = wilson(int(truth_N[is_inside_N].sum()), int(is_inside_N.sum()))
    mean = float(p_N[is_inside_N].mean())
    return {"low": k / bins, "high": (k + 1) / bins, "mean": mean, "share": share}

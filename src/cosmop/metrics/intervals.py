"""Intervals: how far a number would move if the images were drawn again. All are 95 %."""

import math
from collections.abc import Callable, Sequence
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from cosmop.errors import InputError

NORMAL_975 = 1.959963984540054  # 97.5 % quantile of the normal distribution


class Interval(TypedDict):
    """A number, its 95 % interval, and from how many images it comes."""

    value: float
    low: float
    high: float
    n: int


def wilson(successes: int, n: int) -> Interval:
    """Return a share with its Wilson score interval (Wilson 1927).

    Without any case the share is unknown: value NaN, interval 0..1.

    Raises:
        InputError: Counts that are negative or more successes than cases.
    """
    if not 0 <= successes <= n:
        raise InputError(
            f"A share needs 0 ≤ successes ≤ cases, got {successes} of {n}; check the counts."
        )
    if n == 0:
        return {"value": math.nan, "low": 0.0, "high": 1.0, "n": 0}
    share = successes / n
    scale = 1 + NORMAL_975**2 / n
    centre = (share + NORMAL_975**2 / (2 * n)) / scale
    half = NORMAL_975 * math.sqrt(share * (1 - share) / n + NORMAL_975**2 / (4 * n**2)) / scale
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return {"value": share, "low": low, "high": high, "n": int(n)}


def bootstrap(
    statistic: Callable[..., float],
    n_or_arrays: int | Sequence[NDArray[np.generic]],
    *,
    resamples: int = 200,
    seed: int = 0,
    strata: NDArray[np.generic] | None = None,
) -> Interval:
    """Return a statistic with its percentile bootstrap interval (Efron 1979).

    For means, shares and ranks. Not for distances between sets: repeated rows look like a
    collapsed distribution and push them up; use
    `cosmop.metrics.subsets.half_sample_intervals`.

    Args:
        statistic: Called with row indices [n] if a number is given, else with the resampled arrays.
        n_or_arrays: Number of rows, or arrays of the same length whose rows belong together.
        resamples: How often rows are drawn with replacement.
        seed: Of the draws.
        strata: Rows are drawn within rows of the same value here, [n].

    Raises:
        InputError: No rows, arrays of different lengths, or a statistic that is never finite.
    """
    n, apply = _row_statistic(statistic, n_or_arrays)
    if n < 1 or resamples < 2:
        raise InputError(
            f"A bootstrap needs at least 1 row and 2 resamples, got {n} and {resamples}; add rows."
        )
    chance = np.random.default_rng(seed)
    layers = [np.arange(n)]
    if strata is not None:
        layers = [np.flatnonzero(strata == value) for value in np.unique(strata)]
    drawn = np.array(
        [
            apply(np.concatenate([chance.choice(rows, len(rows)) for rows in layers]))
            for _ in range(resamples)
        ]
    )
    drawn = drawn[np.isfinite(drawn)]
    if len(drawn) == 0:
        raise InputError("A bootstrap needs a finite statistic, got none; give more rows.")
    low, high = np.quantile(drawn, [0.025, 0.975])
    return {"value": float(apply(np.arange(n))), "low": float(low), "high": float(high), "n": n}


def _row_statistic(
    statistic: Callable[..., float], n_or_arrays: int | Sequence[NDArray[np.generic]]
) -> tuple[int, Callable[[NDArray[np.int64]], float]]:
    if isinstance(n_or_arrays, int):
        return n_or_arrays, statistic
    arrays = list(n_or_arrays)
    lengths = {len(array) for array in arrays}
    if len(lengths) != 1:
        raise InputError(
            f"A bootstrap needs arrays of one length, got {sorted(lengths)}; pass the same rows."
        )
    return lengths.pop(), lambda rows: statistic(*(array[rows] for array in arrays))

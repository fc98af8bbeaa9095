"""Intervals: how far a number would move if the images were drawn again. All are 95 %."""

import math
from typing import TypedDict

import numpy as np
from numpy.typing import ArrayLike

from cosmop.errors import InputError

NORMAL_975 = 1.959963984540054  # 97.5 % quantile of the normal distribution
_ROUNDING = 1e-9


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


def percentiles(value: float, drawn: ArrayLike, n: int) -> Interval:
    """Return a number with the percentile interval of its draws [B] (Efron 1979); NaN are left out.

    For means, shares and ranks. Not for distances between sets: repeated rows look like a
    collapsed distribution and push them up; use
    `cosmop.metrics.subsets.half_sample_intervals`.
    """
    low, high = np.nanquantile(np.asarray(drawn, np.float64), [0.025, 0.975])
    return {"value": value, "low": float(low), "high": float(high), "n": n}


def widened(interval: Interval, cases: int, limits: tuple[float, float] = (0.0, 1.0)) -> Interval:
    """Give width to an interval that has none, because all cases agree and so do all resamples.

    Up to a share u = 1 − 0.025^(1 / cases) of all images may behave otherwise without one among
    `cases` that does, in 2.5 % of studies (Clopper & Pearson 1934); each could carry the figure
    from where it is to its limit. An interval that has a width is returned as it is.

    Args:
        interval: From resampling.
        cases: How many independent cases agree.
        limits: What the figure cannot leave.
    """
    if interval["high"] - interval["low"] > _ROUNDING:
        return interval
    value, unseen = interval["value"], 1 - 0.025 ** (1 / cases)
    low, high = value - unseen * (value - limits[0]), value + unseen * (limits[1] - value)
    return {"value": value, "low": low, "high": high, "n": interval["n"]}

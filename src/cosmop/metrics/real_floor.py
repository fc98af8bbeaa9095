"""Each measure beside its floor: what real images score against real images, at the same n.

A measure at a few hundred images is mostly the noise of a few hundred images: two samples of one
distribution have a Fréchet distance far above 0, and a recall far below 1. So real images are cut
into two random halves, again and again, and the halves compared as generated and real ones would
be; then as many generated images are compared with the first halves. Generated images are called
beyond the floor when the median of the latter lies on the bad side of 95 % of the former.
"""

from typing import TypedDict

import numpy as np
from numpy.typing import ArrayLike

from cosmop.metrics.checks import Floats, checked_pair, require_variation
from cosmop.metrics.frechet import FrechetComparison, frechet_interval
from cosmop.metrics.intervals import Interval
from cosmop.metrics.kernel import KernelComparison, kernel_interval
from cosmop.metrics.mind import MindComparison, mind_interval
from cosmop.metrics.options import DistanceOptions
from cosmop.metrics.precision_recall import NeighbourComparison, prdc_intervals
from cosmop.metrics.subsets import Comparison, Rows, draw_rows

FEWEST_IMAGES = 4

_SHARES = ("recall", "coverage", "precision", "density")  # the more the better
_WHO = "The comparison of real and generated images"


class Measure(TypedDict):
    """A measure with its 95 % interval, and what real images score at the same n.

    ``n`` is the smaller side; ``floor`` and ``at_floor_n`` are medians with the range of 95 % of
    the repeats, real against real and generated against real, ``n`` of them on each side.
    """

    value: float
    low: float
    high: float
    n: int
    n_real: int
    n_generated: int
    floor: Interval
    at_floor_n: Interval
    is_beyond_floor: bool


def measures_with_floor(
    real: ArrayLike, generated: ArrayLike, options: DistanceOptions
) -> dict[str, Measure]:
    """Measure generated [M, D] against real [N, D] features.

    The floor has min(N // 2, M) images a side. A perfect generator was called beyond it by no
    measure more often than in 3 of 100 cases (Gaussians: N 60 to 200, M 40 to 150, D 16 to 50).

    Returns:
        ``kernel_distance``, ``mind``, ``recall``, ``coverage``, then ``precision``, ``density``
        and, for comparison with older work, the Fréchet ``distance``.

    Raises:
        InputError: Fewer than 4 images on a side, other dimensions, values that are not finite, or
            real features that are all the same.
    """
    left, right = checked_pair(real, generated, _WHO, least=FEWEST_IMAGES)
    require_variation(_WHO, len(left), np.ptp(left, axis=0))
    values = _intervals(left, right, options)
    floors, generated_at_floor = _at_floor(left, right, options)
    return {
        name: _measure(name, values[name], floors[name], generated_at_floor[name], left, right)
        for name in ("kernel_distance", "mind", *_SHARES, "distance")
    }


def usable_neighbours(wanted: int, n_real: int, n_generated: int) -> int:
    """Return k, lowered where the smallest subset has not more than k images."""
    return min(wanted, min(n_real // 2, n_generated // 2) - 1)


def _measure(
    name: str, value: Interval, floor: Floats, at_floor_n: Floats, real: Floats, generated: Floats
) -> Measure:
    n = min(len(real) // 2, len(generated))
    limit, reached = _range(floor, n), _range(at_floor_n, n)
    is_low = reached["value"] < limit["low"]
    is_high = reached["value"] > limit["high"]
    used = value["n"] if name == "mind" else None
    return {
        **value,
        "n_real": used or len(real),
        "n_generated": used or len(generated),
        "floor": limit,
        "at_floor_n": reached,
        "is_beyond_floor": is_low if name in _SHARES else is_high,
    }


def _intervals(real: Floats, generated: Floats, options: DistanceOptions) -> dict[str, Interval]:
    k = usable_neighbours(options.neighbours, len(real), len(generated))
    resampling = {"resamples": options.resamples, "seed": options.seed}
    return {
        "kernel_distance": kernel_interval(real, generated, **resampling),
        "mind": mind_interval(real, generated, options.directions, **resampling),
        **prdc_intervals(real, generated, k, **resampling),
        "distance": frechet_interval(real, generated, **resampling),
    }


def _at_floor(
    real: Floats, generated: Floats, options: DistanceOptions
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Return all measures [R] of real halves against real halves, and of generated against them."""
    n = min(len(real) // 2, len(generated))
    both = draw_rows(len(real), 2 * n, options.resamples, options.seed)
    first, second = both[:, :n], both[:, n:]
    drawn = draw_rows(len(generated), n, options.resamples, options.seed + 1)
    k = usable_neighbours(options.neighbours, len(real), len(generated))
    return (
        _all_at(real, real, first, second, k, options),
        _all_at(real, generated, first, drawn, k, options),
    )


def _all_at(
    real: Floats, other: Floats, rows_x: Rows, rows_y: Rows, k: int, options: DistanceOptions
) -> dict[str, Floats]:
    values: dict[str, Floats] = {}
    for build in (
        lambda: KernelComparison(real, other),
        lambda: MindComparison(real, other, options.directions, options.seed),
        lambda: NeighbourComparison(real, other, k),
        lambda: FrechetComparison(real, other),
    ):
        comparison: Comparison = build()  # one at a time: each keeps a table of all pairs
        values |= comparison.at(rows_x, rows_y)
    return values


def _range(values: Floats, n: int) -> Interval:
    low, middle, high = np.quantile(values, [0.025, 0.5, 0.975])
    return {"value": float(middle), "low": float(low), "high": float(high), "n": n}

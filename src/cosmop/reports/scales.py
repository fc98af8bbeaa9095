"""Axes: where a value lies between the two ends of a plot, and which round values to mark."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

_LOG_WHEN_RATIO = 20.0  # beyond this, a linear axis hides the small values


@dataclass(frozen=True)
class Scale:
    """A linear or logarithmic axis from `low` to `high`.

    Attributes:
        low: Value at share 0.
        high: Value at share 1.
        is_log: Equal ratios, rather than equal differences, are equally far apart; needs `low` > 0.
    """

    low: float
    high: float
    is_log: bool = False

    def share(self, value: float) -> float:
        """Return where `value` lies, 0 at `low` and 1 at `high`, kept inside."""
        if self.is_log:
            low, high = math.log(self.low), math.log(self.high)
            place = math.log(max(value, self.low))
        else:
            low, high, place = self.low, self.high, value
        return min(1.0, max(0.0, (place - low) / (high - low)))

    def ticks(self, about: int = 5) -> list[float]:
        """Return round values inside the axis, about that many of them."""
        marks = _log_ticks(self.low, self.high, about) if self.is_log else []
        return marks if len(marks) >= 2 else _linear_ticks(self.low, self.high, about)


def fit_scale(
    values: Iterable[float], *, is_log: bool | None = None, with_zero: bool = False
) -> Scale:
    """Return a scale that holds all finite `values` with a little air.

    Args:
        values: What is to be shown.
        is_log: None chooses: logarithmic when all values are positive and span a ratio over 20.
        with_zero: Begin at zero when nothing is negative (ignored on a logarithmic axis).
    """
    finite = [float(value) for value in values if math.isfinite(value)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    if is_log is None:
        is_log = low > 0 and high / low > _LOG_WHEN_RATIO
    if is_log and low > 0:
        return Scale(low / 1.25, high * 1.25, is_log=True)
    air = (high - low) * 0.06 or abs(high) * 0.1 or 1.0
    low = 0.0 if with_zero and low >= 0 else low - air
    return Scale(low, high + air)


def _linear_ticks(low: float, high: float, about: int) -> list[float]:
    raw = (high - low) / max(1, about)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(size * power for size in (1, 2, 2.5, 5, 10) if size * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]


def _log_ticks(low: float, high: float, about: int) -> list[float]:
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for digits in ((1, 2, 5), (1, 3), (1,)):
        marks = [d * 10.0**decade for decade in decades for d in digits]
        inside = [mark for mark in marks if low <= mark <= high]
        if len(inside) <= about + 1:
            return inside
    return inside[:: math.ceil(len(inside) / about)]


def format_tick(value: float) -> str:
    """Write a tick shortly: ``0.25``, ``40``, ``10k``, ``1e-05``."""
    return f"{value / 1000:g}k" if abs(value) >= 1000 else f"{value:.3g}"

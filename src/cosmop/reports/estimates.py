"""Numbers with their uncertainty, read from plain mappings and written the same way everywhere."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np
import pandas as pd

MISSING = "–"
FIGURE_COLUMNS = ("figure", "value", "95 % interval", "n")

_DECIMALS = ((1, 3), (100, 2), (1000, 1), (math.inf, 0))  # up to this size, so many decimals


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval, as `cosmop.metrics.intervals` writes it.

    Attributes:
        value: The point estimate.
        low: Lower end, None when no interval was worked out.
        high: Upper end, None likewise.
        n: Number of images (or other units) behind the value, None when unknown.
    """

    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None

    def overlaps(self, other: "Estimate") -> bool:
        """Say whether the two intervals touch; a missing interval is the value itself."""
        low, high = _ends(self)
        other_low, other_high = _ends(other)
        return low <= other_high and other_low <= high


def _ends(estimate: Estimate) -> tuple[float, float]:
    low = estimate.value if estimate.low is None else estimate.low
    high = estimate.value if estimate.high is None else estimate.high
    return low, high


def as_estimate(raw: object) -> Estimate | None:
    """Read a number or a mapping ``{"value", "low", "high", "n"}``; anything else is None."""
    if isinstance(raw, Estimate):
        return raw
    if isinstance(raw, Mapping):
        value = _finite(raw.get("value"))
        n = _finite(raw.get("n"))
        if value is None:
            return None
        return Estimate(
            value, _finite(raw.get("low")), _finite(raw.get("high")), None if n is None else int(n)
        )
    value = _finite(raw)
    return None if value is None else Estimate(value)


def _finite(raw: object) -> float | None:
    if isinstance(raw, bool) or not isinstance(raw, Real) or not math.isfinite(raw):
        return None
    return int(raw) if isinstance(raw, Integral) else float(raw)


def flatten_metrics(
    metrics: Mapping[str, object], prefix: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], object]]:
    """Yield ``(path, leaf)`` for each estimate, number or text of a nested mapping, in order."""
    for name, raw in metrics.items():
        path = (*prefix, str(name))
        if isinstance(raw, Mapping) and "value" not in raw:
            yield from flatten_metrics(raw, path)
        else:
            yield path, raw


def path_words(path: Iterable[str]) -> str:
    """Name a leaf by its path: ``("at_threshold", "recall")`` becomes ``at threshold · recall``."""
    return " · ".join(path).replace("_", " ")


def title_of(name: str) -> str:
    """Turn a key into words: ``"fd_person_filter"`` becomes ``"Fd person filter"``."""
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def format_number(value: object, decimals: int | None = None) -> str:
    """Write a number for a person: ``2,100``, ``0.912``, ``46.06``, ``207.2``; missing is ``–``."""
    number = _finite(value)
    if number is None:
        return MISSING
    if isinstance(number, int):
        return f"{number:,}"
    if decimals is None:
        decimals = decimals_for(number)
    return f"{number:,.{decimals}f}"


def decimals_for(value: float) -> int:
    """Choose decimals so that a reader gets three to four significant digits."""
    size = abs(value)
    if 0 < size < 0.01:
        return min(8, 1 - math.floor(math.log10(size)))
    return next(digits for end, digits in _DECIMALS if size <= end)


def format_estimate(raw: object) -> str:
    """Write an estimate as ``0.912 [0.884, 0.934] n=312``, leaving out what is not known."""
    estimate = as_estimate(raw)
    if estimate is None:
        return MISSING
    parts = [format_value(estimate)]
    interval = format_interval(estimate)
    if interval:
        parts.append(interval)
    if estimate.n is not None:
        parts.append(f"n={estimate.n:,}")
    return " ".join(parts)


def format_value(estimate: Estimate) -> str:
    """Write the value alone, with no more digits than its interval has."""
    is_count = isinstance(estimate.value, int)
    return format_number(estimate.value, None if is_count else _decimals(estimate))


def _decimals(estimate: Estimate) -> int:
    """Choose decimals by the largest of value and ends: what is small beside them is noise."""
    return decimals_for(max(abs(float(end)) for end in (estimate.value, *_ends(estimate))))


def format_interval(estimate: Estimate) -> str:
    """Write the interval alone, ``[0.884, 0.934]``; empty when there is none."""
    if estimate.low is None or estimate.high is None:
        return ""
    decimals = _decimals(estimate)
    ends = (format_number(float(end), decimals) for end in (estimate.low, estimate.high))
    return f"[{', '.join(ends)}]"


def format_cell(raw: object) -> str:
    """Write anything that may stand in a table cell: estimate, number, yes/no, text, nothing."""
    if isinstance(raw, str):
        return raw
    if isinstance(raw, bool | np.bool_):
        return "yes" if raw else "no"
    if as_estimate(raw) is not None:
        return format_estimate(raw)
    if raw is None or raw is pd.NA or isinstance(raw, Real | Mapping):
        return MISSING
    return str(raw)


def figure_row(name: str, raw: object) -> list[str]:
    """Lay out a figure in the cells of `FIGURE_COLUMNS`; a text has a value alone."""
    estimate = as_estimate(raw)
    if estimate is None:
        return [name, format_cell(raw), "", ""]
    n = "" if estimate.n is None else f"{estimate.n:,}"
    return [name, format_value(estimate), format_interval(estimate), n]

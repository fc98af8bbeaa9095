"""Intervals for the difference of two figures of which only the intervals are known."""

import math

from cosmop.errors import InputError
from cosmop.metrics.intervals import Interval


def difference(first: Interval, second: Interval) -> Interval:
    """Return first − second with its 95 % interval, by MOVER (Zou & Donner 2008, equation 7).

    With a in [l, u] and b in [m, v], the interval of a − b goes from
    a − b − √((a − l)² + (v − b)²) to a − b + √((u − a)² + (b − m)²). Of two shares with their
    Wilson intervals it is Newcombe's hybrid score interval (1998, method 10). The figures are taken
    for independent; when the same images gave both, they rise and fall together, and the interval
    is wider than it need be.

    Args:
        first: The figure a.
        second: The figure b.

    Returns:
        The difference; n is the smaller of both.

    Raises:
        InputError: A figure that is not finite or lies outside its interval.
    """
    for figure in (first, second):
        if not -math.inf < figure["low"] <= figure["value"] <= figure["high"] < math.inf:
            raise InputError(
                "A difference needs two figures within their own finite intervals, got "
                f"{figure['value']} in {figure['low']} to {figure['high']}; measure it again."
            )
    value = first["value"] - second["value"]
    below = math.hypot(first["value"] - first["low"], second["high"] - second["value"])
    above = math.hypot(first["high"] - first["value"], second["value"] - second["low"])
    n = min(first["n"], second["n"])
    return {"value": value, "low": value - below, "high": value + above, "n": n}

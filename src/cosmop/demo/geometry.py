"""Plane geometry of drawn figures: tapered limbs, convex hulls, two-bone reach."""

import math
from collections.abc import Sequence

Point = tuple[float, float]
Circle = tuple[float, float, float]  # x, y, radius

_HALF_TURN = tuple(math.pi * (i / 5 - 0.5) for i in range(6))
_FULL_TURN = tuple((math.cos(2 * math.pi * i / 8), math.sin(2 * math.pi * i / 8)) for i in range(8))


def capsule(start: Circle, end: Circle) -> list[Point]:
    """Return the outline of a limb: two half circles joined by straight sides."""
    (x0, y0, r0), (x1, y1, r1) = start, end
    angle = math.atan2(y1 - y0, x1 - x0)
    tip = [(x1 + r1 * math.cos(angle + t), y1 + r1 * math.sin(angle + t)) for t in _HALF_TURN]
    root = [(x0 - r0 * math.cos(angle + t), y0 - r0 * math.sin(angle + t)) for t in _HALF_TURN]
    return tip + root


def convex_hull(points: Sequence[Point]) -> list[Point]:
    """Return the convex hull of `points`, by Andrew's monotone chain."""
    ordered = sorted(points)
    return _chain(ordered)[:-1] + _chain(ordered[::-1])[:-1]


def _chain(points: Sequence[Point]) -> list[Point]:
    chain: list[Point] = []
    for x, y in points:
        while len(chain) > 1:
            (ax, ay), (bx, by) = chain[-2], chain[-1]
            if (bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0:
                break
            chain.pop()
        chain.append((x, y))
    return chain


def blob(circles: Sequence[Circle]) -> list[Point]:
    """Return the rubber band around `circles`: a soft shape such as a torso or a sack."""
    return convex_hull([(x + r * c, y + r * s) for x, y, r in circles for c, s in _FULL_TURN])


def ring(x: float, y: float, radius_x: float, radius_y: float, points: int = 20) -> list[Point]:
    """Return an ellipse's outline with `points` corners."""
    step = 2 * math.pi / points
    return [
        (x + radius_x * math.cos(i * step), y + radius_y * math.sin(i * step))
        for i in range(points)
    ]


def mix(a: Point, b: Point, share: float) -> Point:
    """Return the point that lies `share` of the way from `a` to `b`."""
    return (a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share)


def reach(
    root: Point, target: Point, upper: float, lower: float, bend: float
) -> tuple[Point, Point]:
    """Place the elbow and the wrist of a two-bone arm that reaches for `target`.

    Args:
        root: The shoulder.
        target: Where the wrist should be; pulled towards the root where it is out of reach.
        upper: Length of the first bone.
        lower: Length of the second bone.
        bend: Positive or negative: the side to which the elbow points.
    """
    dx, dy = target[0] - root[0], target[1] - root[1]
    distance = max(math.hypot(dx, dy), 1e-6)
    span = min(max(distance, abs(upper - lower) * 1.05 + 1e-6), (upper + lower) * 0.999)
    along = (upper**2 - lower**2 + span**2) / (2 * span)
    aside = math.copysign(math.sqrt(max(upper**2 - along**2, 0.0)), bend)
    ux, uy = dx / distance, dy / distance
    elbow = (root[0] + ux * along - uy * aside, root[1] + uy * along + ux * aside)
    return elbow, (root[0] + ux * span, root[1] + uy * span)

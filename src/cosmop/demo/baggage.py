"""Bags: on the back, in the hand, rolled along, on the head; and the same bags with nobody near."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cosmop.demo.canvas import Canvas
from cosmop.demo.geometry import Point, blob, mix
from cosmop.demo.palette import LUGGAGE, Colour, pick, shade, vary
from cosmop.demo.skeleton import Skeleton

BAGS = ("backpack", "suitcase", "hand_bag", "bundle")


@dataclass(frozen=True)
class Baggage:
    """One bag: what it is, its colour, its size factor, and the side that carries it."""

    kind: str
    colour: Colour
    size: float = 1.0
    side: str = "left"


def draw_baggage(rng: np.random.Generator, kind: str, side: str = "left") -> Baggage:
    """Draw a bag of one of the `BAGS`."""
    return Baggage(kind, vary(rng, pick(rng, LUGGAGE)), float(rng.uniform(0.9, 1.25)), side)


def hold(skeleton: Skeleton, bag: Baggage) -> Skeleton:
    """Return `skeleton` with its arms where `bag` needs them."""
    h, (x, y) = skeleton.stature, skeleton.foot
    outward = 1.0 if skeleton.points[f"{bag.side}_shoulder"][0] >= x else -1.0
    if bag.kind == "suitcase":
        return skeleton.reaching(bag.side, (x + outward * 0.24 * h, y - 0.46 * h))
    if bag.kind == "hand_bag":
        return skeleton.reaching(bag.side, (x + outward * 0.19 * h, y - 0.47 * h))
    if bag.kind == "bundle":
        head = skeleton.points["head"]
        r = skeleton.build.head * h
        return skeleton.reaching(bag.side, (head[0] + outward * 1.5 * r, head[1] - 0.9 * r))
    return skeleton


def baggage_parts(
    canvas: Canvas, skeleton: Skeleton, bag: Baggage, facing: float
) -> list[tuple[float, Callable[[], None]]]:
    """Return the painters of `bag` with their depths, for the sorting of a person's parts."""
    parts: dict[str, list[tuple[float, Callable[[], None]]]] = {
        "backpack": [
            (-0.1 * facing - 0.002, lambda: _backpack(canvas, skeleton, bag)),
            (0.003 if facing > 0 else -0.2, lambda: _straps(canvas, skeleton, bag)),
        ],
        "suitcase": [(0.3, lambda: _rolled(canvas, skeleton, bag))],
        "hand_bag": [(0.3, lambda: _hanging(canvas, skeleton, bag))],
        "bundle": [(0.006, lambda: _on_head(canvas, skeleton, bag))],
    }
    return parts[bag.kind]


def _backpack(canvas: Canvas, s: Skeleton, bag: Baggage) -> None:
    h = s.stature
    back = math.sin(s.yaw) * -0.13 * h
    top, bottom = s.points["neck"], s.points["pelvis"]
    wide = (0.062 + 0.055 * abs(math.cos(s.yaw))) * h * bag.size
    x, y0, y1 = (top[0] + bottom[0]) / 2 + back, top[1] + 0.02 * h, mix(top, bottom, 0.95)[1]
    with canvas.belongings():
        corner = 0.04 * h
        sack = blob(
            [(x + sx * (wide - corner), y, corner) for sx in (-1, 1) for y in (y0, y1 - corner)]
        )
        canvas.shaded(sack, bag.colour, 0.3)
        if h > 42:
            low = mix((x, y0), (x, y1), 0.72)[1]
            canvas.line(
                [(x - wide * 0.6, low), (x + wide * 0.6, low)], shade(bag.colour, 0.55), 0.02 * h
            )
            canvas.line(
                [(x - wide * 0.6, y0), (x + wide * 0.6, y0)], shade(bag.colour, 0.6), 0.016 * h
            )


def _straps(canvas: Canvas, s: Skeleton, bag: Baggage) -> None:
    with canvas.belongings():
        for side in ("left", "right"):
            shoulder = mix(s.points[f"{side}_shoulder"], s.points["neck"], 0.3)
            hip = mix(s.points[f"{side}_shoulder"], s.points[f"{side}_hip"], 0.75)
            top = (shoulder[0], shoulder[1] - 0.035 * s.stature)
            canvas.line([top, hip], shade(bag.colour, 0.7), 0.026 * s.stature)


def _rolled(canvas: Canvas, s: Skeleton, bag: Baggage) -> None:
    wrist = s.points[f"{bag.side}_wrist"]
    h = s.stature
    outward = 1.0 if wrist[0] >= s.foot[0] else -1.0
    x, y = wrist[0] + outward * 0.1 * h, s.foot[1] + 0.01 * h
    with canvas.belongings():
        top = y - 0.3 * h * bag.size
        for dx in (-0.04, 0.04):
            canvas.line([(x + dx * h, top), wrist], (70, 70, 74), max(0.014 * h, 0.5))
        paint_suitcase(canvas, (x, y), h * bag.size, bag.colour)


def _hanging(canvas: Canvas, s: Skeleton, bag: Baggage) -> None:
    wrist = s.points[f"{bag.side}_wrist"]
    with canvas.belongings():
        paint_hand_bag(
            canvas,
            (wrist[0], wrist[1] + 0.3 * s.stature * bag.size),
            s.stature * bag.size,
            bag.colour,
        )


def _on_head(canvas: Canvas, s: Skeleton, bag: Baggage) -> None:
    x, y = s.points["head"]
    r = s.build.head * s.stature
    with canvas.belongings():
        paint_bundle(canvas, (x, y - 0.75 * r), s.stature * bag.size, bag.colour)


def paint_suitcase(canvas: Canvas, foot: Point, unit: float, colour: Colour) -> None:
    """Paint a suitcase that stands at `foot`; `unit` is a stature in pixels."""
    (x, y), w, h = foot, 0.115 * unit, 0.3 * unit
    corner = 0.025 * unit
    body = blob(
        [
            (x + sx * (w - corner), y - cy, corner)
            for sx in (-1, 1)
            for cy in (corner * 2, h - corner)
        ]
    )
    for sx in (-1, 1):
        canvas.disc((x + sx * w * 0.7, y - corner * 0.6, corner * 0.8), (34, 34, 36))
    canvas.shaded(body, colour, 0.28)
    if unit > 42:
        for share in (-0.35, 0.05, 0.45):
            canvas.line(
                [(x + share * w, y - h * 0.88), (x + share * w, y - h * 0.2)],
                shade(colour, 0.72),
                0.012 * unit,
            )


def paint_hand_bag(canvas: Canvas, foot: Point, unit: float, colour: Colour) -> None:
    """Paint a carrier bag whose bottom is at `foot` and whose handles meet 0.3 `unit` above."""
    (x, y), w = foot, 0.12 * unit
    top, grip = y - 0.19 * unit, (x, y - 0.3 * unit)
    for sx in (-0.7, 0.7):
        canvas.line([(x + sx * w * 0.7, top), grip], shade(colour, 0.5), max(0.016 * unit, 0.5))
    outline = [(x - w * 0.85, top), (x + w * 0.85, top), (x + w * 1.1, y), (x - w * 1.1, y)]
    canvas.shaded(outline, colour, 0.25)
    if unit > 42:
        canvas.box(
            x - w * 0.95,
            y - 0.11 * unit,
            x + w * 0.95,
            y - 0.08 * unit,
            shade(colour, 1.35),
            solid=False,
        )


def paint_bundle(canvas: Canvas, foot: Point, unit: float, colour: Colour) -> None:
    """Paint a knotted bundle that rests on `foot`."""
    (x, y), r = foot, 0.1 * unit
    canvas.disc((x, y - r * 2.05, r * 0.32), shade(colour, 0.7))
    canvas.shaded(
        blob(
            [
                (x - r * 0.75, y - r * 0.72, r * 0.78),
                (x + r * 0.75, y - r * 0.72, r * 0.78),
                (x, y - r * 1.25, r * 0.66),
            ]
        ),
        colour,
        0.3,
    )
    for sx in (-0.7, 0.0, 0.7):
        canvas.line(
            [(x, y - r * 1.9), (x + sx * r * 1.4, y - r * 0.35)], shade(colour, 0.66), 0.018 * unit
        )

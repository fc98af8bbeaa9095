"""Plants, rocks and animals; each painter takes the foot point and the pixels per metre."""

import math

import numpy as np

from cosmop.demo.canvas import Canvas
from cosmop.demo.geometry import Point, blob, ring
from cosmop.demo.palette import Colour, pick, shade, vary

_LEAVES: tuple[Colour, ...] = (
    (70, 108, 58),
    (92, 128, 66),
    (60, 92, 64),
    (140, 138, 70),
    (168, 112, 60),
)
_BARK: Colour = (92, 70, 54)


def paint_tree(canvas: Canvas, foot: Point, scale: float, rng: np.random.Generator) -> None:
    """Paint a broad-leaved tree, 3 to 6 m."""
    (x, y), height = foot, float(rng.uniform(3, 6)) * scale
    leaf = vary(rng, pick(rng, _LEAVES), 10)
    canvas.limb((x, y, 0.055 * height), (x, y - 0.55 * height, 0.03 * height), _BARK)
    crown = [(float(rng.uniform(-0.24, 0.24)), float(rng.uniform(0.5, 0.86))) for _ in range(8)]
    for tone, shift, size in ((0.72, 0.0, 0.2), (0.92, 0.03, 0.17), (1.1, 0.07, 0.11)):
        for dx, up in crown:
            centre = x + (dx + canvas.light * shift) * height
            canvas.disc((centre, y - (up + shift) * height, size * height), shade(leaf, tone))


def paint_conifer(canvas: Canvas, foot: Point, scale: float, rng: np.random.Generator) -> None:
    """Paint a conifer, 3 to 6 m."""
    (x, y), height = foot, float(rng.uniform(3, 6)) * scale
    leaf = vary(rng, (52, 84, 66), 8)
    canvas.box(x - 0.03 * height, y - 0.2 * height, x + 0.03 * height, y, _BARK)
    for low, high, half in ((0.12, 0.55, 0.2), (0.35, 0.78, 0.16), (0.58, 1.0, 0.11)):
        outline = [
            (x - half * height, y - low * height),
            (x, y - high * height),
            (x + half * height, y - low * height),
        ]
        canvas.shaded(outline, leaf, 0.3)


def paint_palm(canvas: Canvas, foot: Point, scale: float, rng: np.random.Generator) -> None:
    """Paint a palm, 3 to 5 m."""
    (x, y), height = foot, float(rng.uniform(3, 5)) * scale
    top = (x + float(rng.uniform(-0.12, 0.12)) * height, y - 0.85 * height)
    canvas.limb((x, y, 0.04 * height), (*top, 0.024 * height), (132, 104, 76))
    leaf = vary(rng, (84, 122, 62), 8)
    for i in range(8):
        angle = math.pi * (1 + i / 7) + float(rng.uniform(-0.1, 0.1))
        knee = (top[0] + 0.2 * height * math.cos(angle), top[1] + 0.16 * height * math.sin(angle))
        tip = (top[0] + 0.36 * height * math.cos(angle), knee[1] + 0.14 * height)
        canvas.line([top, knee, tip], shade(leaf, 0.8 + 0.05 * i), 0.035 * height)


def paint_bush(canvas: Canvas, foot: Point, scale: float, rng: np.random.Generator) -> None:
    """Paint a bush, about 1 m."""
    (x, y), r = foot, float(rng.uniform(0.35, 0.6)) * scale
    leaf = vary(rng, pick(rng, _LEAVES), 10)
    lumps = [(float(rng.uniform(-1.2, 1.2)), float(rng.uniform(0.3, 0.8))) for _ in range(6)]
    for tone, size in ((0.75, 0.62), (1.0, 0.42)):
        for dx, up in lumps:
            shift = canvas.light * (1 - size) * 0.4
            canvas.disc(
                (x + (dx + shift) * r, y - (up + (1 - size) * 0.3) * r, size * r), shade(leaf, tone)
            )


def paint_cactus(canvas: Canvas, foot: Point, scale: float, rng: np.random.Generator) -> None:
    """Paint a column cactus as tall as a person, with arms."""
    (x, y), height = foot, float(rng.uniform(1.3, 2.4)) * scale
    green, r = vary(rng, (88, 118, 76), 8), 0.085 * height
    canvas.limb((x, y, r), (x, y - height, r * 0.9), green)
    for side in (-1, 1):
        if rng.random() < 0.75:
            up = float(rng.uniform(0.35, 0.6)) * height
            elbow = (x + side * 0.24 * height, y - up)
            canvas.limb((x, y - up, r * 0.7), (*elbow, r * 0.7), green)
            canvas.limb((*elbow, r * 0.7), (elbow[0], elbow[1] - 0.28 * height, r * 0.6), green)


def paint_rock(canvas: Canvas, foot: Point, scale: float, rng: np.random.Generator) -> None:
    """Paint a boulder, half a metre to a metre and a half."""
    (x, y), r = foot, float(rng.uniform(0.3, 0.8)) * scale
    grey = vary(rng, pick(rng, ((150, 142, 132), (128, 112, 98), (112, 114, 116))), 8)
    circles = [
        (x + float(rng.uniform(-0.6, 0.6)) * r, y - float(rng.uniform(0.2, 0.6)) * r, 0.35 * r)
        for _ in range(5)
    ]
    canvas.shaded([(px, min(py, y)) for px, py in blob(circles)], grey, 0.35)


def paint_dog(canvas: Canvas, foot: Point, scale: float, rng: np.random.Generator) -> None:
    """Paint a dog from the side."""
    _paint_beast(
        canvas, foot, 0.6 * scale, rng, pick(rng, ((122, 88, 58), (58, 50, 46), (206, 186, 156)))
    )


def paint_goat(canvas: Canvas, foot: Point, scale: float, rng: np.random.Generator) -> None:
    """Paint a goat or a sheep from the side."""
    _paint_beast(
        canvas, foot, 0.85 * scale, rng, pick(rng, ((226, 220, 206), (150, 132, 112), (84, 72, 64)))
    )


def paint_horse(canvas: Canvas, foot: Point, scale: float, rng: np.random.Generator) -> None:
    """Paint a horse from the side."""
    _paint_beast(
        canvas, foot, 1.7 * scale, rng, pick(rng, ((110, 70, 46), (60, 44, 38), (190, 178, 164)))
    )


def _paint_beast(
    canvas: Canvas, foot: Point, height: float, rng: np.random.Generator, coat: Colour
) -> None:
    (x, y), way = foot, 1 if rng.random() < 0.5 else -1
    coat = vary(rng, coat, 8)
    for dx, tone in ((-0.42, 0.7), (0.36, 0.7), (-0.34, 0.95), (0.44, 0.95)):
        sway = float(rng.uniform(-0.08, 0.08))
        start = (x + way * dx * height, y - 0.45 * height, 0.075 * height)
        canvas.limb(start, (x + way * (dx + sway) * height, y, 0.045 * height), shade(coat, tone))
    rump, chest = x - way * 0.36 * height, x + way * 0.36 * height
    canvas.limb(
        (rump, y - 0.56 * height, 0.2 * height), (chest, y - 0.58 * height, 0.19 * height), coat
    )
    head = (chest + way * 0.3 * height, y - 0.95 * height)
    canvas.limb((chest, y - 0.62 * height, 0.14 * height), (*head, 0.1 * height), coat)
    canvas.limb(
        (*head, 0.105 * height),
        (head[0] + way * 0.2 * height, head[1] + 0.08 * height, 0.06 * height),
        coat,
    )
    canvas.limb(
        (head[0] - way * 0.04 * height, head[1] - 0.06 * height, 0.03 * height),
        (head[0] - way * 0.08 * height, head[1] - 0.18 * height, 0.02 * height),
        shade(coat, 0.7),
    )
    canvas.limb(
        (rump - way * 0.18 * height, y - 0.62 * height, 0.03 * height),
        (rump - way * 0.3 * height, y - 0.36 * height, 0.025 * height),
        shade(coat, 0.8),
    )


def paint_birds(canvas: Canvas, foot: Point, scale: float, rng: np.random.Generator) -> None:
    """Paint a few pigeons on the ground."""
    for _ in range(int(rng.integers(2, 6))):
        x, y = (
            foot[0] + float(rng.uniform(-1, 1)) * scale,
            foot[1] + float(rng.uniform(-0.1, 0.1)) * scale,
        )
        r, way = 0.13 * scale, 1 if rng.random() < 0.5 else -1
        grey = vary(rng, (118, 122, 132), 14)
        canvas.shaded(ring(x, y - r, 1.4 * r, 0.8 * r, 12), grey)
        canvas.disc((x + way * 1.2 * r, y - 2.0 * r, 0.6 * r), shade(grey, 0.8))

"""Heads: hair, face and headwear, turned with the body."""

import math

from cosmop.demo.canvas import Canvas
from cosmop.demo.geometry import Point, blob, ring
from cosmop.demo.outfits import Outfit
from cosmop.demo.palette import Colour, shade
from cosmop.demo.skeleton import Skeleton

_FACE_FROM_PX = 3.2  # head radius below which eyes would be noise


def paint_head(canvas: Canvas, skeleton: Skeleton, outfit: Outfit) -> None:
    """Paint head, hair, face and headwear."""
    x, y = skeleton.points["head"]
    r = skeleton.build.head * skeleton.stature
    wrap = {"scarf": outfit.accent, "hood": shade(outfit.top, 0.85)}.get(outfit.headwear)
    if wrap is not None:
        canvas.shaded(blob([(x, y - 0.1 * r, r * 1.14), (x, y + 1.15 * r, r * 0.85)]), wrap)
    else:
        _paint_hair(canvas, outfit, (x, y), r)
    _paint_face(canvas, skeleton, outfit, (x, y), r * (0.86 if wrap is not None else 1.0))
    painter = _HEADWEAR.get(outfit.headwear)
    if painter is not None:
        painter(canvas, skeleton, outfit, (x, y), r)


def _paint_hair(canvas: Canvas, outfit: Outfit, head: Point, r: float) -> None:
    x, y = head
    colour = shade(outfit.skin, 0.92) if outfit.hair_style == "bald" else outfit.hair
    skull = [(x, y - 0.08 * r, r * 1.02), (x, y + 0.35 * r, r * 0.72)]
    if outfit.hair_style == "long":
        skull += [(x - 0.55 * r, y + 1.25 * r, 0.42 * r), (x + 0.55 * r, y + 1.25 * r, 0.42 * r)]
    if outfit.hair_style == "bun":
        canvas.disc((x, y - 1.15 * r, 0.45 * r), colour)
    canvas.shaded(blob(skull), colour, 0.18)


def _paint_face(canvas: Canvas, skeleton: Skeleton, outfit: Outfit, head: Point, r: float) -> None:
    toward, turned = math.cos(skeleton.yaw), math.sin(skeleton.yaw)
    if toward < -0.55:
        return
    width = 0.82 - 0.28 * abs(turned) if toward > 0 else 0.36
    x, y = head[0] + turned * 0.42 * r, head[1] + 0.2 * r
    outline = blob([(x, y - 0.12 * r, width * r), (x, y + 0.4 * r, width * 0.74 * r)])
    canvas.shaded(outline, outfit.skin, 0.14)
    if r < _FACE_FROM_PX or toward < 0.05:
        return
    eye, gap = max(0.1 * r, 0.45), 0.34 * r * toward
    x += turned * 0.2 * r
    for side in (-1, 1):
        canvas.disc((x + side * gap, y - 0.1 * r, eye), (34, 26, 24), solid=False)
    mouth = [(x - 0.2 * r * toward, y + 0.5 * r), (x + 0.2 * r * toward, y + 0.5 * r)]
    canvas.line(mouth, shade(outfit.skin, 0.62), max(0.09 * r, 0.5))


def _dome(head: Point, r: float, low: float, high: float) -> list[Point]:
    x, y = head
    angles = [math.pi * (1 + i / 10) for i in range(11)]
    return [
        (x + 1.08 * r * math.cos(a), y + low * r + (high + low) * r * math.sin(a)) for a in angles
    ]


def _cap(canvas: Canvas, skeleton: Skeleton, outfit: Outfit, head: Point, r: float) -> None:
    _peaked(canvas, skeleton, (outfit.accent, shade(outfit.accent, 0.7)), head, r)


def _uniform_cap(canvas: Canvas, skeleton: Skeleton, outfit: Outfit, head: Point, r: float) -> None:
    x, y = head
    canvas.shaded(ring(x, y - 0.78 * r, 1.28 * r, 0.5 * r), shade(outfit.top, 0.9))
    _peaked(canvas, skeleton, (shade(outfit.top, 0.72), (20, 20, 22)), head, r)
    if math.cos(skeleton.yaw) > 0:
        canvas.disc((x + math.sin(skeleton.yaw) * 0.6 * r, y - 0.7 * r, 0.22 * r), outfit.accent)


def _peaked(
    canvas: Canvas, skeleton: Skeleton, colours: tuple[Colour, Colour], head: Point, r: float
) -> None:
    x, y = head
    canvas.shaded(_dome(head, r, -0.18, 1.2), colours[0])
    toward, turned = math.cos(skeleton.yaw), math.sin(skeleton.yaw)
    if toward > -0.4:
        tip = x + turned * 1.0 * r
        canvas.polygon(ring(tip, y - 0.2 * r, r * (0.5 + 0.4 * abs(toward)), 0.17 * r), colours[1])


def _hat(canvas: Canvas, _skeleton: Skeleton, outfit: Outfit, head: Point, r: float) -> None:
    x, y = head
    straw = shade(outfit.accent, 1.1)
    canvas.shaded(ring(x, y - 0.35 * r, 1.9 * r, 0.42 * r), straw)
    canvas.shaded(_dome((x, y - 0.1 * r), r * 0.9, -0.25, 1.35), straw)
    canvas.line(
        [(x - 0.95 * r, y - 0.5 * r), (x + 0.95 * r, y - 0.5 * r)], shade(straw, 0.55), 0.2 * r
    )


def _beanie(canvas: Canvas, _skeleton: Skeleton, outfit: Outfit, head: Point, r: float) -> None:
    x, y = head
    canvas.shaded(_dome(head, r, -0.15, 1.25), outfit.accent)
    band = [(x - 1.05 * r, y - 0.25 * r), (x + 1.05 * r, y - 0.25 * r)]
    canvas.line(band, shade(outfit.accent, 0.75), 0.26 * r)


_HEADWEAR = {"cap": _cap, "uniform_cap": _uniform_cap, "hat": _hat, "beanie": _beanie}

"""Fences: wire mesh, bars and planks, with or without razor wire, across the whole picture."""

import math
from dataclasses import dataclass

import numpy as np

from cosmop.demo.canvas import Canvas
from cosmop.demo.geometry import ring
from cosmop.demo.palette import Colour, pick, shade, vary

FENCES = ("mesh", "bars", "planks")


@dataclass(frozen=True)
class Fence:
    """A fence along the picture's width; heights in metres."""

    style: str
    colour: Colour
    height_m: float
    has_razor_wire: bool


def draw_fence(rng: np.random.Generator, *, in_front: bool) -> Fence:
    """Draw a fence; in front of people it can be looked through and is not too high."""
    style = pick(rng, FENCES[:2]) if in_front else pick(rng, FENCES)
    colour = vary(rng, pick(rng, ((122, 126, 128), (72, 76, 78), (150, 98, 70), (84, 106, 92))), 8)
    height = float(rng.uniform(1.1, 2.2) if in_front else rng.uniform(2.0, 3.6))
    return Fence(style, colour, height, bool(rng.random() < 0.5))


def paint_fence(canvas: Canvas, fence: Fence, row: float, scale: float) -> None:
    """Paint `fence` standing at `row` with `scale` pixels per metre."""
    top = row - fence.height_m * scale
    _STYLES[fence.style](canvas, fence, row, scale)
    for x in np.arange(canvas.width % (2.4 * scale) / 2, canvas.width + 1, max(2.4 * scale, 6.0)):
        half = max(0.06 * scale, 0.5)
        canvas.box(
            float(x) - half, top - 0.1 * scale, float(x) + half, row, shade(fence.colour, 0.75)
        )
    for up in (0.06, 0.98):
        y = row - up * fence.height_m * scale
        canvas.line([(0, y), (canvas.width, y)], shade(fence.colour, 0.85), max(0.05 * scale, 0.6))
    if fence.has_razor_wire:
        _razor_wire(canvas, fence, top - 0.14 * scale, scale)


def _mesh(canvas: Canvas, fence: Fence, row: float, scale: float) -> None:
    height = fence.height_m * scale
    pitch = max(0.22 * scale, 4.5)
    wire = max(0.02 * scale, 0.5)
    for x in np.arange(-height, canvas.width, pitch):
        left = float(x)
        canvas.line([(left, row), (left + height, row - height)], fence.colour, wire)
        canvas.line([(left, row - height), (left + height, row)], fence.colour, wire)


def _bars(canvas: Canvas, fence: Fence, row: float, scale: float) -> None:
    pitch = max(0.26 * scale, 4.0)
    for x in np.arange(pitch / 2, canvas.width, pitch):
        ends = [(float(x), row), (float(x), row - fence.height_m * scale)]
        canvas.line(ends, fence.colour, max(0.05 * scale, 0.6))


def _planks(canvas: Canvas, fence: Fence, row: float, scale: float) -> None:
    pitch = max(0.5 * scale, 6.0)
    for i, x in enumerate(np.arange(0, canvas.width, pitch)):
        tone = 0.9 + 0.06 * math.sin(i * 2.4)
        canvas.box(
            float(x),
            row - fence.height_m * scale,
            float(x) + pitch * 0.93,
            row,
            shade(fence.colour, tone),
        )


def _razor_wire(canvas: Canvas, fence: Fence, y: float, scale: float) -> None:
    r = max(0.2 * scale, 2.0)
    for x in np.arange(0, canvas.width + r, r * 1.3):
        loop = ring(float(x), y, r * 0.8, r, 10)
        canvas.line([*loop, loop[0]], shade(fence.colour, 1.15), 0.5)


_STYLES = {"mesh": _mesh, "bars": _bars, "planks": _planks}

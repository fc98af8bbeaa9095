"""What stands at the edge of the ground: houses, dunes, hills, the far bank, walls, tents."""

from collections.abc import Callable

import numpy as np

from cosmop.demo.canvas import Canvas
from cosmop.demo.geometry import Point
from cosmop.demo.palette import CLOTH, WALLS, Colour, blend, pick, shade, vary
from cosmop.demo.settings import Setting

_GREENS: tuple[Colour, ...] = ((74, 104, 62), (96, 122, 74), (58, 84, 66), (128, 130, 78))


def paint_backdrop(canvas: Canvas, setting: Setting, rng: np.random.Generator) -> None:
    """Paint the details behind everybody: they belong to the place and have no truth."""
    canvas.set_haze(setting.haze, setting.haze_strength * 0.7)
    _PAINTERS[setting.place](canvas, setting, rng)
    canvas.set_haze(setting.haze, 0.0)


def _ridge(
    canvas: Canvas, setting: Setting, rng: np.random.Generator, height: float, colour: Colour,
    roughness: float = 0.5,
) -> None:  # fmt: skip
    """Paint a line of hills that rise up to `height` pixels above the ground's edge."""
    width, base = canvas.width, setting.ground_top
    steps = 16
    walk = np.cumsum(rng.standard_normal(steps + 1)) * roughness
    waves = np.sin(np.linspace(0, rng.uniform(3, 9), steps + 1) + rng.uniform(0, 6))
    profile = walk + waves
    profile = (profile - profile.min()) / (np.ptp(profile) + 1e-6)
    crest = [
        (i * width / steps, base - height * (0.25 + 0.75 * float(p))) for i, p in enumerate(profile)
    ]
    canvas.polygon([(0.0, base + 1), *crest, (float(width), base + 1)], colour)


def _tree_line(canvas: Canvas, setting: Setting, rng: np.random.Generator, height: float) -> None:
    colour = vary(rng, pick(rng, _GREENS), 8)
    x = -height
    while x < canvas.width + height:
        r = height * float(rng.uniform(0.3, 0.62))
        canvas.disc(
            (x, setting.ground_top - r * 0.75, r), shade(colour, float(rng.uniform(0.85, 1.1)))
        )
        x += r * float(rng.uniform(0.7, 1.5))
    canvas.box(
        0,
        setting.ground_top - 1,
        canvas.width,
        setting.ground_top + height * 0.08,
        shade(colour, 0.85),
    )


def _town(canvas: Canvas, setting: Setting, rng: np.random.Generator) -> None:
    unit = setting.size[0] / 240
    x = -float(rng.uniform(0, 40)) * unit
    while x < canvas.width:
        width = float(rng.uniform(30, 84)) * unit
        _house(canvas, setting, rng, (x, width, float(rng.uniform(0.45, 1.1)) * setting.ground_top))
        x += width + (float(rng.uniform(0, 14)) * unit if rng.random() < 0.3 else 0.0)
    kerb = setting.ground_top + 0.12 * (setting.size[0] - setting.ground_top)
    if rng.random() < 0.6:
        canvas.box(
            0,
            setting.ground_top,
            canvas.width,
            kerb,
            blend(setting.ground[0], (214, 210, 204), 0.5),
        )
        canvas.box(0, kerb, canvas.width, kerb + 1.6 * unit, shade(setting.ground[1], 0.7))


def _house(
    canvas: Canvas, setting: Setting, rng: np.random.Generator, lot: tuple[float, float, float]
) -> None:
    x, width, height = lot
    base = setting.ground_top
    wall = vary(rng, pick(rng, WALLS), 10)
    canvas.box(x, base - height, x + width, base + 1, wall)
    canvas.box(x, base - height, x + width, base - height + 2.5, shade(wall, 0.7))
    shadow_x = x if setting.light > 0 else x + width - 3
    canvas.box(shadow_x, base - height, shadow_x + 3, base, shade(wall, 0.82))
    glass = pick(rng, ((70, 84, 98), (52, 58, 66), (150, 176, 192), (224, 196, 128)))
    pitch = float(rng.uniform(10, 18)) * setting.size[0] / 240
    columns, rows = max(int(width / pitch), 1), max(int(height / (pitch * 1.25)), 1)
    side = pitch * float(rng.uniform(0.36, 0.56))
    step = width / columns
    for row in range(rows):
        for column in range(columns):
            left = x + (column + 0.5) * step - side / 2
            upper = base - height + (row + 0.35) * pitch * 1.25
            if upper + side * 1.3 < base - 2:
                canvas.box(left, upper, left + side, upper + side * 1.3, glass)
    if rng.random() < 0.5:
        door = x + width * float(rng.uniform(0.2, 0.7))
        canvas.box(door, base - pitch * 1.5, door + pitch * 0.75, base, shade(wall, 0.5))


def _desert(canvas: Canvas, setting: Setting, rng: np.random.Generator) -> None:
    rock = vary(rng, pick(rng, ((164, 112, 86), (138, 118, 112), (186, 146, 104))), 10)
    for layer in range(int(rng.integers(1, 4))):
        height = setting.size[0] * float(rng.uniform(0.06, 0.22)) / (1 + 0.5 * layer)
        _ridge(canvas, setting, rng, height, blend(rock, setting.ground[0], 0.25 * layer), 0.8)


def _field(canvas: Canvas, setting: Setting, rng: np.random.Generator) -> None:
    height = setting.size[0]
    green = vary(rng, pick(rng, _GREENS), 10)
    _ridge(
        canvas,
        setting,
        rng,
        height * float(rng.uniform(0.04, 0.16)),
        blend(green, setting.haze, 0.3),
        0.2,
    )
    if rng.random() < 0.6:
        _tree_line(canvas, setting, rng, height * float(rng.uniform(0.04, 0.12)))
    if rng.random() < 0.5:
        _furrows(canvas, setting, rng, shade(setting.ground[1], 0.82))


def _furrows(canvas: Canvas, setting: Setting, rng: np.random.Generator, colour: Colour) -> None:
    vanishing = (canvas.width * float(rng.uniform(0.2, 0.8)), setting.horizon)
    bottom = float(setting.size[0])
    share = (setting.ground_top - setting.horizon + 2) / (bottom - setting.horizon)
    for i in range(-8, 17):
        foot = (canvas.width * i / 8, bottom)
        start = (vanishing[0] + (foot[0] - vanishing[0]) * share, setting.ground_top + 2)
        canvas.line([start, foot], colour, 0.9)


def _river(canvas: Canvas, setting: Setting, rng: np.random.Generator) -> None:
    height = setting.size[0]
    if rng.random() < 0.6:
        hill = blend(pick(rng, _GREENS), setting.haze, 0.4)
        _ridge(canvas, setting, rng, height * float(rng.uniform(0.06, 0.2)), hill, 0.3)
    _tree_line(canvas, setting, rng, height * float(rng.uniform(0.03, 0.1)))
    water = blend(setting.sky[0], (70, 96, 98), 0.45)
    top, depth = (
        setting.ground_top + 2,
        (height - setting.ground_top) * float(rng.uniform(0.14, 0.34)),
    )
    bank = [(canvas.width * i / 8, top + depth + float(rng.uniform(-3, 3))) for i in range(9)]
    canvas.polygon([(0.0, top), (float(canvas.width), top), *bank[::-1]], water)
    for _ in range(22):
        share = float(rng.uniform(0, 1))
        x, y, half = float(rng.uniform(0, canvas.width)), top + depth * share, 4 + 14 * share
        canvas.line([(x - half, y), (x + half, y)], blend(water, setting.sky[1], 0.45), 0.7)


def _road(canvas: Canvas, setting: Setting, rng: np.random.Generator) -> None:
    height, width = setting.size
    _ridge(
        canvas,
        setting,
        rng,
        height * float(rng.uniform(0.03, 0.2)),
        blend(pick(rng, _GREENS), setting.haze, 0.35),
        0.5,
    )
    asphalt = vary(rng, (98, 98, 102), 8)
    vanishing = (width * float(rng.uniform(0.15, 0.85)), setting.horizon)
    left, right = width * float(rng.uniform(-0.3, 0.2)), width * float(rng.uniform(0.75, 1.3))
    share = (setting.ground_top - setting.horizon + 1) / (height - setting.horizon)

    def toward(x: float, t: float) -> Point:
        return (
            vanishing[0] + (x - vanishing[0]) * t,
            setting.horizon + (height - setting.horizon) * t,
        )

    canvas.polygon(
        [toward(left, share), toward(right, share), toward(right, 1.0), toward(left, 1.0)], asphalt
    )
    middle = (left + right) / 2
    for edge in (left + 8, right - 8):
        canvas.line([toward(edge, share), toward(edge, 1.0)], (206, 204, 196), 1.2)
    for near in (1.0, 0.66, 0.43, 0.28, 0.18, 0.12):
        half = 3.2
        ends = [
            toward(middle - half, near),
            toward(middle + half, near),
            toward(middle + half, near * 0.82),
            toward(middle - half, near * 0.82),
        ]
        canvas.polygon(ends, (222, 206, 140))


def _indoor(canvas: Canvas, setting: Setting, rng: np.random.Generator) -> None:
    height, width = setting.size
    base = setting.ground_top
    unit = height / 240
    _furrows(canvas, setting, rng, shade(setting.ground[1], 0.86))
    canvas.box(
        0, base - 4 * unit, width, base, pick(rng, ((232, 228, 220), (120, 92, 70), (96, 96, 100)))
    )
    x = float(rng.uniform(4, 40)) * unit
    while x < width - 30 * unit:
        piece = pick(rng, (_window, _picture, _door, _shelf))
        x += piece(canvas, setting, rng, x) + float(rng.uniform(10, 70)) * unit


def _window(canvas: Canvas, setting: Setting, rng: np.random.Generator, x: float) -> float:
    unit = setting.size[0] / 240
    w, top = float(rng.uniform(34, 64)) * unit, setting.ground_top * 0.14
    low = top + setting.ground_top * float(rng.uniform(0.34, 0.5))
    canvas.box(x - 3, top - 3, x + w + 3, low + 3, (232, 230, 224))
    canvas.box(x, top, x + w, low, blend(setting.sky[1], (255, 255, 255), 0.3))
    canvas.box(x, (top + low * 2) / 3, x + w, low, blend(pick(rng, _GREENS), setting.sky[1], 0.4))
    canvas.box(x + w / 2 - 1, top, x + w / 2 + 1, low, (232, 230, 224))
    if rng.random() < 0.5:
        curtain = vary(rng, pick(rng, CLOTH))
        for left in (x - 8 * unit, x + w - 4 * unit):
            canvas.shaded(
                [
                    (left, top - 5),
                    (left + 12 * unit, top - 5),
                    (left + 10 * unit, low + 14 * unit),
                    (left, low + 14 * unit),
                ],
                curtain,
            )
    return w


def _picture(canvas: Canvas, setting: Setting, rng: np.random.Generator, x: float) -> float:
    unit = setting.size[0] / 240
    w, h = float(rng.uniform(16, 40)) * unit, float(rng.uniform(16, 34)) * unit
    top = setting.ground_top * float(rng.uniform(0.14, 0.35))
    canvas.box(x, top, x + w, top + h, pick(rng, ((70, 52, 38), (36, 36, 38), (206, 178, 96))))
    canvas.box(x + 2, top + 2, x + w - 2, top + h - 2, vary(rng, pick(rng, CLOTH)))
    canvas.box(x + 2, top + h * 0.6, x + w - 2, top + h - 2, vary(rng, pick(rng, CLOTH)))
    return w


def _door(canvas: Canvas, setting: Setting, rng: np.random.Generator, x: float) -> float:
    base = setting.ground_top
    h = min(base * 0.88, base - setting.horizon + setting.scale(base) * 1.1)
    w = h * 0.42
    wood = vary(rng, pick(rng, ((122, 84, 56), (214, 208, 198), (88, 104, 112))), 10)
    canvas.box(x - 2, base - h - 2, x + w + 2, base, shade(wood, 0.7))
    canvas.box(x, base - h, x + w, base, wood)
    canvas.disc((x + w * 0.86, base - h * 0.47, 1.3), (220, 196, 110))
    return w


def _shelf(canvas: Canvas, setting: Setting, rng: np.random.Generator, x: float) -> float:
    unit, base = setting.size[0] / 240, setting.ground_top
    w, h = float(rng.uniform(30, 60)) * unit, base * float(rng.uniform(0.4, 0.7))
    canvas.box(x, base - h, x + w, base, (92, 68, 48))
    for row in range(3):
        low = base - h + (row + 1) * h / 3 - 2
        canvas.box(x + 2, low - h / 3 + 4, x + w - 2, low, (58, 44, 34))
        left = x + 3
        while left < x + w - 8:
            thick = float(rng.uniform(2, 6))
            canvas.box(
                left,
                low - h / 3 * float(rng.uniform(0.45, 0.8)),
                left + thick,
                low,
                vary(rng, pick(rng, CLOTH)),
            )
            left += thick + 0.6
    return w


def _camp(canvas: Canvas, setting: Setting, rng: np.random.Generator) -> None:
    _ridge(
        canvas,
        setting,
        rng,
        setting.size[0] * float(rng.uniform(0.03, 0.16)),
        blend((136, 124, 106), setting.haze, 0.3),
        0.5,
    )
    unit = setting.size[0] / 240
    x = -float(rng.uniform(0, 30)) * unit
    while x < canvas.width:
        w = float(rng.uniform(26, 56)) * unit
        h = w * float(rng.uniform(0.45, 0.65))
        cloth = vary(
            rng, pick(rng, ((226, 224, 216), (206, 206, 196), (96, 128, 168), (104, 118, 92))), 8
        )
        base = setting.ground_top + float(rng.uniform(0, 5)) * unit
        canvas.polygon([(x, base), (x + w * 0.5, base - h), (x + w, base)], shade(cloth, 0.85))
        canvas.polygon([(x, base), (x + w * 0.5, base - h), (x + w * 0.68, base)], cloth)
        canvas.polygon(
            [(x + w * 0.3, base), (x + w * 0.42, base - h * 0.7), (x + w * 0.46, base)],
            shade(cloth, 0.4),
        )
        x += w * float(rng.uniform(0.9, 1.5))


_PAINTERS: dict[str, Callable[[Canvas, Setting, np.random.Generator], None]] = {
    "town": _town,
    "desert": _desert,
    "field": _field,
    "river": _river,
    "road": _road,
    "indoor": _indoor,
    "camp": _camp,
}

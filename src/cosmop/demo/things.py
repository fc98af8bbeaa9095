"""Things people make: vehicles, street furniture, statues, and luggage that nobody carries."""

import numpy as np

from cosmop.demo.baggage import BAGS, paint_bundle, paint_hand_bag, paint_suitcase
from cosmop.demo.canvas import Canvas
from cosmop.demo.geometry import Point, blob, ring
from cosmop.demo.palette import CLOTH, LUGGAGE, Colour, pick, shade, vary
from cosmop.demo.settings import PERSON_M

_CAR_COLOURS: tuple[Colour, ...] = (
    (188, 52, 48),
    (62, 96, 148),
    (222, 220, 214),
    (60, 62, 68),
    (146, 152, 158),
    (206, 164, 72),
)


def paint_car(canvas: Canvas, foot: Point, scale: float, rng: np.random.Generator) -> None:
    """Paint a passenger car from the side."""
    _paint_vehicle(
        canvas, foot, (4.2 * scale, 1.45 * scale), vary(rng, pick(rng, _CAR_COLOURS)), 0.5
    )


def paint_van(canvas: Canvas, foot: Point, scale: float, rng: np.random.Generator) -> None:
    """Paint a delivery van from the side, at times with a stripe."""
    colour = vary(rng, pick(rng, _CAR_COLOURS))
    _paint_vehicle(canvas, foot, (4.8 * scale, 2.1 * scale), colour, 0.82)
    if rng.random() < 0.4:
        x, y = foot
        canvas.box(
            x - 2.2 * scale,
            y - 0.95 * scale,
            x + 2.2 * scale,
            y - 0.75 * scale,
            vary(rng, pick(rng, CLOTH)),
        )


def paint_patrol_vehicle(
    canvas: Canvas, foot: Point, scale: float, rng: np.random.Generator
) -> None:
    """Paint a patrol's white vehicle: coloured slash and stripe, light bar on the roof."""
    (x, y), stripe = foot, pick(rng, ((36, 98, 62), (40, 66, 138)))
    _paint_vehicle(canvas, foot, (4.5 * scale, 1.85 * scale), (236, 236, 232), 0.66)
    way = 1 if rng.random() < 0.5 else -1
    slash = [
        (x + way * dx * scale, y - up * scale)
        for dx, up in ((0.5, 0.36), (1.1, 0.36), (1.5, 1.12), (0.9, 1.12))
    ]
    canvas.polygon(slash, stripe)
    canvas.box(x - 2.2 * scale, y - 0.66 * scale, x + 2.2 * scale, y - 0.5 * scale, stripe)
    for side, colour in ((-1, (214, 48, 44)), (1, (52, 92, 214))):
        left = x + side * 0.28 * scale
        canvas.box(
            left - 0.28 * scale, y - 2.06 * scale, left + 0.28 * scale, y - 1.85 * scale, colour
        )


def _paint_vehicle(
    canvas: Canvas, foot: Point, size: tuple[float, float], colour: Colour, roof: float
) -> None:
    (x, y), (length, height) = foot, size
    half, wheel = length / 2, 0.2 * height + 0.02 * length
    body = blob(
        [
            (x + side * (half - 0.1 * height), y - up * height, 0.1 * height)
            for side in (-1, 1)
            for up in (0.28, 0.5)
        ]
    )
    cabin = [
        (x - half * roof, y - 0.58 * height),
        (x - half * roof * 0.78, y - height),
        (x + half * roof * 0.7, y - height),
        (x + half * roof * 1.05, y - 0.58 * height),
    ]
    canvas.shaded(cabin, shade(colour, 0.95), 0.12)
    window = [
        (x + (px - x) * 0.88, y + (py - y) * (0.95 if py < y - 0.8 * height else 1.02))
        for px, py in cabin
    ]
    canvas.polygon(window, (62, 74, 86))
    canvas.box(
        x - 0.03 * length, y - height, x + 0.01 * length, y - 0.55 * height, shade(colour, 0.9)
    )
    canvas.polygon(body, shade(colour, 0.8))
    canvas.box(x - half * 0.98, y - 0.6 * height, x + half * 0.98, y - 0.42 * height, colour)
    for side in (-0.6, 0.6):
        canvas.disc((x + side * half, y - wheel * 0.85, wheel), (32, 32, 34))
        canvas.disc((x + side * half, y - wheel * 0.85, wheel * 0.5), (148, 150, 152))
    canvas.disc((x + half * 0.95, y - 0.48 * height, 0.06 * height), (244, 232, 180))


def paint_lamp(canvas: Canvas, foot: Point, scale: float, rng: np.random.Generator) -> None:
    """Paint a street lamp."""
    (x, y), height = foot, float(rng.uniform(3, 4.6)) * scale
    iron = vary(rng, (72, 76, 80), 8)
    canvas.limb((x, y, 0.02 * height), (x, y - height, 0.012 * height), iron)
    arm = x + float(rng.choice((-1, 1))) * 0.14 * height
    canvas.line([(x, y - height), (arm, y - height)], iron, 0.022 * height)
    canvas.polygon(
        ring(arm, y - height + 0.02 * height, 0.05 * height, 0.025 * height), (236, 226, 186)
    )


def paint_sign(canvas: Canvas, foot: Point, scale: float, rng: np.random.Generator) -> None:
    """Paint a road sign about as tall as a person."""
    (x, y), height = foot, float(rng.uniform(1.6, 2.3)) * scale
    canvas.limb((x, y, 0.022 * height), (x, y - height, 0.02 * height), (138, 140, 142))
    colour, r = (
        pick(rng, ((196, 48, 44), (46, 92, 160), (222, 178, 60), (60, 120, 84))),
        0.17 * height,
    )
    if rng.random() < 0.5:
        canvas.disc((x, y - height, r), colour)
        canvas.disc((x, y - height, r * 0.72), (236, 234, 228))
    else:
        canvas.box(x - 1.5 * r, y - height - r * 0.8, x + 1.5 * r, y - height + r * 0.6, colour)
        canvas.box(x - 1.2 * r, y - height - r * 0.3, x + 1.1 * r, y - height, (236, 234, 228))


def paint_bench(canvas: Canvas, foot: Point, scale: float, rng: np.random.Generator) -> None:
    """Paint an empty bench."""
    (x, y), wood = foot, vary(rng, (132, 92, 58), 10)
    for dx in (-0.7, 0.7):
        canvas.box(
            x + (dx - 0.05) * scale, y - 0.45 * scale, x + (dx + 0.05) * scale, y, (60, 60, 62)
        )
    for up, thick in ((0.45, 0.12), (0.7, 0.1), (0.88, 0.1)):
        canvas.box(
            x - 0.95 * scale,
            y - (up + thick) * scale,
            x + 0.95 * scale,
            y - up * scale,
            shade(wood, 0.8 + up / 4),
        )


def paint_crates(canvas: Canvas, foot: Point, scale: float, rng: np.random.Generator) -> None:
    """Paint boxes, stacked at times."""
    x, y = foot
    colour = vary(
        rng, pick(rng, ((176, 138, 92), (150, 112, 72), (92, 118, 140), (186, 92, 60))), 10
    )
    rows = int(rng.integers(1, 4))
    for row in range(rows):
        for column in range(rows - row):
            left = x + (column - (rows - row) / 2) * 0.62 * scale
            top = y - (row + 1) * 0.55 * scale
            tone = float(rng.uniform(0.85, 1.1))
            canvas.box(left, top, left + 0.6 * scale, top + 0.54 * scale, shade(colour, tone))
            canvas.box(left, top, left + 0.6 * scale, top + 0.08 * scale, shade(colour, tone * 0.8))


def paint_barrels(canvas: Canvas, foot: Point, scale: float, rng: np.random.Generator) -> None:
    """Paint one to three barrels."""
    colour = vary(rng, pick(rng, ((44, 92, 152), (168, 62, 46), (90, 104, 84), (214, 150, 52))), 10)
    for i in range(int(rng.integers(1, 4))):
        x, y, r = foot[0] + 0.66 * i * scale, foot[1], 0.29 * scale
        canvas.shaded(
            [(x - r, y - 0.88 * scale), (x + r, y - 0.88 * scale), (x + r, y), (x - r, y)],
            colour,
            0.35,
        )
        canvas.polygon(ring(x, y - 0.88 * scale, r, 0.25 * r, 12), shade(colour, 0.6))
        for up in (0.3, 0.58):
            canvas.box(x - r, y - (up + 0.05) * scale, x + r, y - up * scale, shade(colour, 0.7))


def paint_statue(canvas: Canvas, foot: Point, scale: float, rng: np.random.Generator) -> None:
    """Paint a statue on a plinth: person-shaped, of one material, and nobody."""
    (x, y), h = foot, PERSON_M * float(rng.uniform(0.8, 1.15)) * scale
    stone = vary(
        rng, pick(rng, ((168, 166, 160), (92, 116, 104), (112, 88, 62), (206, 202, 192))), 6
    )
    plinth = 0.45 * h
    canvas.box(x - 0.24 * h, y - plinth, x + 0.24 * h, y, shade(stone, 0.7))
    canvas.box(x - 0.28 * h, y - plinth, x + 0.28 * h, y - plinth * 0.86, shade(stone, 0.9))
    y -= plinth
    lift = float(rng.uniform(-0.3, 0.35)) * h
    canvas.limb((x, y - 0.05 * h, 0.15 * h), (x, y - 0.5 * h, 0.09 * h), stone)
    canvas.limb((x, y - 0.5 * h, 0.1 * h), (x, y - 0.76 * h, 0.115 * h), stone)
    canvas.limb(
        (x - 0.12 * h, y - 0.78 * h, 0.04 * h), (x - 0.16 * h, y - 0.48 * h, 0.03 * h), stone
    )
    canvas.limb(
        (x + 0.12 * h, y - 0.78 * h, 0.04 * h), (x + 0.27 * h, y - 0.72 * h - lift, 0.03 * h), stone
    )
    canvas.disc((x, y - 0.93 * h, 0.082 * h), shade(stone, 0.9))


def paint_scarecrow(canvas: Canvas, foot: Point, scale: float, rng: np.random.Generator) -> None:
    """Paint a scarecrow: a shirt on a cross of sticks, with a straw head."""
    (x, y), h = foot, 1.75 * scale
    cloth, straw = vary(rng, pick(rng, CLOTH)), (206, 178, 110)
    canvas.limb((x, y, 0.018 * h), (x, y - 0.9 * h, 0.018 * h), (96, 72, 52))
    canvas.limb(
        (x - 0.36 * h, y - 0.72 * h, 0.02 * h), (x + 0.36 * h, y - 0.72 * h, 0.02 * h), (96, 72, 52)
    )
    shirt = [
        (-0.3, 0.77),
        (0.3, 0.77),
        (0.31, 0.64),
        (0.13, 0.66),
        (0.15, 0.36),
        (-0.15, 0.34),
        (-0.13, 0.66),
        (-0.31, 0.62),
    ]
    canvas.shaded([(x + dx * h, y - up * h) for dx, up in shirt], cloth)
    canvas.disc((x, y - 0.86 * h, 0.075 * h), straw)
    canvas.polygon(ring(x, y - 0.92 * h, 0.15 * h, 0.03 * h), shade(straw, 0.7))
    canvas.box(x - 0.07 * h, y - 1.0 * h, x + 0.07 * h, y - 0.92 * h, shade(straw, 0.75))


def paint_coat_stand(canvas: Canvas, foot: Point, scale: float, rng: np.random.Generator) -> None:
    """Paint a coat and a hat on a stand: clothes without a person."""
    (x, y), h = foot, 1.75 * scale
    wood, cloth = (86, 62, 46), vary(rng, pick(rng, CLOTH))
    canvas.limb((x, y, 0.018 * h), (x, y - h, 0.014 * h), wood)
    for dx in (-0.14, 0.14):
        canvas.line([(x + dx * h, y), (x, y - 0.12 * h)], wood, 0.03 * h)
    coat = [(-0.13, 0.86), (0.13, 0.86), (0.19, 0.3), (-0.17, 0.3)]
    canvas.shaded([(x + dx * h, y - up * h) for dx, up in coat], cloth, 0.3)
    canvas.polygon(ring(x + 0.06 * h, y - h, 0.11 * h, 0.03 * h), vary(rng, (92, 74, 58)))


def paint_flag(canvas: Canvas, foot: Point, scale: float, rng: np.random.Generator) -> None:
    """Paint an invented three-coloured flag on a pole."""
    (x, y), height = foot, float(rng.uniform(3.2, 4.5)) * scale
    canvas.limb((x, y, 0.014 * height), (x, y - height, 0.01 * height), (206, 206, 204))
    w, h, way = 0.36 * height, 0.22 * height, 1 if rng.random() < 0.5 else -1
    for band in range(3):
        colour = pick(rng, CLOTH)
        top = y - height + band * h / 3
        wave = [(x, top), (x + way * w * 0.5, top + 0.04 * h), (x + way * w, top - 0.05 * h)]
        canvas.polygon([*wave, *[(px, py + h / 3) for px, py in wave[::-1]]], colour)


def paint_booth(canvas: Canvas, foot: Point, scale: float, rng: np.random.Generator) -> None:
    """Paint a kiosk or a checkpoint's booth with a striped barrier arm."""
    (x, y), wall = (
        foot,
        vary(rng, pick(rng, ((206, 206, 200), (110, 134, 150), (150, 150, 120))), 8),
    )
    w, h = 0.95 * scale, 2.3 * scale
    canvas.shaded([(x - w, y - h), (x + w, y - h), (x + w, y), (x - w, y)], wall, 0.16)
    canvas.box(x - w * 0.75, y - h * 0.85, x + w * 0.75, y - h * 0.48, (78, 92, 104))
    canvas.box(x - w * 1.15, y - h - 0.14 * scale, x + w * 1.15, y - h, shade(wall, 0.6))
    way = 1 if rng.random() < 0.5 else -1
    for i in range(8):
        left = x + way * (w + 0.4 * i * scale)
        colour = ((206, 48, 44), (236, 234, 228))[i % 2]
        canvas.line(
            [(left, y - scale), (left + way * 0.4 * scale, y - scale)],
            colour,
            max(0.11 * scale, 0.6),
        )


def paint_table(canvas: Canvas, foot: Point, scale: float, rng: np.random.Generator) -> None:
    """Paint a table with a chair."""
    (x, y), wood = foot, vary(rng, pick(rng, ((150, 108, 70), (214, 210, 202), (82, 62, 50))), 8)
    for dx in (-0.6, 0.6, 0.95, 1.3):
        canvas.box(
            x + (dx - 0.03) * scale, y - 0.7 * scale, x + (dx + 0.03) * scale, y, shade(wood, 0.6)
        )
    canvas.box(x - 0.75 * scale, y - 0.76 * scale, x + 0.75 * scale, y - 0.68 * scale, wood)
    canvas.box(
        x + 0.9 * scale, y - 0.5 * scale, x + 1.36 * scale, y - 0.42 * scale, shade(wood, 0.85)
    )
    canvas.box(
        x + 1.3 * scale, y - 1.0 * scale, x + 1.37 * scale, y - 0.42 * scale, shade(wood, 0.75)
    )
    canvas.shaded(
        ring(x - 0.2 * scale, y - 0.88 * scale, 0.1 * scale, 0.13 * scale),
        vary(rng, pick(rng, CLOTH)),
    )


def paint_pot_plant(canvas: Canvas, foot: Point, scale: float, rng: np.random.Generator) -> None:
    """Paint a plant in a pot, about as tall as a child."""
    (x, y), h = foot, float(rng.uniform(0.9, 1.5)) * scale
    leaf = vary(rng, (74, 118, 72), 10)
    for _ in range(9):
        tip = (x + float(rng.uniform(-0.4, 0.4)) * h, y - float(rng.uniform(0.5, 1.0)) * h)
        canvas.limb(
            (x, y - 0.3 * h, 0.02 * h), (*tip, 0.05 * h), shade(leaf, float(rng.uniform(0.8, 1.2)))
        )
    pot = [
        (x - 0.18 * h, y - 0.34 * h),
        (x + 0.18 * h, y - 0.34 * h),
        (x + 0.12 * h, y),
        (x - 0.12 * h, y),
    ]
    canvas.shaded(pot, (176, 102, 70), 0.3)


def paint_luggage(canvas: Canvas, foot: Point, scale: float, rng: np.random.Generator) -> None:
    """Paint bags on the ground that nobody carries."""
    x, unit = foot[0], PERSON_M * scale
    for _ in range(int(rng.integers(1, 5))):
        colour = vary(rng, pick(rng, LUGGAGE))
        at, kind = (x, foot[1] + float(rng.uniform(-0.08, 0.08)) * scale), pick(rng, BAGS)
        if kind == "suitcase":
            paint_suitcase(canvas, at, unit, colour)
        elif kind == "bundle":
            paint_bundle(canvas, at, unit * 1.2, colour)
        else:
            paint_hand_bag(canvas, at, unit, colour)
        x += float(rng.uniform(0.35, 0.6)) * scale

"""Colours of the drawn world, and how they are mixed."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

Colour = tuple[int, int, int]
T = TypeVar("T")

SKIN: tuple[Colour, ...] = (
    (250, 218, 190), (238, 198, 165), (224, 177, 138), (203, 152, 112),
    (176, 124, 86), (147, 98, 66), (116, 76, 52), (88, 58, 42),
)  # fmt: skip
HAIR: tuple[Colour, ...] = (
    (28, 22, 20), (46, 32, 24), (74, 48, 32), (112, 74, 44), (160, 118, 66), (128, 126, 124),
)  # fmt: skip
CLOTH: tuple[Colour, ...] = (
    (196, 58, 52), (222, 120, 56), (232, 186, 74), (96, 142, 82), (58, 108, 92), (62, 126, 158),
    (52, 78, 138), (104, 76, 142), (186, 92, 134), (232, 226, 214), (152, 150, 148), (64, 66, 74),
    (36, 38, 46), (138, 92, 62), (190, 164, 124), (120, 168, 186), (214, 164, 168), (84, 90, 60),
)  # fmt: skip
TROUSERS: tuple[Colour, ...] = (
    (48, 62, 96), (70, 92, 132), (38, 40, 50), (92, 80, 66), (140, 122, 94), (84, 88, 92),
    (52, 58, 48), (112, 60, 56), (176, 162, 138),
)  # fmt: skip
UNIFORM: tuple[Colour, ...] = ((70, 84, 50), (58, 74, 56), (40, 52, 84), (128, 116, 78))
LUGGAGE: tuple[Colour, ...] = (
    (178, 48, 48), (40, 74, 122), (58, 58, 64), (60, 112, 84), (206, 142, 54), (122, 84, 56),
    (112, 70, 128), (48, 128, 142), (206, 92, 116), (198, 184, 150),
)  # fmt: skip
WALLS: tuple[Colour, ...] = (
    (214, 196, 166), (196, 164, 130), (176, 120, 98), (206, 206, 200), (158, 168, 172),
    (222, 208, 150), (150, 174, 158), (200, 158, 150), (132, 122, 118),
)  # fmt: skip


def pick(rng: np.random.Generator, items: Sequence[T]) -> T:
    """Draw one of `items`, each as likely as the others."""
    return items[int(rng.integers(len(items)))]


def shade(colour: Colour, factor: float) -> Colour:
    """Make `colour` darker (`factor` < 1) or brighter (> 1)."""
    r, g, b = colour
    return (min(255, int(r * factor)), min(255, int(g * factor)), min(255, int(b * factor)))


def blend(colour: Colour, other: Colour, amount: float) -> Colour:
    """Mix `amount` (0 to 1) of `other` into `colour`."""
    keep = 1 - amount
    return (
        int(colour[0] * keep + other[0] * amount),
        int(colour[1] * keep + other[1] * amount),
        int(colour[2] * keep + other[2] * amount),
    )


def vary(rng: np.random.Generator, colour: Colour, spread: float = 14.0) -> Colour:
    """Draw a colour near `colour`; `spread` is the standard deviation per channel, 0..255."""
    noise = rng.standard_normal(3) * spread
    r, g, b = (int(min(255.0, max(0.0, c + n))) for c, n in zip(colour, noise, strict=True))
    return (r, g, b)

"""What people wear: civilian clothes of many kinds, and the uniform of a patrol."""

from dataclasses import dataclass

import numpy as np

from cosmop.demo.palette import CLOTH, HAIR, SKIN, TROUSERS, UNIFORM, Colour, pick, shade, vary

HAIR_STYLES = ("short", "short", "long", "bun", "bald")
HEADWEAR = ("none", "none", "none", "none", "cap", "hat", "scarf", "hood", "beanie")
PATTERNS = ("plain", "plain", "stripes", "band", "open", "dots")


@dataclass(frozen=True)
class Outfit:
    """Colours and cuts of one person; see `HAIR_STYLES`, `HEADWEAR`, `PATTERNS` for the words."""

    skin: Colour
    hair: Colour
    top: Colour
    accent: Colour
    bottom: Colour
    shoes: Colour
    hair_style: str = "short"
    headwear: str = "none"
    pattern: str = "plain"
    sleeves: str = "long"
    legwear: str = "trousers"
    is_uniform: bool = False


def draw_outfit(rng: np.random.Generator) -> Outfit:
    """Draw civilian clothes."""
    legwear = pick(rng, ("trousers", "trousers", "trousers", "shorts", "skirt", "dress"))
    top = vary(rng, pick(rng, CLOTH))
    return Outfit(
        skin=vary(rng, pick(rng, SKIN), 6),
        hair=vary(rng, pick(rng, HAIR), 6),
        top=top,
        accent=vary(rng, pick(rng, CLOTH)),
        bottom=top if legwear == "dress" else vary(rng, pick(rng, TROUSERS)),
        shoes=vary(rng, pick(rng, ((40, 36, 34), (92, 66, 46), (226, 222, 214), (70, 72, 84)))),
        hair_style=pick(rng, HAIR_STYLES),
        headwear=pick(rng, HEADWEAR),
        pattern=pick(rng, PATTERNS),
        sleeves=pick(rng, ("long", "long", "short")),
        legwear=legwear,
    )


def draw_uniform(rng: np.random.Generator) -> Outfit:
    """Draw a patrol's uniform: one cloth, cap with badge, black belt and boots."""
    cloth = vary(rng, pick(rng, UNIFORM), 6)
    return Outfit(
        skin=vary(rng, pick(rng, SKIN), 6),
        hair=vary(rng, pick(rng, HAIR), 6),
        top=cloth,
        accent=(222, 186, 72),
        bottom=shade(cloth, 0.82),
        shoes=(26, 24, 24),
        headwear="uniform_cap",
        pattern="vest" if rng.random() < 0.4 else "plain",
        sleeves=pick(rng, ("long", "short")),
        is_uniform=True,
    )

"""Who and what is in a scene, before anything is painted."""

import math
from dataclasses import dataclass

import numpy as np

from cosmop.demo.palette import pick


@dataclass(frozen=True)
class Content:
    """How many of whom, and with what.

    Attributes:
        adults: Civilians, children not counted.
        children: Children.
        patrols: People in uniform.
        bag_share: Probability that a civilian carries a bag; the first one does if it is not 0.
        has_fence: Whether a fence crosses the picture.
        props: Number of ordinary things.
        specials: Names of things that go with a criterion, or would like to be mistaken for it.
    """

    adults: int = 0
    children: int = 0
    patrols: int = 0
    bag_share: float = 0.0
    has_fence: bool = False
    props: int = 0
    specials: tuple[str, ...] = ()


def draw_content(kind: str, rng: np.random.Generator) -> Content:
    """Draw what a scene of `kind` contains.

    Raises:
        KeyError: An unknown kind.
    """
    drawers = {
        "carrying_bags": _bags,
        "with_children": _children,
        "crowd_at_border": _crowd,
        "border_patrol": _patrol,
        "other_people": _others,
        "no_people": _nobody,
    }
    return drawers[kind](rng)


def _chance(rng: np.random.Generator, probability: float) -> bool:
    return bool(rng.random() < probability)


def _between(rng: np.random.Generator, low: int, high: int) -> int:
    return int(rng.integers(low, high + 1))


def _decoys(rng: np.random.Generator, scale: float) -> tuple[str, ...]:
    """Draw things that belong to a criterion, into a scene that does not fulfil it."""
    chances = {"patrol_vehicle": 0.16, "flag": 0.2, "booth": 0.14, "luggage": 0.34}
    return tuple(name for name, chance in chances.items() if _chance(rng, chance * scale))


def _bags(rng: np.random.Generator) -> Content:
    children = _between(rng, 1, 2) if _chance(rng, 0.2) else 0
    return Content(
        _between(rng, 1, 5), children, bag_share=0.8, has_fence=_chance(rng, 0.45),
        props=_between(rng, 1, 6), specials=_decoys(rng, 0.4),
    )  # fmt: skip


def _children(rng: np.random.Generator) -> Content:
    return Content(
        _between(rng, 1, 3), _between(rng, 1, 3), bag_share=0.6 if _chance(rng, 0.3) else 0.0,
        has_fence=_chance(rng, 0.45), props=_between(rng, 1, 6), specials=_decoys(rng, 0.4),
    )  # fmt: skip


def _crowd(rng: np.random.Generator) -> Content:
    return Content(
        adults=_between(rng, 9, 15),
        children=_between(rng, 1, 3) if _chance(rng, 0.4) else 0,
        patrols=_between(rng, 1, 2) if _chance(rng, 0.12) else 0,
        bag_share=0.45 if _chance(rng, 0.5) else 0.0,
        has_fence=True,
        props=_between(rng, 1, 6),
        specials=_decoys(rng, 0.4),
    )


def _patrol(rng: np.random.Generator) -> Content:
    cue = pick(rng, ("patrol_vehicle", "patrol_vehicle", "flag", "booth"))
    civilians = _between(rng, 1, 4) if _chance(rng, 0.4) else 0
    return Content(
        adults=civilians,
        children=1 if civilians and _chance(rng, 0.15) else 0,
        patrols=_between(rng, 1, 4),
        bag_share=0.7 if _chance(rng, 0.4) else 0.0,
        has_fence=_chance(rng, 0.45),
        props=_between(rng, 0, 5),
        specials=tuple({cue: None, **dict.fromkeys(_decoys(rng, 0.4))}),
    )


def _others(rng: np.random.Generator) -> Content:
    adults = _between(rng, 7, 13) if _chance(rng, 0.3) else _between(rng, 1, 4)
    fence = adults < 6 and _chance(rng, 0.45)
    return Content(
        adults, has_fence=fence, props=_between(rng, 1, 7), specials=_decoys(rng, 0.5)[:2]
    )


def _nobody(rng: np.random.Generator) -> Content:
    lookalikes = ("lookalike",) * (_between(rng, 1, 3) if _chance(rng, 0.55) else 0)
    return Content(
        has_fence=_chance(rng, 0.5),
        props=_between(rng, 4, 11),
        specials=(*_decoys(rng, 1.0), *lookalikes),
    )


def draw_stature(content: Content, rng: np.random.Generator) -> float:
    """Draw how tall a grown person is at the main row, as a share of the picture's height."""
    people = content.adults + content.children + content.patrols
    low, high = (0.26, 0.64) if people >= 6 else (0.28, 0.8)
    return math.exp(float(rng.uniform(math.log(low), math.log(high))))

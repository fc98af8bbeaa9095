"""Titles and keywords as people write them: mostly to the point, often vague, at times wrong."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from cosmop.demo.palette import pick

COUNTRIES = (
    "Peru", "Ecuador", "Colombia", "Chile", "Bolivia", "Brazil", "Venezuela", "Panama", "Mexico",
    "Guatemala",
)  # fmt: skip
CHANNELS = ("search", "posts", "both")

_PHRASES: dict[str, tuple[str, ...]] = {
    "carrying_bags": (
        "people carrying bags", "travellers with luggage", "migrants with backpacks",
        "carrying everything they own", "a walk with heavy bags",
    ),
    "with_children": (
        "families with children", "mother and child", "parents and kids on the way",
        "a family walking", "migrants with children",
    ),
    "crowd_at_border": (
        "crowd at the border", "people waiting at the fence", "crowded border crossing",
        "hundreds queue at the border", "immigration queue",
    ),
    "border_patrol": (
        "border patrol", "patrol officers at work", "border police check",
        "immigration officers on patrol", "checkpoint with border patrol",
    ),
    "other_people": (
        "people in the street", "a quiet afternoon", "neighbours", "portrait of a walk",
        "locals near the border", "market day",
    ),
    "no_people": (
        "landscape", "empty road", "the border fence", "old trees", "a view of the valley",
        "lost luggage", "parked car", "statue in the park", "room with a view",
    ),
}  # fmt: skip
_WORDS: dict[str, tuple[str, ...]] = {
    "carrying_bags": ("people", "carrying", "bags", "luggage", "backpack", "migrants", "suitcase"),
    "with_children": ("people", "children", "family", "kids", "mother", "migrants"),
    "crowd_at_border": ("people", "crowd", "border", "fence", "queue", "immigration", "crossing"),
    "border_patrol": ("border", "patrol", "police", "officers", "uniform", "checkpoint"),
    "other_people": ("people", "street", "daily", "life", "walk", "portrait", "city"),
    "no_people": ("landscape", "nature", "architecture", "travel", "object", "fence", "still"),
}  # fmt: skip
_ANYWHERE = (
    "photo",
    "travel",
    "2019",
    "2020",
    "news",
    "border",
    "morning",
    "evening",
    "crossing",
    "image",
)
_TAILS = (
    "",
    "",
    ", archive",
    ", day 3",
    " (part 2)",
    ", photo",
    ", view from the road",
    " #onthemove",
)
_UNTITLED = ("photo", "untitled", "IMG", "travel notes")
_LICENCES = ("CC BY 4.0", "CC BY-SA 4.0", "CC0 1.0", "all rights reserved", "")
_EPOCH = datetime(2018, 1, 1, tzinfo=UTC)
_VAGUE, _WRONG = 0.18, 0.08  # shares of titles


@dataclass(frozen=True)
class Caption:
    """What a page says about an image; ``channel`` is where it is published."""

    title: str
    keywords: str
    licence: str
    channel: str
    taken_at: str


def draw_caption(kind: str, criteria: tuple[str, ...], rng: np.random.Generator) -> Caption:
    """Draw a caption for a scene of `kind` that fulfils `criteria`."""
    themes = criteria or (kind,)
    chance = float(rng.random())
    if chance < _WRONG:
        themes = (pick(rng, tuple(_PHRASES)),)
    country = pick(rng, COUNTRIES)
    is_vague = chance > 1 - _VAGUE
    phrase = pick(rng, _UNTITLED if is_vague else _PHRASES[pick(rng, themes)])
    place = pick(rng, (f" in {country}", f", {country}", f" near the {country} border", ""))
    words = [word for theme in themes for word in _WORDS[theme] if rng.random() < 0.5]
    words += [word for word in _ANYWHERE if rng.random() < 0.2]
    if rng.random() < 0.6:
        words.append(country)
    channel = ("search", "posts", "both")[int(np.searchsorted((0.5, 0.75), rng.random()))]
    return Caption(
        title=f"{phrase}{place}{pick(rng, _TAILS)}",
        keywords=" ".join(dict.fromkeys(words)),
        licence=pick(rng, _LICENCES),
        channel=channel,
        taken_at=(_EPOCH + timedelta(minutes=int(rng.integers(0, 5 * 365 * 24 * 60)))).isoformat(),
    )

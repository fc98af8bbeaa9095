"""Which things are found where, and how much room and shadow they take."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cosmop.demo import nature, things
from cosmop.demo.canvas import Canvas
from cosmop.demo.geometry import Point

Painter = Callable[[Canvas, Point, float, np.random.Generator], None]


@dataclass(frozen=True)
class Prop:
    """A kind of thing: its painter, half its width and its height in metres (for the shadow)."""

    paint: Painter
    half_width_m: float
    height_m: float


PROPS: dict[str, Prop] = {
    "tree": Prop(nature.paint_tree, 0.9, 3.5),
    "conifer": Prop(nature.paint_conifer, 0.8, 3.5),
    "palm": Prop(nature.paint_palm, 0.7, 3.0),
    "bush": Prop(nature.paint_bush, 0.6, 0.8),
    "cactus": Prop(nature.paint_cactus, 0.25, 1.8),
    "rock": Prop(nature.paint_rock, 0.5, 0.6),
    "dog": Prop(nature.paint_dog, 0.35, 0.5),
    "goat": Prop(nature.paint_goat, 0.5, 0.7),
    "horse": Prop(nature.paint_horse, 0.9, 1.4),
    "birds": Prop(nature.paint_birds, 0.4, 0.2),
    "car": Prop(things.paint_car, 2.1, 1.2),
    "van": Prop(things.paint_van, 2.3, 1.8),
    "patrol_vehicle": Prop(things.paint_patrol_vehicle, 2.2, 1.5),
    "lamp": Prop(things.paint_lamp, 0.15, 3.5),
    "sign": Prop(things.paint_sign, 0.15, 2.0),
    "bench": Prop(things.paint_bench, 0.9, 0.7),
    "crates": Prop(things.paint_crates, 0.6, 1.1),
    "barrels": Prop(things.paint_barrels, 0.6, 0.8),
    "statue": Prop(things.paint_statue, 0.4, 2.2),
    "scarecrow": Prop(things.paint_scarecrow, 0.3, 1.6),
    "coat_stand": Prop(things.paint_coat_stand, 0.25, 1.6),
    "flag": Prop(things.paint_flag, 0.15, 3.5),
    "booth": Prop(things.paint_booth, 1.0, 2.0),
    "table": Prop(things.paint_table, 0.9, 0.8),
    "pot_plant": Prop(things.paint_pot_plant, 0.25, 1.0),
    "luggage": Prop(things.paint_luggage, 0.4, 0.5),
}

BY_PLACE: dict[str, tuple[str, ...]] = {
    place: tuple(names.split())
    for place, names in {
        "town": "tree car van lamp lamp sign bench birds dog crates pot_plant bush",
        "desert": "cactus cactus rock rock bush barrels goat van sign horse",
        "field": "tree tree conifer bush rock goat horse dog crates sign",
        "river": "tree bush bush rock rock goat birds dog palm horse",
        "road": "tree sign sign bush car van lamp rock palm horse goat",
        "indoor": "table table pot_plant pot_plant crates bench dog barrels",
        "camp": "crates crates barrels barrels dog goat bush van bench birds",
    }.items()
}
"""Things that are common in a place; twice where they are twice as common."""

LOOKALIKES: dict[str, tuple[str, ...]] = {
    "town": ("statue", "statue", "sign", "coat_stand"),
    "desert": ("cactus", "statue", "scarecrow"),
    "field": ("scarecrow", "scarecrow", "statue"),
    "river": ("statue", "scarecrow"),
    "road": ("sign", "statue", "scarecrow"),
    "indoor": ("coat_stand", "coat_stand", "statue"),
    "camp": ("coat_stand", "scarecrow", "statue"),
}
"""Things that a careless classifier takes for people."""

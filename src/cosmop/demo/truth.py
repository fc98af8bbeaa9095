"""What is true about a drawn scene."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from cosmop.demo.geometry import Point

CRITERIA = ("carrying_bags", "with_children", "crowd_at_border", "border_patrol")
KINDS = (*CRITERIA, "other_people", "no_people")
CROWD_FROM = 8  # people

Mask = np.ndarray[tuple[int, int], np.dtype[np.uint8]]


@dataclass(frozen=True)
class PersonTruth:
    """One person.

    Attributes:
        box: x0, y0, x1, y1 in pixels around the whole person, hidden parts included; it may reach
            beyond the picture.
        visible_fraction: Share of the pixels painted for the person that nothing painted later
            hides, 0 to 1.
        is_child: Whether it is a child.
        is_patrol: Whether it wears the patrol's uniform.
        bags: What the person carries.
        joints: Position in pixels of each of `cosmop.demo.skeleton.JOINTS`.
    """

    box: tuple[float, float, float, float]
    visible_fraction: float
    is_child: bool
    is_patrol: bool
    bags: tuple[str, ...]
    joints: dict[str, Point]


@dataclass(frozen=True)
class SceneTruth:
    """Everything that is known about a scene by construction.

    Attributes:
        kind: One of the `KINDS`: why the scene was drawn.
        criteria: Which of the `CRITERIA` hold.
        people: The people, in the order of their numbers in the mask.
        instance_mask: uint8 [H, W]: 0 background and things, k the visible pixels of person k
            (counted from 1).
    """

    kind: str
    criteria: tuple[str, ...]
    people: tuple[PersonTruth, ...]
    instance_mask: Mask


@dataclass(frozen=True)
class Scene:
    """A drawn photograph and its truth."""

    image: Image.Image
    truth: SceneTruth

"""Cutting images out of photographs whose people are known: single people, and nobody at all.

Every window has the shape of the frame, which is the whole photograph, or its largest part of a
given aspect. So the shape of an image says nothing of whether it was cut around a person, around
nobody, or not at all.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cosmop.people.sources.photos import Boxes, KnownPeople

_TRIES = 200
_Windows = NDArray[np.float64]  # [N, 4] or [4]: left, top, right, bottom in pixels
_Size = tuple[int, int]  # width, height


@dataclass(frozen=True)
class CutOut:
    """A part of a photograph.

    Attributes:
        kind: ``"photo"``, ``"person_crop"`` or ``"person_free_crop"``.
        window: Left, top, right, bottom in pixels.
    """

    kind: str
    window: tuple[int, int, int, int]


@dataclass(frozen=True)
class Framing:
    """How large a photograph is, and how large a window may be.

    Attributes:
        size: Width and height of the photograph in pixels.
        frame: Width and height of the largest window; all others have its shape.
        shortest_px: Longer side of the smallest window.
    """

    size: _Size
    frame: _Size
    shortest_px: float


def framing_of(size: _Size, aspect: float | None, shortest_px: float) -> Framing:
    """Return the framing for windows of an aspect (width over height); None keeps the photo's."""
    width, height = size
    if aspect is None:
        return Framing(size, size, shortest_px)
    frame = (min(width, round(height * aspect)), min(height, round(width / aspect)))
    return Framing(size, frame, shortest_px)


def whole_photo(people: KnownPeople, framing: Framing) -> CutOut:
    """Return the largest window, around the tallest person where there is one."""
    tallest = np.array([0, 0, *framing.size], dtype=np.float32)
    if len(people.visible):
        tallest = people.visible[(people.visible[:, 3] - people.visible[:, 1]).argmax()]
    return _cut("photo", _placed(tallest, framing, 1.0))


def person_crops(
    people: KnownPeople, framing: Framing, count: int, margin_share: float
) -> list[CutOut]:
    """Cut out single people, those first with whom the fewest others are in the picture.

    Args:
        people: Of the photograph.
        framing: Windows that would be too small are left out.
        count: At most so many.
        margin_share: Room on each side, as a share of the visible box.
    """
    if len(people.visible) == 0 or count == 0:
        return []
    windows = np.array([_around(box, framing, margin_share) for box in people.visible])
    is_large = _longer_sides(windows) >= framing.shortest_px
    others = _meets(windows[:, None], people.taken[None]).sum(1)
    order = np.lexsort((-_longer_sides(windows), others))
    return [_cut("person_crop", windows[at]) for at in order if is_large[at]][:count]


def person_free_crops(
    people: KnownPeople, framing: Framing, count: int, chance: np.random.Generator
) -> list[CutOut]:
    """Cut out regions that meet no box, no mask and not one another.

    Of 200 windows of random place and size, the first that are free are taken; there may be none.

    Args:
        people: Of the photograph.
        framing: Of the photograph.
        count: At most so many.
        chance: Draws the windows.
    """
    smallest = framing.shortest_px / max(framing.frame)
    if smallest > 1:
        return []
    scales = np.exp(chance.uniform(np.log(smallest), 0, _TRIES))
    sides = np.maximum(1, np.round(scales[:, None] * np.asarray(framing.frame)))
    corners = np.round(chance.uniform(size=(_TRIES, 2)) * (np.asarray(framing.size) - sides))
    windows = np.concatenate([corners, corners + sides], axis=1)
    free = windows[~_meets(windows[:, None], people.taken[None]).any(1)]
    chosen: list[_Windows] = []
    while len(free) and len(chosen) < count:
        chosen.append(free[0])
        free = free[~_meets(free, free[0])]
    return [_cut("person_free_crop", window) for window in chosen]


def people_within(visible: Boxes, window: tuple[int, int, int, int]) -> tuple[int, float]:
    """Return how many people are at least half within a window, and the tallest one's share of it.

    The share is the height of what is visible in the window over its height, 0 without people.
    """
    inside = np.concatenate(
        [np.maximum(visible[:, :2], window[:2]), np.minimum(visible[:, 2:], window[2:])], axis=1
    )
    is_within = 2 * _areas(inside) >= np.maximum(_areas(visible), 1e-9)
    heights = (inside[:, 3] - inside[:, 1])[is_within]
    height = window[3] - window[1]
    return int(is_within.sum()), float(heights.max(initial=0) / height)


def _around(box: NDArray[np.float32], framing: Framing, margin_share: float) -> _Windows:
    """Return the smallest window of the frame's shape around a box with margin."""
    left, top, right, bottom = np.clip(box.astype(float), 0, [*framing.size, *framing.size])
    wide, tall = (right - left) * (1 + 2 * margin_share), (bottom - top) * (1 + 2 * margin_share)
    width, height = framing.frame
    return _placed(box, framing, min(1.0, max(wide / width, tall / height)))


def _placed(box: NDArray[np.float32], framing: Framing, scale: float) -> _Windows:
    """Return a window of `scale` times the frame, its middle as near to that of `box` as can be."""
    whole = np.asarray(framing.size, dtype=float)
    left, top, right, bottom = np.clip(box.astype(float), 0, [*whole, *whole])
    sides = np.ceil(np.asarray(framing.frame) * scale)
    middle = np.array([left + right, top + bottom]) / 2
    corner = np.clip(np.floor(middle - sides / 2), 0, whole - sides)
    return np.concatenate([corner, corner + sides])


def _meets(windows: _Windows, boxes: _Windows | Boxes) -> NDArray[np.bool_]:
    """Tell whether windows and boxes (broadcast over the last axis) have an area in common."""
    low = np.maximum(windows[..., :2], boxes[..., :2])
    high = np.minimum(windows[..., 2:], boxes[..., 2:])
    return np.asarray((high > low).all(-1))


def _areas(boxes: _Windows | Boxes) -> NDArray[np.floating]:
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    return sides[:, 0] * sides[:, 1]


def _longer_sides(windows: _Windows) -> _Windows:
    return np.asarray((windows[:, 2:] - windows[:, :2]).max(1))


def _cut(kind: str, window: _Windows) -> CutOut:
    left, top, right, bottom = (int(edge) for edge in window)
    return CutOut(kind, (left, top, right, bottom))

"""Photograph-like scenes, drawn from a seed, of which everything is known.

Whatever differs between kinds of scene differs in *what is there*, never in the camera, the place,
the light or the amount of clutter: those are drawn in the same way for all kinds, and every thing
that goes with a criterion (bags, fences, flags, patrol vehicles) is also found without people.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from cosmop.demo.backdrops import paint_backdrop
from cosmop.demo.barriers import draw_fence, paint_fence
from cosmop.demo.canvas import Canvas
from cosmop.demo.cast import PlacedPerson, cast_people
from cosmop.demo.composition import Content, draw_content, draw_stature
from cosmop.demo.figures import paint_figure
from cosmop.demo.palette import WALLS, pick, vary
from cosmop.demo.photography import develop
from cosmop.demo.props import BY_PLACE, LOOKALIKES, PROPS
from cosmop.demo.settings import Setting, draw_setting, paint_base
from cosmop.demo.skeleton import JOINTS
from cosmop.demo.truth import CROWD_FROM, KINDS, Mask, PersonTruth, Scene, SceneTruth

__all__ = ["KINDS", "Scene", "draw_scene"]

_LEAST_VISIBLE = 0.12  # of a person; who is hidden more is nobody
_LEAST_PIXELS = 12
_ATTEMPTS = 20


@dataclass(frozen=True)
class _Item:
    """Something to paint at a row; rows are painted from far to near."""

    row: float
    x: float
    half_width_px: float
    height_px: float
    paint: Callable[[Canvas], None]


def draw_scene(kind: str, rng: np.random.Generator, size: tuple[int, int] = (240, 320)) -> Scene:
    """Draw a scene of `kind`.

    Args:
        kind: One of `KINDS`.
        rng: Source of all that varies; the same state gives the same pixels.
        size: Height and width in pixels.

    Raises:
        KeyError: An unknown kind.
    """
    for _ in range(_ATTEMPTS):
        scene = _attempt(kind, rng, size)
        if _is_of_kind(scene.truth):
            return scene
    raise RuntimeError(f"No scene of kind {kind!r} came out in {_ATTEMPTS} attempts.")


def _is_of_kind(truth: SceneTruth) -> bool:
    """Whether occlusion has left what the kind promises, and no more."""
    if truth.kind == "no_people":
        return not truth.people
    if truth.kind == "other_people":
        return bool(truth.people) and not truth.criteria
    return truth.kind in truth.criteria


def _attempt(kind: str, rng: np.random.Generator, size: tuple[int, int]) -> Scene:
    content = draw_content(kind, rng)
    person_px = draw_stature(content, rng) * size[0]
    setting = draw_setting(rng, size, person_px)
    canvas = Canvas(paint_base(rng, setting, vary(rng, pick(rng, WALLS))), setting.light)
    paint_backdrop(canvas, setting, rng)
    people = cast_people(rng, content, setting, person_px)
    painted: dict[int, tuple[list[float], int]] = {}
    items = [_person_item(person, i + 1, painted) for i, person in enumerate(people)]
    items += _prop_items(rng, content, setting, person_px)
    items += _fence_items(rng, content, setting, person_px)
    _cast_shadows(canvas, setting, items)
    for item in sorted(items, key=lambda item: item.row):
        canvas.set_haze(setting.haze, setting.haze_at(item.row))
        item.paint(canvas)
    truth = _truth(kind, content, people, painted, canvas.mask())
    return Scene(develop(canvas.picture(), setting, rng), truth)


def _person_item(
    person: PlacedPerson, number: int, painted: dict[int, tuple[list[float], int]]
) -> _Item:
    skeleton = person.figure.skeleton
    stature = skeleton.stature

    def paint(canvas: Canvas) -> None:
        if person.seat is not None:
            person.seat(canvas)
        with canvas.person(number) as extent:
            paint_figure(canvas, person.figure)
        painted[number] = (extent, canvas.count(number))

    return _Item(skeleton.foot[1], skeleton.foot[0], 0.14 * stature, stature, paint)


def _prop_items(
    rng: np.random.Generator, content: Content, setting: Setting, person_px: float
) -> list[_Item]:
    names = [pick(rng, BY_PLACE[setting.place]) for _ in range(content.props)]
    names += [
        pick(rng, LOOKALIKES[setting.place]) if name == "lookalike" else name
        for name in content.specials
    ]
    return [_prop_item(rng, name, setting, person_px) for name in names]


def _prop_item(rng: np.random.Generator, name: str, setting: Setting, person_px: float) -> _Item:
    """Place a prop: mostly behind the main row of people, at times in front, low things only."""
    prop = PROPS[name]
    main = min(setting.row_for(person_px), setting.size[0] * 0.97)
    far = setting.ground_top + 0.04 * (setting.size[0] - setting.ground_top)
    row = far + (main - far) * float(rng.uniform(0.0, 1.0)) ** 0.8
    if prop.height_m < 1.0 and rng.random() < 0.25:
        row = min(main + float(rng.uniform(0.01, 0.12)) * setting.size[0], setting.size[0] * 1.0)
    x = float(rng.uniform(0.03, 0.97)) * setting.size[1]
    scale = setting.scale(row)
    seed = rng.spawn(1)[0]
    return _Item(
        row, x, prop.half_width_m * scale, prop.height_m * scale,
        lambda canvas: prop.paint(canvas, (x, row), scale, seed),
    )  # fmt: skip


def _fence_items(
    rng: np.random.Generator, content: Content, setting: Setting, person_px: float
) -> list[_Item]:
    if not content.has_fence:
        return []
    in_front = bool(rng.random() < 0.33)
    fence = draw_fence(rng, in_front=in_front)
    main = setting.row_for(person_px)
    if in_front:
        row = min(main + 0.03 * setting.size[0], setting.size[0] * 0.985)
    else:
        row = setting.ground_top + (main - setting.ground_top) * float(rng.uniform(0.25, 0.7))
    scale = setting.scale(row)
    return [_Item(row, -1e4, 0.0, 0.0, lambda canvas: paint_fence(canvas, fence, row, scale))]


def _cast_shadows(canvas: Canvas, setting: Setting, items: list[_Item]) -> None:
    """Darken the ground behind every thing, away from the light."""
    top = int(setting.ground_top)
    shadow = Image.new("L", (canvas.width, canvas.height - top), 0)
    pen = ImageDraw.Draw(shadow)
    for item in items:
        length = 0.45 * item.height_px * abs(setting.light)
        x = item.x - float(np.sign(setting.light)) * length * 0.45
        half = item.half_width_px + length * 0.5
        depth = max(0.24 * item.half_width_px + 0.05 * length, 1.0)
        y = item.row - top
        pen.ellipse((x - half, y - depth, x + half, y + depth * 0.8), fill=255)
    canvas.darken(shadow.filter(ImageFilter.BoxBlur(1.6)), top, setting.shadow)


def _truth(
    kind: str, content: Content, people: list[PlacedPerson],
    painted: dict[int, tuple[list[float], int]], mask: Mask,
) -> SceneTruth:  # fmt: skip
    visible = np.bincount(mask.ravel(), minlength=len(people) + 1)
    numbers = np.zeros(256, dtype=np.uint8)
    kept: list[PersonTruth] = []
    for number, person in enumerate(people, start=1):
        extent, area = painted[number]
        fraction = float(visible[number]) / max(area, 1)
        if visible[number] < _LEAST_PIXELS or fraction < _LEAST_VISIBLE:
            continue
        kept.append(_person_truth(person, extent, fraction))
        numbers[number] = len(kept)
    truth = SceneTruth(kind, (), tuple(kept), numbers[mask])
    return replace(truth, criteria=_criteria(truth, content))


def _person_truth(person: PlacedPerson, extent: list[float], fraction: float) -> PersonTruth:
    figure = person.figure
    return PersonTruth(
        box=(float(extent[0]), float(extent[1]), float(extent[2]), float(extent[3])),
        visible_fraction=fraction,
        is_child=figure.is_child,
        is_patrol=figure.outfit.is_uniform,
        bags=tuple(bag.kind for bag in figure.baggage),
        joints={name: figure.skeleton.points[name] for name in JOINTS},
    )


def _criteria(truth: SceneTruth, content: Content) -> tuple[str, ...]:
    people = truth.people
    holds = {
        "carrying_bags": any(person.bags for person in people),
        "with_children": any(person.is_child for person in people),
        "crowd_at_border": content.has_fence and len(people) >= CROWD_FROM,
        "border_patrol": any(person.is_patrol for person in people),
    }
    return tuple(name for name, is_true in holds.items() if is_true)

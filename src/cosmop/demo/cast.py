"""Casting: where people stand, how they hold themselves, what they wear and carry."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from cosmop.demo.baggage import BAGS, draw_baggage, hold
from cosmop.demo.canvas import Canvas
from cosmop.demo.composition import Content
from cosmop.demo.figures import Figure
from cosmop.demo.geometry import blob, mix
from cosmop.demo.outfits import draw_outfit, draw_uniform
from cosmop.demo.palette import Colour, pick, shade, vary
from cosmop.demo.settings import Setting
from cosmop.demo.skeleton import ADULT, CHILD, Build, Skeleton, draw_pose, project

_SEATS: tuple[Colour, ...] = ((150, 116, 78), (140, 134, 126), (96, 112, 124), (170, 92, 66))


@dataclass(frozen=True)
class PlacedPerson:
    """A figure in its place, and the painter of what it sits on, if it sits."""

    figure: Figure
    seat: Callable[[Canvas], None] | None = None


@dataclass(frozen=True)
class _Place:
    x: float
    row: float


def cast_people(
    rng: np.random.Generator, content: Content, setting: Setting, person_px: float
) -> list[PlacedPerson]:
    """Draw all people of a scene, grown-ups first, each child beside one of them."""
    grown = content.adults + content.patrols
    if grown == 0:
        return []
    places = _draw_places(rng, grown, setting, person_px)
    # One way for all, mostly: groups walk together.
    way, activity = float(rng.uniform(-math.pi, math.pi)), _draw_activity(rng, content)
    people = [
        _grown_up(rng, content, setting, place, i, (way, activity))
        for i, place in enumerate(places)
    ]
    civilians = list(range(content.patrols, grown)) or [0]
    for i in range(content.children):
        parent = civilians[i % len(civilians)]
        people[parent], child = _with_child(rng, setting, people[parent], content)
        people.append(child)
    return people


def _draw_activity(rng: np.random.Generator, content: Content) -> str:
    needs_legs = content.children or content.bag_share or content.patrols
    words = ("walking", "walking", "standing") if needs_legs else ("walking", "standing", "sitting")
    return pick(rng, words)


def _draw_places(
    rng: np.random.Generator, count: int, setting: Setting, person_px: float
) -> list[_Place]:
    """Draw feet: spread over the width for many, a group for few; nobody exactly behind another."""
    height, width = setting.size
    main = setting.row_for(person_px)
    span = min(count * person_px * float(rng.uniform(0.32, 0.6)), width * 0.9)
    margin = 0.2 * person_px
    centre = float(
        rng.uniform(span / 2 + margin, max(width - span / 2 - margin, span / 2 + margin + 1))
    )
    places = []
    for i in rng.permutation(count):
        x = centre + ((int(i) + float(rng.uniform(0.15, 0.85))) / count - 0.5) * span
        back = float(rng.uniform(0.0, 0.35)) if count > 1 else 0.0
        row = main - back * (main - max(setting.ground_top, setting.horizon))
        row = float(np.clip(row, setting.row_for(0.09 * height), height * 0.985))
        places.append(_Place(float(np.clip(x, margin, width - margin)), row))
    return places


def _grown_up(
    rng: np.random.Generator, content: Content, setting: Setting, place: _Place, index: int,
    habit: tuple[float, str],
) -> PlacedPerson:  # fmt: skip
    is_patrol = index < content.patrols
    way, activity = habit
    if rng.random() < 0.25:
        activity = pick(rng, ("walking", "standing"))
    if is_patrol:
        activity = pick(rng, ("standing", "standing", "walking"))
    together = rng.random() < 0.7
    yaw = way + float(rng.normal(0, 0.35)) if together else float(rng.uniform(-math.pi, math.pi))
    stature = setting.scale(place.row) * float(rng.uniform(1.55, 1.86))
    skeleton = project(
        draw_pose(rng, activity, yaw), _draw_build(rng, ADULT), (place.x, place.row), stature
    )
    figure = Figure(skeleton, draw_uniform(rng) if is_patrol else draw_outfit(rng))
    first = index == content.patrols
    if not is_patrol and content.bag_share and (first or rng.random() < content.bag_share):
        figure = _with_bags(rng, figure)
    if activity == "sitting":
        return PlacedPerson(*_seated(rng, figure))
    return PlacedPerson(figure)


def _draw_build(rng: np.random.Generator, build: Build) -> Build:
    return replace(
        build,
        girth=build.girth * float(rng.uniform(0.9, 1.28)),
        shoulder=build.shoulder * float(rng.uniform(0.88, 1.08)),
        head=build.head * float(rng.uniform(0.95, 1.08)),
    )


def _with_bags(rng: np.random.Generator, figure: Figure) -> Figure:
    """Give one bag, or a second on the other side."""
    kinds = [pick(rng, BAGS)]
    if rng.random() < 0.3:
        kinds.append(pick(rng, [kind for kind in BAGS if kind not in kinds]))
    sides = ("left", "right") if rng.random() < 0.5 else ("right", "left")
    bags = tuple(draw_baggage(rng, kind, side) for kind, side in zip(kinds, sides, strict=False))
    skeleton = figure.skeleton
    for bag in bags:
        skeleton = hold(skeleton, bag)
    outfit = figure.outfit
    if "bundle" in kinds:
        outfit = replace(outfit, headwear="none", hair_style="short")
    return replace(figure, skeleton=skeleton, baggage=bags, outfit=outfit)


def _seated(rng: np.random.Generator, figure: Figure) -> tuple[Figure, Callable[[Canvas], None]]:
    """Put a crate or a stone below the pelvis."""
    s, colour = figure.skeleton, vary(rng, pick(rng, _SEATS))
    pelvis, h = s.points["pelvis"], s.stature
    corner = 0.03 * h
    outline = blob(
        [
            (pelvis[0] + dx * h, y, corner)
            for dx in (-0.14, 0.14)
            for y in (pelvis[1] + 0.08 * h, s.foot[1] - corner)
        ]
    )
    return figure, lambda canvas: canvas.shaded(outline, shade(colour, 0.95), 0.3)


def _with_child(
    rng: np.random.Generator, setting: Setting, parent: PlacedPerson, content: Content
) -> tuple[PlacedPerson, PlacedPerson]:
    """Place a child beside `parent`, mostly hand in hand."""
    s = parent.figure.skeleton
    stature = s.stature * float(rng.uniform(0.48, 0.7))
    busy = {bag.side for bag in parent.figure.baggage if bag.kind != "backpack"}
    free = [side for side in ("left", "right") if side not in busy]
    side = pick(rng, free) if free else "left"
    out = 1.0 if s.points[f"{side}_shoulder"][0] >= s.foot[0] else -1.0
    x = float(
        np.clip(s.foot[0] + out * s.stature * float(rng.uniform(0.2, 0.3)), 4, setting.size[1] - 4)
    )
    foot = (x, s.foot[1] + 0.02 * s.stature)
    pose = draw_pose(rng, pick(rng, ("walking", "standing")), s.yaw + float(rng.normal(0, 0.3)))
    child = project(pose, _draw_build(rng, CHILD), foot, stature)
    if free and rng.random() < 0.75:
        s, child = _hand_in_hand(s, child, side)
    figure = Figure(child, draw_outfit(rng), is_child=True)
    if content.bag_share and rng.random() < 0.25:
        figure = replace(figure, baggage=(draw_baggage(rng, "backpack"),))
    return replace(parent, figure=replace(parent.figure, skeleton=s)), PlacedPerson(figure)


def _hand_in_hand(parent: Skeleton, child: Skeleton, side: str) -> tuple[Skeleton, Skeleton]:
    near = child.side_towards(parent.foot[0])
    shoulder, small = parent.points[f"{side}_shoulder"], child.points[f"{near}_shoulder"]
    hands = mix(shoulder, small, 0.62)
    hands = (hands[0], max(hands[1], small[1] + 0.02 * child.stature))
    return parent.reaching(side, hands), child.reaching(near, hands)

"""People: a skeleton, an outfit and what they carry, painted from far limb to near limb."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from cosmop.demo.baggage import Baggage, baggage_parts
from cosmop.demo.canvas import Canvas
from cosmop.demo.geometry import Circle, Point, blob, mix
from cosmop.demo.heads import paint_head
from cosmop.demo.outfits import Outfit
from cosmop.demo.palette import shade
from cosmop.demo.skeleton import SIDES, Skeleton

DETAIL_FROM_PX = 42.0  # smaller people get no buttons

Part = tuple[float, Callable[[], None]]  # depth (larger is nearer), painter


@dataclass(frozen=True)
class Figure:
    """One person to be painted."""

    skeleton: Skeleton
    outfit: Outfit
    baggage: tuple[Baggage, ...] = ()
    is_child: bool = False


def paint_figure(canvas: Canvas, figure: Figure) -> None:
    """Paint `figure`, its parts sorted by depth, so that the near arm hides the torso."""
    skeleton = figure.skeleton
    parts: list[Part] = [(0.0, lambda: _paint_torso(canvas, figure))]
    for side in SIDES:
        parts += [_leg(canvas, figure, side), _arm(canvas, figure, side)]
    if figure.outfit.legwear in ("skirt", "dress"):
        parts.append((-0.001, lambda: _paint_skirt(canvas, figure)))
    facing = math.cos(skeleton.yaw)
    parts.append((0.004, lambda: paint_head(canvas, skeleton, figure.outfit)))
    for bag in figure.baggage:
        parts += baggage_parts(canvas, skeleton, bag, facing)
    for _, paint in sorted(parts, key=lambda part: part[0]):
        paint()


def _circle(skeleton: Skeleton, point: Point, radius: float) -> Circle:
    return (*point, radius * skeleton.stature * skeleton.build.girth)


def _leg(canvas: Canvas, figure: Figure, side: str) -> Part:
    s, outfit = figure.skeleton, figure.outfit
    hip, knee, ankle = (s.points[f"{side}_{name}"] for name in ("hip", "knee", "ankle"))
    bare = outfit.legwear in ("shorts", "skirt", "dress")
    far = s.depths[f"{side}_hip"] < -0.02
    cloth = shade(outfit.bottom, 0.86 if far else 1.0)

    def paint() -> None:
        toe_x = math.sin(s.yaw) * 0.075 * s.stature
        toe = (ankle[0] + toe_x, ankle[1] + (0.022 + 0.012 * max(math.cos(s.yaw), 0)) * s.stature)
        heel = _circle(s, (ankle[0], ankle[1] + 0.016 * s.stature), 0.028)
        canvas.limb(heel, _circle(s, toe, 0.022), outfit.shoes)
        canvas.limb(
            _circle(s, knee, 0.036), _circle(s, ankle, 0.027), outfit.skin if bare else cloth
        )
        canvas.limb(_circle(s, hip, 0.052), _circle(s, knee, 0.039), cloth)
        if outfit.is_uniform:
            canvas.limb(_circle(s, mix(knee, ankle, 0.5), 0.03), heel, outfit.shoes)

    depth = (s.depths[f"{side}_hip"] + s.depths[f"{side}_knee"] + s.depths[f"{side}_ankle"]) / 3
    return (depth - 0.06, paint)


def _arm(canvas: Canvas, figure: Figure, side: str) -> Part:
    s, outfit = figure.skeleton, figure.outfit
    shoulder, elbow, wrist = (s.points[f"{side}_{name}"] for name in ("shoulder", "elbow", "wrist"))
    depth = (s.depths[f"{side}_elbow"] + s.depths[f"{side}_wrist"]) / 2
    cloth = shade(outfit.top, 0.84 if depth < -0.03 else 0.94)

    def paint() -> None:
        lower = outfit.skin if outfit.sleeves == "short" else cloth
        end = mix(elbow, wrist, 1.12)
        canvas.disc(_circle(s, end, 0.024), outfit.skin)
        canvas.limb(_circle(s, elbow, 0.027), _circle(s, wrist, 0.021), lower)
        canvas.limb(_circle(s, shoulder, 0.036), _circle(s, elbow, 0.029), cloth)
        if outfit.is_uniform and s.stature > DETAIL_FROM_PX:
            canvas.disc(_circle(s, mix(shoulder, elbow, 0.35), 0.016), outfit.accent)

    return (depth + 0.002, paint)


def _paint_torso(canvas: Canvas, figure: Figure) -> None:
    s, outfit = figure.skeleton, figure.outfit
    shoulders = [_circle(s, s.points[f"{side}_shoulder"], 0.044) for side in SIDES]
    hips = [_circle(s, s.points[f"{side}_hip"], 0.052) for side in SIDES]
    chest = _circle(s, mix(s.points["neck"], s.points["pelvis"], 0.3), 0.085)
    neck = s.points["neck"]
    canvas.limb(
        _circle(s, neck, 0.03),
        _circle(s, mix(neck, s.points["head"], 0.4), 0.03),
        shade(outfit.skin, 0.9),
    )
    canvas.shaded(blob([*shoulders, *hips, chest]), outfit.top)
    if s.stature > DETAIL_FROM_PX:
        _PATTERNS.get(outfit.pattern, _plain)(canvas, figure)
    if outfit.is_uniform:
        _paint_belt_and_badge(canvas, figure)


def _across(figure: Figure, down: float, half: float) -> tuple[Point, Point]:
    """Return the left and right end of a line across the torso; `down` 0 neck to 1 pelvis."""
    s = figure.skeleton
    middle = mix(s.points["neck"], s.points["pelvis"], down)
    across = max(abs(math.cos(s.yaw)) * 1.15, 0.75) * half * s.stature
    return ((middle[0] - across, middle[1]), (middle[0] + across, middle[1]))


def _plain(canvas: Canvas, figure: Figure) -> None:
    s = figure.skeleton
    if math.cos(s.yaw) > 0.2:  # a collar
        _, right = _across(figure, 0.06, 0.035)
        left, _ = _across(figure, 0.06, 0.035)
        tip = mix(s.points["neck"], s.points["pelvis"], 0.2)
        canvas.polygon([left, right, tip], shade(figure.outfit.skin, 0.95), solid=False)


def _stripes(canvas: Canvas, figure: Figure) -> None:
    for down in (0.28, 0.48, 0.68, 0.88):
        canvas.line(
            _across(figure, down, 0.092), figure.outfit.accent, 0.022 * figure.skeleton.stature
        )


def _band(canvas: Canvas, figure: Figure) -> None:
    canvas.line(_across(figure, 0.42, 0.09), figure.outfit.accent, 0.06 * figure.skeleton.stature)


def _open_jacket(canvas: Canvas, figure: Figure) -> None:
    s = figure.skeleton
    if math.cos(s.yaw) < 0.2:
        return
    (x0, y0), (x1, _) = _across(figure, 0.04, 0.03)
    (x2, y2), (x3, _) = _across(figure, 0.98, 0.045)
    canvas.polygon([(x0, y0), (x1, y0), (x3, y2), (x2, y2)], figure.outfit.accent, solid=False)


def _dots(canvas: Canvas, figure: Figure) -> None:
    s = figure.skeleton
    for row, down in enumerate((0.3, 0.5, 0.7)):
        left, right = _across(figure, down, 0.07)
        for share in (0.1, 0.5, 0.9) if row % 2 else (0.3, 0.7):
            canvas.disc(
                _circle(s, mix(left, right, share), 0.011), figure.outfit.accent, solid=False
            )


def _vest(canvas: Canvas, figure: Figure) -> None:
    s = figure.skeleton
    left, right = _across(figure, 0.14, 0.085)
    low_left, low_right = _across(figure, 0.82, 0.095)
    canvas.polygon([left, right, low_right, low_left], (40, 42, 44), solid=False)
    canvas.line(_across(figure, 0.36, 0.085), (214, 216, 206), 0.026 * s.stature)


_PATTERNS: dict[str, Callable[[Canvas, Figure], None]] = {
    "stripes": _stripes,
    "band": _band,
    "open": _open_jacket,
    "dots": _dots,
    "vest": _vest,
}


def _paint_belt_and_badge(canvas: Canvas, figure: Figure) -> None:
    s = figure.skeleton
    belt = _across(figure, 0.94, 0.096)
    canvas.line(belt, (24, 22, 22), max(0.034 * s.stature, 1.0))
    canvas.disc(_circle(s, mix(*belt, 0.5), 0.018), figure.outfit.accent, solid=False)
    holster = _circle(s, (belt[1][0], belt[1][1] + 0.03 * s.stature), 0.026)
    canvas.limb(holster, (holster[0], holster[1] + 0.05 * s.stature, holster[2]), (24, 22, 22))
    if math.cos(s.yaw) > 0.2:
        canvas.disc(
            _circle(s, _across(figure, 0.3, 0.05)[1], 0.017), figure.outfit.accent, solid=False
        )


def _paint_skirt(canvas: Canvas, figure: Figure) -> None:
    s = figure.skeleton
    hips = [_circle(s, s.points[f"{side}_hip"], 0.056) for side in SIDES]
    hem = [
        _circle(s, mix(s.points[f"{side}_knee"], s.points[f"{side}_ankle"], 0.25), 0.056)
        for side in SIDES
    ]
    canvas.shaded(blob([*hips, *hem]), figure.outfit.bottom)

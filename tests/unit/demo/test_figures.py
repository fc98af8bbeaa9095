"""Skeletons and painted people."""

import math

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageFilter

from cosmop.demo.baggage import BAGS, draw_baggage, hold
from cosmop.demo.canvas import Canvas
from cosmop.demo.figures import Figure, paint_figure
from cosmop.demo.outfits import draw_outfit, draw_uniform
from cosmop.demo.skeleton import ACTIVITIES, ADULT, CHILD, JOINTS, Pose, draw_pose, project

GREY = Image.new("RGB", (160, 200), (128, 128, 128))


def _figure(seed: int, activity: str = "walking", stature: float = 120.0) -> Figure:
    rng = np.random.default_rng(seed)
    pose = draw_pose(rng, activity, float(rng.uniform(-math.pi, math.pi)))
    return Figure(project(pose, ADULT, (80.0, 180.0), stature), draw_outfit(rng))


def _paint(figure: Figure) -> tuple[Image.Image, np.ndarray, list[float]]:
    canvas = Canvas(GREY)
    with canvas.person(1) as extent:
        paint_figure(canvas, figure)
    return canvas.picture(), canvas.mask(), extent


def test_a_standing_adult_is_as_tall_as_its_stature():
    skeleton = project(Pose(yaw=0.0), ADULT, (80.0, 180.0), 100.0)

    crown = skeleton.points["head"][1] - ADULT.head * 100.0
    assert 180.0 - crown == pytest.approx(100.0, abs=4.0)


def test_a_child_has_a_larger_head_for_its_stature_than_an_adult():
    assert CHILD.head > 1.3 * ADULT.head


def test_facing_away_mirrors_left_and_right():
    front = project(Pose(yaw=0.0), ADULT, (80.0, 180.0), 100.0)
    back = project(Pose(yaw=math.pi), ADULT, (80.0, 180.0), 100.0)

    for name in JOINTS:
        assert front.points[name][0] + back.points[name][0] == pytest.approx(160.0, abs=3.0)


@pytest.mark.parametrize("activity", ACTIVITIES)
def test_the_lower_foot_stands_on_the_ground(activity):
    for seed in range(10):
        skeleton = _figure(seed, activity).skeleton
        lowest = max(skeleton.points[f"{side}_ankle"][1] for side in ("left", "right"))
        assert lowest == pytest.approx(180.0 - 0.045 * 120.0)


@pytest.mark.parametrize("activity", ACTIVITIES)
def test_the_mask_is_where_the_picture_changed(activity):
    for seed in range(6):
        picture, mask, _ = _paint(_figure(seed, activity))
        changed = ImageChops.difference(picture, GREY).convert("L").point(lambda v: 255 * (v > 40))
        person = Image.fromarray(mask * np.uint8(255))

        grown = person.filter(ImageFilter.MaxFilter(5))
        shrunk = person.filter(ImageFilter.MinFilter(3))
        assert ImageChops.subtract(changed, grown).getbbox() is None
        # Cloth may by chance look like the grey behind it, hence not all of it.
        covered = np.asarray(ImageChops.difference(picture, GREY).convert("L"))[
            np.asarray(shrunk) > 0
        ]
        assert (covered > 3).mean() > 0.9


def test_the_box_is_the_extent_of_the_mask():
    for seed in range(10):
        _, mask, extent = _paint(_figure(seed))
        rows, columns = np.nonzero(mask)

        found = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert extent == pytest.approx(found, abs=2.0)


def test_all_joints_lie_in_the_box():
    for seed in range(20):
        figure = _figure(seed)
        _, _, (x0, y0, x1, y1) = _paint(figure)
        for name in JOINTS:
            x, y = figure.skeleton.points[name]
            assert x0 <= x <= x1
            assert y0 <= y <= y1


@pytest.mark.parametrize("kind", BAGS)
def test_a_bag_changes_the_picture_and_is_not_part_of_the_person(kind):
    figure = _figure(3)
    bag = draw_baggage(np.random.default_rng(0), kind)
    skeleton = hold(figure.skeleton, bag)
    empty, mask_without, _ = _paint(Figure(skeleton, figure.outfit))
    loaded, mask_with, _ = _paint(Figure(skeleton, figure.outfit, (bag,)))

    changed = np.asarray(ImageChops.difference(empty, loaded).convert("L")) > 20
    assert changed.sum() > 60
    assert (mask_with > mask_without).sum() == 0


def test_uniforms_are_one_family_of_colours_with_cap_and_badge():
    for seed in range(20):
        uniform = draw_uniform(np.random.default_rng(seed))
        assert uniform.headwear == "uniform_cap"
        assert np.corrcoef(uniform.top, uniform.bottom)[0, 1] > 0.99


def test_who_is_painted_later_hides_who_was_painted_before():
    canvas = Canvas(GREY)
    with canvas.person(1):
        paint_figure(canvas, _figure(0))
    alone = canvas.count(1)
    with canvas.person(2):
        paint_figure(canvas, _figure(1))

    assert canvas.count(1) < alone
    assert canvas.count(2) == (canvas.mask() == 2).sum()

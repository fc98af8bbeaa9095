"""Plane geometry of drawn figures."""

import math

import numpy as np
import pytest

from cosmop.demo.geometry import blob, capsule, convex_hull, reach


def test_a_square_with_inner_points_has_its_corners_as_hull():
    square = [(0.0, 0.0), (2.0, 0.0), (2.0, 2.0), (0.0, 2.0)]

    assert sorted(convex_hull([*square, (1.0, 1.0), (0.5, 1.5)])) == sorted(square)


def test_every_corner_of_a_capsule_lies_on_one_of_its_two_circles():
    outline = capsule((0.0, 0.0, 2.0), (10.0, 5.0, 1.0))

    distances = [
        min(abs(math.hypot(x, y) - 2), abs(math.hypot(x - 10, y - 5) - 1)) for x, y in outline
    ]
    assert max(distances) < 1e-9


def test_a_blob_contains_the_centres_of_its_circles():
    circles = [(0.0, 0.0, 1.0), (5.0, 1.0, 2.0), (2.0, 6.0, 0.5)]
    outline = blob(circles)

    edges = list(zip(outline, [*outline[1:], outline[0]], strict=True))
    for x, y, _ in circles:
        turns = [(bx - ax) * (y - ay) - (by - ay) * (x - ax) for (ax, ay), (bx, by) in edges]
        assert all(turn > 0 for turn in turns)


@pytest.mark.parametrize("bend", [-1.0, 1.0])
def test_an_arm_that_can_reach_its_target_keeps_both_bone_lengths(bend):
    rng = np.random.default_rng(0)
    for _ in range(50):
        angle, distance = rng.uniform(0, 2 * math.pi), rng.uniform(1.2, 6.9)
        target = (distance * math.cos(angle), distance * math.sin(angle))
        elbow, wrist = reach((0.0, 0.0), target, 4.0, 3.0, bend)

        assert math.dist(wrist, target) == pytest.approx(0, abs=1e-9)
        assert math.dist((0.0, 0.0), elbow) == pytest.approx(4.0)
        assert math.dist(elbow, wrist) == pytest.approx(3.0)


def test_an_arm_points_at_a_target_out_of_reach():
    _, wrist = reach((0.0, 0.0), (100.0, 0.0), 4.0, 3.0, 1.0)

    assert wrist == pytest.approx((7.0, 0.0), abs=0.02)

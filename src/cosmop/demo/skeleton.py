"""A small articulated skeleton: joint angles in the body's frame, projected to the picture."""

import math
from dataclasses import dataclass, replace

import numpy as np

from cosmop.demo.geometry import Point, reach

JOINTS = (
    "head", "neck",
    "left_shoulder", "left_elbow", "left_wrist", "right_shoulder", "right_elbow", "right_wrist",
    "left_hip", "left_knee", "left_ankle", "right_hip", "right_knee", "right_ankle",
)  # fmt: skip
SIDES = ("left", "right")
ACTIVITIES = ("walking", "standing", "sitting")

_Vector = tuple[float, float, float]  # x to the person's left, y up, z forward; in statures


@dataclass(frozen=True)
class Build:
    """Proportions, as shares of the stature."""

    head: float = 0.074
    shoulder: float = 0.108
    hip: float = 0.058
    thigh: float = 0.240
    shin: float = 0.235
    torso: float = 0.315
    upper_arm: float = 0.165
    forearm: float = 0.150
    girth: float = 1.0


ADULT = Build()
CHILD = Build(
    head=0.108, shoulder=0.104, hip=0.060, thigh=0.205, shin=0.200, torso=0.300, upper_arm=0.145,
    forearm=0.135, girth=1.12,
)  # fmt: skip


@dataclass(frozen=True)
class Pose:
    """Angles in radians; pairs are (left, right). Yaw 0 faces the viewer, ±π faces away."""

    yaw: float
    lean: float = 0.0
    hips: tuple[float, float] = (0.0, 0.0)
    knees: tuple[float, float] = (0.0, 0.0)
    shoulders: tuple[float, float] = (0.0, 0.0)
    elbows: tuple[float, float] = (0.15, 0.15)
    spread: float = 0.12


def draw_pose(rng: np.random.Generator, activity: str, yaw: float) -> Pose:
    """Draw a pose of one of the `ACTIVITIES`; walkers are somewhere in their stride."""
    a, b, c = (float(v) for v in rng.uniform(0, 1, 3))
    if activity == "walking":
        swing = (0.25 + 0.3 * a) * math.copysign(1.0, b - 0.5)
        knees = (0.15 + 0.55 * max(-swing, 0.0), 0.15 + 0.55 * max(swing, 0.0))
        arms = (-0.9 * swing, 0.9 * swing)
        return Pose(yaw, 0.05 + 0.1 * c, (swing, -swing), knees, arms, (0.3, 0.3), 0.1 + 0.08 * c)
    if activity == "sitting":
        hips = (1.35 + 0.2 * a, 1.35 + 0.2 * b)
        return Pose(yaw, 0.12 * c, hips, (1.3, 1.45 + 0.1 * a), (0.5, 0.5), (0.7, 0.7), 0.12)
    shift = 0.08 * (a - 0.5)
    arms = (0.5 * (b - 0.4), 0.5 * (c - 0.4))
    return Pose(yaw, 0.0, (shift, -shift), (0.05, 0.05), arms, (0.2 + a, 0.2 + c), 0.08 + 0.14 * b)


@dataclass(frozen=True)
class Skeleton:
    """A pose in the picture.

    Attributes:
        points: Position of each of the `JOINTS` and of ``pelvis``, in pixels.
        depths: Position along the view, in statures; larger is nearer to the viewer.
        stature: Standing height in pixels.
        foot: The ground below the pelvis, in pixels.
        yaw: Facing angle, see `Pose`.
        build: Proportions.
    """

    points: dict[str, Point]
    depths: dict[str, float]
    stature: float
    foot: Point
    yaw: float
    build: Build

    def at(self, x: float, y: float, z: float) -> Point:
        """Project a body point (statures: left, up from the ground, forward) to the picture."""
        across = x * math.cos(self.yaw) + z * math.sin(self.yaw)
        return (self.foot[0] + across * self.stature, self.foot[1] - y * self.stature)

    def depth_at(self, x: float, z: float) -> float:
        """Return the depth of a body point, larger is nearer."""
        return z * math.cos(self.yaw) - x * math.sin(self.yaw)

    def reaching(self, side: str, target: Point, *, bend: float | None = None) -> "Skeleton":
        """Return the skeleton with the wrist of `side` at `target`, as far as the arm is long."""
        b, root = self.build, self.points[f"{side}_shoulder"]
        outward = 1.0 if root[0] >= self.foot[0] else -1.0
        below = target[1] > root[1]
        turn = bend if bend is not None else (-outward if below else outward)
        elbow, wrist = reach(
            root, target, b.upper_arm * self.stature, b.forearm * self.stature, turn
        )
        return replace(self, points={**self.points, f"{side}_elbow": elbow, f"{side}_wrist": wrist})

    def side_towards(self, x: float) -> str:
        """Return the side whose shoulder is nearer to column `x`."""
        left, right = self.points["left_shoulder"][0], self.points["right_shoulder"][0]
        return "left" if abs(left - x) < abs(right - x) else "right"


def project(pose: Pose, build: Build, foot: Point, stature: float) -> Skeleton:
    """Solve a pose into joint positions; the lower foot stands on the ground at `foot`."""
    body = _legs(pose, build)
    lowest = min(body["left_ankle"][1], body["right_ankle"][1])
    pelvis_height = 0.045 - lowest
    body |= _upper_body(pose, build)
    points, depths = {}, {}
    blank = Skeleton({}, {}, stature, foot, pose.yaw, build)
    for name, (x, y, z) in body.items():
        points[name] = blank.at(x, y + pelvis_height, z)
        depths[name] = blank.depth_at(x, z)
    return replace(blank, points=points, depths=depths)


def _legs(pose: Pose, build: Build) -> dict[str, _Vector]:
    body: dict[str, _Vector] = {"pelvis": (0.0, 0.0, 0.0)}
    for i, side in enumerate(SIDES):
        x = build.hip * (1, -1)[i]
        flex, shin = pose.hips[i], pose.hips[i] - pose.knees[i]
        knee = (x * 1.05, -build.thigh * math.cos(flex), build.thigh * math.sin(flex))
        body[f"{side}_hip"] = (x, 0.0, 0.0)
        body[f"{side}_knee"] = knee
        body[f"{side}_ankle"] = (
            x * 1.1, knee[1] - build.shin * math.cos(shin), knee[2] + build.shin * math.sin(shin)
        )  # fmt: skip
    return body


def _upper_body(pose: Pose, build: Build) -> dict[str, _Vector]:
    def along_spine(length: float) -> tuple[float, float]:
        return length * math.cos(pose.lean), length * math.sin(pose.lean)

    head_y, head_z = along_spine(build.torso + 0.035 + build.head)
    neck_y, neck_z = along_spine(build.torso + 0.005)
    top_y, top_z = along_spine(build.torso - 0.03)
    body: dict[str, _Vector] = {
        "head": (0.0, head_y, head_z + 0.012), "neck": (0.0, neck_y, neck_z)
    }  # fmt: skip
    for i, side in enumerate(SIDES):
        sign = (1, -1)[i]
        x = build.shoulder * sign
        up, low = pose.shoulders[i], pose.shoulders[i] + pose.elbows[i]
        aside = math.sin(pose.spread) * sign
        elbow = (
            x + build.upper_arm * aside,
            top_y - build.upper_arm * math.cos(up) * math.cos(pose.spread),
            top_z + build.upper_arm * math.sin(up),
        )
        body[f"{side}_shoulder"] = (x, top_y, top_z)
        body[f"{side}_elbow"] = elbow
        body[f"{side}_wrist"] = (
            elbow[0] + build.forearm * aside * 0.4,
            elbow[1] - build.forearm * math.cos(low),
            elbow[2] + build.forearm * math.sin(low),
        )
    return body

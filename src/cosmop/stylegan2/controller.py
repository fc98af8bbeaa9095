"""Tells a spike from a collapse on the curve of distances, and says what training does next.

Published runs of StyleGAN2 with adaptive augmentation (Karras et al. 2020, 2006.06676) rise to
seven times their best distance and recover within one or two snapshots; a collapsed run stays up.
Nothing here trains or measures: a decision depends on the curve alone, so a run that is killed and
started again decides the same.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from pydantic import Field

from cosmop.config import Options

_LEAST_GAIN = 0.01  # a plateau's best is not this share better than it was


class ControlOptions(Options):
    """When training goes back to its best snapshot, and when it stops."""

    spike_ratio: float = Field(
        default=1.5, gt=1, description="A distance above this many times the best is out of bounds."
    )
    patience: int = Field(
        default=3,
        ge=1,
        description="Snapshots in a row out of bounds that make a collapse; published spikes last "
        "one or two, with a snapshot every 200 kimg.",
    )
    spike_kimg: float = Field(
        default=1000,
        gt=0,
        description="Thousands of images after which a distance still out of bounds is a collapse, "
        "however few the snapshots.",
    )
    restarts: int = Field(
        default=2,
        ge=0,
        le=9,
        description="How often training goes back to its best state, each time with half the "
        "learning rates and twice the R1 gamma, before it stops.",
    )
    plateau_kimg: float | None = Field(
        default=None,
        gt=0,
        description="Stop when the best distance gained less than 1 % in so many thousand images; "
        "None never does.",
    )


class Verdict(StrEnum):
    """What training does after a snapshot."""

    GO_ON = "go_on"
    WAIT = "wait"  # out of bounds: a spike so far
    ROLL_BACK = "roll_back"
    STOP = "stop"

    @property
    def ends_attempt(self) -> bool:
        """Whether nothing is trained from the newest state any more."""
        return self in (Verdict.ROLL_BACK, Verdict.STOP)


@dataclass(frozen=True)
class Measured:
    """One point of the curve.

    Attributes:
        kimg: Thousands of real images shown so far.
        distance: To the training images, smaller is better; NaN or infinity counts as collapsed.
        attempt: 0 until training first went back to its best state, then 1, and so on.
    """

    kimg: float
    distance: float
    attempt: int = 0


@dataclass(frozen=True)
class Decision:
    """What to do, which point of the curve is the best (None without a finite one), and why."""

    verdict: Verdict
    best: int | None
    reason: str


def decide(curve: Sequence[Measured], options: ControlOptions) -> Decision:
    """Judge the newest point of `curve`, all points of all attempts in the order they were taken.

    The newest distance is *out of bounds* above `spike_ratio` times the best. It is a collapse when
    the newest `patience` points of its attempt are (their median a fortiori), when more than
    `spike_kimg` have passed since the last that was not, or when it is not finite. Until something
    is better than the untrained start, only `spike_kimg` counts.
    """
    finite = [index for index, point in enumerate(curve) if math.isfinite(point.distance)]
    best = min(finite, key=lambda index: curve[index].distance, default=None)
    if best is None:
        verdict = Verdict.STOP if curve else Verdict.GO_ON
        return Decision(verdict, None, "There is no finite distance yet.")
    collapse = _collapse(curve, best, options)
    if collapse:
        return _back_or_stop(curve, best, collapse, options)
    plateau = _plateau(curve, curve[best].distance, options.plateau_kimg)
    if plateau:
        return Decision(Verdict.STOP, best, plateau)
    if _is_out_of_bounds(curve[-1], curve[best], options):
        return Decision(Verdict.WAIT, best, f"{_rise(curve, best)}: a spike so far.")
    top = f"the best was {_point(curve[best])}" if curve[-1] != curve[best] else "the best so far"
    return Decision(Verdict.GO_ON, best, f"The distance is {_point(curve[-1])}, {top}.")


def _is_out_of_bounds(point: Measured, best: Measured, options: ControlOptions) -> bool:
    return not point.distance <= options.spike_ratio * best.distance  # NaN is out of bounds


def _collapse(curve: Sequence[Measured], best: int, options: ControlOptions) -> str:
    """Say why the newest point shows a collapse; nothing when it does not."""
    newest, top = curve[-1], curve[best]
    if not math.isfinite(newest.distance):
        return f"The distance at {newest.kimg:,g} kimg is not finite"
    sound, high = top, 0  # an attempt begins from the best state
    for point in curve[best + 1 :]:
        if point.attempt != newest.attempt:
            continue
        is_high = _is_out_of_bounds(point, top, options)
        sound, high = (sound, high + 1) if is_high else (point, 0)
    is_long = newest.kimg - sound.kimg > options.spike_kimg
    is_lasting = high >= options.patience and top.kimg > 0
    return f"{_rise(curve, best)} and stays there" if is_long or is_lasting else ""


def _plateau(curve: Sequence[Measured], best: float, plateau_kimg: float | None) -> str:
    if plateau_kimg is None:
        return ""
    since = curve[-1].kimg - plateau_kimg
    earlier = [p.distance for p in curve if p.kimg <= since and math.isfinite(p.distance)]
    if not earlier or best < (1 - _LEAST_GAIN) * min(earlier):
        return ""
    return f"The best distance, {best:.4g}, gained less than 1 % in {plateau_kimg:,g} kimg."


def _back_or_stop(
    curve: Sequence[Measured], best: int, collapse: str, options: ControlOptions
) -> Decision:
    attempt = curve[-1].attempt
    if attempt >= options.restarts:
        reason = f"{collapse}; training stops after {attempt} of {options.restarts} restarts."
        return Decision(Verdict.STOP, best, reason)
    reason = (
        f"{collapse}; training goes back to {curve[best].kimg:,g} kimg with half the rates and "
        f"twice the gamma, restart {attempt + 1} of {options.restarts}."
    )
    return Decision(Verdict.ROLL_BACK, best, reason)


def _rise(curve: Sequence[Measured], best: int) -> str:
    return f"The distance rose from {_point(curve[best])} to {_point(curve[-1])}"


def _point(point: Measured) -> str:
    return f"{point.distance:.4g} at {point.kimg:,g} kimg"

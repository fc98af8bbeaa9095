"""Spikes that published runs recovered from are waited for; what stays up is a collapse."""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from cosmop.stylegan2.controller import ControlOptions, Decision, Measured, Verdict, decide

EVERY_KIMG = 200  # how often the published runs were measured
DEFAULTS = ControlOptions()


def points(
    distances: Sequence[float], *, first_kimg: float = 4000, attempt: int = 0
) -> list[Measured]:
    return [
        Measured(first_kimg + number * EVERY_KIMG, distance, attempt)
        for number, distance in enumerate(distances)
    ]


def verdicts(curve: Sequence[Measured], options: ControlOptions = DEFAULTS) -> list[Verdict]:
    """Decide after each point, as training does."""
    return [decide(curve[: end + 1], options).verdict for end in range(len(curve))]


def replay(
    tries: Sequence[Sequence[Measured]], options: ControlOptions = DEFAULTS
) -> list[Decision]:
    """Train by script: each attempt takes its points until a decision ends it."""
    curve: list[Measured] = []
    decisions: list[Decision] = []
    for number, attempt in enumerate(tries):
        for point in attempt:
            curve.append(Measured(point.kimg, point.distance, number))
            decisions.append(decide(curve, options))
            if decisions[-1].verdict.ends_attempt:
                break
        if decisions[-1].verdict is not Verdict.ROLL_BACK:
            break
    return decisions


@pytest.mark.parametrize(
    "distances",
    [
        [8, 7, 6.5, 45, 6.5, 6.2],
        [8, 7, 6.5, 45, 39, 6.6, 6.4],
        [12, 9, 53, 9, 8.8],
        [6, 5.4, 5.1, 9.3],
        [6.5, 6.6, 6.7, 6.6, 6.6, 6.7, 45, 39, 6.6],  # long after the best
        [6.5, 45, 6.6, 45, 6.6, 45, 6.6],
    ],
)
def test_published_spikes_are_waited_for(distances: list[float]) -> None:
    came = verdicts(points(distances))

    best = [min(distances[: end + 1]) for end in range(len(distances))]
    is_high = [value > 1.5 * least for value, least in zip(distances, best, strict=True)]
    assert came == [Verdict.WAIT if high else Verdict.GO_ON for high in is_high]


def test_a_distance_that_rises_and_stays_is_a_collapse() -> None:
    curve = points([9, 8, 7.8, 300, 400, 500])

    decision = decide(curve, DEFAULTS)
    assert verdicts(curve)[3:] == [Verdict.WAIT, Verdict.WAIT, Verdict.ROLL_BACK]
    assert decision.best == 2
    assert decision.reason == (
        "The distance rose from 7.8 at 4,400 kimg to 500 at 5,000 kimg and stays there; training "
        "goes back to 4,400 kimg with half the rates and twice the gamma, restart 1 of 2."
    )


def test_the_original_study_is_picked_at_46_and_stopped_when_restarts_bring_nothing() -> None:
    first = [Measured(0, 207.25), Measured(10_000, 46.06), Measured(15_000, 127.72)]
    again = [Measured(15_000, 127.72)]

    assert verdicts(first) == [Verdict.GO_ON, Verdict.GO_ON, Verdict.ROLL_BACK]
    stopped = replay([first, again, again])[-1]
    assert (stopped.verdict, stopped.best) == (Verdict.STOP, 1)
    assert "training stops after 2 of 2 restarts" in stopped.reason
    assert replay([first, [Measured(15_000, 40.0)]])[-1].verdict is Verdict.GO_ON


def test_points_of_an_abandoned_attempt_are_not_held_against_the_next() -> None:
    curve = points([8, 7, 30, 30, 30]) + points([12, 12], first_kimg=4400, attempt=1)

    assert verdicts(curve)[-3:] == [Verdict.ROLL_BACK, Verdict.WAIT, Verdict.WAIT]


@pytest.mark.parametrize("distance", [math.nan, math.inf])
def test_a_distance_that_is_not_finite_is_a_collapse_at_once(distance: float) -> None:
    assert verdicts(points([8, 7, distance]))[-1] is Verdict.ROLL_BACK
    assert decide(points([distance]), DEFAULTS) == Decision(
        Verdict.STOP, None, "There is no finite distance yet."
    )


def test_an_untrained_start_is_no_measure_until_many_images_have_passed() -> None:
    curve = points([100, 200, 220, 210, 200, 190, 180], first_kimg=0)

    assert verdicts(curve) == [Verdict.GO_ON, *[Verdict.WAIT] * 5, Verdict.ROLL_BACK]


def test_without_restarts_a_collapse_stops() -> None:
    options = ControlOptions(restarts=0)

    assert decide(points([8, 7, 30, 30, 30]), options).verdict is Verdict.STOP


def test_a_plateau_stops_only_when_asked_for() -> None:
    curve = points([8.0, 7.0, 6.99, 6.98, 6.97])
    options = ControlOptions(plateau_kimg=600)

    assert set(verdicts(curve)) == {Verdict.GO_ON}
    assert verdicts(curve, options) == [Verdict.GO_ON] * 4 + [Verdict.STOP]
    assert verdicts(points([8.0, 7.0, 6.99, 6.98, 6.92]), options)[-1] is Verdict.GO_ON


def test_the_best_is_always_the_smallest_distance(chance: np.random.Generator) -> None:
    for _ in range(200):
        distances = chance.lognormal(3, 1, chance.integers(1, 12)).tolist()
        curve = points(distances, first_kimg=float(chance.integers(0, 3000)))

        assert decide(curve, DEFAULTS).best == int(np.argmin(distances))


def test_a_falling_curve_never_stops_and_a_scaled_one_is_judged_alike(
    chance: np.random.Generator,
) -> None:
    options = ControlOptions(plateau_kimg=400)
    for _ in range(50):
        distances = chance.lognormal(3, 1, 12)
        falling = (200 * np.cumprod(chance.uniform(0.5, 0.99, 12))).tolist()

        assert all(after < before for before, after in pairwise(falling))
        assert set(verdicts(points(falling), options)) == {Verdict.GO_ON}
        assert verdicts(points((8 * distances).tolist())) == verdicts(points(distances.tolist()))


def test_there_are_never_more_restarts_than_allowed(chance: np.random.Generator) -> None:
    for restarts in range(4):
        options = ControlOptions(restarts=restarts, patience=1, spike_ratio=1.01)
        tries = [points(chance.lognormal(3, 2, 30).tolist()) for _ in range(9)]

        came = [decision.verdict for decision in replay(tries, options)]
        assert came.count(Verdict.ROLL_BACK) == restarts
        assert came[-1] is Verdict.STOP

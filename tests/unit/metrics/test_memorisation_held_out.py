"""Held-out images are judged as synthetic ones are, by thresholds that they did not set."""

import numpy as np
import pytest
from numpy.typing import NDArray

from cosmop.metrics.closeness import Closeness, Pictures, View
from cosmop.metrics.copy_marks import (
    apart_from_training,
    held_out_share,
    mark_held_out,
    mark_images,
    thresholds_of,
)
from cosmop.metrics.memorisation import measure_memorisation
from cosmop.metrics.memorisation_options import MemorisationOptions
from cosmop.metrics.training_distances import Neighbours

RADIUS = MemorisationOptions().phash_radius_bits


def closeness(ratios_VM: NDArray[np.float64], bits_M: NDArray[np.int64] | None = None) -> Closeness:
    """Images of such ratios, a row per view."""
    count = ratios_VM.shape[1]
    near = Neighbours(np.ones((count, 2)), np.zeros((count, 2), int), np.zeros((count, 2), bool))
    views = {f"view {at}": View(near, ratios_M) for at, ratios_M in enumerate(ratios_VM)}
    return Closeness([str(at) for at in range(count)], views, bits_M)


def correlated(chance: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Ratios by two views that agree in part."""
    common = chance.normal(size=count)
    return np.stack([common, 0.8 * common + 0.6 * chance.normal(size=count)])


@pytest.mark.parametrize("count", [3, 150, 250])
def test_judged_one_by_one_the_lowest_of_the_rank_are_marked(
    chance: np.random.Generator, count: int
) -> None:
    # Of the r lowest, each lies below the r-th of the others; the next one does not.
    ratios = chance.random((1, count))
    rank = max(1, count // 100)

    marks = mark_held_out(closeness(ratios), MemorisationOptions(held_out_parts=count))

    assert (np.flatnonzero(marks.found) == np.sort(ratios[0].argsort()[:rank])).all()


def test_each_part_is_judged_by_the_others(chance: np.random.Generator) -> None:
    real = closeness(chance.random((2, 40)))
    options = MemorisationOptions(held_out_parts=2, quantile=0.2)

    marks = mark_held_out(real, options)

    slow = []
    for ratios_M in (view.ratios_M for view in real.views.values()):
        halves = np.random.default_rng(options.seed).permutation(40)
        is_low = np.zeros(40, bool)
        for mine, other in ((halves[::2], halves[1::2]), (halves[1::2], halves[::2])):
            fourth = sorted(ratios_M[other])[3]
            is_low[mine] = [ratios_M[row] < fourth for row in mine]
        slow.append(is_low)
    np.testing.assert_array_equal(list(marks.close.values()), slow)
    np.testing.assert_array_equal(marks.found, slow[0] | slow[1])


def test_the_interval_holds_the_share_of_fresh_images_below_the_very_thresholds() -> None:
    options, held, shares, truths = MemorisationOptions(), 0, [], []
    for seed in range(200):
        chance = np.random.default_rng(seed)
        real, fresh = closeness(correlated(chance, 120)), closeness(correlated(chance, 20_000))
        share = held_out_share(mark_held_out(real, options).found)
        _, thresholds = thresholds_of(real, options.quantile)
        truth = mark_images(fresh, thresholds, RADIUS).found.mean()
        held += share["low"] <= truth <= share["high"]
        shares.append(share["value"])
        truths.append(truth)

    assert 0.9 <= held / 200 <= 0.99
    assert np.mean(shares) == pytest.approx(np.mean(truths), rel=0.25)


def test_near_copies_among_held_out_images_are_marked_but_set_no_threshold(
    chance: np.random.Generator,
) -> None:
    ratios, bits = chance.uniform(0.5, 1, (1, 100)), np.full(100, 30)
    ratios[0, :20], bits[:20] = 0.01, 3
    real = closeness(ratios, bits)

    marks = mark_held_out(real, MemorisationOptions())

    assert marks.close["view 0"][:20].all()
    assert marks.is_hit_M.sum() == 20
    assert 21 <= marks.found.sum() <= 23
    assert (~apart_from_training(real, RADIUS)).sum() == 20


def test_one_image_alone_has_no_control(chance: np.random.Generator) -> None:
    ratios, bits = chance.random((1, 5)), np.array([30, 1, 1, 1, 1])

    assert mark_held_out(closeness(ratios[:, :1]), MemorisationOptions()) is None
    assert mark_held_out(closeness(ratios, bits), MemorisationOptions()) is None
    assert mark_held_out(closeness(ratios, bits * 0), MemorisationOptions()) is not None


def test_the_document_says_how_its_control_came_about(chance: np.random.Generator) -> None:
    training, real, fake = (chance.normal(size=(n, 8)) for n in (60, 80, 50))
    sides = [Pictures([f"{at}" for at in range(len(x))], x) for x in (training, real, fake)]

    def measure(held_out: Pictures):
        return measure_memorisation(
            sides[0],
            sides[0],
            held_out,
            sides[2],
            options=MemorisationOptions(),
            extractor={"name": "numbers"},
        )

    doc, alone = measure(sides[1]), measure(Pictures(["a"], real[:1]))

    assert doc["held_out_parts"] == 10
    assert doc["flagged_held_out"] == doc["found_held_out"]
    assert doc["flagged_held_out"]["n"] == 80
    assert doc["flagged_held_out"]["value"] >= doc["null_share"] - 1e-3
    assert (alone["held_out_parts"], alone["flagged_held_out"]) == (1, None)

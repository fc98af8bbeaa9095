"""Subsets picked from tables of all pairs give what the measures give on the subsets alone."""

import numpy as np
import pytest

from cosmop.metrics import subsets
from cosmop.metrics.frechet import FrechetComparison, frechet_from_features
from cosmop.metrics.kernel import KernelComparison, kernel_distance_full
from cosmop.metrics.mind import MindComparison, mind
from cosmop.metrics.precision_recall import NeighbourComparison, prdc
from cosmop.metrics.subsets import PairTable, draw_rows, half_sample_intervals

ALONE = {
    "frechet": (FrechetComparison, lambda x, y: {"distance": frechet_from_features(x, y)}),
    "kernel": (KernelComparison, lambda x, y: {"kernel_distance": kernel_distance_full(x, y)}),
    "mind": (
        lambda x, y: MindComparison(x, y, 150, 0),
        lambda x, y: {"mind": mind(x, y, 150, 0)},
    ),
    "neighbours": (lambda x, y: NeighbourComparison(x, y, 3), lambda x, y: prdc(x, y, 3)),
}


def sample(seed, n, d):
    return np.random.default_rng(seed).standard_normal((n, d)) + 0.3 * seed


@pytest.mark.parametrize("kind", ALONE)
@pytest.mark.parametrize("d", [5, 60])  # more and fewer images than dimensions
@pytest.mark.parametrize("kept", [0, 1_000_000])
def test_a_subset_measures_what_it_would_alone(kind, d, kept, monkeypatch):
    monkeypatch.setattr(subsets, "_MOST_KEPT", kept)
    monkeypatch.setattr(subsets, "_PAIRS_AT_A_TIME", 200)
    build, alone = ALONE[kind]
    x, y = sample(0, 40, d), sample(1, 50, d)
    rows_x, rows_y = draw_rows(40, 18, 4, 0), draw_rows(50, 18, 4, 1)

    measured = build(x, y).at(rows_x, rows_y)

    for number in range(4):
        expected = alone(x[rows_x[number]], y[rows_y[number]])
        # centred rows have an eigenvalue of 0, whose rounding of 1e-16 is 1e-8 under the root
        assert {k: v[number] for k, v in measured.items()} == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("kind", ALONE)
def test_halves_of_one_set_share_its_table(kind):
    build, alone = ALONE[kind]
    x = sample(0, 40, 6)
    rows = draw_rows(40, 40, 3, 0)

    measured = build(x, x).at(rows[:, :20], rows[:, 20:])

    expected = alone(x[rows[0, :20]], x[rows[0, 20:]])
    assert {k: v[0] for k, v in measured.items()} == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("kind", ALONE)
def test_the_whole_is_what_the_measure_says(kind):
    build, alone = ALONE[kind]
    x, y = sample(0, 30, 7), sample(1, 30, 7)

    assert build(x, y).full() == pytest.approx(alone(x, y), rel=1e-9)


def test_a_table_in_blocks_is_the_table():
    x, y = sample(0, 11, 3), sample(1, 7, 3)
    table = PairTable(x, y, lambda a, b: a @ b.T)

    for rows, block in table.blocks():
        assert block == pytest.approx((x @ y.T)[rows])
    assert table.at(np.array([3, 1]), np.array([5])) == pytest.approx((x @ y.T)[[3, 1]][:, [5]])


def test_subsets_repeat_no_row_and_follow_their_seed():
    rows = draw_rows(20, 8, 5, seed=1)

    assert all(len(set(one)) == 8 for one in rows.tolist())
    assert (rows == draw_rows(20, 8, 5, seed=1)).all()
    assert (rows != draw_rows(20, 8, 5, seed=2)).any()


class MeanDifference:
    """A measure whose standard error is known."""

    def __init__(self, x, y):
        self._x, self._y = x, y

    def full(self):
        return {"difference": float(self._x.mean() - self._y.mean())}

    def at(self, rows_x, rows_y):
        return {"difference": self._x[rows_x].mean(1) - self._y[rows_y].mean(1)}


def test_half_samples_are_as_wide_as_the_standard_error():
    chance = np.random.default_rng(0)
    x, y = chance.standard_normal(400), chance.standard_normal(100)
    interval = half_sample_intervals(MeanDifference(x, y), 400, 100, resamples=3000)["difference"]

    expected = 2 * 1.96 * np.sqrt(x.var() / 400 + y.var() / 100)
    assert interval["high"] - interval["low"] == pytest.approx(expected, rel=0.05)
    assert interval["n"] == 100

"""Curves and areas against scikit-learn; bands against planted truths."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from cosmop.errors import InputError
from cosmop.metrics.classification import auroc, average_precision
from cosmop.metrics.curves import (
    average_precisions,
    draw_weights,
    precision_recall_curve,
    rank,
    roc_areas,
    roc_curve,
)


def draw(chance, positives, negatives, shift=1.0, decimals=None):
    labels = np.repeat([True, False], [positives, negatives])
    scores = chance.standard_normal(len(labels)) + shift * labels
    return labels, scores if decimals is None else scores.round(decimals)


@pytest.mark.parametrize("decimals", [None, 1, 0])  # without, with some, with many ties
def test_both_areas_agree_with_scikit_learn(chance, decimals):
    labels, scores = draw(chance, 40, 100, decimals=decimals)

    assert auroc(labels, scores, resamples=2)["value"] == pytest.approx(
        roc_auc_score(labels, scores)
    )
    assert average_precision(labels, scores, resamples=2)["value"] == pytest.approx(
        average_precision_score(labels, scores)
    )


def test_a_count_per_image_is_the_same_as_the_image_so_many_times(chance):
    labels, scores = draw(chance, 20, 50, decimals=1)
    weights = next(draw_weights(labels, 30, 0))
    ranking = rank(labels, scores, "A test")

    for row, area, precision in zip(
        weights, roc_areas(ranking, weights), average_precisions(ranking, weights), strict=True
    ):
        truth, repeated = labels.repeat(row), scores.repeat(row)
        assert area == pytest.approx(roc_auc_score(truth, repeated))
        assert precision == pytest.approx(average_precision_score(truth, repeated))


def test_draws_are_with_replacement_and_within_classes():
    labels = np.repeat([True, False], [10, 500])
    weights = np.concatenate(list(draw_weights(labels, 400, 0)))

    assert (weights[:, labels].sum(axis=1) == 10).all()
    assert (weights[:, ~labels].sum(axis=1) == 500).all()
    assert weights.mean(axis=0) == pytest.approx(1, abs=0.25)
    assert weights[:, ~labels].var() == pytest.approx(1 - 1 / 500, abs=0.02)


def test_draws_come_in_parts_that_fit_into_memory(monkeypatch):
    monkeypatch.setattr("cosmop.metrics.curves._CELLS_AT_A_TIME", 35)
    parts = list(draw_weights(np.zeros(10, bool), 8, 0))

    assert [part.shape for part in parts] == [(3, 10), (3, 10), (2, 10)]


@pytest.mark.parametrize("statistic", [auroc, average_precision])
def test_the_intervals_of_areas_cover_as_they_say(statistic):
    chance = np.random.default_rng(0)
    truth = statistic(*draw(chance, 40_000, 80_000), resamples=2)["value"]
    intervals = [statistic(*draw(chance, 60, 120), resamples=300, seed=i) for i in range(200)]

    covered = np.mean([interval["low"] <= truth <= interval["high"] for interval in intervals])
    assert 0.90 <= covered <= 0.99  # 0.95 promised; 200 intervals give 0.95 ± 0.03


def slow_precision(labels, scores, recall):
    """Lower the threshold until the recall is reached, then count."""
    for threshold in sorted(set(scores), reverse=True):
        accepted = scores >= threshold
        found = (accepted & labels).sum()
        if found and found / labels.sum() >= recall - 1e-9:
            return found / accepted.sum()
    raise AssertionError


def test_the_precision_recall_curve_is_what_lowering_the_threshold_gives(chance):
    labels, scores = draw(chance, 30, 60, decimals=1)
    points = precision_recall_curve(labels, scores, resamples=50)

    assert len(points) == 101
    assert (points[0]["recall"], points[-1]["recall"]) == (0, 1)
    for point in points:
        assert point["precision"] == pytest.approx(slow_precision(labels, scores, point["recall"]))
        assert point["low"] <= point["precision"] <= point["high"]


def test_the_roc_curve_goes_straight_through_ties_and_up_where_it_is_upright():
    labels = np.array([True, True, False, True, False])
    points = roc_curve(labels, [5, 4, 3, 3, 1], resamples=10)
    recall = {round(point["false_positive_rate"], 2): point["recall"] for point in points}

    # two positives first, then a tie of one positive and one negative, then a negative
    assert recall[0.0] == pytest.approx(2 / 3)
    assert recall[0.25] == pytest.approx(2 / 3 + 1 / 6)
    assert recall[0.5] == recall[1.0] == 1


def test_no_rounding_takes_an_upright_step_for_the_one_before():
    labels = np.tile([False, True], 100)  # a negative, a positive, a negative …
    points = roc_curve(labels, -np.arange(200.0), resamples=2)

    for point in points:
        assert point["recall"] == pytest.approx(point["false_positive_rate"])


def test_the_mean_height_of_the_roc_curve_is_its_area(chance):
    labels, scores = draw(chance, 200, 300)
    points = roc_curve(labels, scores, resamples=10)
    heights = [point["recall"] for point in points]

    assert np.trapezoid(heights, dx=0.01) == pytest.approx(roc_auc_score(labels, scores), abs=0.01)


def test_a_perfect_judge_has_perfect_curves_without_width():
    labels = np.repeat([True, False], [20, 30])
    for points, height in (
        (precision_recall_curve(labels, labels.astype(float)), "precision"),
        (roc_curve(labels, labels.astype(float)), "recall"),
    ):
        assert {(point["low"], point[height], point["high"]) for point in points} == {(1, 1, 1)}


def test_the_same_seed_gives_the_same_band(chance):
    labels, scores = draw(chance, 20, 30)
    curves = [roc_curve(labels, scores, resamples=50, seed=seed) for seed in (0, 0, 1)]

    assert curves[0] == curves[1] != curves[2]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: roc_curve([1, 0], [0.5, np.inf]), "1 scores that are not finite"),
        (lambda: precision_recall_curve([1, 1], [0.5, 0.6]), "got 2 positive of 2"),
        (lambda: roc_curve([1, 0, 1], [0.5, 0.6]), "same length"),
        (lambda: roc_curve([1, 0], [1, 2], resamples=1), "at least 2 resamples, got 1"),
    ],
)
def test_unusable_scores_are_refused_in_one_sentence(call, said):
    with pytest.raises(InputError, match=said):
        call()

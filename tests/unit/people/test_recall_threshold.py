import math

import numpy as np
import pytest
from scipy.stats import norm

from cosmop.people.recall_threshold import recall_threshold


def test_the_threshold_is_the_score_that_the_count_says():
    scores = np.random.default_rng(0).permutation(99) / 100
    found = recall_threshold(scores, 0.95)

    assert found.score == np.sort(scores)[4]  # ⌊100 × 0.05⌋ = 5th smallest
    assert found.expected["value"] == pytest.approx(0.95)
    assert found.reason is None


@pytest.mark.parametrize(("n", "recall"), [(30, 0.9), (134, 0.95), (200, 0.5)])
def test_recall_on_further_images_has_the_mean_and_the_range_that_were_said(n, recall):
    chance = np.random.default_rng(1)
    drawn = [recall_threshold(chance.normal(size=n), recall) for _ in range(4000)]
    true_recall = norm.sf([found.score for found in drawn])
    said = drawn[0].expected

    assert said["value"] >= recall
    assert true_recall.mean() == pytest.approx(said["value"], abs=4 * true_recall.std() / 63)
    inside = (true_recall >= said["low"]) & (true_recall <= said["high"])
    assert inside.mean() == pytest.approx(0.95, abs=0.014)


def test_equal_scores_are_kept_together():
    found = recall_threshold(np.repeat([0.1, 0.9], 50), 0.6)
    assert found.score == 0.1


@pytest.mark.parametrize("n", [0, 1, 18])
def test_too_few_images_keep_everything_and_say_how_many_are_needed(n):
    found = recall_threshold(np.zeros(n), 0.95)

    assert found.score == -math.inf
    assert found.reason == (
        "A threshold for a recall of 0.95 needs 19 held-out images with people, got "
        f"{n}; it keeps every image."
    )
    assert recall_threshold(np.zeros(19), 0.95).score == 0

import numpy as np
import pytest
from scipy.stats import binomtest, norm

from cosmop.errors import InputError
from cosmop.metrics.classification import (
    auroc,
    average_precision,
    classification_metrics,
    confusion_counts,
    mcnemar_exact,
    rogan_gladen,
)
from cosmop.metrics.intervals import wilson

LABELS = [1, 1, 1, 0, 0, 0, 0]
PREDICTIONS = [1, 1, 0, 0, 0, 1, 0]


def test_the_four_counts():
    assert confusion_counts(LABELS, PREDICTIONS) == {
        "tp": 2,
        "fp": 1,
        "fn": 1,
        "tn": 3,
    }


def test_the_shares_are_the_counts_divided():
    metrics = classification_metrics(LABELS, PREDICTIONS)
    values = {name: metrics[name]["value"] for name in ("precision", "recall", "accuracy")}

    assert values == pytest.approx({"precision": 2 / 3, "recall": 2 / 3, "accuracy": 5 / 7})
    assert metrics["balanced_accuracy"]["value"] == pytest.approx((2 / 3 + 3 / 4) / 2)
    assert metrics["accuracy"] == wilson(5, 7)


def test_the_studys_one_class_model_is_below_always_saying_no():
    labels = np.repeat([1, 0], [340, 526])
    said = np.concatenate([np.repeat([1, 0], [255, 85]), np.repeat([1, 0], [518, 8])])
    metrics = classification_metrics(labels, said)

    assert metrics["precision"]["value"] == pytest.approx(0.33, abs=0.005)
    assert metrics["recall"]["value"] == 0.75
    assert metrics["accuracy"]["value"] < 1 - metrics["prevalence"]["value"]
    assert metrics["balanced_accuracy"]["high"] < 0.5


def test_the_interval_of_balanced_accuracy_covers_as_it_says():
    chance = np.random.default_rng(0)
    labels = np.repeat([1, 0], [40, 120])
    covered = []
    for _ in range(400):
        said = chance.random(160) < np.where(labels == 1, 0.8, 0.3)
        interval = classification_metrics(labels, said)["balanced_accuracy"]
        covered.append(interval["low"] <= 0.75 <= interval["high"])

    assert 0.92 <= np.mean(covered) <= 0.985


def test_no_positive_prediction_leaves_precision_unknown_but_not_broken():
    metrics = classification_metrics([1, 0], [0, 0])

    assert metrics["precision"]["n"] == 0
    assert metrics["recall"]["value"] == 0


def test_auroc_is_the_share_of_pairs_in_order_with_ties_counted_half():
    labels, scores = [1, 1, 0, 0, 0], [0.9, 0.5, 0.5, 0.1, 0.7]
    # pairs: 0.9 beats all three; 0.5 ties one, beats one, loses one
    assert auroc(labels, scores, resamples=10)["value"] == pytest.approx(4.5 / 6)


def test_auroc_of_scores_without_meaning_includes_one_half():
    chance = np.random.default_rng(0)
    interval = auroc(chance.random(300) < 0.3, chance.random(300), resamples=300)

    assert interval["low"] < 0.5 < interval["high"]


def perfect_by_chance(deviations, positives, negatives, studies=4000):
    """How often a judge that errs is seen without an error, and its true areas."""
    chance = np.random.default_rng(0)
    lowest = chance.standard_normal((studies, positives)).min(axis=1) + deviations
    highest = chance.standard_normal((studies, negatives)).max(axis=1)
    at = np.linspace(-6, 6 + deviations, 20001)
    recall, fall_out = norm.sf(at - deviations), norm.sf(at)
    precision = positives * recall / (positives * recall + negatives * fall_out)
    areas = norm.cdf(deviations / 2**0.5), -np.trapezoid(precision, recall)
    return (lowest > highest).mean(), *areas


@pytest.mark.parametrize(
    ("positives", "negatives", "deviations"),
    [(3, 3, 0.1), (5, 50, 2.0), (10, 1000, 3.6), (100, 10, 2.8), (100, 400, 4.55)],
)
def test_a_perfect_ranking_of_few_images_leaves_room_for_judges_that_may_show_it(
    positives, negatives, deviations
):
    labels = np.repeat([True, False], [positives, negatives])
    share, area, precision = perfect_by_chance(deviations, positives, negatives)
    intervals = [judge(labels, labels, resamples=20) for judge in (auroc, average_precision)]

    assert share > 0.025  # such a judge is seen perfect too often to be excluded
    for interval, truth in zip(intervals, (area, precision), strict=True):
        assert interval["low"] <= truth <= interval["high"]
        assert interval["low"] == pytest.approx(0.025 ** (1 / min(positives, negatives)))


def test_average_precision_is_the_precision_at_each_gained_recall_with_ties_together():
    labels, scores = [1, 1, 0, 0, 1], [0.9, 0.5, 0.5, 0.7, 0.1]
    # 1 of 1 at the first third, 2 of 4 at the second (a tie), 3 of 5 at the last
    expected = (1 / 1 + 2 / 4 + 3 / 5) / 3

    assert average_precision(labels, scores, resamples=10)["value"] == pytest.approx(expected)
    scored = classification_metrics(labels, [1, 0, 0, 1, 0], scores, resamples=10)
    assert scored["average_precision"] == average_precision(labels, scores, resamples=10)


def test_average_precision_of_scores_without_meaning_includes_the_prevalence():
    chance = np.random.default_rng(0)
    labels = chance.random(300) < 0.3
    interval = average_precision(labels, chance.random(300), resamples=300)

    assert interval["low"] < labels.mean() < interval["high"]


def test_the_studys_accepted_share_corrected_for_its_judge_is_nearly_all():
    share, tpr, fpr = wilson(1605, 2276), wilson(241, 340), wilson(64, 526)
    corrected = rogan_gladen(share, tpr, fpr)

    assert corrected["value"] == pytest.approx(0.994, abs=0.002)
    assert (corrected["low"], corrected["high"]) == pytest.approx((0.913, 1.090), abs=0.01)


def test_the_correction_covers_the_planted_share():
    chance = np.random.default_rng(0)
    covered = []
    for seed in range(300):
        tpr, fpr = wilson(chance.binomial(100, 0.8), 100), wilson(chance.binomial(150, 0.2), 150)
        good = chance.binomial(400, 0.6)  # 60 % of the synthetic images are of the subject
        accepted = chance.binomial(good, 0.8) + chance.binomial(400 - good, 0.2)
        corrected = rogan_gladen(wilson(accepted, 400), tpr, fpr, seed=seed)
        covered.append(corrected["low"] <= 0.6 <= corrected["high"])

    assert np.mean(covered) >= 0.92  # 0.95 promised; 300 intervals give 0.95 ± 0.025


def test_a_perfect_judge_needs_no_correction_and_a_blind_one_gets_none():
    share = wilson(30, 100)

    assert rogan_gladen(share, wilson(50, 50), wilson(0, 50))["value"] == pytest.approx(0.3)
    with pytest.raises(InputError, match="accepts more positives than negatives"):
        rogan_gladen(share, wilson(10, 50), wilson(10, 50))


def test_mcnemar_is_a_binomial_test_on_the_disagreements():
    labels = np.ones(40)
    first = np.repeat([1, 1, 0, 0], [20, 9, 2, 9])
    second = np.repeat([1, 0, 1, 0], [20, 9, 2, 9])
    result = mcnemar_exact(labels, first, second)

    assert (result["only_first_right"], result["only_second_right"], result["n"]) == (9, 2, 40)
    assert result["p_value"] == pytest.approx(binomtest(9, 11).pvalue)
    assert mcnemar_exact(labels, first, first)["p_value"] == 1


@pytest.mark.parametrize(
    ("labels", "predictions", "said"),
    [
        ([], [], "at least one label"),
        ([1, 1], [1, 0], "got 2 positive and 0 negative"),
        ([1, 0], [1], "same length"),
        ([1, 0, 2], [1, 0, 1], "true or false, got"),
    ],
)
def test_unusable_labels_are_refused_in_one_sentence(labels, predictions, said):
    with pytest.raises(InputError, match=said):
        classification_metrics(labels, predictions)


def test_scores_that_are_not_finite_are_refused():
    for area in (auroc, average_precision):
        with pytest.raises(InputError, match="1 scores that are not finite"):
            area([1, 0], [0.5, np.nan])

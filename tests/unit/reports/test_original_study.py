from itertools import product
from math import sqrt

import pytest

from cosmop.errors import InputError
from cosmop.reports import original_study
from cosmop.reports.original_study import confusion_shares, implied_confusion, range_over

_PUBLISHED = original_study.PUBLISHED


def _wilson(successes: int, n: int) -> tuple[float, float]:
    z, share = 1.959964, successes / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return middle - half, middle + half


def _fractions(confusion: dict[str, int]) -> dict[str, tuple[int, int]]:
    tp, fp, fn, tn = (confusion[key] for key in ("tp", "fp", "fn", "tn"))
    return {
        "precision": (tp, tp + fp),
        "recall": (tp, tp + fn),
        "accuracy": (tp + tn, tp + fp + fn + tn),
    }


_CASES = list(product(_PUBLISHED, ("precision", "recall", "accuracy")))


@pytest.mark.parametrize(("classifier", "metric"), _CASES)
def test_the_implied_counts_reproduce_every_published_share(classifier, metric):
    successes, n = _fractions(original_study.CLASSIFIERS[classifier]["confusion"])[metric]

    assert round(successes / n, 2) == _PUBLISHED[classifier][metric]


@pytest.mark.parametrize(("classifier", "metric"), _CASES)
def test_the_intervals_are_those_of_wilson(classifier, metric):
    published = original_study.CLASSIFIERS[classifier]
    successes, n = _fractions(published["confusion"])[metric]

    low, high = _wilson(successes, n)
    expected = {"value": successes / n, "low": low, "high": high, "n": n}
    assert published[metric] == pytest.approx(expected, abs=6e-5)


def test_the_confusion_matrices_are_of_the_published_test_set():
    for published in original_study.CLASSIFIERS.values():
        cells = published["confusion"]
        assert (cells["tp"] + cells["fn"], cells["fp"] + cells["tn"]) == original_study.TEST


def test_the_counts_that_stand_here_are_among_those_that_the_published_shares_imply():
    for classifier, published in original_study.PUBLISHED.items():
        cells = original_study.CLASSIFIERS[classifier]["confusion"]
        assert cells in implied_confusion(published)


def test_implied_matrices_are_those_of_a_search_through_all_in_whole_numbers():
    positives, negatives = 9, 14
    n = positives + negatives

    def rounds_to(successes, cases, percent):  # |100 s/c − p| < ½, in whole numbers
        return abs(200 * successes - 2 * percent * cases) < cases

    expected = [
        {"tp": tp, "fp": negatives - tn, "fn": positives - tp, "tn": tn}
        for tp, tn in product(range(positives + 1), range(negatives + 1))
        if rounds_to(tp, positives, 67)
        and rounds_to(tp, tp + negatives - tn, 60)
        and rounds_to(tp + tn, n, 70)
    ]
    assert len(expected) == 1
    published = {"precision": 0.60, "recall": 0.67, "accuracy": 0.70}
    assert implied_confusion(published, test=(positives, negatives)) == expected


def test_every_matrix_behind_the_one_class_svm_is_below_always_saying_no():
    tables = implied_confusion(original_study.PUBLISHED["one_class_svm"])

    assert len(tables) == 24
    assert range_over(tables, "accuracy")[1] < 0.607 < confusion_shares(tables[0])["always_no"]
    assert range_over(tables, "precision")[1] < 340 / 866
    assert range_over(tables, "balanced_accuracy") == pytest.approx((0.384, 0.392), abs=5e-4)
    assert range_over(tables, "specificity")[1] < 0.035


def test_precision_and_recall_at_face_value_miss_the_published_accuracy():
    """0.75 · 340 = 255 and 255 / 0.33 ≈ 773: 518 false positives, 8 true negatives."""
    shares = confusion_shares({"tp": 255, "fp": 518, "fn": 85, "tn": 8})

    assert (round(shares["recall"], 2), round(shares["precision"], 2)) == (0.75, 0.33)
    assert round(shares["accuracy"], 2) == 0.30
    assert shares["balanced_accuracy"] == pytest.approx(0.38, abs=0.005)
    assert shares["accuracy"] < shares["always_no"]


def test_the_verdict_says_how_many_negatives_were_recognised():
    verdict = original_study.one_class_verdict()

    assert "9 to 18 of 526 negative images" in verdict
    assert "TP 255, FP 518, TN 8, FN 85" in verdict
    assert "24 matrices fit" in verdict
    assert "always saying no has 0.607" in verdict


def test_shares_that_no_matrix_has_are_refused():
    with pytest.raises(InputError, match="No confusion matrix of 340 positives and 526 negatives"):
        implied_confusion({"precision": 0.9, "recall": 0.1, "accuracy": 0.9})


def test_the_counts_add_up():
    assert original_study.POSITIVE + original_study.NEGATIVE == original_study.RELEVANT


def test_the_accepted_share_is_that_of_the_published_counts():
    low, high = _wilson(1605, 2276)

    expected = {"value": 1605 / 2276, "low": low, "high": high, "n": 2276}
    assert dict(original_study.ACCEPTED) == pytest.approx(expected, abs=6e-5)

from itertools import product
from math import sqrt

import pytest

from cosmop.reports import original_study

_PUBLISHED = {
    "image_classifier": {"precision": 0.79, "recall": 0.71, "accuracy": 0.81},
    "one_class_svm": {"precision": 0.33, "recall": 0.75, "accuracy": 0.31},
}


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


def test_the_counts_add_up():
    assert original_study.POSITIVE + original_study.NEGATIVE == original_study.RELEVANT


def test_the_accepted_share_is_that_of_the_published_counts():
    low, high = _wilson(1605, 2276)

    expected = {"value": 1605 / 2276, "low": low, "high": high, "n": 2276}
    assert dict(original_study.ACCEPTED) == pytest.approx(expected, abs=6e-5)

import pytest

from cosmop.reports import original_study
from cosmop.reports.facts import StudyFacts
from cosmop.reports.remarks import (
    acceptance_remarks,
    classifier_remarks,
    corrected_share,
    distance_remarks,
    gain_remarks,
)


def _estimate(value: float, half: float) -> dict[str, float]:
    return {"value": value, "low": value - half, "high": value + half}


@pytest.mark.parametrize(
    ("best", "half", "kind"), [(20.0, 1.0, "good"), (20.0, 90.0, "warn"), (140.0, 1.0, "warn")]
)
def test_training_helped_only_when_the_intervals_are_apart_and_in_order(best, half, kind):
    distances = {"untrained": _estimate(100.0, half), "best": _estimate(best, half)}

    assert [one.kind for one in distance_remarks(StudyFacts("t", distances=distances))] == [kind]


def test_the_original_svm_is_not_better_than_always_answering_negative():
    remarks = classifier_remarks(StudyFacts("t", classifiers=original_study.CLASSIFIERS))

    assert len(remarks) == 1
    assert "One-class SVM: always answering “negative” is right for 0.607" in remarks[0].text


@pytest.mark.parametrize(("value", "kind"), [(0.1, "good"), (-0.1, "warn"), (0.01, "note")])
def test_a_gain_counts_only_when_its_interval_excludes_zero(value, kind):
    remarks = gain_remarks(StudyFacts("t", gains={"recall": _estimate(value, 0.05)}))

    assert [one.kind for one in remarks] == [kind]


def test_a_share_that_is_a_mixture_is_unmixed():
    sensitivity, false_positive_rate, truly_positive = 0.7, 0.1, 0.4
    accepted = truly_positive * sensitivity + (1 - truly_positive) * false_positive_rate

    assert corrected_share(accepted, sensitivity, false_positive_rate) == pytest.approx(0.4)


def test_a_judge_that_cannot_tell_real_images_apart_says_nothing():
    shares = {
        "synthetic": _estimate(0.6, 0.05),
        "real_positives": _estimate(0.7, 0.1),
        "real_negatives": _estimate(0.65, 0.1),
    }

    remarks = acceptance_remarks(StudyFacts("t", acceptance={"svm": shares}))

    assert [one.kind for one in remarks] == ["warn"]

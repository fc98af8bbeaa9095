"""The document on the judges: the study's own figures, planted judges, and bad input."""

import json

import numpy as np
import pandas as pd
import pytest

from cosmop.errors import InputError
from cosmop.metrics.classification import classification_metrics
from cosmop.metrics.intervals import wilson
from cosmop.metrics.judgement import judge_scores


def table(chance, positives=60, negatives=90, synthetic=80, shift=2.0):
    """One judge that knows something and gives probabilities, one that guesses."""
    n = positives + negatives + synthetic
    is_positive = np.repeat([True, False, True], [positives, negatives, synthetic])
    logits = chance.standard_normal(n) + shift * (is_positive - 0.5)
    guesses = chance.standard_normal(n)
    return pd.DataFrame(
        {
            "image_id": [f"image {i}" for i in range(n)],
            "set": np.repeat(["test", "synthetic"], [positives + negatives, synthetic]),
            "is_positive": is_positive,
            "image_classifier_score": 1 / (1 + np.exp(-logits)),
            "image_classifier_accepts": logits > 0,
            "knn_score": guesses,
            "knn_accepts": guesses > 0,
        }
    )


def from_counts(tp, fn, fp, tn, accepted, refused):
    """A table in which one judge has these counts, as a study publishes them."""
    said = np.repeat([True, False, True, False, True, False], [tp, fn, fp, tn, accepted, refused])
    real = tp + fn + fp + tn
    return pd.DataFrame(
        {
            "set": np.repeat(["test", "synthetic"], [real, accepted + refused]),
            "is_positive": np.repeat([True, False, True], [tp + fn, fp + tn, accepted + refused]),
            "judge_score": said.astype(float),
            "judge_accepts": said,
        }
    )


def test_the_studys_published_figures_give_the_share_it_could_not_see():
    scores = from_counts(tp=241, fn=99, fp=64, tn=462, accepted=1605, refused=671)
    acceptance = judge_scores(scores, resamples=2)["acceptance"]["judge"]

    assert acceptance["synthetic"]["value"] == pytest.approx(0.705, abs=0.0005)
    assert acceptance["real_positives"]["value"] == pytest.approx(0.709, abs=0.0005)
    assert acceptance["real_negatives"]["value"] == pytest.approx(0.122, abs=0.0005)
    # 0.99 [0.91, 1.09] as published: half of the last digit
    corrected = acceptance["corrected"]
    assert [corrected[name] for name in ("value", "low", "high")] == pytest.approx(
        [0.99, 0.91, 1.09], abs=0.005
    )


def test_a_judge_below_chance_is_given_a_reason_instead_of_a_share():
    scores = from_counts(tp=255, fn=85, fp=518, tn=8, accepted=2000, refused=276)
    document = judge_scores(scores, resamples=2)

    assert set(document["acceptance"]["judge"]["corrected"]) == {"reason"}
    assert (
        "not shown to be better than chance"
        in (document["acceptance"]["judge"]["corrected"]["reason"])
    )
    assert (
        document["judges"]["judge"]["accuracy"]["high"]
        < document["baselines"]["always_negative"]["accuracy"]["value"]
    )


def test_a_judge_that_may_be_guessing_is_given_a_reason_although_it_was_lucky():
    scores = from_counts(tp=11, fn=9, fp=9, tn=11, accepted=10, refused=10)

    corrected = judge_scores(scores, resamples=2)["acceptance"]["judge"]["corrected"]
    assert "0.550 of 20 real positives and 0.450 of 20" in corrected["reason"]


def test_a_judge_without_error_on_few_images_is_not_taken_for_perfect():
    scores = from_counts(tp=10, fn=0, fp=0, tn=10, accepted=500, refused=500)
    corrected = judge_scores(scores, resamples=2)["acceptance"]["judge"]["corrected"]

    assert corrected["value"] == 0.5
    assert corrected["high"] - corrected["low"] > 2 * 0.05  # 1000 images alone would give 0.06


def test_the_figures_are_those_of_classification_metrics(chance):
    scores = table(chance)
    document = judge_scores(scores, seed=3, resamples=50)
    test = scores[scores["set"] == "test"]

    assert set(document["judges"]) == {"image_classifier", "knn"}
    assert document["judges"]["knn"] == classification_metrics(
        test["is_positive"], test["knn_accepts"], test["knn_score"], seed=3, resamples=50
    )
    assert document["baselines"]["always_negative"] == {"accuracy": wilson(90, 150)}
    assert document["baselines"]["always_positive"]["precision"] == wilson(60, 150)
    for kind in ("precision_recall", "roc"):
        assert len(document["curves"]["knn"][kind]) <= 101


def test_a_guessing_judge_is_seen_as_one(chance):
    judges = judge_scores(table(chance))["judges"]

    assert judges["knn"]["auroc"]["low"] < 0.5 < judges["knn"]["auroc"]["high"]
    assert judges["image_classifier"]["auroc"]["low"] > 0.8
    assert (
        judges["image_classifier"]["average_precision"]["low"]
        > judges["image_classifier"]["prevalence"]["high"]
    )


def test_only_probabilities_are_checked_for_calibration(chance):
    assert set(judge_scores(table(chance), resamples=50)["calibration"]) == {"image_classifier"}


def test_groups_are_those_of_the_criteria_and_of_the_number_of_people(chance):
    scores = table(chance, positives=4, negatives=4, synthetic=3)
    scores["knn_accepts"] = [True, False, True, True, True, False, False, False] + [True] * 3
    scores["has_fence"] = pd.array(
        [True, True, False, None, True, False, False, None] + [None] * 3, dtype="boolean"
    )
    scores["people"] = [0, 1, 2, 3, 7, 1, None, 0] + [None] * 3
    groups = judge_scores(scores, resamples=2)["by_group"]["knn"]
    by_name = {each["group"]: each for each in groups["people"]}

    assert [each["group"] for each in groups["has_fence"]] == ["yes", "no"]
    assert groups["has_fence"][0] == {
        "group": "yes",
        "recall": wilson(1, 2),
        "accuracy": wilson(1, 3),  # of two positives one is found, the negative is accepted
        "n": 3,
    }
    assert groups["has_fence"][1]["accuracy"] == wilson(3, 3)
    assert list(by_name) == ["0", "1", "2", "3 and more"]
    assert [each["n"] for each in by_name.values()] == [2, 2, 1, 2]
    assert by_name["3 and more"]["accuracy"] == wilson(1, 2)
    assert set(groups) == {"has_fence", "people"}


def test_a_group_without_positives_has_no_recall(chance):
    scores = table(chance)
    scores["is_empty"] = ~scores["is_positive"]
    groups = judge_scores(scores, resamples=2)["by_group"]["image_classifier"]["is_empty"]

    assert groups[0]["group"] == "yes"
    assert groups[0]["recall"] is None


def test_a_judge_that_refuses_everything_makes_a_document_without_nan(chance):
    scores = table(chance, synthetic=0).assign(knn_accepts=False)
    document = judge_scores(scores, resamples=10)

    text = json.dumps(document, allow_nan=False)
    assert json.loads(text) == document
    assert document["judges"]["knn"]["precision"]["value"] is None
    assert document["acceptance"]["image_classifier"]["corrected"] == {
        "reason": "There are no synthetic images."
    }


def test_the_same_seed_gives_the_same_document(chance):
    scores = table(chance)
    documents = [judge_scores(scores, seed=seed, resamples=50) for seed in (0, 0, 1)]

    assert documents[0] == documents[1] != documents[2]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s.drop(columns="knn_score"), "<judge>_score with <judge>_accepts"),
        (lambda s: s[["image_id", "set", "is_positive"]], "at least one judge"),
        (lambda s: s.drop(columns="set"), "needs the columns set"),
        (lambda s: s[s["set"] == "synthetic"], "all labelled, got 0"),
        (lambda s: s[s["is_positive"]], "60 positive and 0 negative"),
        (lambda s: s.assign(knn_score=np.nan), "150 missing of 'knn'"),
        (
            lambda s: s.assign(is_positive=s["is_positive"].astype(object).where(s.index > 0)),
            "150, 1 of them without a label",
        ),
    ],
)
def test_unusable_tables_are_refused_in_one_sentence(chance, change, said):
    with pytest.raises(InputError, match=said):
        judge_scores(change(table(chance)), resamples=2)

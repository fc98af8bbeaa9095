import numpy as np
import pandas as pd
import pytest

from cosmop.labels.issues import ISSUE_COLUMNS, find_label_issues, judge_labels
from cosmop.labels.schema import LabelSchema
from cosmop.labels.suggestions import SuggestionOptions

TWO = LabelSchema(criteria=("crowded", "patrol"))
OPTIONS = SuggestionOptions()


def _world(seed, images=600, flipped_share=0.05):
    """Two criteria that two features tell apart well, and labels of which some are flipped."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((images, 10))
    truth = x[:, :2] + 0.2 * rng.standard_normal((images, 2)) > 0.5
    flipped = rng.random((images, 2)) < flipped_share
    labels = pd.DataFrame(truth ^ flipped, columns=["crowded", "patrol"])
    labels = labels.assign(image_id=[f"{at:04}" for at in range(images)], group=np.arange(images))
    where = pd.DataFrame(flipped, columns=["crowded", "patrol"]).set_index(labels["image_id"])
    return x.astype(np.float32), labels, where


@pytest.mark.parametrize("seed", range(3))
def test_planted_errors_are_found_first(seed):
    x, labels, flipped = _world(seed)

    issues = find_label_issues(x, labels, TWO, OPTIONS)

    planted = [flipped.loc[row.image_id, row.criterion] for row in issues.itertuples()]
    assert len(issues) == 1200
    suspected = issues["is_issue"].sum()
    assert np.mean(planted[:suspected]) > 0.6  # of the suspected ones; by chance 0.05
    assert np.sum(planted[:suspected]) > 0.7 * np.sum(planted)
    assert np.mean(planted[:30]) > 0.9


def test_ranks_run_from_the_most_doubtful_and_labels_stay_as_they_are():
    x, labels, _ = _world(0)
    before = labels.copy()

    issues = find_label_issues(x, labels, TWO, OPTIONS)

    assert issues.columns.tolist() == list(ISSUE_COLUMNS)
    assert issues["rank"].tolist() == list(range(1, 1201))
    assert issues["is_issue"].is_monotonic_decreasing
    assert issues[issues["is_issue"]]["quality"].is_monotonic_increasing
    assert labels.equals(before)
    given = labels.melt("image_id", list(TWO.criteria), "criterion", "given")
    assert issues.merge(given).shape[0] == 1200


def test_the_quality_is_the_probability_of_the_label_given():
    x, labels, _ = _world(1)

    issues = find_label_issues(x, labels, TWO, OPTIONS)

    expected = np.where(issues["given"], issues["suggested"], 1 - issues["suggested"])
    assert np.allclose(issues["quality"], expected)


def test_confident_learning_is_that_of_the_paper():
    """Equations 1 and 2 and pruning by noise rate (Northcutt et al. 2021), written out."""
    rng = np.random.default_rng(0)
    p = rng.random(500)
    given = (p + 0.3 * rng.standard_normal(500)) > 0.5

    quality, is_issue = judge_labels(given, p)

    both = np.stack([1 - p, p], axis=1)
    thresholds = [both[given == k, int(k)].mean() for k in (False, True)]
    confident = both >= thresholds
    at = np.where(
        confident.all(axis=1),
        both.argmax(axis=1),
        np.where(confident.any(axis=1), confident[:, 1], -1),
    )
    joint = np.array([[((given == i) & (at == j)).sum() for j in (0, 1)] for i in (0, 1)])
    counts = np.array([(~given).sum(), given.sum()])
    joint = joint / joint.sum(axis=1, keepdims=True) * counts[:, None]
    assert abs(is_issue.sum() - (joint[0, 1] + joint[1, 0])) <= 3  # rounding
    assert np.allclose(quality, np.where(given, p, 1 - p))
    assert ((p[is_issue] > 0.5) != given[is_issue]).all()


@pytest.mark.parametrize("positives", [0, 3, 600])
def test_a_criterion_without_examples_of_a_class_is_left_out(positives):
    x, labels, _ = _world(2)
    labels["patrol"] = np.arange(600) < positives

    issues = find_label_issues(x, labels, TWO, OPTIONS)

    assert set(issues["criterion"]) == {"crowded"}


@pytest.mark.parametrize("count", [0, 1, 3])
def test_too_few_labels_are_an_empty_table_with_its_columns(count):
    x, labels, _ = _world(2)

    issues = find_label_issues(x[:count], labels.head(count), TWO, OPTIONS)

    assert issues.columns.tolist() == list(ISSUE_COLUMNS)
    assert len(issues) == 0
    assert issues["is_issue"].dtype == bool

import re

from cosmop.reports.facts import StudyFacts
from cosmop.reports.judge_curves import (
    calibration_chart,
    group_table,
    judge_views,
    precision_recall_chart,
    roc_chart,
)
from tests.unit.reports import invented

_METRICS = invented.judge(30, 10, 10, 50)
_POINTS = [
    {"recall": 0.0, "precision": 1.0, "low": 0.9, "high": 1.0},
    {"recall": 1.0, "precision": 0.4, "low": 0.3, "high": 0.5},
]


def test_precision_and_recall_show_prevalence_band_and_threshold():
    chart = precision_recall_chart(_POINTS, _METRICS)

    assert 'class="line" d="M0.00 0.00 L100.00 60.00"' in chart
    assert 'class="band" d="M0.00 0.00 L100.00 50.00 L100.00 70.00 L0.00 10.00Z"' in chart
    assert re.findall(r'class="level c"[^>]* y1="([\d.]+)%', chart) == ["60.00"]
    assert 'cx="75.00%" cy="25.00%"' in chart


def test_a_roc_has_the_diagonal_of_chance():
    points = [{"false_positive_rate": 0.0, "recall": 0.0, "low": None, "high": None}] * 2

    chart = roc_chart(points, _METRICS)

    assert 'd="M0.00 100.00 L100.00 0.00"' in chart
    assert 'class="band" d=""' in chart
    assert 'cx="16.67%" cy="25.00%"' in chart


def test_no_points_make_no_chart():
    assert precision_recall_chart((), _METRICS) == roc_chart((), _METRICS) == ""
    assert calibration_chart([{"mean": 0.5, "share": None}]) == ""


def test_bins_of_a_reliability_diagram_lie_at_their_mean_in_order():
    bins = [
        {"mean": 0.8, "share": invented.interval(0.5, 10)},
        {"mean": 0.2, "share": invented.interval(0.25, 10)},
        {"mean": None, "share": None},
    ]

    assert 'class="line" d="M20.00 75.00 L80.00 50.00"' in calibration_chart(bins)


def test_groups_without_positives_have_no_recall():
    table = group_table(invented.by_group()["image_classifier"])

    assert table is not None
    assert table.rows[0][:3] == ["carrying a bag", "yes", "30"]
    assert table.rows[1][3] == "–"


def test_every_judge_has_its_view_and_the_classifier_comes_first(study_facts: StudyFacts):
    views = judge_views(study_facts)

    assert [view.title for view in views][:2] == [
        "Image classifier",
        "One-class SVM (as in the study)",
    ]
    assert [view.is_main for view in views] == [True] + [False] * 7
    assert [len(view.charts) for view in views] == [4, 3, 2, 2, 2, 2, 2, 3]

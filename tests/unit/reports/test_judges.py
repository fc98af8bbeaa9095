import pytest

from cosmop.reports import original_study
from cosmop.reports.facts import StudyFacts
from cosmop.reports.judges import (
    confusion_tables,
    detector_table,
    judge_remarks,
    judge_table,
    one_class_remarks,
    published_remarks,
    variance_plot,
    verdict,
)
from tests.unit.reports import invented


def _with_auroc(low: float, high: float, cells: tuple[int, int, int, int]) -> dict:
    figures = invented.judge(*cells)
    return figures | {"auroc": {"value": (low + high) / 2, "low": low, "high": high, "n": 90}}


_GOOD, _EVEN, _BAD = (40, 5, 3, 42), (24, 23, 19, 24), (10, 40, 33, 7)


@pytest.mark.parametrize(
    ("low", "high", "cells", "kind", "words"),
    [
        (0.8, 0.9, _GOOD, "good", "ranks better than chance and beats always saying no"),
        (0.6, 0.9, _EVEN, "warn", "better than chance, but not shown to beat always saying no"),
        (0.6, 0.9, _BAD, "warn", "better than chance, but worse than always saying no"),
        (0.4, 0.6, _GOOD, "warn", "no better than chance"),
        (0.5, 0.9, _GOOD, "warn", "no better than chance"),
        (0.2, 0.4, _BAD, "warn", "ranks the wrong way round; worse than always saying no"),
    ],
)
def test_the_verdict_says_no_more_than_the_intervals(low, high, cells, kind, words):
    said = verdict(_with_auroc(low, high, cells))

    assert said.kind == kind
    assert words in said.text


def test_where_positives_are_many_the_answer_to_beat_is_yes():
    assert "beats always saying yes" in verdict(invented.judge(78, 2, 2, 38)).text
    assert "not shown to beat always saying yes" in verdict(invented.judge(70, 10, 10, 10)).text


def test_a_judge_that_always_says_no_is_said_to():
    figures = {"confusion": {"tp": 0, "fp": 0, "fn": 40, "tn": 60}}

    assert verdict(figures).text == "the same as always saying no"


def test_a_judge_without_figures_is_not_judged():
    assert verdict({}).text == "not judged"


def test_the_originals_one_class_svm_is_worse_than_always_saying_no():
    assert verdict(original_study.CLASSIFIERS["one_class_svm"]).text == (
        "worse than always saying no"
    )
    assert verdict(original_study.CLASSIFIERS["image_classifier"]).kind == "good"


def test_the_table_begins_with_the_answers_that_never_change_and_keeps_the_order(study_facts):
    table = judge_table(study_facts)

    assert table is not None
    names = [row[0] for row in table.rows]
    assert names[:3] == ["Always saying no", "Always saying yes", "One-class SVM (as in the study)"]
    assert len(names) == 2 + len(invented.JUDGES)
    assert "0.522<small>[0.419, 0.625]</small>" in table.rows[0][5]


def test_judges_of_one_verdict_share_a_sentence(study_facts):
    remarks = judge_remarks(study_facts)

    assert len(remarks) == 2
    assert remarks[0].text.startswith("One-class SVM (as in the study) and Isolation forest: no be")
    assert all("which is right for 0.522" in one.text for one in remarks)


def test_the_studys_two_judges_stand_beside_their_published_matrices(study_facts):
    studied, others = confusion_tables(study_facts)

    assert (len(studied), len(others)) == (4, 6)
    assert sum("original study" in table for table in studied) == 2


def test_the_published_figures_are_said_in_words():
    texts = " ".join(one.text for one in published_remarks())

    assert original_study.one_class_verdict() in texts
    assert "25.0% of the positive and only 2.5% of the negative" in texts


def test_both_shares_of_variance_stand_on_one_axis_with_the_warning(study_facts):
    plot = variance_plot(study_facts)

    assert 'cx="93.00%"' in plot
    assert 'cx="11.00%"' in plot
    assert [one.kind for one in one_class_remarks(study_facts)] == ["warn"]
    assert one_class_remarks(StudyFacts("t", one_class={"warning": None})) == []


def test_detectors_show_plain_figures_only(study_facts):
    table = detector_table(study_facts)

    assert table is not None
    assert list(table.columns) == ["detector", "threshold", "quantile", "n train", "n held out"]

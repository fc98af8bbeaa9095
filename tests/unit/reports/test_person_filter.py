"""The person filter's section says what the leak test found beside how good the filter is."""

import pandas as pd
import pytest

from cosmop.reports.person_filter import leak_remarks, person_filter_view
from tests.unit.reports.invented import interval, judge

SENTENCE = "Size and encoding alone tell images with people from those without in 0.97."
SCORES = pd.DataFrame(
    {"image_id": list("abcd"), "score": [0.1, 0.4, 0.8, 0.9], "is_kept": [False, False, True, True]}
)


@pytest.fixture
def metrics():
    views = {name: interval(0.97, 200) for name in ("metadata", "thumbnails", "both")}
    return judge(140, 12, 15, 145) | {
        "threshold": 0.31,
        "checksum": "abc",
        "at_threshold": {
            "recall_wanted": 0.95,
            "reason": None,
            "recall": interval(0.951, 155),
            "confusion": {"tp": 1, "fp": 1, "fn": 1, "tn": 1},
        },
        "recall_by_people": {"1": interval(0.71, 30), "2 to 5": interval(0.93, 40)},
        "source_leak": {
            "is_person": {"chance": 0.5, **views},
            "source": None,
            "source_without_people": None,
            "is_leak": True,
            "sentence": SENTENCE,
            "folds": 5,
        },
    }


def titles(view):
    return [card.title for card in view.cards]


def test_each_question_has_its_card_and_the_plain_figures_none_of_theirs(metrics):
    view = person_filter_view(metrics, SCORES)

    assert titles(view) == [
        "Person filter",
        "At the threshold that is to keep 95 % of the people",
        "Recall by number of people",
        "What the files alone tell",
        "",
        "",
    ]
    plain, threshold, groups, files = (card.content for card in view.cards[:4])
    assert "0.970" in files
    assert "0.970" not in plain
    assert "0.951" in threshold
    assert "2 to 5" in groups
    assert "with people or without: from metadata" in files
    assert [row[0] for row in view.others.rows] == ["threshold", "checksum"]


def test_chance_is_marked_among_what_files_tell(metrics):
    files = person_filter_view(metrics, SCORES).cards[3].content

    assert 'class="mark" y2="100%" x1="50.00%"' in files


def test_a_leak_is_a_warning_and_none_is_a_note(metrics):
    mended = metrics | {"source_leak": metrics["source_leak"] | {"is_leak": False}}

    assert [(one.kind, one.text) for one in leak_remarks(metrics)] == [("warn", SENTENCE)]
    assert [one.kind for one in leak_remarks(mended)] == ["note"]
    assert leak_remarks({}) == []


def test_the_curve_and_the_problems_are_shown_where_they_are_known(metrics):
    curve = pd.DataFrame(
        {"recall": [0.0, 1.0], "precision": [1.0, 0.5], "low": [0.9, 0.4], "high": [1.0, 0.6]}
    )
    problems = pd.DataFrame(
        {"source": ["pass"], "problem": ["<archive>"], "n": [2], "example": ["PASS.3.tar"]}
    )

    view = person_filter_view(metrics, SCORES, curve, problems)

    assert any("Precision and recall" in card.content for card in view.cards)
    assert view.problems.rows == [["pass", "<archive>", "2", "PASS.3.tar"]]


def test_nothing_known_is_nothing_shown():
    view = person_filter_view({}, pd.DataFrame(), pd.DataFrame(), pd.DataFrame())

    assert (view.cards, view.remarks, view.others, view.problems) == ([], [], None, None)

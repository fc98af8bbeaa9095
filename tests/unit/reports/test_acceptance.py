import pytest

from cosmop.reports.acceptance import acceptance_remarks, acceptance_views, published_remark
from cosmop.reports.facts import StudyFacts
from tests.unit.reports import invented


def _remarks(**shares: object) -> list[tuple[str, str]]:
    facts = StudyFacts("t", acceptance={"knn": shares})
    return [(one.kind, one.text) for one in acceptance_remarks(facts)]


@pytest.mark.parametrize(("positives", "negatives"), [(0.7, 0.65), (0.1, 0.9)])
def test_a_judge_that_cannot_tell_real_images_apart_says_nothing(positives, negatives):
    blind = {
        "synthetic": invented.interval(0.6, 400),
        "real_positives": invented.interval(positives, 50),
        "real_negatives": invented.interval(negatives, 50),
    }

    assert [kind for kind, _ in _remarks(**blind)] == ["warn"]
    corrected = {"value": 0.4, "low": -2.0, "high": 3.0, "n": 400}
    assert [kind for kind, _ in _remarks(**blind, corrected=corrected)] == ["warn"]


def test_why_a_share_is_not_corrected_names_the_judge_for_people():
    reason = {"reason": "knn is not shown to be better than chance."}

    assert _remarks(corrected=reason) == [
        ("warn", "Nearest neighbours is not shown to be better than chance.")
    ]


def test_the_corrected_share_is_said_with_its_interval(study_facts: StudyFacts):
    _, good = acceptance_views(study_facts)

    assert "0.84 [0.62, 1.07] of the synthetic images look positive" in good.remarks[0].text
    assert "synthetic, corrected" in good.forest


def test_the_axis_reaches_as_far_as_a_corrected_share_over_one(study_facts: StudyFacts):
    blind, good = acceptance_views(study_facts)

    mark = f'x1="{100 / 1.07:.2f}%"'
    assert mark in good.forest
    assert mark in blind.forest


def test_the_originals_share_was_its_judges_ceiling():
    text = published_remark().text

    assert "0.705 [0.686, 0.724] n=2,276" in text
    assert "Corrected for that, the share is 0.99 [0.91, 1.09]" in text

import re
from typing import Any

import pytest

from cosmop.reports.arms import (
    answer,
    arms_table,
    comparisons_table,
    gain_plots,
    learning_curves,
    study_remarks,
)
from tests.unit.reports import invented


def _study(*comparisons: dict[str, Any]) -> dict[str, Any]:
    return {"comparisons": list(comparisons)}


_GAIN = invented.comparison("synthetic_1", 0.05)
_NONE = invented.comparison("synthetic_1", 0.01)
_LOSS = invented.comparison("synthetic_2", -0.05)


@pytest.mark.parametrize(
    ("comparisons", "words", "kind"),
    [
        ([_NONE], "not shown", "note"),
        ([_GAIN], "a gain, not shown to beat repetition", "note"),
        (
            [_GAIN, invented.comparison("synthetic_1", 0.01, against="oversampled")],
            "a gain, not shown to beat repetition",
            "note",
        ),
        ([_GAIN, invented.comparison("synthetic_1", 0.04, against="oversampled")], "yes", "good"),
        ([_LOSS], "no, they hurt", "warn"),
        ([_GAIN, _LOSS], "it depends on how many", "note"),
    ],
)
def test_the_answer_claims_no_more_than_the_comparisons(comparisons, words, kind):
    said = answer(_study(*comparisons))

    assert said is not None
    assert (said.words, said.kind) == (words, kind)


def test_a_loss_against_the_placebo_is_no_yes():
    said = answer(_study(_GAIN, invented.comparison("synthetic_1", -0.04, against="oversampled")))

    assert said is not None
    assert said.words != "yes"


@pytest.mark.parametrize("arm", ["classical", "oversampled", "synthetic_only"])
def test_only_real_and_synthetic_images_together_answer_the_question(arm):
    assert answer(_study(invented.comparison(arm, 0.2))) is None


def test_a_gain_with_a_part_of_the_data_is_not_the_answer():
    few = invented.comparison("synthetic_1", 0.2, fraction=0.25)

    said = answer(_study(few, _NONE))

    assert said is not None
    assert said.words == "not shown"


def test_no_study_has_no_answer_and_no_remarks():
    assert answer({}) is None
    assert study_remarks({}) == gain_plots({}) == learning_curves({}) == []
    assert arms_table({}) is comparisons_table({}) is None


def test_the_conclusion_is_repeated_with_what_could_not_have_been_seen():
    conclusion, power = study_remarks(invented.study())

    assert conclusion.text == invented.study()["conclusion"]
    assert "below 0.025 would be missed by this test set of 866 images in 20%" in power.text


def test_gains_lie_around_zero_with_the_band_of_what_cannot_be_seen():
    views = gain_plots(invented.study())

    assert [view.title[:8] for view in views] == ["With 100", "With 50%", "With 25%"]
    reach = 1.08 * 0.11
    assert f'x="{50 - 50 * 0.025 / reach:.2f}%" width="{100 * 0.025 / reach:.2f}%"' in (
        views[0].forest
    )
    assert re.findall(r'class="mark"[^>]* x1="([\d.]+)%', views[0].forest) == ["50.00"] * 6
    assert "p = 0.001" in views[0].forest


def test_insignificant_gains_are_grey():
    (view,) = gain_plots(_study(_GAIN, _NONE, _LOSS))

    assert re.findall(r'<li class="(\w)">', view.forest) == ["a", "c", "b"]


def test_a_test_set_too_small_for_any_gain_draws_no_band():
    study = invented.study() | {"smallest_detectable_gain": {"value": None, "power": 0.8}}

    assert "shade" not in gain_plots(study)[0].forest
    assert len(study_remarks(study)) == 1


def test_each_arm_has_a_learning_curve_beside_the_real_images_on_one_scale():
    charts = learning_curves(invented.study())

    assert len(charts) == 6
    ticks = {tuple(re.findall(r'text-anchor="end">([\d.]+)<', chart)) for chart in charts}
    assert len(ticks) == 1


def test_the_tables_hold_every_arm_and_comparison():
    study = invented.study()

    arms, comparisons = arms_table(study), comparisons_table(study)

    assert arms is not None
    assert comparisons is not None
    assert (len(arms.rows), len(comparisons.rows)) == (21, 18)
    assert comparisons.rows[0][:4] == [
        "real, classical augmentation",
        "real images alone",
        "25%",
        "+0.031 [0.011, 0.051]",
    ]

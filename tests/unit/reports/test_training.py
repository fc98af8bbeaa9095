"""The curves of training, with what a restart left behind drawn apart."""

import dataclasses

import pandas as pd

from cosmop.reports.study import ReportOptions, StudyFacts
from cosmop.reports.training import generation


def titles(facts: StudyFacts) -> list[str]:
    charts = generation(facts, ReportOptions())["charts"]
    return [str(chart).split("<figcaption>")[1].split("<")[0] for chart in charts]


def test_each_group_of_measurements_has_its_chart(study_facts: StudyFacts) -> None:
    curve = study_facts.curve.assign(
        nearest_median=3.0, nearest_unseen_median=2.9, real_sign=0.5, held_out_gap=0.1
    )

    assert titles(dataclasses.replace(study_facts, curve=curve))[1:] == [
        "Precision and recall of the distribution",
        "Adaptive augmentation strength",
        "Kernel distance",
        "Distance to the nearest training image",
        "Overfitting of the discriminator",
        "Losses",
    ]


def test_what_a_restart_left_behind_is_a_line_of_its_own(study_facts: StudyFacts) -> None:
    curve = pd.DataFrame(
        {
            "kimg": [0.0, 1.0, 2.0, 2.0],
            "attempt": [0, 0, 0, 1],
            "value": [9.0, 4.0, 8.0, 3.0],
            "is_abandoned": [False, False, True, False],
            "is_best": [False, False, False, True],
        }
    )

    made = generation(dataclasses.replace(study_facts, curve=curve), ReportOptions())

    words = str(made["charts"][0])
    assert "distance from 9.00 to 3.00; abandoned after a collapse from 8.00 to 8.00" in words
    assert words.count("(best)") == 1
    assert made["best"] == 2.0

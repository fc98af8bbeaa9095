"""Decisions against truth, with figures one can count by hand."""

import pandas as pd

from cosmop.demo.comparison import compare_decisions

TRUTH = pd.DataFrame(
    [
        ("a.jpg", "A", "s1", "", True, True),
        ("a2.jpg", "A2", "s1", "resized", True, True),
        ("a3.jpg", "A3", "s1", "cropped", True, True),
        ("b.jpg", "B", "s2", "", False, True),
        ("c.jpg", "C", "s3", "", False, False),
        ("x.jpg", "X", "", "truncated", False, False),
        ("y.jpg", "Y", "", "html", False, False),
    ],
    columns=["file", "image_sha256", "scene_id", "fault", "carrying_bags", "has_people"],
)
LOG = pd.DataFrame(
    {
        "location": [f"http://gallery.test/images/{file}" for file in TRUTH["file"]],
        "status": ["stored"] * 5 + ["failed", "stored"],
    }
)
GROUPS = pd.DataFrame(
    {
        "image_id": ["A", "A2", "A3", "B", "C"],
        "group_id": [0, 0, 1, 1, 2],
        "is_kept": [True, False, True, False, True],
    }
)
LABELS = pd.DataFrame({"image_id": ["A", "A3"], "carrying_bags": [True, False]})


def compared() -> dict[str, dict[str, dict[str, float]]]:
    return compare_decisions(
        TRUTH, download_log=LOG, duplicate_groups=GROUPS, kept_ids={"A", "C"}, labels=LABELS
    )


def test_broken_files_refused_and_sound_files_taken_are_counted() -> None:
    downloads = compared()["downloads"]

    assert (downloads["broken files refused"]["value"], downloads["broken files refused"]["n"]) == (
        0.5,
        2,
    )
    assert (downloads["sound files taken"]["value"], downloads["sound files taken"]["n"]) == (
        1.0,
        5,
    )


def test_duplicates_are_counted_in_pairs_of_the_same_scene() -> None:
    duplicates = compared()["duplicates"]

    assert (duplicates["precision"]["value"], duplicates["precision"]["n"]) == (0.5, 2)
    assert (round(duplicates["recall"]["value"], 3), duplicates["recall"]["n"]) == (0.333, 3)


def test_people_are_judged_on_the_unique_images() -> None:
    people = compared()["people"]

    assert (round(people["accuracy"]["value"], 3), people["accuracy"]["n"]) == (0.333, 3)


def test_labels_agree_when_every_criterion_does() -> None:
    labels = compared()["labels"]["images labelled as drawn"]

    assert (labels["value"], labels["n"]) == (0.5, 2)


def test_without_truth_there_is_nothing_to_compare() -> None:
    nothing = compare_decisions(
        pd.DataFrame(), download_log=LOG, duplicate_groups=GROUPS, kept_ids=[], labels=LABELS
    )

    assert nothing == {}

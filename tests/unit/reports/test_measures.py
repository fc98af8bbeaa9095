from typing import Any

import pytest

from cosmop.reports.facts import StudyFacts
from cosmop.reports.measures import (
    HEADLINE_MEASURES,
    distance_remarks,
    measure_tables,
    measure_views,
)
from tests.unit.reports import invented


def _facts(beyond: tuple[str, ...] = (), **sides: Any) -> StudyFacts:
    measures = {
        key: invented.measure(0.5, 0.4, 0.5, is_beyond=key in beyond, spread=0.1)
        for key in HEADLINE_MEASURES
    }
    return StudyFacts("t", distances={"to_test": measures} | sides)


def test_only_measures_beyond_the_floor_are_said_to_differ():
    warned, quiet = distance_remarks(_facts(("mind", "recall")))

    assert (warned.kind, quiet.kind) == ("warn", "note")
    assert "By MIND and recall, synthetic images differ" in warned.text
    assert "By pixel test, kernel distance and coverage, no difference" in quiet.text


def test_being_within_the_floor_is_never_called_good():
    views = measure_views(_facts(), *HEADLINE_MEASURES)

    assert {one.kind for one in distance_remarks(_facts())} == {"note"}
    assert [one.verdict.kind for one in views if one.verdict] == ["note"] * 5


@pytest.mark.parametrize(("value", "is_said"), [(0.2, True), (0.35, False), (0.9, False)])
def test_closeness_to_the_training_images_needs_intervals_that_are_apart(value, is_said):
    nearer = {"kernel_distance": invented.measure(value, 0, 0, is_beyond=True, spread=0.1)}

    remarks = distance_remarks(_facts(to_training=nearer))

    assert any("closer to the training images" in one.text for one in remarks) is is_said


def test_each_measure_shows_its_floor_and_itself_at_the_same_n():
    (view,) = measure_views(StudyFacts("t", distances=invented.distances()), "recall")

    for words in ("0.380 [0.300, 0.460] n=43", "0.330 [0.250, 0.410] n=21", "real ↔ real"):
        assert words in view.forest
    assert view.verdict is not None
    assert view.verdict.kind == "warn"


def test_training_images_stand_in_where_there_is_no_test_set():
    distances = {**invented.distances(), "to_test": None}

    (view,) = measure_views(StudyFacts("t", distances=distances), "mind")

    assert "synthetic ↔ training images" in view.forest


def test_the_frechet_distance_comes_last_and_is_named_by_its_features():
    (_, to_test), (_, to_training) = measure_tables(StudyFacts("t", distances=invented.distances()))

    names = [row[0] for row in to_test.rows]
    assert names == [row[0] for row in to_training.rows]
    assert names[:4] == ["Kernel distance, person-filter features", "MIND", "Recall", "Coverage"]
    assert names[-1] == "Fréchet distance, person-filter features"


@pytest.mark.parametrize(("name", "expected"), [("fid", "FID"), ("fd_resnet50", "Fréchet")])
def test_only_the_inception_distance_is_called_fid(name, expected):
    distances = invented.distances() | {"name": name}

    (view,) = measure_views(StudyFacts("t", distances=distances), "distance")

    assert view.title.startswith(expected)

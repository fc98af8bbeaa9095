import pytest

from cosmop.reports.facts import StudyFacts
from cosmop.reports.remarks import listed, training_remarks


def _estimate(value: float, half: float) -> dict[str, float]:
    return {"value": value, "low": value - half, "high": value + half}


def _kinds(**distances: dict[str, float]) -> list[str]:
    return [one.kind for one in training_remarks(StudyFacts("t", training_distances=distances))]


@pytest.mark.parametrize(
    ("best", "half", "kind"), [(20.0, 1.0, "good"), (20.0, 90.0, "warn"), (140.0, 1.0, "warn")]
)
def test_training_helped_only_when_the_intervals_are_apart_and_in_order(best, half, kind):
    assert _kinds(untrained=_estimate(100.0, half), best=_estimate(best, half)) == [kind]


@pytest.mark.parametrize("best", [8.0, 20.0])
def test_a_frechet_distance_is_never_praised_for_being_near_its_floor(best):
    assert _kinds(best=_estimate(best, 1.0), floor=_estimate(8.0, 1.0)) == ["note"]


@pytest.mark.parametrize(
    ("words", "expected"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), ("abc", "a, b and c")]
)
def test_words_are_joined_as_a_person_would(words, expected):
    assert listed(words) == expected

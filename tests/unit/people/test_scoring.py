import numpy as np
import pytest

from cosmop.errors import InputError
from cosmop.people.network import PersonFilterOptions, create_person_filter
from cosmop.people.scoring import (
    SCORERS,
    KeepOptions,
    ScoringOptions,
    find_people,
    keep_people,
    score_people,
)

NETWORK = PersonFilterOptions(
    backbone="resnext_small", pretrained="none", image_size=(48, 64), hidden_units=(32, 8)
)


def test_every_image_gets_one_score_in_its_order_whatever_the_batch(scenes):
    images, model = scenes(7), create_person_filter(NETWORK)
    scores = score_people(images, model, batch_size=3, device="cpu", precision="float32")

    assert scores["image_id"].tolist() == images.ids
    expected = model.predict(images.array((48, 64), fit="stretch"))
    np.testing.assert_allclose(scores["person_score"], expected, atol=1e-5)


def test_no_images_give_no_scores_with_the_same_columns(scenes):
    scores = score_people(scenes(4).where([False] * 4), create_person_filter(NETWORK), device="cpu")

    assert list(scores.columns) == ["image_id", "person_score", "threshold"]
    assert len(scores) == 0
    assert scores["person_score"].dtype == float


def test_a_score_at_the_threshold_is_kept_and_one_below_is_not(scenes):
    images = scenes(3)
    scores = images.manifest[["image_id"]].assign(person_score=[0.49, 0.5, 0.9]).iloc[::-1]
    kept = keep_people(images, scores, KeepOptions(threshold=0.5))

    assert kept.ids == images.ids[1:]
    assert kept.manifest["person_score"].tolist() == [0.5, 0.9]


def test_scoring_without_removing_keeps_all(scenes):
    images = scenes(3)
    scores = images.manifest[["image_id"]].assign(person_score=0.1)

    assert keep_people(images, scores, KeepOptions(remove=False)).ids == images.ids


def test_an_image_without_a_score_is_refused(scenes):
    images = scenes(3)
    with pytest.raises(InputError, match="a score for each of 3 images, got none for 1"):
        keep_people(
            images, images.manifest[["image_id"]].assign(person_score=0.1)[:2], KeepOptions()
        )


def test_a_threshold_that_nobody_reaches_is_refused_with_the_highest_score(scenes):
    images = scenes(3)
    scores = images.manifest[["image_id"]].assign(person_score=[0.1, 0.3, 0.2])

    with pytest.raises(InputError, match=r"at least 0\.5, got 3 that score at most 0\.30"):
        keep_people(images, scores, KeepOptions(threshold=0.5))


def test_the_threshold_of_the_model_comes_with_its_scores_and_auto_uses_it(scenes):
    images, model = scenes(4), create_person_filter(NETWORK)
    model.threshold.fill_(0.25)
    scores = score_people(images, model, device="cpu").assign(person_score=[0.2, 0.25, 0.4, 0.9])

    assert keep_people(images, scores, KeepOptions(threshold="auto")).ids == images.ids[1:]
    assert keep_people(images, scores, KeepOptions(threshold=0.5)).ids == images.ids[3:]


def test_auto_needs_a_threshold_that_came_with_the_scores(scenes):
    images = scenes(3)
    scores = images.manifest[["image_id"]].assign(person_score=0.9)
    options = KeepOptions(threshold="auto")

    with pytest.raises(InputError, match="`threshold: auto` needs scores that came with a thresh"):
        keep_people(images, scores, options)
    with pytest.raises(InputError, match="none for some of 3 images"):
        keep_people(images, scores.assign(threshold=[0.5, None, 0.5]), options)


def test_a_threshold_outside_0_to_1_is_refused():
    with pytest.raises(InputError, match="threshold"):
        KeepOptions.model_validate({"threshold": 1.2})


@pytest.mark.parametrize("damage", ["cut", "absent"])
def test_an_image_damaged_in_the_store_is_named(scenes, damage):
    images = scenes(5)
    broken = images.files[3]
    if damage == "cut":
        broken.write_bytes(broken.read_bytes()[:100])
    else:
        broken.unlink()

    with pytest.raises(InputError, match=f"The image .*{broken.name} must be as it was"):
        score_people(images, create_person_filter(NETWORK), batch_size=2, device="cpu")


def test_every_scorer_that_may_be_asked_for_is_there_and_the_classifier_draws_no_boxes(scenes):
    choices = ScoringOptions.model_json_schema()["properties"]["scorer"]["enum"]
    found = find_people(scenes(2), create_person_filter(NETWORK), ScoringOptions(device="cpu"))

    assert sorted(SCORERS) == sorted(choices)
    assert len(found.scores) == 2
    assert list(found.boxes.columns) == ["image_id", "x", "y", "width", "height", "score"]
    assert len(found.boxes) == 0

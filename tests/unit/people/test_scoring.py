import numpy as np
import pytest

from cosmop.errors import InputError
from cosmop.people.network import PersonFilterOptions, create_person_filter
from cosmop.people.scoring import KeepOptions, keep_people, score_people

NETWORK = PersonFilterOptions(
    backbone="resnext_small", pretrained="none", image_size=(48, 64), hidden_units=(32, 8)
)


def test_every_image_gets_one_score_in_its_order_whatever_the_batch(scenes):
    images, model = scenes(7), create_person_filter(NETWORK)
    scores = score_people(images, model, batch_size=3, device="cpu")

    assert scores["image_id"].tolist() == images.ids
    assert scores["person_score"].between(0, 1).all()
    expected = score_people(images, model, batch_size=7, device="cpu")["person_score"]
    np.testing.assert_allclose(scores["person_score"], expected, atol=1e-5)


def test_no_images_give_no_scores_with_the_same_columns(scenes):
    scores = score_people(scenes(4).where([False] * 4), create_person_filter(NETWORK), device="cpu")

    assert list(scores.columns) == ["image_id", "person_score"]
    assert len(scores) == 0


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

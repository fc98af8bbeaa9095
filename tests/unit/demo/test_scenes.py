"""Scenes and their truth."""

import numpy as np
import pytest

from cosmop.demo.scenes import KINDS, draw_scene
from cosmop.demo.skeleton import JOINTS
from cosmop.demo.truth import CRITERIA, CROWD_FROM

PER_KIND = 8


@pytest.fixture(scope="module")
def scenes():
    return {
        kind: [draw_scene(kind, np.random.default_rng([i, k])) for i in range(PER_KIND)]
        for k, kind in enumerate(KINDS)
    }


@pytest.fixture(scope="module")
def people(scenes):
    return [
        (scene.truth.instance_mask == number, person)
        for drawn in scenes.values()
        for scene in drawn
        for number, person in enumerate(scene.truth.people, start=1)
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_draws_the_same_pixels_and_truth(kind):
    first, second = (draw_scene(kind, np.random.default_rng(7), (120, 160)) for _ in range(2))

    assert first.image.tobytes() == second.image.tobytes()
    assert first.truth.people == second.truth.people
    np.testing.assert_array_equal(first.truth.instance_mask, second.truth.instance_mask)


def test_another_seed_draws_other_pixels():
    first, second = (draw_scene("no_people", np.random.default_rng(seed)) for seed in (1, 2))

    assert first.image.tobytes() != second.image.tobytes()


@pytest.mark.parametrize("size", [(240, 320), (96, 128), (200, 160)])
def test_image_and_mask_have_the_size_that_was_asked_for(size):
    scene = draw_scene("carrying_bags", np.random.default_rng(0), size)

    assert scene.image.mode == "RGB"
    assert scene.image.size == size[::-1]
    assert scene.truth.instance_mask.shape == size
    assert scene.truth.instance_mask.dtype == np.uint8


def test_an_unknown_kind_is_refused():
    with pytest.raises(KeyError, match="unicorns"):
        draw_scene("unicorns", np.random.default_rng(0))


@pytest.mark.parametrize("criterion", CRITERIA)
def test_a_scene_of_a_criterion_fulfils_it(scenes, criterion):
    assert all(criterion in scene.truth.criteria for scene in scenes[criterion])


def test_other_people_fulfil_nothing_and_no_people_are_none(scenes):
    assert all(scene.truth.people and not scene.truth.criteria for scene in scenes["other_people"])
    assert not any(scene.truth.people for scene in scenes["no_people"])
    assert not any(scene.truth.instance_mask.any() for scene in scenes["no_people"])


def test_criteria_agree_with_the_people_who_are_visible(scenes):
    for drawn in scenes.values():
        for scene in drawn:
            truth = scene.truth
            assert ("carrying_bags" in truth.criteria) == any(p.bags for p in truth.people)
            assert ("with_children" in truth.criteria) == any(p.is_child for p in truth.people)
            assert ("border_patrol" in truth.criteria) == any(p.is_patrol for p in truth.people)
            if "crowd_at_border" in truth.criteria:
                assert len(truth.people) >= CROWD_FROM


def test_some_scenes_fulfil_several_criteria(scenes):
    assert max(len(s.truth.criteria) for drawn in scenes.values() for s in drawn) >= 2


def test_the_mask_numbers_exactly_the_people(scenes):
    for drawn in scenes.values():
        for scene in drawn:
            expected = set(range(1, len(scene.truth.people) + 1))
            assert set(np.unique(scene.truth.instance_mask).tolist()) - {0} == expected


def test_visible_pixels_lie_in_the_persons_box(people):
    for mask, person in people:
        rows, columns = np.nonzero(mask)
        x0, y0, x1, y1 = person.box
        assert x0 - 1.5 <= columns.min()
        assert columns.max() <= x1 + 1.5
        assert y0 - 1.5 <= rows.min()
        assert rows.max() <= y1 + 1.5


def test_a_person_who_is_not_hidden_fills_its_box_from_edge_to_edge(people):
    whole = [
        (mask, p)
        for mask, p in people
        if p.visible_fraction == 1.0
        and not p.bags
        and p.box[0] > 1
        and p.box[2] < 319
        and p.box[1] > 1
        and p.box[3] < 239
    ]
    assert len(whole) >= 10
    for mask, person in whole:
        rows, columns = np.nonzero(mask)
        found = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert person.box == pytest.approx(found, abs=2.0)


def test_joints_are_named_and_lie_in_the_box(people):
    for _, person in people:
        x0, y0, x1, y1 = person.box
        assert tuple(person.joints) == JOINTS
        assert all(x0 <= x <= x1 and y0 <= y <= y1 for x, y in person.joints.values())


def test_people_are_large_enough_to_be_seen(people):
    heights = np.array([person.box[3] - person.box[1] for _, person in people])

    assert heights.min() >= 14
    assert np.median(heights) >= 40


def test_visible_fractions_are_shares_and_vary(people):
    fractions = np.array([person.visible_fraction for _, person in people])

    assert fractions.min() > 0
    assert fractions.max() == 1.0
    assert (fractions < 0.9).any()


def test_children_are_smaller_than_the_grown_ups_beside_them(scenes):
    for scene in scenes["with_children"]:
        adults = [p.box[3] - p.box[1] for p in scene.truth.people if not p.is_child]
        children = [p.box[3] - p.box[1] for p in scene.truth.people if p.is_child]
        if adults:
            assert min(children) < max(adults)

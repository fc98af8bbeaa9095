"""What training images look like whole, cropped and mirrored, and that the nearest look counts."""

import numpy as np
import pytest

from cosmop.errors import InputError
from cosmop.metrics.closeness import Pictures, measure_closeness
from cosmop.metrics.thumbnails import VIEWS, WHOLE, Window, seen_through, thumbnails_of
from cosmop.metrics.training_distances import nearest_training


def test_thumbnails_average_areas_and_mirror_with_the_picture(chance: np.random.Generator) -> None:
    images = chance.integers(0, 256, (70, 32, 48, 3), dtype=np.uint8)

    small = thumbnails_of(images)

    slow = images[69, 2:4, 9:12].mean(axis=(0, 1)) / 255
    np.testing.assert_allclose(small[69, 1, 3], slow, atol=1e-6)
    np.testing.assert_allclose(thumbnails_of(images[:, :, ::-1]), small[:, :, ::-1], atol=1e-6)
    with pytest.raises(InputError, match=r"uint8 images \[N, H, W, C\], got float64"):
        thumbnails_of(images / 255)


@pytest.mark.parametrize("window", [*VIEWS, Window(0.125, 0.625, 0.31, 0.99)])
def test_a_window_shows_the_areas_that_fine_cells_average_to(
    chance: np.random.Generator, window: Window
) -> None:
    small = chance.random((2, 16, 16, 3)).astype(np.float32)

    seen = seen_through(window, small).reshape(2, 8, 8, 3)

    fine = 400
    at = (np.arange(8 * fine) + 0.5) / (8 * fine)
    rows = (16 * (window.top + at * (window.bottom - window.top))).astype(int)
    columns = (16 * (window.left + at * (window.right - window.left))).astype(int)
    slow = small[:, rows].reshape(2, 8, fine, 16, 3).mean(axis=2)
    slow = slow[:, :, columns].reshape(2, 8, 8, fine, 3).mean(axis=3)
    np.testing.assert_allclose(seen, slow, atol=2e-3)


def test_the_views_lie_in_the_picture_and_are_each_others_mirror_images() -> None:
    assert all(0 <= low < high <= 1 for view in VIEWS for low, high in (view[:2], view[2:]))
    mirrored = {(top, bottom, 1 - right, 1 - left) for top, bottom, left, right in VIEWS}
    np.testing.assert_allclose(sorted(mirrored), sorted(VIEWS), atol=1e-12)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("is_mirrored", [False, True])
def test_a_training_image_is_as_near_as_its_nearest_view(
    chance: np.random.Generator, view: Window, is_mirrored: bool
) -> None:
    coarse = chance.integers(0, 256, (12, 16, 16, 1), dtype=np.uint8)
    images = coarse.repeat(50, axis=1).repeat(50, axis=2)  # 800 px: windows end between pixels
    top, bottom, left, right = (round(800 * end) for end in view)
    copy = images[7:8, top:bottom, left:right][:, :, :: -1 if is_mirrored else 1]
    vectors = chance.normal(size=(13, 4))

    seen = measure_closeness(
        Pictures(["copy"], vectors[12:], thumbnails_of(copy)),
        Pictures(list(range(12)), vectors[:12], thumbnails_of(images)),
        Pictures(list(range(12)), vectors[:12]),
    ).views["thumbnails"]

    assert seen.near.rows_MK[0, 0] == 7
    assert seen.near.is_mirrored_MK[0, 0] == is_mirrored
    assert seen.ratios_M < 1e-3
    assert sorted(seen.near.rows_MK[0]) == list(range(12))


def test_several_views_are_one_neighbour_at_the_smallest_distance(
    chance: np.random.Generator,
) -> None:
    views, queries = chance.normal(size=(5, 20, 3)), chance.normal(size=(9, 3))

    near = nearest_training(queries, list(views[:3]), list(views[3:]), k=20)

    apart = np.linalg.norm(queries[:, None, None] - views, axis=-1)  # [9, 5, 20]
    np.testing.assert_allclose(near.distances_MK, np.sort(apart.min(axis=1), axis=1), rtol=1e-9)
    best = np.take_along_axis(apart.argmin(axis=1), near.rows_MK, axis=1)
    np.testing.assert_array_equal(near.is_mirrored_MK, best >= 3)


def test_a_whole_thumbnail_is_what_it_was_at_half_the_size(chance: np.random.Generator) -> None:
    small = chance.random((3, 16, 16, 1)).astype(np.float32)

    halved = small.reshape(3, 8, 2, 8, 2, 1).mean(axis=(2, 4)).reshape(3, -1)

    np.testing.assert_allclose(seen_through(WHOLE, small), halved, atol=1e-6)

"""A grid of images with words at its rows and columns."""

import numpy as np
import pytest

from cosmop.imaging.labelled_grid import BACKGROUND, enlarged, labelled_grid


def test_enlarging_repeats_whole_pixels(chance: np.random.Generator) -> None:
    image = chance.integers(0, 256, (4, 6, 3), dtype=np.uint8)

    large = enlarged(image, 16)

    assert large.shape == (12, 18, 3)
    assert np.array_equal(large[1::3, 1::3], image)


def test_images_already_large_stay_as_they_are() -> None:
    image = np.zeros((40, 30, 1), np.uint8)

    assert enlarged(image, 16).shape == (40, 30, 1)


def test_every_image_lies_in_its_row_and_column() -> None:
    rows = [[np.full((8, 8, 3), 40 * row + 10 * column, np.uint8) for column in range(3)]
            for row in range(2)]  # fmt: skip

    sheet = np.asarray(labelled_grid(rows, ["", ""], ["", "", ""], tile_px=8))

    colours = [int(value) for value in sheet[..., 0].ravel() if value != BACKGROUND[0]]
    assert list(dict.fromkeys(colours)) == [0, 10, 20, 40, 50, 60]
    assert np.unique(colours, return_counts=True)[1].tolist() == [64] * 6


def test_an_empty_tile_shows_the_background_and_grey_images_become_rgb() -> None:
    grey = np.full((8, 8, 1), 99, np.uint8)

    sheet = np.asarray(labelled_grid([[None, grey]], [""], ["", ""], tile_px=8))

    assert np.unique(sheet.reshape(-1, 3), axis=0).tolist() == [[99] * 3, list(BACKGROUND)]


def test_words_are_drawn_beside_the_images_and_not_over_them() -> None:
    image = np.full((32, 32, 3), 200, np.uint8)
    plain = labelled_grid([[image]], [""], [""], tile_px=32)
    named = np.asarray(labelled_grid([[image]], ["row"], ["column"], tile_px=32))

    assert named.shape[1] > plain.width
    assert (named[-35:-3, -35:-3] == 200).all()
    assert named.min() < 150


def test_missing_labels_are_refused() -> None:
    with pytest.raises(ValueError, match=r"got rows of \[1\]"):
        labelled_grid([[None]], [""], ["a", "b"])

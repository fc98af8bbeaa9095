import io

import numpy as np
import pytest
from PIL import Image

from cosmop.imaging.contact_sheet import contact_sheet


@pytest.fixture
def colours(make_image_set, encode):
    shades = {
        str(red): encode(Image.new("RGB", (64, 48), (red, 0, 0)), "PNG") for red in range(100)
    }
    return make_image_set(shades)


def _reds(sheet, columns, tile_px, gap):
    pixels = np.asarray(sheet)
    centres = [gap + tile_px // 2 + at * (tile_px + gap) for at in range(columns)]
    rows = range(centres[0], pixels.shape[0], tile_px + gap)
    return [int(pixels[y, x, 0]) for y in rows for x in centres if pixels[y, x, 1] == 0]


def test_a_small_set_is_shown_whole_and_in_order(colours):
    sheet = contact_sheet(colours.where(np.arange(100) < 10), columns=4, tile_px=24)

    assert _reds(sheet, 4, 24, 2) == list(range(10))
    assert sheet.size == (2 + 4 * 26, 2 + 3 * 26)


@pytest.mark.parametrize("seed", range(5))
def test_a_large_set_is_sampled_evenly_and_by_seed(colours, seed):
    sheet, again = (contact_sheet(colours, columns=6, rows=5, tile_px=24, seed=seed) for _ in "ab")

    shown = _reds(sheet, 6, 24, 2)
    assert sheet.tobytes() == again.tobytes()
    assert len(shown) == len(set(shown)) == 30
    assert shown == sorted(shown)
    assert np.diff(shown).max() <= 7  # stretches of 3.33 images: neighbours at most two apart
    assert (
        sheet.tobytes() != contact_sheet(colours, columns=6, rows=5, tile_px=24, seed=99).tobytes()
    )


def test_every_image_of_a_set_just_too_large_may_be_shown(colours):
    few = colours.where(np.arange(100) < 7)

    shown = {
        red
        for seed in range(60)
        for red in _reds(contact_sheet(few, columns=6, rows=1, tile_px=24, seed=seed), 6, 24, 2)
    }

    assert shown == set(range(7))


def test_no_images_make_a_sheet_that_says_so(colours):
    sheet = contact_sheet(colours.where(np.zeros(100, bool)))

    assert len(sheet.getcolors()) > 2  # words on the background


def test_an_unreadable_file_is_an_empty_tile(colours):
    colours.files[1].write_bytes(b"gone")

    sheet = contact_sheet(colours.where(np.arange(100) < 3), columns=3, tile_px=48)

    assert len(_reds(sheet, 3, 48, 2)) == 2


def test_captions_make_room_below_and_are_cut_to_the_tile(colours):
    few = colours.where(np.arange(100) < 3)
    plain = contact_sheet(few, columns=3)

    captioned = contact_sheet(few, columns=3, captions=["short", "a very long caption " * 9, ""])

    assert captioned.height > plain.height
    assert captioned.width == plain.width
    gaps = np.asarray(captioned)[:, 4 + 96 : 4 + 96 + 4]
    assert (gaps == gaps[0, 0]).all()  # nothing is written across the gap


def test_captions_of_another_number_are_refused(colours):
    with pytest.raises(ValueError, match="100, got 1"):
        contact_sheet(colours, captions=["one"])


def test_thumbnails_are_shown_where_they_are_large_enough(colours):
    images = colours.where(np.arange(100) < 3)
    for image_id, size in zip(images.ids, [(40, 32), (40, 16), (24, 24)], strict=True):
        buffer = io.BytesIO()
        Image.new("RGB", size, (200, 0, 0)).save(buffer, "JPEG")
        images.store.add_thumbnail(image_id, buffer.getvalue())
    images.store.thumbnail(images.ids[2]).write_bytes(b"damaged")

    sheet = contact_sheet(images, columns=3, tile_px=24)

    large, small, damaged = _reds(sheet, 3, 24, 2)
    assert abs(large - 200) <= 2
    assert (small, damaged) == (1, 2)

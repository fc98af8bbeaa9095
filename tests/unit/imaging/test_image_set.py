import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cosmop.errors import InputError
from cosmop.imaging.generated_form import GeneratedForm
from cosmop.imaging.image_set import ImageSet


@pytest.fixture
def images(make_image_set, draw_scene, encode):
    return make_image_set({f"scene {seed}": encode(draw_scene(seed)) for seed in range(5)})


def test_selecting_keeps_manifest_order(images):
    chosen = images.select([images.ids[3], images.ids[1]])

    assert chosen.ids == [images.ids[1], images.ids[3]]
    assert chosen.manifest.index.tolist() == [0, 1]


def test_a_file_that_is_gone_or_damaged_is_one_sentence_with_its_name(images):
    gone, damaged = images.files[1:3]
    gone.unlink()
    damaged.write_bytes(damaged.read_bytes()[:100])

    for index, file in ((1, gone), (2, damaged)):
        with pytest.raises(InputError, match=f"{file} must be as it was .* deleted on purpose"):
            images.open(index)
    with pytest.raises(InputError, match=str(gone)):
        images.array((8, 8))


def test_a_mask_selects_by_position(images):
    assert images.where(np.array([True, False, False, True, False])).ids == [
        images.ids[0],
        images.ids[3],
    ]


def test_columns_are_added_by_position_whatever_the_index(images):
    column = pd.Series([1, 2, 3, 4, 5], index=[10, 11, 12, 13, 14])

    assert images.with_columns(score=column).manifest["score"].tolist() == [1, 2, 3, 4, 5]
    assert "score" not in images.manifest


def test_a_column_of_another_length_is_refused(images):
    with pytest.raises(ValueError, match="length"):
        images.with_columns(score=pd.Series([1, 2]))


@pytest.mark.parametrize("batch_size", [1, 2, 5, 100])
def test_batches_hold_what_the_array_holds(images, batch_size):
    batches = list(images.batches((24, 32), batch_size))

    assert all(len(batch) <= batch_size for batch in batches)
    assert np.array_equal(np.concatenate(batches), images.array((24, 32)))


def test_an_empty_set_is_an_empty_array(images):
    nothing = images.where(np.zeros(5, bool))

    assert len(nothing) == 0
    assert nothing.array((24, 32)).shape == (0, 24, 32, 3)
    assert list(nothing.batches((24, 32), 4)) == []


def test_files_exist_and_open_as_drawn(images):
    assert all(file.is_file() for file in images.files)
    assert images.open(0).size == (320, 240)


def test_a_manifest_without_a_needed_column_is_refused(images):
    with pytest.raises(ValueError, match="add \\['width'\\]"):
        ImageSet(images.manifest.drop(columns="width"), images.store)


def test_the_same_image_twice_is_refused(images):
    twice = pd.concat([images.manifest, images.manifest.head(1)])

    with pytest.raises(ValueError, match="1 repeated ids"):
        ImageSet(twice, images.store)


def test_an_array_through_a_smaller_size_is_that_of_shrunk_images(images):
    through = images.array((48, 64), fit="stretch", through=GeneratedForm(12, 16))

    small = [images.open(at).resize((16, 12), Image.Resampling.LANCZOS) for at in range(5)]
    large = [one.resize((64, 48), Image.Resampling.LANCZOS) for one in small]
    expected = np.stack([np.asarray(one) for one in large])
    straight = images.array((48, 64), fit="stretch")
    assert np.abs(through.astype(int) - expected).mean() < 2
    assert np.abs(straight.astype(int) - expected).mean() > 5

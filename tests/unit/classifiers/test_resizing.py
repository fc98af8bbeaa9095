import numpy as np
import pytest
import torch
from PIL import Image

from cosmop.classifiers.resizing import resize_as_pillow, resize_clean, resize_tf1


def slow_resize(image, side):
    """TensorFlow 1: output pixel i reads at i × in / out, between its two neighbours."""
    height, width = image.shape
    result = np.zeros((side, side))
    for i in range(side):
        for j in range(side):
            y, x = i * height / side, j * width / side
            y0, x0 = int(y), int(x)
            y1, x1 = min(y0 + 1, height - 1), min(x0 + 1, width - 1)
            top = image[y0, x0] * (1 - (x - x0)) + image[y0, x1] * (x - x0)
            bottom = image[y1, x0] * (1 - (x - x0)) + image[y1, x1] * (x - x0)
            result[i, j] = top * (1 - (y - y0)) + bottom * (y - y0)
    return result


@pytest.mark.parametrize(("height", "width"), [(5, 8), (20, 31), (13, 13), (40, 27)])
def test_the_resize_is_tensorflow_ones(chance, height, width):
    images = chance.integers(0, 256, (2, height, width, 3), dtype=np.uint8)
    resized = resize_tf1(torch.from_numpy(images), 13)

    assert resized.shape == (2, 3, 13, 13)
    np.testing.assert_allclose(resized[1, 2], slow_resize(images[1, :, :, 2], 13), atol=1e-3)


@pytest.mark.parametrize(("height", "width"), [(64, 80), (256, 256), (700, 401)])
def test_the_clean_resize_is_pillows_bicubic_in_floating_point(chance, height, width):
    image = chance.integers(0, 256, (height, width, 3), dtype=np.uint8)
    channels = [Image.fromarray(image[:, :, c].astype(np.float32)) for c in range(3)]
    resized = [c.resize((299, 299), Image.Resampling.BICUBIC) for c in channels]
    expected = np.stack([np.asarray(c) for c in resized])

    ours = resize_clean(torch.from_numpy(image)[None], 299)[0].numpy()
    assert np.abs(ours - expected.clip(0, 255)).max() < 0.01
    assert expected.max() > 255 >= ours.max()  # the filter overshoots


def test_pillows_own_rounding_is_met_to_one_grey_level(chance):
    image = chance.integers(0, 256, (300, 417, 3), dtype=np.uint8)
    expected = Image.fromarray(image).resize((224, 224), Image.Resampling.BICUBIC)

    ours = resize_as_pillow(torch.from_numpy(image)[None], 224)[0].permute(1, 2, 0).numpy()
    assert np.abs(ours - np.asarray(expected)).max() <= 1
    assert (ours == np.asarray(expected)).mean() > 0.9


def test_an_image_of_the_wanted_size_stays_as_it_is(chance):
    images = torch.from_numpy(chance.integers(0, 256, (1, 13, 13, 3), dtype=np.uint8))

    assert torch.equal(resize_tf1(images, 13), images.permute(0, 3, 1, 2).float())

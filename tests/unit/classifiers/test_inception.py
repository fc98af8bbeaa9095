import hashlib

import numpy as np
import pytest
import torch

from cosmop.classifiers import features
from cosmop.classifiers.features import FeatureOptions, build_extractor, distance_name
from cosmop.classifiers.inception import FidInception, resize_tf1
from cosmop.errors import InputError


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


@pytest.mark.parametrize(("height", "width"), [(5, 8), (20, 31), (13, 13)])
def test_the_resize_is_tensorflow_ones(height, width):
    image = np.random.default_rng(0).uniform(0, 255, (height, width))
    resized = resize_tf1(torch.from_numpy(image)[None, None].float(), 13)

    np.testing.assert_allclose(resized[0, 0], slow_resize(image, 13), atol=1e-3)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A file laid out like the published one: without counters, without auxiliary classifier."""
    torch.manual_seed(0)
    state = FidInception().network.state_dict()
    path = tmp_path_factory.mktemp("weights") / "inception.pth"
    torch.save({k: v for k, v in state.items() if "num_batches" not in k}, path)
    return FeatureOptions(
        kind="inception",
        weights_path=str(path),
        weights_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        batch_size=2,
        image_size=(40, 40),
        device="cpu",
    )


def test_features_are_2048_do_not_depend_on_the_batch_and_are_called_fid(weights):
    extractor = build_extractor(weights)
    images = np.random.default_rng(0).integers(0, 256, (3, 50, 40, 3), dtype=np.uint8)
    together = extractor.extract_array(images)

    assert (extractor.dimensions, together.dtype) == (2048, np.float32)
    alone = np.concatenate([extractor.extract_array(images[i : i + 1]) for i in range(3)])
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-5)
    assert distance_name(extractor) == "fid"


def test_the_layers_have_the_shapes_of_the_published_file():
    state = FidInception().network.state_dict()
    shapes = {k: tuple(v.shape) for k, v in state.items()}

    assert shapes["Mixed_5b.branch_pool.conv.weight"] == (32, 192, 1, 1)
    assert shapes["Mixed_7c.branch_pool.conv.weight"] == (192, 2048, 1, 1)
    assert shapes["fc.weight"] == (1008, 2048)
    assert not any(name.startswith("AuxLogits") for name in shapes)


def test_only_the_last_block_takes_the_maximum_and_padding_is_not_averaged():
    network = FidInception().network
    rising = torch.arange(9.0).reshape(1, 1, 3, 3)

    assert network.Mixed_7b._pool(rising)[0, 0, 0, 0] == (0 + 1 + 3 + 4) / 4
    assert network.Mixed_7c._pool(rising)[0, 0, 0, 0] == 4


def test_absent_weights_name_the_place_where_they_are_looked_for(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(InputError, match=f"pt_inception-2015-12-05-6726825d.pth in {tmp_path}"):
        build_extractor(FeatureOptions(kind="inception"))


def test_other_weights_in_its_place_are_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = features.hub_folder()
    folder.mkdir(parents=True)
    (folder / "pt_inception-2015-12-05-6726825d.pth").write_bytes(b"something else")

    with pytest.raises(InputError, match="must have the SHA-256 6726825d"):
        build_extractor(FeatureOptions(kind="inception"))

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from torchvision.models.resnet import Bottleneck

from cosmop.people.network import PersonFilterOptions, build_person_filter, create_person_filter

SMALL = PersonFilterOptions(
    backbone="resnext_small", pretrained="none", image_size=(48, 64), hidden_units=(32, 8)
)


def photographs(count, height=48, width=64, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def test_the_shapes_are_as_promised():
    model = create_person_filter(SMALL).eval()
    x = model.preprocess(photographs(3))

    assert x.shape == (3, 3, 48, 64)
    assert model.feature_map(x).shape == (3, 256, 3, 4)
    assert model.features(x).shape == (3, model.dimensions)
    assert model(x).shape == (3,)


def test_the_head_is_three_linear_layers_on_a_grouped_trunk():
    model = create_person_filter(SMALL)
    linear = [m for m in model.head if isinstance(m, torch.nn.Linear)]
    groups = {m.conv2.groups for m in model.trunk.modules() if isinstance(m, Bottleneck)}

    assert [m.out_features for m in linear] == [32, 8, 1]
    assert groups == {8}


def test_the_studys_network_is_resnext101_32x8d():
    with torch.device("meta"):
        model = create_person_filter(PersonFilterOptions(pretrained="none"))

    trunk = sum(p.numel() for p in model.trunk.parameters())
    assert trunk == 88_791_336 - 2048 * 1000 - 1000  # torchvision's count without its last layer


def test_preprocessing_brings_colours_to_imagenets_and_any_size_to_the_networks():
    model = create_person_filter(SMALL)
    grey = np.full((1, 48, 64, 3), 255, dtype=np.uint8)

    expected = torch.tensor([(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225])
    torch.testing.assert_close(model.preprocess(grey)[0, :, 0, 0], expected)
    assert model.preprocess(photographs(1, 96, 100)).shape == (1, 3, 48, 64)


def test_a_network_built_from_its_description_takes_its_weights_and_its_answers():
    model = create_person_filter(SMALL, seed=3)
    again = build_person_filter(model.describe())
    assert again.checksum() != model.checksum()
    again.load_state_dict(model.state_dict())

    assert again.checksum() == model.checksum()
    assert again.describe() == model.describe()
    np.testing.assert_array_equal(again.predict(photographs(4)), model.predict(photographs(4)))


def test_the_seed_alone_decides_the_weights():
    torch.manual_seed(1)
    first = create_person_filter(SMALL, seed=5).checksum()
    torch.manual_seed(2)

    assert create_person_filter(SMALL, seed=5).checksum() == first
    assert create_person_filter(SMALL, seed=6).checksum() != first


def test_predictions_do_not_depend_on_the_batch():
    model = create_person_filter(SMALL)
    images = photographs(7)

    one_by_one = np.concatenate([model.predict(images[i : i + 1]) for i in range(7)])
    np.testing.assert_allclose(model.predict(images), one_by_one, atol=1e-5)


@pytest.mark.parametrize(
    ("pooling", "oracle"), [("average", F.avg_pool2d), ("maximum", F.max_pool2d)]
)
def test_pooling_is_over_all_positions(pooling, oracle):
    model = create_person_filter(SMALL.model_copy(update={"pooling": pooling})).eval()
    x = model.preprocess(photographs(2))

    torch.testing.assert_close(model.features(x), oracle(model.feature_map(x), (3, 4)).flatten(1))

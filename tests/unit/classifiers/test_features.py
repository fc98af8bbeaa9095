import io
import json

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import nn

from cosmop.classifiers.feature_networks import FeatureNetwork
from cosmop.classifiers.features import (
    FeatureExtractor,
    FeatureOptions,
    build_extractor,
)
from cosmop.errors import InputError
from cosmop.imaging.generated_form import GeneratedForm
from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.store import ImageStore
from cosmop.people.network import PersonFilterOptions, create_person_filter

SMALL = FeatureOptions(
    kind="resnet_small", pretrained="none", image_size=(64, 64), batch_size=4, device="cpu"
)


def photographs(count, size=64, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


@pytest.fixture
def image_set(tmp_path):
    store, rows = ImageStore(tmp_path), []
    for pixels in photographs(6):
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        rows.append((*store.add(buffer.getvalue(), "png"), 64, 64))
    return ImageSet(pd.DataFrame(rows, columns=["image_id", "path", "width", "height"]), store)


def test_an_image_set_and_its_array_have_the_same_features(image_set):
    extractor = build_extractor(SMALL)

    features = extractor.extract(image_set)
    assert features.shape == (6, extractor.dimensions)
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, extractor.extract_array(photographs(6)), atol=1e-5)
    assert extractor.extract(image_set.where([False] * 6)).shape == (0, extractor.dimensions)


def test_the_map_averaged_over_its_positions_is_the_pooled_feature():
    pooled = build_extractor(SMALL)
    flat = build_extractor(SMALL.model_copy(update={"pooling": "none"}))
    images = photographs(3)

    map_NhwD = flat.extract_array(images).reshape(3, 4, 4, pooled.dimensions)
    np.testing.assert_allclose(map_NhwD.mean((1, 2)), pooled.extract_array(images), atol=1e-5)
    assert flat.name == "resnet_small_map_random"


def test_the_person_filter_gives_its_own_features_at_its_own_size():
    options = PersonFilterOptions(
        backbone="resnext_small", pretrained="none", image_size=(48, 64), hidden_units=(8, 8)
    )
    model = create_person_filter(options).eval()
    chosen = FeatureOptions(kind="person_filter", image_size=(20, 20), device="cpu")
    extractor = build_extractor(chosen, model)
    images = photographs(2)[:, :48]

    expected = model.features(model.preprocess(images)).detach()
    np.testing.assert_allclose(extractor.extract_array(images), expected, atol=1e-5)
    assert extractor.name == "person_filter"
    assert extractor.recipe["image_size"] == [48, 64]


def test_the_checksum_is_of_the_weights_and_the_name_admits_that_they_are_random():
    first, again = build_extractor(SMALL), build_extractor(SMALL)

    assert first.checksum == again.checksum
    assert first.name == "resnet_small_random"


def test_a_network_that_is_not_a_resnet_serves_by_name():
    extractor = build_extractor(SMALL.model_copy(update={"kind": "mobilenet_v3_small"}))

    assert extractor.dimensions == 576


def test_floats_and_missing_filters_are_refused():
    with pytest.raises(InputError, match=r"got float64 \[1, 64, 64, 3\]"):
        build_extractor(SMALL).extract_array(np.zeros((1, 64, 64, 3)))
    with pytest.raises(InputError, match="need a trained person filter, got none"):
        build_extractor(FeatureOptions(kind="person_filter"))


def test_the_size_of_the_generator_comes_first(image_set):
    extractor = build_extractor(SMALL)
    small = image_set.array((24, 20), fit="stretch")
    through = extractor.extract(image_set, through=GeneratedForm(24, 20))

    np.testing.assert_allclose(through, extractor.extract_array(small), atol=1e-5)
    assert np.abs(through - extractor.extract(image_set)).max() > 0.01


def test_mirrored_images_have_the_features_of_mirrored_pixels(image_set):
    extractor = build_extractor(SMALL)
    mirrored = extractor.extract(image_set, mirrored=True)

    expected = extractor.extract_array(photographs(6)[:, :, ::-1])
    np.testing.assert_allclose(mirrored, expected, atol=1e-5)
    assert np.abs(mirrored - extractor.extract(image_set)).max() > 0.01


class MeanColour(FeatureNetwork):
    """Takes images of any size and gives their mean colour, in whatever type it is cast to."""

    resize = "none"

    def __init__(self, scale=1.0):
        super().__init__()
        self.body = nn.Linear(3, 3, bias=False)
        self.body.weight.data = torch.eye(3) * scale

    def prepare(self, images_NHWC):
        return images_NHWC.permute(0, 3, 1, 2).float().mean((2, 3), keepdim=True)

    def forward(self, x_NCHW):
        return self.body(x_NCHW.flatten(1))


def test_a_network_that_resizes_by_itself_sees_photographs_of_all_sizes_as_they_are(tmp_path):
    store, rows, colours = ImageStore(tmp_path), [], []
    for height, width in [(40, 50), (33, 70), (64, 40)]:
        pixels = photographs(1, 80)[0, :height, :width]
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        rows.append((*store.add(buffer.getvalue(), "png"), width, height))
        colours.append(pixels.mean((0, 1)))
    images = ImageSet(pd.DataFrame(rows, columns=["image_id", "path", "width", "height"]), store)
    extractor = FeatureExtractor("mean_colour", MeanColour(), FeatureOptions(device="cpu"))

    np.testing.assert_allclose(extractor.extract(images), colours, rtol=1e-5)
    assert extractor.recipe["image_size"] is None


def test_bfloat16_names_itself_and_leaves_the_given_network_alone():
    options = PersonFilterOptions(
        backbone="resnext_small", pretrained="none", image_size=(48, 64), hidden_units=(8, 8)
    )
    model = create_person_filter(options)
    chosen = FeatureOptions(kind="person_filter", precision="bfloat16", device="cpu")
    extractor = build_extractor(chosen, model)

    assert extractor.name == "person_filter_bfloat16"
    assert extractor.extract_array(photographs(1)).dtype == np.float32
    assert model.training
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_features_that_are_not_finite_are_refused():
    broken = MeanColour(float("nan"))
    with pytest.raises(InputError, match="mean_colour must be finite, got NaN"):
        FeatureExtractor("mean_colour", broken, FeatureOptions(device="cpu"))


def test_what_changes_features_changes_the_recipe():
    recipes = [
        build_extractor(SMALL.model_copy(update=change)).recipe_through(through)
        for change, through in [
            ({}, None),
            ({}, GeneratedForm(20, 20)),
            ({}, GeneratedForm(20, 20, 1)),
            ({"precision": "bfloat16"}, None),
            ({"image_size": (64, 96)}, None),
            ({"fit": "crop"}, None),
            ({"pooling": "none"}, None),
            ({"kind": "resnext_small"}, None),
        ]
    ]
    assert len({json.dumps(recipe) for recipe in recipes}) == len(recipes)

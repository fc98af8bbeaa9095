import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cosmop.classifiers.features import FeatureOptions, build_extractor, distance_name
from cosmop.errors import InputError
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
    extractor = build_extractor(FeatureOptions(kind="person_filter", device="cpu"), model)
    images = photographs(2)

    expected = model.features(model.preprocess(images)).detach()
    np.testing.assert_allclose(extractor.extract_array(images), expected, atol=1e-5)
    assert distance_name(extractor) == "fd_person_filter"


def test_the_checksum_is_of_the_weights_and_the_name_admits_that_they_are_random():
    first, again = build_extractor(SMALL), build_extractor(SMALL)

    assert first.checksum == again.checksum
    assert distance_name(first) == "fd_resnet_small_random"


def test_a_network_that_is_not_a_resnet_serves_by_name():
    extractor = build_extractor(SMALL.model_copy(update={"kind": "mobilenet_v3_small"}))

    assert extractor.dimensions == 576


def test_floats_and_missing_filters_are_refused():
    with pytest.raises(InputError, match=r"got float64 \[1, 64, 64, 3\]"):
        build_extractor(SMALL).extract_array(np.zeros((1, 64, 64, 3)))
    with pytest.raises(InputError, match="need a trained person filter, got none"):
        build_extractor(FeatureOptions(kind="person_filter"))

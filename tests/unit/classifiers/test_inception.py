import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

from cosmop.classifiers.features import FeatureOptions, build_extractor
from cosmop.classifiers.inception import FidInception
from cosmop.errors import InputError
from cosmop.people.weights import hub_folder
from tests.unit.classifiers.inception_weights import random_inception_state


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A file laid out like the published one: without counters, without auxiliary classifier."""
    path = tmp_path_factory.mktemp("weights") / "inception.pth"
    torch.save(random_inception_state(), path)
    return FeatureOptions(
        kind="inception",
        weights_path=str(path),
        weights_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        batch_size=6,
        device="cpu",
    )


@pytest.fixture(scope="module")
def extractor(weights):
    return build_extractor(weights)


def photographs(count, height=50, width=40):
    return np.random.default_rng(0).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def relative_error(found, expected):
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


def test_features_are_2048_and_do_not_depend_on_the_batch(extractor):
    images = photographs(6)
    together = extractor.extract_array(images)

    assert (extractor.dimensions, together.dtype) == (2048, np.float32)
    assert together.std() > 0.01
    alone = np.concatenate([extractor.extract_array(images[i : i + 1]) for i in range(6)])
    assert relative_error(alone, together) < 1e-5


def test_folding_the_batch_norms_and_channels_last_change_nothing(extractor, weights):
    plain = FidInception().eval()
    plain.body.load_state_dict(random_inception_state(), strict=False)
    images = photographs(2)
    with torch.no_grad():
        x_NCHW = plain.prepare(torch.from_numpy(images)).contiguous()
        expected = plain(x_NCHW).numpy()

    assert relative_error(extractor.extract_array(images), expected) < 1e-6


def test_no_batch_norm_is_left_to_be_computed():
    network = FidInception().eval()
    network.simplify()

    left = [module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert left == []


def test_the_same_weights_give_the_features_of_torch_fidelity(extractor, weights):
    fidelity = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
    theirs = fidelity.FeatureExtractorInceptionV3(
        "inception-v3-compat", ["2048"], feature_extractor_weights_path=weights.weights_path
    )
    for size in ((50, 40), (256, 256), (299, 299), (700, 320)):
        images = photographs(1, *size)
        with torch.no_grad():
            expected = theirs(torch.from_numpy(images).permute(0, 3, 1, 2).contiguous())[0]
        assert relative_error(extractor.extract_array(images), expected.numpy()) < 1e-6


def test_bfloat16_is_close_and_says_so(extractor, weights):
    fast = build_extractor(weights.model_copy(update={"precision": "bfloat16"}))
    images = photographs(2)
    exact, rounded = extractor.extract_array(images), fast.extract_array(images)

    assert rounded.dtype == np.float32
    assert 1e-4 < np.linalg.norm(rounded - exact) / np.linalg.norm(exact) < 0.05
    assert fast.name == f"{extractor.name}_bfloat16"
    assert fast.recipe["precision"] == "bfloat16"
    assert fast.checksum == extractor.checksum


def test_the_clean_resize_is_another_extractor(extractor, weights):
    clean = build_extractor(weights.model_copy(update={"resize": "clean"}))

    assert (
        relative_error(clean.extract_array(photographs(1)), extractor.extract_array(photographs(1)))
        > 0.01
    )
    assert (clean.recipe["resize"], extractor.recipe["resize"]) == ("clean", "tf1")
    assert clean.name != extractor.name


def test_only_the_published_weights_are_called_inception_of_2015(extractor):
    assert extractor.name == "inception_v3_2015_other_weights"


def test_the_layers_have_the_shapes_of_the_published_file():
    state = FidInception().body.state_dict()
    shapes = {k: tuple(v.shape) for k, v in state.items()}

    assert shapes["Mixed_5b.branch_pool.conv.weight"] == (32, 192, 1, 1)
    assert shapes["Mixed_7c.branch_pool.conv.weight"] == (192, 2048, 1, 1)
    assert shapes["fc.weight"] == (1008, 2048)
    assert not any(name.startswith("AuxLogits") for name in shapes)


def test_only_the_last_block_takes_the_maximum_and_padding_is_not_averaged():
    network = FidInception().body
    rising = torch.arange(9.0).reshape(1, 1, 3, 3)

    assert network.Mixed_7b._pool(rising)[0, 0, 0, 0] == (0 + 1 + 3 + 4) / 4
    assert network.Mixed_7c._pool(rising)[0, 0, 0, 0] == 4


def test_absent_weights_name_the_place_where_they_are_looked_for(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(InputError, match=f"pt_inception-2015-12-05-6726825d.pth in {tmp_path}"):
        build_extractor(FeatureOptions(kind="inception"))


def test_other_weights_in_its_place_are_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    hub_folder().mkdir(parents=True)
    (hub_folder() / "pt_inception-2015-12-05-6726825d.pth").write_bytes(b"something else")

    with pytest.raises(InputError, match="must have the SHA-256 6726825d"):
        build_extractor(FeatureOptions(kind="inception"))


def test_truncated_weights_are_refused_before_they_are_read(weights, tmp_path):
    content = Path(weights.weights_path).read_bytes()
    path = tmp_path / "inception.pth"
    path.write_bytes(content[: len(content) // 2])

    with pytest.raises(InputError, match="must have the SHA-256"):
        build_extractor(weights.model_copy(update={"weights_path": str(path)}))

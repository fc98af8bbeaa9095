import hashlib
import sys

import numpy as np
import pytest
import torch

from cosmop.classifiers.dinov2 import resample_positions
from cosmop.classifiers.features import FeatureOptions, build_extractor
from cosmop.errors import InputError

SMALL = FeatureOptions(kind="dinov2_vits14", pretrained="none", batch_size=2, device="cpu")


def cubic(distance):
    """The kernel of bicubic interpolation with a = -0.75, which PyTorch has."""
    a, x = -0.75, abs(distance)
    if x <= 1:
        return ((a + 2) * x - (a + 3)) * x * x + 1
    return a * (((x - 5) * x + 8) * x - 4) if x < 2 else 0.0


def slow_resample(line, side):
    """One axis as DINOv2 samples it: centres at (i + ½) × given / (side + 0.1) − ½."""
    result = []
    for i in range(side):
        centre = (i + 0.5) * len(line) / (side + 0.1) - 0.5
        first = int(np.floor(centre)) - 1
        taps = range(first, first + 4)
        clipped = [min(max(tap, 0), len(line) - 1) for tap in taps]
        result.append(sum(cubic(centre - t) * line[c] for t, c in zip(taps, clipped, strict=True)))
    return np.array(result)


def test_position_embeddings_are_sampled_where_dinov2_samples_them(chance):
    grid = chance.normal(size=(37, 37))
    positions = torch.from_numpy(np.concatenate([[7.0], grid.ravel()])).reshape(1, -1, 1)
    resampled = resample_positions(positions, 16)[0, :, 0].numpy()

    by_rows = np.array([slow_resample(row, 16) for row in grid])
    expected = np.array([slow_resample(column, 16) for column in by_rows.T]).T
    assert resampled[0] == 7
    np.testing.assert_allclose(resampled[1:].reshape(16, 16), expected, atol=1e-4)


@pytest.fixture(scope="module")
def extractor():
    pytest.importorskip("timm")
    return build_extractor(SMALL)


def test_it_gives_the_class_token_and_says_that_its_weights_are_random(extractor):
    images = np.random.default_rng(0).integers(0, 256, (2, 30, 50, 3), dtype=np.uint8)
    features = extractor.extract_array(images)

    assert features.shape == (2, 384)
    np.testing.assert_allclose(features.mean(1), 0, atol=1e-4)  # it leaves a layer norm
    assert extractor.name == "dinov2_vits14_random"
    assert extractor.recipe["pooling"] == "class_token"


def test_metas_file_with_its_own_grid_and_mask_token_is_read(extractor, tmp_path):
    timm = pytest.importorskip("timm")
    published = timm.create_model("vit_small_patch14_dinov2", num_classes=0)
    state = {**published.state_dict(), "mask_token": torch.zeros(1, 384)}
    path = tmp_path / "dinov2_vits14_pretrain.pth"
    torch.save(state, path)
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    chosen = {"weights_path": str(path), "weights_sha256": checksum}
    read = build_extractor(SMALL.model_copy(update=chosen))

    assert (read.name, read.dimensions) == ("dinov2_vits14", 384)
    with pytest.raises(InputError, match="must have the SHA-256 0000"):
        build_extractor(SMALL.model_copy(update=chosen | {"weights_sha256": "0" * 64}))


def test_published_weights_that_cannot_be_had_are_named(monkeypatch, tmp_path):
    pytest.importorskip("timm")
    hub = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(hub, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(hub, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(InputError, match=r"weights vit_small_patch14_dinov2\.lvd142m, which were"):
        build_extractor(SMALL.model_copy(update={"pretrained": "imagenet"}))


def test_without_timm_the_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(InputError, match=r"install `cosmop\[dinov2\]`"):
        build_extractor(SMALL)

import io
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from safetensors.numpy import load_file, save_file
from torch import nn

from cosmop.classifiers.feature_cache import FeatureCache
from cosmop.classifiers.feature_networks import FeatureNetwork
from cosmop.classifiers.features import FeatureExtractor, FeatureOptions
from cosmop.classifiers.resizing import resize_clean, resize_tf1
from cosmop.errors import InputError
from cosmop.imaging.generated_form import GeneratedForm
from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.store import ImageStore

COUNT, DIMENSIONS = 11, 5


class CountingNetwork(FeatureNetwork):
    """A small convolution that counts the images it sees, and stands still after the `most`."""

    def __init__(self, seed=0, resize="tf1", most=10**6):
        super().__init__()
        torch.manual_seed(seed)
        self.body = nn.Conv2d(3, DIMENSIONS, 3)
        self.resize = resize
        self.most = most
        self.seen = 0

    def prepare(self, images_NHWC):
        resized = resize_tf1 if self.resize == "tf1" else resize_clean
        return resized(images_NHWC, 16) / 255

    def forward(self, x_NCHW):
        self.seen += len(x_NCHW)
        if self.seen > self.most:
            time.sleep(600)
        return self.body(x_NCHW).mean((2, 3))


def extractor_of(network, **options):
    chosen = FeatureOptions(device="cpu", batch_size=2, **options)
    extractor = FeatureExtractor("counting", network, chosen)
    network.seen = 0  # the extractor has tried it once
    return extractor


def draw(folder, count=COUNT):
    chance = np.random.default_rng(0)
    store, rows = ImageStore(folder), []
    for _ in range(count):
        buffer = io.BytesIO()
        pixels = chance.integers(0, 256, (20, 24, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(buffer, "PNG")
        rows.append((*store.add(buffer.getvalue(), "png"), 24, 20))
    return ImageSet(pd.DataFrame(rows, columns=["image_id", "path", "width", "height"]), store)


@pytest.fixture
def images(tmp_path):
    return draw(tmp_path / "images")


@pytest.fixture
def cache(tmp_path):
    return FeatureCache(tmp_path / "features", rows_per_shard=4)


def shards(cache):
    return sorted(cache.folder.glob("*/*.safetensors"))


def test_no_image_passes_the_network_twice(images, cache):
    network = CountingNetwork()
    extractor = extractor_of(network)
    first = extractor.extract(images, cache=cache)
    assert network.seen == COUNT

    again = extractor_of(second := CountingNetwork()).extract(images, cache=cache)
    assert second.seen == 0
    np.testing.assert_array_equal(again, first)
    np.testing.assert_allclose(again, extractor.extract(images), rtol=1e-5)
    assert [len(load_file(path)["vectors"]) for path in shards(cache)].count(4) == 2  # 4 + 4 + 3


def test_known_images_need_no_file_and_only_new_ones_are_computed(images, cache):
    extractor = extractor_of(network := CountingNetwork())
    some = images.where(np.arange(COUNT) % 3 == 0)
    extractor.extract(some, cache=cache)
    for file in some.files:
        file.unlink()
    network.seen = 0
    backwards = ImageSet(images.manifest[::-1], images.store)

    found = extractor.extract(backwards, cache=cache)
    assert network.seen == COUNT - len(some)
    np.testing.assert_array_equal(found[::-1][::3], extractor.extract(some, cache=cache))


@pytest.mark.parametrize(
    "other",
    [
        lambda images, cache: extractor_of(CountingNetwork(seed=1)).extract(images, cache=cache),
        lambda images, cache: extractor_of(CountingNetwork(resize="clean")).extract(
            images, cache=cache
        ),
        lambda images, cache: extractor_of(CountingNetwork(), precision="bfloat16").extract(
            images, cache=cache
        ),
        lambda images, cache: extractor_of(CountingNetwork(), image_size=(8, 8)).extract(
            images, cache=cache
        ),
        lambda images, cache: extractor_of(CountingNetwork()).extract(
            images, cache=cache, through=GeneratedForm(8, 8)
        ),
        lambda images, cache: extractor_of(CountingNetwork()).extract(
            images, cache=cache, mirrored=True
        ),
    ],
    ids=["weights", "resize", "dtype", "image_size", "through", "mirrored"],
)
def test_features_made_in_another_way_are_never_mixed(images, cache, other):
    first = extractor_of(CountingNetwork()).extract(images, cache=cache)
    different = other(images, cache)

    assert (np.abs(different - first).max(1) > 1e-6).all()
    np.testing.assert_array_equal(different, other(images, cache))
    unspoilt = extractor_of(network := CountingNetwork()).extract(images, cache=cache)
    np.testing.assert_array_equal(unspoilt, first)
    assert network.seen == 0


SLOW_RUN = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from tests.unit.classifiers.test_feature_cache import *

store, chosen = Path(sys.argv[2]), slice(int(sys.argv[4]), int(sys.argv[5]))
images = draw(store)
part = ImageSet(images.manifest[chosen], images.store)
cache = FeatureCache(Path(sys.argv[3]), rows_per_shard=4)
extractor_of(CountingNetwork(most=int(sys.argv[6]))).extract(part, cache=cache)
"""


def start_process(folder, cache_folder, first, last, most=COUNT):
    root = Path(__file__).resolve().parents[3]
    parts = [root, folder, cache_folder, first, last, most]
    command = [sys.executable, "-c", SLOW_RUN, *map(str, parts)]
    return subprocess.Popen(command, env={**os.environ, "TQDM_DISABLE": "1"})


def test_a_killed_run_keeps_what_it_had_finished(images, cache, tmp_path):
    process = start_process(tmp_path / "images", cache.folder, 0, COUNT, most=8)
    deadline = time.monotonic() + 240
    while not shards(cache) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    kept = sum(len(load_file(path)["vectors"]) for path in shards(cache))
    assert 4 <= kept < COUNT

    resumed = extractor_of(network := CountingNetwork())
    np.testing.assert_allclose(
        resumed.extract(images, cache=cache),
        extractor_of(CountingNetwork()).extract(images),
        rtol=1e-5,
    )
    assert network.seen == COUNT - kept


def test_an_error_in_the_middle_loses_nothing(images, cache):
    images.files[7].write_bytes(b"not an image")
    extractor = extractor_of(network := CountingNetwork())
    with pytest.raises(InputError, match=r"must be as it was .* cannot identify"):
        extractor.extract(images, cache=cache)

    extractor.extract(images.where(np.arange(COUNT) != 7), cache=cache)
    assert network.seen == COUNT - 1


def test_shards_of_two_processes_copied_together_are_one_cache(images, tmp_path):
    halves = [tmp_path / "one", tmp_path / "two"]
    process = start_process(tmp_path / "images", halves[0], 0, 7)
    some = images.where(np.arange(COUNT) >= 5)
    extractor_of(CountingNetwork()).extract(some, cache=FeatureCache(halves[1]))
    assert process.wait() == 0
    merged = tmp_path / "merged"
    for half in halves:
        shutil.copytree(half, merged, dirs_exist_ok=True)

    extractor = extractor_of(network := CountingNetwork())
    found = extractor.extract(images, cache=FeatureCache(merged))
    assert network.seen == 0
    np.testing.assert_allclose(found, extractor.extract(images), rtol=1e-5)


@pytest.mark.parametrize("damage", ["truncated", "emptied", "one bit", "one key"])
def test_a_damaged_shard_is_said_once_and_computed_again(images, cache, caplog, damage):
    caplog.set_level(logging.WARNING)
    first = extractor_of(CountingNetwork()).extract(images, cache=cache)
    path = shards(cache)[0]
    lost = len(load_file(path)["vectors"])
    content = bytearray(path.read_bytes())
    if damage == "truncated":
        content = content[:-7]
    elif damage == "emptied":
        content = b""
    elif damage == "one bit":
        content[-3] ^= 16
    else:
        place = content.index(b'\\"') + 2
        content[place] = ord("0") if content[place] != ord("0") else ord("1")
    path.write_bytes(content)

    cache = FeatureCache(cache.folder, rows_per_shard=3)  # what is computed lands in other files
    found = extractor_of(network := CountingNetwork()).extract(images, cache=cache)
    np.testing.assert_allclose(found, first, rtol=1e-5)
    assert network.seen == lost
    assert len(caplog.records) == 1
    assert f"{path} is damaged" in caplog.text
    assert extractor_of(third := CountingNetwork()).extract(images, cache=cache) is not None
    assert (third.seen, len(caplog.records)) == (0, 1)


def shelf_of(cache):
    return shards(cache)[0].parent


def test_a_folder_whose_recipe_is_another_is_refused(images, cache):
    extractor = extractor_of(CountingNetwork())
    extractor.extract(images, cache=cache)
    path = shelf_of(cache) / "recipe.json"
    recipe = json.loads(path.read_text())
    path.write_text(json.dumps({**recipe, "precision": "bfloat16"}))
    with pytest.raises(InputError, match=r"recipe\.json that says .*'precision': 'bfloat16'"):
        extractor.extract(images, cache=cache)

    path.unlink()
    with pytest.raises(InputError, match="says nothing readable"):
        extractor.extract(images, cache=cache)


def test_a_shard_of_other_weights_is_refused(images, cache, tmp_path):
    extractor = extractor_of(CountingNetwork())
    extractor.extract(images, cache=cache)
    other = FeatureCache(tmp_path / "other")
    extractor_of(CountingNetwork(seed=1)).extract(images, cache=other)
    shutil.copy(shards(other)[0], shelf_of(cache))

    with pytest.raises(InputError, match=f"of recipe, type and shape .*{shelf_of(other).name}"):
        extractor.extract(images, cache=cache)


@pytest.mark.parametrize("change", [lambda v: v.astype(np.float16), lambda v: v[:, :3].copy()])
def test_a_shard_of_another_type_or_dimension_is_refused(images, cache, change):
    extractor = extractor_of(CountingNetwork())
    extractor.extract(images, cache=cache)
    path = shards(cache)[0]
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as shard:
        facts, vectors = shard.metadata(), shard.get_tensor("vectors")
    save_file({"vectors": change(vectors)}, path, metadata=facts)

    with pytest.raises(InputError, match=r"\[4, 5\]\), got .*move that file back"):
        extractor.extract(images, cache=cache)


def test_no_images_are_no_features(images, cache):
    extractor = extractor_of(CountingNetwork())
    nothing = images.where(np.zeros(COUNT, dtype=bool))

    assert extractor.extract(nothing, cache=cache).shape == (0, DIMENSIONS)
    assert shards(cache) == []

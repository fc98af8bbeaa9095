"""The same figures as torch-fidelity's on real features: a trained CIFAR ResNet-56's."""

import importlib.util
import io
import zipfile
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from cosmop.metrics.frechet import frechet_from_features
from cosmop.metrics.kernel import kernel_distance_full
from cosmop.metrics.precision_recall import prdc

pytest.importorskip("torch_fidelity")

SCRIPT = Path(__file__).parents[3] / "docs" / "results" / "stylegan2.py"
WEIGHTS = Path("weights", "resnet_cifar10", "resnet56-4bfd9763.th")
PER_CLASS = 300

Features = tuple[NDArray[np.float32], NDArray[np.float32]]


def script_of_results() -> ModuleType:
    """The script of the StyleGAN2 results, in which the network lies."""
    spec = importlib.util.spec_from_file_location("results_of_stylegan2", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read(archive: Path, kind: str) -> torch.Tensor:
    with zipfile.ZipFile(archive) as files:
        names = sorted(n for n in files.namelist() if f"/{kind}/" in n and n.endswith(".jpg"))
        images = [Image.open(io.BytesIO(files.read(n))).convert("RGB") for n in names[:PER_CLASS]]
    pixels_NHWC = torch.from_numpy(np.stack([np.asarray(image) for image in images]))
    return pixels_NHWC.permute(0, 3, 1, 2) / 127.5 - 1


@pytest.fixture(scope="module")
def horses_and_deer(shared_data_for_module: Path) -> Features:
    script = script_of_results()
    network, _ = script.load_features(shared_data_for_module / WEIGHTS)
    archive = shared_data_for_module / "images32" / "cifar10_jpg_test.zip"
    horses, deer = (script.features(network, read(archive, kind)) for kind in ("horse", "deer"))
    return horses, deer


@pytest.fixture(scope="module")
def shared_data_for_module() -> Path:
    import os

    here = Path(__file__).parents[3].parent / "shared" / "data"
    folder = Path(os.environ.get("COSMOP_SHARED_DATA", here))
    if not folder.is_dir():
        pytest.skip(f"real photographs are not at {folder}; COSMOP_SHARED_DATA says where they are")
    return folder


def test_the_frechet_distance_is_torch_fidelitys(horses_and_deer: Features) -> None:
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

    statistics = [fid_features_to_statistics(torch.from_numpy(f)) for f in horses_and_deer]
    theirs = fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]

    assert frechet_from_features(*horses_and_deer) == pytest.approx(theirs, abs=2e-4)


def test_the_kernel_distance_of_all_images_is_torch_fidelitys(horses_and_deer: Features) -> None:
    from torch_fidelity.metric_kid import kid_features_to_metric

    theirs = kid_features_to_metric(
        *(torch.from_numpy(f) for f in horses_and_deer),
        kid_subsets=1,
        kid_subset_size=PER_CLASS,
        verbose=False,
    )["kernel_inception_distance_mean"]

    assert kernel_distance_full(*horses_and_deer) == pytest.approx(theirs, rel=1e-4)  # float32


def test_precision_and_recall_are_torch_fidelitys(horses_and_deer: Features) -> None:
    from torch_fidelity.metric_prc import prc_features_to_metric

    real, fake = horses_and_deer
    theirs = prc_features_to_metric(
        torch.from_numpy(fake), torch.from_numpy(real), prc_neighborhood=3, verbose=False
    )

    ours = prdc(real, fake, k=3)
    assert ours["precision"] == pytest.approx(theirs["precision"], abs=1e-6)
    assert ours["recall"] == pytest.approx(theirs["recall"], abs=1e-6)
    assert 0 < ours["recall"] < 1

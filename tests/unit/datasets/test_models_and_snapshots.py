"""Models come back bit by bit, nothing foreign is loaded, and a killed run loses no snapshot."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from kedro.io.core import DatasetError, Version
from PIL import Image
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM

from cosmop.datasets import ModelDataset, SklearnModelDataset, SnapshotsDataset
from cosmop.datasets.snapshots import Workspace, Workspaces
from cosmop.errors import InputError
from cosmop.stylegan2.generator import Generator
from cosmop.stylegan2.options import NetworkOptions

SMALL = NetworkOptions(height=8, width=8, channel_base=64, channel_max=8, z_dim=8, w_dim=8)
BUILDER = "cosmop.stylegan2.generator.build_generator"


def generator(seed: int) -> Any:
    torch.manual_seed(seed)
    return Generator(SMALL)


def add(workspace: Workspace, kimg: float, seed: int) -> None:
    state = ({"weights": torch.full((2,), kimg)}, {"images": int(kimg * 1000)})
    workspace.add(generator(seed), {"kimg": kimg}, Image.new("RGB", (8, 8)), state)


def test_a_model_comes_back_bit_by_bit_ready_to_evaluate(tmp_path: Path) -> None:
    saved = generator(1).train()
    dataset = ModelDataset(
        filepath=str(tmp_path / "g"), builder=BUILDER, version=Version(None, "v1")
    )

    dataset.save(saved)
    loaded = dataset.load()

    assert saved.checksum() == loaded.checksum()
    assert not loaded.training
    assert json.loads(dataset.preview())["weights_mb"] > 0


@pytest.mark.parametrize("damage", ["truncated", "other sizes", "no json"])
def test_a_damaged_model_is_one_sentence(tmp_path: Path, damage: str) -> None:
    dataset = ModelDataset(filepath=str(tmp_path / "g"), builder=BUILDER)
    dataset.save(generator(1))
    weights, config = tmp_path / "g" / "model.safetensors", tmp_path / "g" / "config.json"
    if damage == "truncated":
        weights.write_bytes(weights.read_bytes()[:50])
    elif damage == "other sizes":
        config.write_text(json.dumps(json.loads(config.read_text()) | {"w_dim": 4}))
    else:
        config.write_text("{")

    with pytest.raises(DatasetError) as caught:
        dataset.load()

    assert isinstance(caught.value.__cause__, InputError)
    assert "--load-versions" in str(caught.value.__cause__)


def test_a_scikit_learn_pipeline_gives_the_same_scores_after_loading(
    tmp_path: Path, chance: np.random.Generator
) -> None:
    features = chance.normal(size=(40, 6))
    steps = [("scaler", StandardScaler()), ("pca", PCA(3)), ("svm", OneClassSVM(nu=0.2))]
    fitted = Pipeline(steps).fit(features)
    dataset = SklearnModelDataset(filepath=str(tmp_path / "svm.skops"))

    dataset.save(fitted)

    np.testing.assert_array_equal(
        fitted.decision_function(features), dataset.load().decision_function(features)
    )
    assert "OneClassSVM" in dataset.preview()


class Foreign:
    """Some class that nobody has allowed."""


def test_types_that_are_not_scikit_learns_are_refused_by_name(tmp_path: Path) -> None:
    dataset = SklearnModelDataset(filepath=str(tmp_path / "x.skops"))
    dataset.save(Foreign())

    with pytest.raises(DatasetError) as caught:
        dataset.load()

    assert isinstance(caught.value.__cause__, InputError)
    assert "Foreign" in str(caught.value.__cause__)


def test_a_workspace_resumes_from_its_last_complete_state(tmp_path: Path) -> None:
    workspace = Workspaces(tmp_path).open("fingerprint")
    add(workspace, 0.0, 1)
    add(workspace, 2.0, 2)

    again = Workspaces(tmp_path).open("fingerprint")
    state = again.load_state()

    assert state is not None
    assert ({"images": 2000}, [2.0, 2.0]) == (state[1], state[0]["weights"].tolist())
    assert [item.kimg for item in again.snapshots] == [0.0, 2.0]
    assert again.snapshots[1].generator().checksum() == generator(2).checksum()


def test_a_snapshot_whose_state_was_not_saved_is_made_again(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    add(workspace, 0.0, 1)
    add(workspace, 2.0, 2)
    later = tmp_path / "images-000004000"
    (tmp_path / "images-000002000").rename(later)  # killed after the images, before the state
    (later / "statistics.json").write_text('{"kimg": 4.0}')

    assert [item.kimg for item in workspace.snapshots] == [0.0]
    add(workspace, 4.0, 3)
    assert [item.kimg for item in workspace.snapshots] == [0.0, 4.0]
    assert workspace.snapshots[1].generator().checksum() == generator(3).checksum()


def test_half_written_folders_are_not_seen(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    add(workspace, 0.0, 1)
    for name in (".images-000002000.part", ".state-000002000.part"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "state.json").write_text("{")

    assert [item.kimg for item in workspace.snapshots] == [0.0]
    state = workspace.load_state()
    assert state is not None
    assert state[1] == {"images": 0}


def test_published_snapshots_outlive_their_workspace_and_cost_no_space(tmp_path: Path) -> None:
    workspace = Workspaces(tmp_path / "work").open("fingerprint")
    add(workspace, 0.0, 1)
    dataset = SnapshotsDataset(filepath=str(tmp_path / "snapshots"), version=Version(None, "v1"))

    dataset.save(workspace.snapshots)
    source = next(workspace.folder.rglob("model.safetensors"))
    target = next((tmp_path / "snapshots").rglob("model.safetensors"))

    assert source.stat().st_ino == target.stat().st_ino
    source.unlink()
    assert dataset.load()[0].generator().checksum() == generator(1).checksum()

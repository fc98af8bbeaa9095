"""Models come back bit by bit, nothing foreign is loaded, and a killed run loses no snapshot."""

import json
import logging
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
from cosmop.datasets.snapshots import StoredSnapshot, Workspace, Workspaces
from cosmop.errors import InputError
from cosmop.stylegan2.generator import Generator
from cosmop.stylegan2.options import NetworkOptions

SMALL = NetworkOptions(height=8, width=8, channel_base=64, channel_max=8, z_dim=8, w_dim=8)
BUILDER = "cosmop.stylegan2.generator.build_generator"


def generator(seed: int) -> Any:
    torch.manual_seed(seed)
    return Generator(SMALL)


def add(
    workspace: Workspace,
    kimg: float,
    seed: int,
    attempt: int = 0,
    best: StoredSnapshot | None = None,
) -> None:
    state = ({"weights": torch.full((2,), kimg)}, {"images": int(kimg * 1000)})
    statistics = {"kimg": kimg, "attempt": attempt}
    workspace.add(generator(seed), statistics, Image.new("RGB", (8, 8)), state, best)


def damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])


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
    later = tmp_path / "images-0-000004000"
    (tmp_path / "images-0-000002000").rename(later)  # killed after the images, before the state
    (later / "statistics.json").write_text('{"kimg": 4.0}')

    assert [item.kimg for item in workspace.snapshots] == [0.0]
    add(workspace, 4.0, 3)
    assert [item.kimg for item in workspace.snapshots] == [0.0, 4.0]
    assert workspace.snapshots[1].generator().checksum() == generator(3).checksum()


def test_half_written_folders_are_not_seen(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    add(workspace, 0.0, 1)
    for name in (".images-0-000000000.part", ".state-0-000002000.part"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "state.json").write_text("{")
        (tmp_path / name / "statistics.json").write_text('{"kimg": 0.0}')

    assert [item.kimg for item in workspace.snapshots] == [0.0]
    state = workspace.load_state()
    assert state is not None
    assert state[1] == {"images": 0}
    workspace.set_damaged_aside()
    assert list(tmp_path.glob(".*")) == []


def test_the_states_of_the_newest_two_and_of_the_best_are_kept(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    for kimg in range(5):
        best = workspace.snapshots[1] if kimg > 1 else None
        add(workspace, kimg, 1, best=best)

    kept = [item for item in workspace.snapshots if workspace.load_state(item) is not None]
    assert [item.kimg for item in kept] == [1, 3, 4]
    state = workspace.load_state(workspace.snapshots[1])
    assert state is not None
    assert state[1] == {"images": 1000}


def test_attempts_follow_each_other_and_do_not_overwrite_each_other(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    for place, (attempt, kimg) in enumerate([(0, 1), (0, 2), (0, 3), (1, 2)]):
        add(workspace, kimg, seed=place, attempt=attempt)

    came = [(item.attempt, item.kimg) for item in workspace.snapshots]
    assert came == [(0, 1), (0, 2), (0, 3), (1, 2)]
    assert workspace.snapshots[1].generator().checksum() == generator(1).checksum()
    newest = workspace.load_state()
    assert newest is not None
    assert newest[1] == {"images": 2000}


@pytest.mark.parametrize("part", ["images", "state"])
def test_a_truncated_snapshot_or_state_is_set_aside_and_the_one_before_it_used(
    tmp_path: Path, part: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    workspace = Workspaces(tmp_path).open("fingerprint")
    for kimg in (0, 2, 4):
        add(workspace, kimg, seed=kimg)
    damage(next(workspace.folder.glob(f"{part}-0-000004000/**/*.safetensors")))

    again = Workspaces(tmp_path).open("fingerprint")

    assert [item.kimg for item in again.snapshots] == [0, 2]
    state = again.load_state()
    assert state is not None
    assert state[1] == {"images": 2000}
    (record,) = caplog.records
    assert "safetensors has another checksum than when it was written" in record.message
    assert Workspaces(tmp_path).open("fingerprint").snapshots == again.snapshots
    assert len(caplog.records) == 1


def test_listeners_hear_of_each_snapshot_when_it_is_safe(tmp_path: Path) -> None:
    workspaces = Workspaces(tmp_path)
    heard: list[tuple[float, int]] = []
    workspaces.listeners.append(
        lambda item: heard.append((item.kimg, len(workspaces.open("fingerprint").snapshots)))
    )
    workspace = workspaces.open("fingerprint")
    add(workspace, 0.0, 1)
    add(workspace, 2.0, 2)

    assert heard == [(0.0, 1), (2.0, 2)]


def test_a_row_of_the_curve_holds_numbers_and_texts_only(tmp_path: Path) -> None:
    estimate = {"value": 3.0, "low": 2.0, "high": 4.0, "n": 7}
    statistics = {
        "kimg": 1.5, "name": "fid", "distance": estimate, "kernel_distance": estimate, "floor": 0.5,
    }  # fmt: skip
    (tmp_path / "statistics.json").write_text(json.dumps(statistics))

    assert StoredSnapshot(tmp_path).row() == {
        "kimg": 1.5, "attempt": 0, "name": "fid", "value": 3.0, "low": 2.0, "high": 4.0, "n": 7,
        "kernel_distance": 3.0, "kernel_distance_low": 2.0, "kernel_distance_high": 4.0,
        "floor": 0.5,
    }  # fmt: skip


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

"""A folder that outlives runs, and its listeners."""

import json
from pathlib import Path

import pytest
from kedro.io import DatasetError

from cosmop.datasets import WorkFolderDataset


def test_the_folder_is_made_when_asked_for_and_keeps_what_lies_there(tmp_path: Path) -> None:
    dataset = WorkFolderDataset(filepath=str(tmp_path / "a" / "b"))

    (dataset.load().path / "file").write_text("kept")

    assert (dataset.load().path / "file").read_text() == "kept"
    assert json.loads(str(dataset.preview()))["files"] == 1


def test_each_load_has_listeners_of_its_own(tmp_path: Path) -> None:
    dataset = WorkFolderDataset(filepath=str(tmp_path))
    heard: list[dict[str, object]] = []
    first, second = dataset.load(), dataset.load()
    first.listeners.append(heard.append)

    first.tell({"name": "x"})
    second.tell({"name": "y"})

    assert heard == [{"name": "x"}]


def test_nothing_is_saved_into_it(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="filled by nodes themselves"):
        WorkFolderDataset(filepath=str(tmp_path)).save("something")  # type: ignore[arg-type]

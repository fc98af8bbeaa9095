"""A folder that outlives runs, and its listeners."""

import json
import os
from pathlib import Path

import pytest
from kedro.io import DatasetError

from cosmop.datasets import InputFolderDataset, WorkFolderDataset
from cosmop.errors import InputError


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


def test_only_the_content_of_decisive_files_counts(tmp_path: Path) -> None:
    dataset = WorkFolderDataset(filepath=str(tmp_path), decisive=["a/gone.csv"])
    assert dataset.fingerprint() == ""

    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "gone.csv").write_text("one")
    (tmp_path / "journal").write_text("much")
    first = dataset.fingerprint()
    assert first

    (tmp_path / "journal").write_text("more")
    (tmp_path / "a" / "gone.csv").touch()
    assert dataset.fingerprint() == first
    (tmp_path / "a" / "gone.csv").write_text("two")
    assert dataset.fingerprint() != first
    assert WorkFolderDataset(filepath=str(tmp_path)).fingerprint() == ""


def test_nothing_is_saved_into_it(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="filled by nodes themselves"):
        WorkFolderDataset(filepath=str(tmp_path)).save("something")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["file", "file/below"])
def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(DatasetError) as raised:
        WorkFolderDataset(filepath=str(tmp_path / name)).load()

    assert isinstance(raised.value.__cause__, InputError)
    assert f"{tmp_path / name} must be a folder" in str(raised.value.__cause__)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_only_be_read_is_one_for_people_only(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)

    assert InputFolderDataset(filepath=str(tmp_path)).load().path == tmp_path
    with pytest.raises(DatasetError) as raised:
        WorkFolderDataset(filepath=str(tmp_path)).load()

    assert isinstance(raised.value.__cause__, InputError)

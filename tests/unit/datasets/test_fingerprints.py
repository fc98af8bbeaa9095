"""What tells an incremental run that something from outside is another than last time."""

import os

import pytest
from kedro.io import DatasetError

from cosmop.datasets import (
    FolderDataset,
    ImageStoreDataset,
    InputFolderDataset,
    JSONDataset,
    LabelExportDataset,
    WorkFolderDataset,
)
from cosmop.session import explain


def touch(path, text, at=1):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (at, at))


@pytest.mark.parametrize("kind", [FolderDataset, InputFolderDataset])
def test_a_folder_people_fill_changes_with_its_files(tmp_path, kind):
    dataset = kind(filepath=str(tmp_path / "f"))
    assert dataset.fingerprint() == ""
    touch(tmp_path / "f" / "a" / "1.jpg", "one")
    one = dataset.fingerprint()
    assert dataset.fingerprint() == one != ""
    seen = {one}
    touch(tmp_path / "f" / "2.jpg", "two")
    seen.add(dataset.fingerprint())
    touch(tmp_path / "f" / "2.jpg", "two!")
    seen.add(dataset.fingerprint())
    touch(tmp_path / "f" / "2.jpg", "two!", at=2)
    seen.add(dataset.fingerprint())
    (tmp_path / "f" / "2.jpg").unlink()
    assert dataset.fingerprint() == one
    assert len(seen) == 4


@pytest.mark.parametrize("kind", [LabelExportDataset, JSONDataset])
def test_a_file_is_known_by_its_content(tmp_path, kind):
    dataset = kind(filepath=str(tmp_path / "f.json"))
    assert dataset.fingerprint() == ""
    touch(tmp_path / "f.json", "[1]")
    one = dataset.fingerprint()
    touch(tmp_path / "f.json", "[1]", at=2)
    assert dataset.fingerprint() == one
    touch(tmp_path / "f.json", "[2]")
    assert dataset.fingerprint() != one


def test_what_lies_in_caches_and_in_the_store_does_not_count(tmp_path):
    touch(tmp_path / "something", "one")

    assert WorkFolderDataset(filepath=str(tmp_path)).fingerprint() == ""
    assert not hasattr(ImageStoreDataset(filepath=str(tmp_path)), "fingerprint")


def test_a_damaged_document_is_told_in_one_sentence(tmp_path):
    touch(tmp_path / "f.json", '{"tasks": [')
    with pytest.raises(DatasetError) as told:
        JSONDataset(filepath=str(tmp_path / "f.json")).load()
    sentence = explain(told.value)
    assert sentence is not None
    assert "f.json must be a JSON document, got something else" in sentence

"""A test split that is not that of the last run is said so."""

import json
from pathlib import Path

import pandas as pd
import pytest

from cosmop.errors import InputError
from cosmop.labels.splits import SplitManifest, split_manifest
from cosmop.pipelines.annotation.history import note_split


def manifest(test: str) -> SplitManifest:
    sides = (list("abcd"), list("ef"), list(test))
    tables = [pd.DataFrame({"image_id": side, "is_positive": True}) for side in sides]
    return split_manifest(*tables)


def test_the_first_run_has_nothing_to_compare_with(tmp_path: Path) -> None:
    change = note_split(tmp_path, manifest("gh"))

    assert change["is_same"]
    assert "no earlier run" in change["sentence"]


def test_the_same_split_again_is_said_to_be_the_same(tmp_path: Path) -> None:
    note_split(tmp_path, manifest("gh"))

    change = note_split(tmp_path, manifest("gh"))

    assert change["is_same"]
    assert "that of the last run: 2 images" in change["sentence"]


def test_a_changed_test_split_is_said_once(tmp_path: Path) -> None:
    note_split(tmp_path, manifest("gh"))

    changed, after = (note_split(tmp_path, manifest("gxy")) for _ in range(2))

    assert (changed["added"], changed["removed"], changed["is_same"]) == (2, 1, False)
    assert "cannot be compared" in changed["sentence"]
    assert after["is_same"]
    assert "It last changed on 20" in after["sentence"]
    assert "cannot be compared" in after["sentence"]


def test_a_damaged_history_is_one_sentence(tmp_path: Path) -> None:
    note_split(tmp_path, manifest("gh"))
    (tmp_path / "last_split.json").write_text('{"manifest":')

    with pytest.raises(InputError, match="delete the file"):
        note_split(tmp_path, manifest("gh"))


def test_an_edited_history_is_refused(tmp_path: Path) -> None:
    note_split(tmp_path, manifest("gh"))
    path = tmp_path / "last_split.json"
    edited = json.loads(path.read_text())
    edited["manifest"]["images"].pop()
    path.write_text(json.dumps(edited))

    with pytest.raises(InputError, match="restore the file"):
        note_split(tmp_path, manifest("gh"))

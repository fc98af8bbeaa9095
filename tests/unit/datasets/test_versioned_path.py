"""What our data sets promise: whole or not at all, by version, visible to kedro-viz."""

import errno
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from kedro.io.core import DatasetError, Version

from cosmop.classifiers.feature_table import FeatureTable
from cosmop.datasets import (
    FeatureTableDataset,
    JSONDataset,
    OptionalJSONDataset,
    OptionalTableDataset,
    PageDataset,
    SecretDataset,
    TableDataset,
)
from cosmop.errors import InputError

TABLE = pd.DataFrame({"image_id": ["a", "b"], "score": [0.25, 0.75], "is_kept": [True, False]})


def test_a_table_comes_back_as_it_went(tmp_path: Path) -> None:
    dataset = TableDataset(filepath=str(tmp_path / "t.parquet"), version=Version(None, "v1"))

    dataset.save(TABLE)

    pd.testing.assert_frame_equal(TABLE, dataset.load())


def test_versions_lie_side_by_side_and_the_newest_is_loaded(tmp_path: Path) -> None:
    path = str(tmp_path / "m.json")
    for number, version in enumerate(["2026-01-01T00.00.00.000Z", "2026-01-02T00.00.00.000Z"]):
        JSONDataset(filepath=path, version=Version(None, version)).save({"number": number})

    assert JSONDataset(filepath=path, version=Version(None, None)).load() == {"number": 1}
    pinned = JSONDataset(filepath=path, version=Version("2026-01-01T00.00.00.000Z", None))
    assert pinned.load() == {"number": 0}


class CrashingDataset(JSONDataset):
    def _write(self, path: Path, data: Any) -> None:
        path.write_text('{"numb', encoding="utf-8")
        raise data["error"]


def test_a_crash_while_saving_leaves_the_earlier_version_the_latest(tmp_path: Path) -> None:
    path = str(tmp_path / "m.json")
    JSONDataset(filepath=path, version=Version(None, "v1")).save({"number": 1})

    crashing = CrashingDataset(filepath=path, version=Version(None, "v2"))
    with pytest.raises(KeyboardInterrupt):
        crashing.save({"error": KeyboardInterrupt()})

    assert JSONDataset(filepath=path, version=Version(None, None)).load() == {"number": 1}
    assert not list(tmp_path.rglob("*.part"))


def test_a_full_disk_is_one_sentence_and_loses_nothing(tmp_path: Path) -> None:
    path = str(tmp_path / "m.json")
    JSONDataset(filepath=path, version=Version(None, "v1")).save({"number": 1})
    full = CrashingDataset(filepath=path, version=Version(None, "v2"))

    with pytest.raises(DatasetError) as caught:
        full.save({"error": OSError(errno.ENOSPC, "No space left on device")})

    assert isinstance(caught.value.__cause__, InputError)
    assert "free some" in str(caught.value.__cause__)
    assert JSONDataset(filepath=path, version=Version(None, None)).load() == {"number": 1}


def test_a_version_is_never_overwritten(tmp_path: Path) -> None:
    dataset = JSONDataset(filepath=str(tmp_path / "m.json"), version=Version(None, "v1"))
    dataset.save({"number": 1})

    with pytest.raises(DatasetError, match="must not exist"):
        dataset.save({"number": 2})


def test_numbers_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    dataset = JSONDataset(filepath=str(tmp_path / "m.json"), version=Version(None, "v1"))

    with pytest.raises(DatasetError):
        dataset.save({"value": float("nan")})


def test_what_may_be_absent_reads_as_nothing(tmp_path: Path) -> None:
    assert OptionalTableDataset(filepath=str(tmp_path / "none.parquet")).load().empty
    assert OptionalJSONDataset(filepath=str(tmp_path / "none.json")).load() == {}


def test_what_must_be_there_and_is_not_says_so(tmp_path: Path) -> None:
    dataset = TableDataset(filepath=str(tmp_path / "none.parquet"))

    assert not dataset.exists()
    with pytest.raises(DatasetError, match="run the pipeline that makes it"):
        dataset.load()


def test_features_keep_their_rows_and_their_extractor(tmp_path: Path) -> None:
    rows = pd.DataFrame({"image_id": ["a", "b"], "set": ["train", "test"], "is_positive": [1, 0]})
    vectors = np.arange(6, dtype=np.float32).reshape(2, 3)
    dataset = FeatureTableDataset(filepath=str(tmp_path / "f"), version=Version(None, "v1"))

    dataset.save(FeatureTable(rows, vectors, {"name": "x", "checksum": "00", "dimensions": 3}))
    loaded = dataset.load()

    np.testing.assert_array_equal(vectors[1:], loaded.of("test"))
    assert loaded.extractor == {"name": "x", "checksum": "00", "dimensions": 3}
    assert dataset.preview()["data"][0][:2] == ["a", "train"]


def test_a_table_preview_is_plain_json_whatever_is_in_the_cells(tmp_path: Path) -> None:
    dataset = TableDataset(filepath=str(tmp_path / "t.parquet"))
    times = pd.to_datetime(["2026-01-01", None])
    dataset.save(TABLE.assign(time=times, text=["x" * 500, None]))

    preview = json.loads(json.dumps(dataset.preview(nrows=1)))

    assert preview["columns"][:2] == ["image_id", "score"]
    assert len(preview["data"]) == 1
    assert max(len(str(cell)) for cell in preview["data"][0]) <= 80


def test_long_documents_are_cut_in_their_preview(tmp_path: Path) -> None:
    dataset = JSONDataset(filepath=str(tmp_path / "m.json"))
    dataset.save({"tasks": list(range(1000))})

    assert json.loads(dataset.preview(items=2)) == {"tasks": [0, 1, "… and 998 more"]}


def test_a_page_previews_its_headline(tmp_path: Path) -> None:
    dataset = PageDataset(filepath=str(tmp_path / "p.html"))
    dataset.save("<html><!-- headline --><p>0.91</p><!-- /headline --><p>rest</p></html>")

    assert "0.91" in dataset.preview()
    assert "rest" not in dataset.preview()


def test_a_secret_never_shows() -> None:
    dataset = SecretDataset(name="bearer_token", credentials={"bearer_token": "s3cret"})

    assert dataset.load() == "s3cret"
    assert "s3cret" not in f"{dataset!r} {dataset!s} {dataset._describe()} {dataset.preview()}"


def test_an_empty_secret_is_none() -> None:
    assert SecretDataset(name="bearer_token", credentials={"bearer_token": None}).load() is None

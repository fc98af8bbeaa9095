"""The compliance pipeline as Kedro runs it, over what several runs have collected."""

import hashlib
import logging

import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.io.core import Version
from kedro.runner import SequentialRunner

from cosmop.collecting.candidates import FoundImage, candidate_frame, facts_of
from cosmop.collecting.downloads.download import download_images
from cosmop.collecting.downloads.download_options import DownloadOptions
from cosmop.collecting.posts.post_options import PostOptions
from cosmop.datasets import EveryVersionDataset, TableDataset, WorkFolderDataset
from cosmop.imaging.store import ImageStore
from cosmop.pipelines.compliance import create_pipeline
from tests.unit.collecting.conftest import jpeg

SIZE = (80, 80)
RUNS = {"2026-01-01": ("seed", 1), "2026-01-02": ("other", 2)}


@pytest.fixture
def study(tmp_path):
    """Two runs of a study whose words changed in between; the second no longer names the first."""
    store = ImageStore(tmp_path / "images")
    for version, (name, seed) in RUNS.items():
        file = tmp_path / f"{name}.jpg"
        file.write_bytes(jpeg(seed, SIZE))
        found = FoundImage(str(file), page_url=f"https://example.org/{name}")
        candidates = candidate_frame(facts_of([found]), source="folder", query="", kind="file")
        result = download_images(
            *(candidates, store, DownloadOptions()), host_addresses={}, work=tmp_path / "work"
        )
        for table, rows in (("image_candidates", candidates), ("download_log", result.log)):
            path = str(tmp_path / f"{table}.parquet")
            TableDataset(filepath=path, version=Version(None, version)).save(rows)
    return tmp_path


def withdraw(study, *requests):
    every = {
        "image_candidates": ["candidate_id", "post_id", "page_url"],
        "download_log": ["candidate_id", "image_id", "location", "final_url"],
    }
    tables = {
        f"every_{name}": EveryVersionDataset(filepath=str(study / f"{name}.parquet"), columns=names)
        for name, names in every.items()
    }
    given = {
        "removal_requests": pd.DataFrame({"image": requests, "reason": "asked"}, dtype="str"),
        "image_store": ImageStore(study / "images"),
        "params:compliance.posts": PostOptions(),
        "x_api_token": None,
        "host_addresses": {},
    }
    memory = {name: MemoryDataset(data, copy_mode="assign") for name, data in given.items()}
    folders = {
        f"{name}_work": WorkFolderDataset(filepath=str(study / folder))
        for name, folder in (("search", "searching"), ("download", "work"))
    }
    SequentialRunner().run(create_pipeline(), DataCatalog({**tables, **memory, **folders}))


def stored(study):
    return sorted(file for file in (study / "images").rglob("*") if file.is_file())


def test_an_image_that_only_an_earlier_run_named_is_deleted_too(study):
    assert len(stored(study)) == len(RUNS)

    withdraw(study, "https://example.org/seed")

    (left,) = stored(study)
    assert left.read_bytes() == jpeg(2, SIZE)


def test_a_file_of_an_earlier_run_is_a_place_as_well(study):
    withdraw(study, str(study / "seed.jpg"), str(study / "other.jpg"))

    assert stored(study) == []


def made(study):
    """Return the SHA-256 of every file below `study` that is not one of the originals."""
    files = [file for file in study.rglob("*") if file.is_file() and file.parent != study]
    return {hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_no_file_holds_what_was_withdrawn_and_no_download_brings_it_back(study):
    wanted = hashlib.sha256(jpeg(1, SIZE)).hexdigest()
    assert wanted in made(study)

    withdraw(study, wanted)

    assert wanted not in made(study)
    (study / "renamed.jpg").write_bytes(jpeg(1, SIZE))  # the same image from another place
    found = [FoundImage(str(study / name)) for name in ("seed.jpg", "renamed.jpg", "other.jpg")]
    candidates = candidate_frame(facts_of(found), source="folder", query="", kind="file")
    again = download_images(
        *(candidates, ImageStore(study / "images"), DownloadOptions()),
        host_addresses={},
        work=study / "work",
    )
    assert again.log["status"].tolist() == ["failed", "failed", "stored"]
    assert wanted not in made(study)


def test_it_says_what_is_left_to_do_if_something_went(study, caplog):
    with caplog.at_level(logging.INFO, logger="cosmop"):
        withdraw(study)
        assert "--from-nodes" not in caplog.text

        withdraw(study, str(study / "seed.jpg"))

    assert "--from-nodes=download_images" in caplog.text

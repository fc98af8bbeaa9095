"""Exports: splits, labels and provenance as they were; whole or not at all; the same bytes."""

import dataclasses
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from kedro.io.core import DatasetError, Version
from PIL import Image
from pydantic import ValidationError

from cosmop.datasets.exports import ExportFolderDataset
from cosmop.errors import InputError
from cosmop.exporting.export import Export
from cosmop.exporting.options import ExportOptions
from cosmop.exporting.records import labelled_records, synthetic_records
from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.store import ImageStore
from cosmop.reports.data_card_options import DataCardOptions
from cosmop.reports.dataset_cards import labelled_card
from tests.unit.exporting.conftest import SECRETS

LAYOUTS = ("imagefolder", "webdataset")


def export_of(splits: dict[str, ImageSet], layout: str = "imagefolder", **more: Any) -> Export:
    records = labelled_records(splits, ["carrying_bags"])
    store = next(iter(splits.values())).store
    options = ExportOptions.model_validate({"layout": layout, **more})
    return Export(records, store, "# Card\n", options)


def truth_of(splits: dict[str, ImageSet]) -> dict[str, tuple[str, bool]]:
    """What must come out: split and label of each image."""
    rows = pd.concat(images.manifest for images in splits.values())
    return {row.image_id: (row.split, row.is_positive) for row in rows.itertuples()}


def sums(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def lines(folder: Path) -> list[dict[str, Any]]:
    return [
        json.loads(line) | {"file": metadata.parent / json.loads(line)["file_name"]}
        for metadata in sorted(folder.glob("*/metadata.jsonl"))
        for line in metadata.read_text("utf-8").splitlines()
    ]


def test_a_folder_holds_each_image_once_in_its_split_and_class(splits, tmp_path) -> None:
    export_of(splits).write_to(tmp_path / "out")

    found = lines(tmp_path / "out")
    told = {line["image_id"]: (line["split"], line["label"] == "positive") for line in found}
    placed = {
        line["image_id"]: (line["file"].parts[-3], line["file"].parts[-2] == "positive")
        for line in found
    }
    assert told == placed == truth_of(splits)
    images = [path for path in (tmp_path / "out").rglob("*") if path.suffix in (".jpg", ".png")]
    assert len(images) == len(found) == 12
    assert (tmp_path / "out" / "README.md").read_text() == "# Card\n"


def test_every_image_says_where_it_is_from_and_under_which_terms(splits, tmp_path) -> None:
    export_of(splits).write_to(tmp_path / "out")

    manifest = pd.concat(images.manifest for images in splits.values()).set_index("image_id")
    for line in lines(tmp_path / "out"):
        row = manifest.loc[line["image_id"]]
        assert line["page"] == row["page_url"]
        assert line["licence"] == row["licence"]
        assert line["found_at"] == "2026-11-21T08:55:26+00:00"
        assert line["author"] == ("Ána" if row["licence"] == "CC BY 4.0" else "")
        assert line["carrying_bags"] is bool(row["carrying_bags"])
        assert line["sha256"] == hashlib.sha256(line["file"].read_bytes()).hexdigest()
        with Image.open(line["file"]) as image:
            assert image.size == (line["width"], line["height"])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_nothing_that_was_hidden_in_a_file_goes_out(splits, tmp_path, layout) -> None:
    export_of(splits, layout).write_to(tmp_path / "out")

    for path in (path for path in (tmp_path / "out").rglob("*") if path.is_file()):
        content = path.read_bytes()
        assert [secret for secret in SECRETS if secret in content] == [], path


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_same_images_give_the_same_bytes_whatever_their_order(splits, tmp_path, layout) -> None:
    export_of(splits, layout).write_to(tmp_path / "one")
    time.sleep(1.1)  # a tar's times are whole seconds
    turned = {name: images.where(np.ones(len(images))) for name, images in splits.items()}
    turned = {
        name: ImageSet(images.manifest.iloc[::-1], images.store) for name, images in turned.items()
    }
    export_of(turned, layout).write_to(tmp_path / "two")

    assert sums(tmp_path / "one") == sums(tmp_path / "two")


def test_tar_files_end_at_their_size_and_keep_an_image_together(splits, tmp_path) -> None:
    limit = 0.02
    export_of(splits, "webdataset", shard_megabytes=limit).write_to(tmp_path / "out")

    shards = sorted((tmp_path / "out").glob("*.tar"))
    assert len(shards) > 3
    assert "train-000001.tar" in {path.name for path in shards}
    for path in shards:
        with tarfile.open(path) as tar:
            names = tar.getnames()
            size = sum(512 + -(-member.size // 512) * 512 for member in tar)
        keys = [name.partition(".")[0] for name in names]
        assert all(keys.count(key) == 3 for key in keys)
        assert size <= limit * 1e6 or len(set(keys)) == 1


def test_torchvision_reads_it_with_the_same_classes_in_every_split(splits, tmp_path) -> None:
    from torchvision.datasets import ImageFolder

    one_class = splits["test"].where(~splits["test"].manifest["is_positive"])
    export_of(splits | {"test": one_class}).write_to(tmp_path / "out")

    for split in ("train", "validation"):
        read = ImageFolder(str(tmp_path / "out" / split))
        assert read.class_to_idx == {"negative": 0, "positive": 1}
        truth = truth_of(splits)
        assert {Path(path).stem: (split, bool(label)) for path, label in read.samples} == {
            key: value for key, value in truth.items() if value[0] == split
        }
    empty = ImageFolder(str(tmp_path / "out" / "test"), allow_empty=True)
    assert empty.class_to_idx == {"negative": 0, "positive": 1}


def test_generated_images_say_what_makes_them_again(store: ImageStore, splits, tmp_path) -> None:
    made = ImageSet(
        splits["train"]
        .manifest[["image_id", "path", "width", "height"]]
        .assign(seed=range(6), truncation=0.7, generator="ab" * 32, batch_size=4, batch_place=0),
        store,
    )
    export = Export(synthetic_records(made, ["carrying_bags"]), store, "", ExportOptions())
    export.write_to(tmp_path / "out")

    found = lines(tmp_path / "out")
    assert {line["seed"] for line in found} == set(range(6))
    assert {(line["split"], line["label"]) for line in found} == {("train", "positive")}
    assert "licence" not in found[0]


def test_a_missing_or_damaged_file_is_one_sentence_before_anything_is_written(
    splits, store, tmp_path
) -> None:
    first = store.root / splits["test"].manifest["path"].iloc[0]
    content = first.read_bytes()
    first.unlink()
    with pytest.raises(InputError, match=r"all 12 images, got 1 that are not in the store, first"):
        export_of(splits).write_to(tmp_path / "out")
    assert not (tmp_path / "out").exists()

    first.write_bytes(content[:-200])
    with pytest.raises(InputError, match=r"with damage \(another checksum"):
        export_of(splits).write_to(tmp_path / "other")


def test_an_image_without_a_label_is_refused(splits) -> None:
    manifest = splits["train"].manifest.astype({"is_positive": object})
    manifest.loc[0, "is_positive"] = None
    unlabelled = splits | {"train": ImageSet(manifest, splits["train"].store)}

    with pytest.raises(InputError, match=r"every image of the train split, got 1 without, first"):
        labelled_records(unlabelled, ["carrying_bags"])
    with pytest.raises(InputError, match=r"got no column 'with_children'"):
        labelled_records(splits, ["with_children"])


def test_no_image_and_an_unknown_layout_are_refused(store, tmp_path) -> None:
    with pytest.raises(InputError, match="at least one image, got none"):
        Export([], store, "", ExportOptions()).write_to(tmp_path / "out")
    with pytest.raises(InputError, match=r"'layout' must be .*'webdataset', got 'zip'"):
        ExportOptions.model_validate({"layout": "zip"})
    with pytest.raises((InputError, ValidationError)):
        ExportOptions.model_validate({"shard_megabytes": 0.0})


def test_too_little_space_is_said_before_anything_is_written(splits, store, tmp_path) -> None:
    record = export_of(splits).records[0]
    with (store.root / record.path).open("r+b") as file:
        file.truncate(shutil.disk_usage(tmp_path).free + 10**10)  # a hole occupies nothing

    with pytest.raises(InputError, match=r"wants [\d,]+ MB in .*, got [\d,]+ MB free; free some"):
        export_of(splits).write_to(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def dataset_in(folder: Path, version: str | None) -> ExportFolderDataset:
    return ExportFolderDataset(filepath=str(folder / "set"), version=Version(None, version))


def test_a_failed_export_leaves_the_version_before_it(splits, store, tmp_path) -> None:
    dataset_in(tmp_path, "v1").save(export_of(splits))
    before = sums(tmp_path)
    damaged = store.root / export_of(splits).records[-1].path
    damaged.write_bytes(damaged.read_bytes() + b"!")

    with pytest.raises(DatasetError):
        dataset_in(tmp_path, "v2").save(export_of(splits))

    damaged.write_bytes(damaged.read_bytes()[:-1])
    assert sums(tmp_path) == before
    assert dataset_in(tmp_path, None).load() == tmp_path / "set" / "v1" / "set"


_KILLED = """
import pickle, sys, time
from pathlib import Path
import cosmop.exporting.export as module
from cosmop.datasets.exports import ExportFolderDataset
from kedro.io.core import Version

real, seen = module.clean_image, []
def slow(content, extension):
    seen.append(extension)
    time.sleep(600 if len(seen) == 12 else 0)  # it is killed before it has the last
    return real(content, extension)
module.clean_image = slow
export = pickle.loads(Path(sys.argv[1]).read_bytes())
ExportFolderDataset(filepath=sys.argv[2], version=Version(None, "v1")).save(export)
"""


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_killed_export_is_no_version(splits, tmp_path, layout) -> None:
    import pickle

    (tmp_path / "export.pickle").write_bytes(pickle.dumps(export_of(splits, layout)))
    target = tmp_path / "data" / "set"
    words = [sys.executable, "-c", _KILLED, str(tmp_path / "export.pickle"), str(target)]
    process = subprocess.Popen(words)
    until = time.monotonic() + 240
    while not list(target.rglob("*.tar")) + list(target.rglob("*.jsonl")):
        assert time.monotonic() < until
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()

    again = ExportFolderDataset(filepath=str(target), version=Version(None, "v2"))
    assert not again.exists()
    again.save(export_of(splits, layout))
    loaded = ExportFolderDataset(filepath=str(target), version=Version(None, None)).load()
    assert loaded == target / "v2" / "set"


def in_another_process(program: str, *words: str) -> Any:
    """Run what opens files and never closes them; return the JSON that it prints last."""
    offline = os.environ | {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        capture_output=True,
        text=True,
        env=offline,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


_READ_SHARDS = """
import json, sys, webdataset
found = {}
for path in sys.argv[1:]:
    for sample in webdataset.WebDataset(path, shardshuffle=False).decode("pil"):
        picture = sample.get("jpg", sample.get("png"))
        assert picture.size == (sample["json"]["width"], sample["json"]["height"])
        found[sample["__key__"]] = (path.rpartition("/")[2].split("-")[0], bool(sample["cls"]))
print(json.dumps(found))
"""


def test_the_webdataset_package_reads_it(splits, tmp_path) -> None:
    pytest.importorskip("webdataset")
    export_of(splits, "webdataset", shard_megabytes=0.02).write_to(tmp_path / "out")
    shards = sorted(str(path) for path in (tmp_path / "out").glob("*.tar"))

    found = in_another_process(_READ_SHARDS, *shards)
    assert {key: tuple(value) for key, value in found.items()} == truth_of(splits)


_LOAD = """
import json, sys
from datasets import load_dataset
found = {}
for split, rows in load_dataset(sys.argv[1], cache_dir=sys.argv[2]).items():
    for row in rows:
        columns = row.get("json") or row
        picture = row.get("image") or row.get("jpg") or row.get("png")
        assert picture.size == (columns["width"], columns["height"]), (picture.size, columns)
        found[columns["image_id"]] = [split, columns["label"] == "positive"]
print(json.dumps(found))
"""


@pytest.mark.parametrize("layout", LAYOUTS)
def test_hugging_faces_datasets_reads_it_by_its_card(splits, tmp_path, layout) -> None:
    pytest.importorskip("datasets")
    if layout == "webdataset":  # datasets 5.2 refuses shards with JPEG and PNG
        splits = {
            name: images.where(images.manifest["path"].str.endswith(".jpg"))
            for name, images in splits.items()
        }
    export = export_of(splits, layout)
    manifests = {split: images.manifest for split, images in splits.items()}
    card = labelled_card(manifests, ["carrying_bags"], DataCardOptions(), layout=layout)
    dataclasses.replace(export, card=card).write_to(tmp_path / "out")

    found = in_another_process(_LOAD, str(tmp_path / "out"), str(tmp_path / "cache"))
    assert {key: tuple(value) for key, value in found.items()} == truth_of(splits)

"""Image sets over their store, folders people bring, exports of labels."""

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from kedro.io.core import DatasetError, Version
from PIL import Image

from cosmop.datasets import (
    FolderDataset,
    ImageSetDataset,
    ImageStoreDataset,
    LabelExportDataset,
)
from cosmop.errors import InputError
from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.store import ImageStore

Draw = Callable[..., Image.Image]


def image_set(store: ImageStore, pictures: list[Image.Image]) -> ImageSet:
    rows = []
    for picture in pictures:
        buffer = io.BytesIO()
        picture.save(buffer, "PNG")
        image_id, path = store.add(buffer.getvalue(), "png")
        rows.append({"image_id": image_id, "path": path, "width": 96, "height": 72})
    return ImageSet(pd.DataFrame(rows), store)


def dataset_in(folder: Path, save_version: str | None = "v1") -> ImageSetDataset:
    return ImageSetDataset(
        filepath=str(folder / "raw.parquet"),
        store={"path": str(folder / "store")},
        version=Version(None, save_version),
    )


def test_a_version_of_an_image_set_costs_a_table(tmp_path: Path, picture: Draw) -> None:
    images = image_set(ImageStore(tmp_path / "store"), [picture() for _ in range(3)])
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "store").rglob("*.png")}

    dataset_in(tmp_path).save(images)
    loaded = dataset_in(tmp_path, None).load()

    assert loaded.ids == images.ids
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "store").rglob("*.png")}
    assert before == after
    assert loaded.open(1).tobytes() == images.open(1).tobytes()


def test_an_image_set_of_another_store_is_refused(tmp_path: Path, picture: Draw) -> None:
    images = image_set(ImageStore(tmp_path / "elsewhere"), [picture()])

    with pytest.raises(DatasetError, match="must lie in the store"):
        dataset_in(tmp_path).save(images)


def test_the_preview_is_a_picture_well_below_a_megabyte(tmp_path: Path, picture: Draw) -> None:
    dataset = dataset_in(tmp_path)
    dataset.save(image_set(ImageStore(tmp_path / "store"), [picture() for _ in range(60)]))

    preview = base64.b64decode(dataset.preview())

    assert Image.open(io.BytesIO(preview)).width > 300
    assert len(preview) < 500_000


def test_an_empty_or_absent_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name, came in (("empty", "an empty folder"), ("absent", "no such folder")):
        with pytest.raises(DatasetError) as caught:
            FolderDataset(filepath=str(tmp_path / name)).load()
        assert isinstance(caught.value.__cause__, InputError)
        assert came in str(caught.value.__cause__)


def test_a_folder_is_shown_but_never_written(tmp_path: Path, picture: Draw) -> None:
    picture().save(tmp_path / "a.jpg")
    dataset = FolderDataset(filepath=str(tmp_path))

    assert dataset.load() == tmp_path
    assert Image.open(io.BytesIO(base64.b64decode(dataset.preview()))).width > 90
    with pytest.raises(DatasetError, match="never written"):
        dataset.save(0)


def test_the_store_is_a_handle(tmp_path: Path) -> None:
    dataset = ImageStoreDataset(filepath=str(tmp_path / "images"))

    image_id, path = dataset.load().add(b"some bytes", "jpg")

    assert dataset.exists()
    assert (tmp_path / "images" / path).read_bytes() == b"some bytes"
    assert path == f"{image_id[:2]}/{image_id}.jpg"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels.json", '[{"image_id": "a", "criteria": "none"}]'),
        ("labels.csv", "image_id,criteria\na,none\n"),
        ("bom.csv", "\ufeffimage_id,criteria\na,none\n"),
    ],
)
def test_label_exports_are_lists_of_records(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")

    records = LabelExportDataset(filepath=str(tmp_path / name)).load()

    assert records == [{"image_id": "a", "criteria": "none"}]


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.json", b"{}"), ("b.json", b"[1]"), ("c.json", b"[{"), ("d.csv", b"\xff\xfe\xff")],
)
def test_other_label_exports_are_refused_by_name(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(DatasetError) as caught:
        LabelExportDataset(filepath=str(tmp_path / name)).load()

    assert isinstance(caught.value.__cause__, InputError)
    assert name in str(caught.value.__cause__)


def test_a_record_without_named_fields_is_refused_with_its_number_and_value(tmp_path: Path) -> None:
    (tmp_path / "labels.json").write_text('[{"id": 1}, "dragons"]', encoding="utf-8")

    with pytest.raises(DatasetError, match="got 'dragons' as record 2"):
        LabelExportDataset(filepath=str(tmp_path / "labels.json")).load()


def test_labels_that_are_not_there_yet_are_no_records(tmp_path: Path) -> None:
    dataset = LabelExportDataset(filepath=str(tmp_path / "labels.json"))

    assert dataset.load() == []
    assert not dataset.exists()


def test_the_annotator_delivers_where_a_person_would(tmp_path: Path) -> None:
    dataset = LabelExportDataset(filepath=str(tmp_path / "new" / "labels.json"))

    dataset.receive([{"id": 1}])

    assert dataset.load() == [{"id": 1}]
    assert json.loads((tmp_path / "new" / "labels.json").read_text()) == [{"id": 1}]

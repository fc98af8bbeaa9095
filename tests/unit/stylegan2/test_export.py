"""Exported images are read by other programs, and can be made again."""

import io
import json
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cosmop.errors import InputError
from cosmop.stylegan2.export import (
    Exported,
    ImageRecord,
    encode_png,
    export_images,
    generate_recorded,
    remake,
)
from cosmop.stylegan2.generator import Generator
from cosmop.stylegan2.options import NetworkOptions

LAYOUTS = ["folder", "zip", "webdataset"]


def generator_of(num_classes: int = 0, seed: int = 0) -> Generator:
    torch.manual_seed(seed)
    generator = Generator(
        NetworkOptions(
            height=16, width=16, channel_base=64, channel_max=8, z_dim=8, w_dim=8,
            mapping_layers=1, num_classes=num_classes,
        )
    )  # fmt: skip
    for name, parameter in generator.named_parameters():
        if name.endswith("noise_strength"):
            torch.nn.init.constant_(parameter, 0.5)
    return generator


def images_of(count: int = 5, labels: object = None) -> list[Exported]:
    rows = None if labels is None else np.array(labels)
    generator = generator_of(0 if rows is None else rows.shape[1])
    seeds = range(10, 10 + count)
    return list(
        generate_recorded(generator, seeds, truncation=0.8, batch_size=3, device="cpu", labels=rows)
    )


def pixels(png: bytes) -> list[int]:
    return list(np.asarray(Image.open(io.BytesIO(png))).ravel())


def files_of(path: Path) -> dict[str, bytes]:
    """Read an export with nothing but the standard library."""
    if path.is_dir():
        found = sorted(file for file in path.rglob("*") if file.is_file())
        return {file.relative_to(path).as_posix(): file.read_bytes() for file in found}
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
            assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
            return {name: archive.read(name) for name in archive.namelist()}
    with tarfile.open(path) as archive:
        return {
            entry.name: file.read() for entry in archive if (file := archive.extractfile(entry))
        }


@pytest.mark.parametrize("labels", [None, np.eye(2)[[0, 1, 1, 0, 1]]])
def test_an_image_is_made_again_to_the_bit_from_its_record(labels: object) -> None:
    generator = generator_of(0 if labels is None else 2)

    for record, png in images_of(5, labels):
        again = remake(ImageRecord(**json.loads(json.dumps(record.__dict__))), generator, "cpu")
        assert pixels(png) == list(again.ravel())


def test_records_name_seed_truncation_generator_and_place() -> None:
    records = [record for record, _ in images_of()]

    assert [record.seed for record in records] == [10, 11, 12, 13, 14]
    assert [(record.batch_size, record.batch_place) for record in records] == [
        (3, 0), (3, 1), (3, 2), (2, 0), (2, 1),
    ]  # fmt: skip
    assert {(record.truncation, record.generator, record.label) for record in records} == {
        (0.8, generator_of().checksum(), None)
    }


def test_another_generator_does_not_make_the_image_again() -> None:
    ((record, _), *_) = images_of(1)

    with pytest.raises(InputError, match="seed 10 wants the generator"):
        remake(record, generator_of(seed=1), "cpu")


@pytest.mark.parametrize("layout", ["folder", "zip"])
def test_folder_and_zip_have_the_layout_of_stylegan(tmp_path: Path, layout: str) -> None:
    images = images_of()

    export_images(images, tmp_path / "set", layout)

    files = files_of(tmp_path / "set")
    names = [f"00000/img{number:08d}.png" for number in range(5)]
    assert sorted(files) == [*names, "dataset.json", "records.json"]
    assert [files[name] for name in names] == [png for _, png in images]
    assert json.loads(files["dataset.json"]) == {"labels": None}
    records = json.loads(files["records.json"])
    assert [ImageRecord(**records[name]) for name in names] == [record for record, _ in images]


def test_a_web_dataset_pairs_each_image_with_its_record(tmp_path: Path) -> None:
    images = images_of()

    export_images(images, tmp_path / "set.tar", "webdataset")

    files = list(files_of(tmp_path / "set.tar").items())
    for number, (record, png) in enumerate(images):
        (image_name, content), (record_name, text) = files[2 * number : 2 * number + 2]
        assert (image_name, record_name) == (f"img{number:08d}.png", f"img{number:08d}.json")
        assert content == png
        assert ImageRecord(**json.loads(text)) == record
    assert len(files) == 2 * len(images)


def test_labels_are_classes_or_vectors_where_several_hold(tmp_path: Path) -> None:
    export_images(images_of(3, [[0, 1], [1, 0], [1, 1]]), tmp_path / "set.zip", "zip")

    labels = json.loads(files_of(tmp_path / "set.zip")["dataset.json"])["labels"]

    assert labels == [
        ["00000/img00000000.png", 1],
        ["00000/img00000001.png", 0],
        ["00000/img00000002.png", [1.0, 1.0]],
    ]


def test_a_folder_holds_a_thousand_images(tmp_path: Path) -> None:
    (image,) = images_of(1)

    export_images((image for _ in range(1002)), tmp_path / "set.zip", "zip")

    names = list(files_of(tmp_path / "set.zip"))
    assert names[999:1002] == [
        "00000/img00000999.png", "00001/img00001000.png", "00001/img00001001.png",
    ]  # fmt: skip


@pytest.mark.parametrize("layout", ["zip", "webdataset"])
def test_the_same_images_give_the_same_bytes_whenever(
    tmp_path: Path, layout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = images_of()
    export_images(images, tmp_path / "a", layout)
    monkeypatch.setattr("time.time", lambda: 2e9)
    export_images(images, tmp_path / "b", layout)

    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_export_that_fails_leaves_nothing_and_what_was_there_untouched(
    tmp_path: Path, layout: str
) -> None:
    path = tmp_path / "set"
    if layout != "folder":
        path.write_bytes(b"earlier")

    def failing() -> Iterator[Exported]:
        yield from images_of(2)
        assert [file.name for file in tmp_path.iterdir() if file != path] == ["set.part"]
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        export_images(failing(), path, layout)

    assert [file.read_bytes() for file in tmp_path.iterdir()] == (
        [] if layout == "folder" else [b"earlier"]
    )


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_empty_export_is_refused(tmp_path: Path, layout: str) -> None:
    with pytest.raises(InputError, match="at least one image"):
        export_images([], tmp_path / "set", layout)

    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_there_and_an_unknown_layout_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not there yet"):
        export_images(images_of(1), tmp_path, "folder")
    with pytest.raises(InputError, match="folder, zip, webdataset, got 'rar'"):
        export_images(images_of(1), tmp_path / "set", "rar")


def test_grey_images_become_grey_pngs(chance: np.random.Generator) -> None:
    image = chance.integers(0, 256, (6, 4, 1), dtype=np.uint8)

    png = Image.open(io.BytesIO(encode_png(image)))

    assert (png.mode, png.size) == ("L", (4, 6))
    assert np.array_equal(np.asarray(png), image[..., 0])

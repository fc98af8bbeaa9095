"""Pictures, videos, tensors and exports come back as they went."""

import base64
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from kedro.io.core import DatasetError, Version
from PIL import Image

from cosmop.datasets import ExportDataset, PictureDataset, TensorsDataset, Video, VideoDataset
from cosmop.errors import InputError
from cosmop.stylegan2.export import ImageRecord, encode_png


def test_a_picture_comes_back_to_the_bit_and_is_previewed(
    tmp_path: Path, chance: np.random.Generator
) -> None:
    pixels = chance.integers(0, 256, (300, 2000, 3), dtype=np.uint8)
    dataset = PictureDataset(filepath=str(tmp_path / "p.png"), version=Version(None, "v1"))

    dataset.save(Image.fromarray(pixels))

    assert np.array_equal(pixels, np.asarray(dataset.load()))
    assert Image.open(io.BytesIO(base64.b64decode(dataset.preview()))).size == (1200, 180)


def test_a_video_has_its_frames_in_order_at_its_speed_and_never_ends(tmp_path: Path) -> None:
    levels = [0, 60, 120, 180, 240]
    frames = (np.full((24, 32, 3), level, np.uint8) for level in levels)
    dataset = VideoDataset(filepath=str(tmp_path / "v.webp"))

    dataset.save(Video(frames, 40))
    loaded = dataset.load()

    found = [float(frame.mean()) for frame in loaded.frames]
    assert np.abs(np.array(found) - levels).max() < 3  # lossy
    assert loaded.frame_ms == 40
    with Image.open(tmp_path / "v.webp") as file:
        assert (file.format, file.info["loop"]) == ("WEBP", 0)
    assert Image.open(io.BytesIO(base64.b64decode(dataset.preview()))).size == (32, 24)


@pytest.mark.parametrize("count", [1, 3])
def test_a_video_in_which_nothing_moves_can_be_read(tmp_path: Path, count: int) -> None:
    dataset = VideoDataset(filepath=str(tmp_path / "v.webp"))

    dataset.save(Video([np.zeros((8, 8, 3), np.uint8)] * count, 40))
    loaded = dataset.load()

    assert len(list(loaded.frames)) == 1


def test_equal_frames_are_joined_and_the_shortest_time_is_told(tmp_path: Path) -> None:
    dark, bright = (np.full((8, 8, 3), level, np.uint8) for level in (0, 255))
    dataset = VideoDataset(filepath=str(tmp_path / "v.webp"))

    dataset.save(Video([dark, dark, bright, dark], 40))
    loaded = dataset.load()

    assert [round(float(frame.mean())) for frame in loaded.frames] == [0, 255, 0]
    assert loaded.frame_ms == 40


def test_tensors_come_back_with_names_and_types(
    tmp_path: Path, chance: np.random.Generator
) -> None:
    whole = chance.standard_normal((3, 4)).astype(np.float32)
    dataset = TensorsDataset(filepath=str(tmp_path / "t.safetensors"))

    dataset.save({"ws": whole.T, "noise": whole[:1]})

    loaded = dataset.load()
    assert np.array_equal(whole.T, loaded["ws"])
    assert loaded["noise"].dtype == np.float32
    assert json.loads(dataset.preview()) == {"ws": [4, 3], "noise": [1, 4]}


@pytest.mark.parametrize("layout", ["zip", "folder"])
def test_an_export_is_a_version_that_other_programs_open(tmp_path: Path, layout: str) -> None:
    images = [
        (ImageRecord(seed, 1.0, "abc", 1, 0), encode_png(np.full((4, 4, 3), seed, np.uint8)))
        for seed in range(3)
    ]
    dataset = ExportDataset(
        filepath=str(tmp_path / "set"), layout=layout, version=Version(None, "v1")
    )

    dataset.save(images)

    path = dataset.load()
    assert path == tmp_path / "set" / "v1" / "set"
    name = "00000/img00000002.png"
    content = zipfile.ZipFile(path).read(name) if layout == "zip" else (path / name).read_bytes()
    assert content == images[2][1]
    assert json.loads(dataset.preview())["layout"] == layout
    assert [file.name for file in path.parent.iterdir()] == ["set"]


def test_a_misspelt_layout_is_one_sentence(tmp_path: Path) -> None:
    dataset = ExportDataset(filepath=str(tmp_path / "set"), layout="zipp")

    with pytest.raises(DatasetError) as caught:
        dataset.save([])

    assert isinstance(caught.value.__cause__, InputError)
    assert "got 'zipp'" in str(caught.value)

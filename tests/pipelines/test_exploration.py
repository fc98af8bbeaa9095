"""``kedro run --pipelines=exploration`` and the generator's notebook, on a finished study."""

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from cosmop.datasets import TensorsDataset, VideoDataset
from cosmop.datasets.models import load_network
from cosmop.imaging.labelled_grid import enlarged
from cosmop.stylegan2.exploring import synthesise
from cosmop.stylegan2.export import ImageRecord, remake
from cosmop.stylegan2.generator import Generator
from tests.project import kedro

pytestmark = pytest.mark.slow  # real kedro commands on a real study


@pytest.fixture(scope="module")
def explored(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished study after it was explored; read it, do not change it."""
    project = shutil.copytree(finished, tmp_path_factory.mktemp("explored") / "p", symlinks=True)
    done = kedro(project, "run", "--env=test", "--pipelines=exploration")
    assert done.returncode == 0, done.stdout + done.stderr
    return project


def newest(project: Path, layer: str, name: str) -> Path:
    return sorted((project / "data" / "test" / layer / name).glob(f"*/{name}"))[-1]


def generator_of(project: Path) -> Generator:
    builder = "cosmop.stylegan2.generator.build_generator"
    network = load_network(newest(project, "06_models", "generator"), builder)
    assert isinstance(network, Generator)
    return network


def test_the_sheets_have_a_tile_for_each_seed(explored: Path) -> None:
    for name, columns, rows in (("style_mixing", 4, 3), ("truncation", 3, 2)):
        with Image.open(newest(explored, "08_reporting", f"{name}_sheet.png")) as sheet:
            assert sheet.width > columns * 96
            assert rows * 96 < sheet.height < (rows + 1) * 96
            assert len(sheet.convert("RGB").getcolors(1_000_000) or []) > 50


def test_the_video_walks_through_all_seeds(explored: Path) -> None:
    video = VideoDataset(filepath=str(newest(explored, "08_reporting", "latent_video.webp"))).load()

    frames = list(video.frames)
    assert len(frames) == 4 * 3
    assert frames[0].shape == (256, 256, 3)
    assert video.frame_ms == 42


def test_the_projected_image_is_made_again_from_its_latents(explored: Path) -> None:
    path = newest(explored, "07_model_output", "projected_latents.safetensors")
    latents = TensorsDataset(filepath=str(path)).load()
    ws = torch.from_numpy(latents.pop("ws"))
    noises = [torch.from_numpy(latents[name]) for name in sorted(latents)]

    made = synthesise(generator_of(explored), ws[None], noises, "cpu")[0]

    with Image.open(newest(explored, "08_reporting", "projected_image.png")) as sheet:
        right, bottom = sheet.width - 10, sheet.height - 10  # a gap of 10 pixels around tiles
        shown = np.asarray(sheet.crop((right - 256, bottom - 256, right, bottom)))
    assert np.abs(enlarged(made, 256).astype(int) - shown).max() <= 1
    curve = pd.read_parquet(newest(explored, "08_reporting", "projection_curve.parquet"))
    assert curve["step"].tolist() == list(range(20))
    assert curve["distance"].iloc[-1] < curve["distance"].iloc[0]


def test_the_delivered_set_is_exported_and_each_image_can_be_made_again(explored: Path) -> None:
    generator = generator_of(explored)
    manifest = pd.read_parquet(newest(explored, "07_model_output", "synthetic_images.parquet"))

    with zipfile.ZipFile(newest(explored, "07_model_output", "exported_images.zip")) as archive:
        records = json.loads(archive.read("records.json"))
        for name in [*records][::7]:
            with archive.open(name) as file:
                expected = np.asarray(Image.open(file))
            actual = remake(ImageRecord(**records[name]), generator)
            assert np.array_equal(expected, actual), name

    assert [record["seed"] for record in records.values()] == manifest["seed"].tolist()

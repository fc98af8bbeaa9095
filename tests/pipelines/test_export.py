"""``kedro run --pipelines=export`` on a finished study."""

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from tests.project import kedro

pytestmark = pytest.mark.slow  # real kedro commands on a real study


@pytest.fixture(scope="module")
def exported(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished study after its sets were exported; read it, do not change it."""
    project = shutil.copytree(finished, tmp_path_factory.mktemp("exported") / "p", symlinks=True)
    done = kedro(project, "run", "--env=test", "--pipelines=export")
    assert done.returncode == 0, done.stdout + done.stderr
    return project


def newest(project: Path, layer: str, name: str) -> Path:
    return sorted((project / "data" / "test" / layer / name).glob(f"*/{name}"))[-1]


def lines(folder: Path) -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for path in sorted(folder.glob("*/metadata.jsonl"))
        for line in path.read_text("utf-8").splitlines()
    ]


def test_every_labelled_image_leaves_in_its_own_split(exported: Path) -> None:
    found = {
        line["image_id"]: (line["split"], line["label"])
        for line in lines(newest(exported, "07_model_output", "labelled_export"))
    }

    expected = {}
    for split, name in (("train", "training"), ("validation", "validation"), ("test", "test")):
        table = pd.read_parquet(newest(exported, "05_model_input", f"{name}_images.parquet"))
        for row in table.itertuples():
            expected[row.image_id] = (split, "positive" if row.is_positive else "negative")
    assert found == expected


def test_the_synthetic_images_leave_with_their_seeds_and_with_the_verdict_on_copies(
    exported: Path,
) -> None:
    folder = newest(exported, "07_model_output", "synthetic_export")
    table = pd.read_parquet(newest(exported, "07_model_output", "synthetic_images.parquet"))
    memorisation = json.loads(newest(exported, "08_reporting", "memorisation.json").read_text())

    assert {line["seed"] for line in lines(folder)} == set(table["seed"])
    card = (folder / "README.md").read_text("utf-8")
    assert memorisation["verdict"].lower() in card.lower()
    assert yaml.safe_load(card.split("---\n")[1])["license"] == "other"


def test_one_set_can_be_asked_for_in_another_form(project: Path) -> None:
    words = ("--tags=labelled", "--params=export.files.layout=webdataset")
    done = kedro(project, "run", "--env=test", "--pipelines=export", *words)

    assert done.returncode == 0, done.stdout + done.stderr
    folder = newest(project, "07_model_output", "labelled_export")
    assert {path.name for path in folder.glob("*.tar")} == {
        "train-000000.tar",
        "validation-000000.tar",
        "test-000000.tar",
    }
    assert not (project / "data" / "test" / "07_model_output" / "synthetic_export").exists()


def test_an_unknown_layout_is_one_sentence_before_anything_runs(project: Path) -> None:
    words = ("--pipelines=export", "--params=export.files.layout=zip")
    done = kedro(project, "run", "--env=test", *words)

    assert done.returncode == 1
    assert "'layout' must be 'imagefolder', 'huggingface' or 'webdataset', got 'zip'" in (
        " ".join((done.stdout + done.stderr).split())
    )
    assert "Traceback" not in done.stderr

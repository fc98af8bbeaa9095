"""A project that waits for labels: small pictures, and tasks with suggestions about them."""

import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from PIL import Image

from cosmop.imaging.image_set import ImageSet
from cosmop.imaging.store import ImageStore
from tests.project import PROJECT, copy_project

CRITERIA = ("carrying_bags", "with_children", "crowd_at_border", "border_patrol")
VERSION = "2026-01-01T00.00.00.000Z"
_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/\S+")


def draw_images(store: Path, count: int) -> ImageSet:
    """Fill a store with pictures that no other resembles."""
    images, rows = ImageStore(store), []
    for number in range(count):
        coarse = np.random.default_rng(number).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        jpeg = io.BytesIO()
        Image.fromarray(coarse).resize((160, 120), Image.Resampling.BICUBIC).save(jpeg, "JPEG")
        image_id, path = images.add(jpeg.getvalue(), "jpg")
        rows.append({"image_id": image_id, "path": path, "width": 160, "height": 120})
    return ImageSet(pd.DataFrame(rows), images)


def make_tasks(images: ImageSet, criteria: tuple[str, ...] = CRITERIA) -> dict[str, Any]:
    """Make tasks as `label_tasks` holds them; every second one has a suggestion."""
    tasks: list[dict[str, Any]] = []
    for number, image_id in enumerate(images.ids, start=1):
        task: dict[str, Any] = {"id": number, "data": {"image_id": image_id, "image": "x"}}
        if number % 2:
            value = {"choices": [criteria[number % len(criteria)]]}
            result = {"from_name": "criteria", "to_name": "image", "value": value}
            task["predictions"] = [{"model_version": "m", "score": 0.9, "result": [result]}]
        tasks.append(task)
    return {"label_config": "<View/>", "tasks": tasks}


def make_labelling_project(folder: Path, count: int) -> Path:
    """Make a project in whose base environment `count` images wait for labels."""
    project = copy_project(folder)
    images = draw_images(project / "data/01_raw/images", count)
    primary = project / "data/03_primary"
    for name in ("people_images.parquet", "label_tasks.json"):
        (primary / name / VERSION).mkdir(parents=True)
    images.manifest.to_parquet(
        primary / "people_images.parquet" / VERSION / "people_images.parquet"
    )
    tasks = json.dumps(make_tasks(images))
    (primary / "label_tasks.json" / VERSION / "label_tasks.json").write_text(tasks)
    return project


class Annotating:
    """The real ``kedro annotate`` in a project, and the address it prints."""

    def __init__(self, project: Path, *words: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "kedro", "annotate", "--no-browser", *words],
            cwd=project,
            env=os.environ | {"PYTHONPATH": str(PROJECT / "src"), "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.process.stdout is not None
        self.said = ""
        for line in self.process.stdout:
            self.said += line
            if found := _ADDRESS.search(line):
                self.url = found.group()
                return
        self.process.communicate()
        raise AssertionError(self.said)

    def end(self, number: int) -> str:
        """Send a signal and return what else it printed."""
        self.process.send_signal(number)
        return self.process.communicate(timeout=30)[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.end(signal.SIGKILL)

"""The world around the demo study: scenes, a gallery on loopback, and somebody who labels."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import Field

from cosmop.config import Options
from cosmop.demo.annotator import AnnotatorOptions, answer_tasks
from cosmop.demo.gallery import (
    GalleryOptions,
    PersonFilterSceneOptions,
    draw_gallery,
    draw_person_filter_scenes,
)
from cosmop.demo.gallery_server import GalleryServer

_NEEDS_GALLERY = frozenset({"host_addresses", "scene_truth", "label_export"})
_NEEDS_PERSON_SCENES = frozenset({"people_folder", "no_people_folder"})


class DemoOptions(Options):
    """What the demo's world is like."""

    enabled: bool = Field(default=False, description="False in front of the real world.")
    folder: str = Field(
        default="data/01_raw/gallery", description="Relative to the project; drawn once."
    )
    gallery: GalleryOptions = Field(default_factory=GalleryOptions)
    person_filter_scenes: PersonFilterSceneOptions = Field(default_factory=PersonFilterSceneOptions)
    annotator: AnnotatorOptions = Field(default_factory=AnnotatorOptions)


class World:
    """Stands in for the web and for the people who label, as far as a run needs them.

    Args:
        options: What to draw, and how the annotator errs.
        project_path: What the folder is relative to.
    """

    def __init__(self, options: DemoOptions, project_path: Path) -> None:
        self._options = options
        self._folder = project_path / options.folder
        self._server: GalleryServer | None = None

    def prepare(self, datasets: Collection[str]) -> None:
        """Draw what a run with these `datasets` will look at; what is drawn already stays."""
        if _NEEDS_GALLERY & set(datasets):
            draw_gallery(self._folder, self._options.gallery)
        if _NEEDS_PERSON_SCENES & set(datasets):
            draw_person_filter_scenes(
                self._folder / "person_filter", self._options.person_filter_scenes
            )

    def open_gallery(self) -> dict[str, str]:
        """Serve the gallery and return which host is answered at which ``address:port``."""
        self._server = GalleryServer(self._folder)
        self._server.start()
        return dict(self._server.host_addresses)

    def close_gallery(self) -> None:
        """Stop serving, if the gallery is open."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def answer(self, tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Label tasks as a person with the truth at hand would, and err as often as told."""
        truth = pd.read_parquet(self._folder / "truth.parquet")
        return answer_tasks(json.loads(json.dumps(tasks)), truth, self._options.annotator)

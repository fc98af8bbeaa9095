"""What finished folds of a cross-validation said, so that a crash does not repeat them."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import torch

from cosmop.imaging.image_set import ImageSet
from cosmop.people.checkpoints import folder_within
from cosmop.people.options import PersonFilterOptions, TrainingOptions
from cosmop.people.splits import Groups, Labels


class FoldMemory:
    """Plain JSON documents by the number of a fold, in a folder called by `fingerprint`.

    Without a workspace it remembers nothing.

    Raises:
        InputError: The workspace cannot be a folder.
    """

    def __init__(self, workspace: Path | None, fingerprint: str) -> None:
        name = f"folds-{fingerprint[:16]}"
        self._folder = None if workspace is None else folder_within(workspace, name)

    def recall(self, fold: int) -> dict[str, Any] | None:
        """Return what `keep` was given for `fold`, or None."""
        if self._folder is None:
            return None
        try:
            document: dict[str, Any] = json.loads(self._path(self._folder, fold).read_text("utf-8"))
        except (OSError, ValueError):  # absent, or damaged: the fold is fitted again
            return None
        return document

    def keep(self, fold: int, document: dict[str, Any]) -> None:
        """Write `document` aside and rename it."""
        if self._folder is not None:
            path = self._path(self._folder, fold)
            aside = path.with_suffix(".part")
            aside.write_text(json.dumps(document), "utf-8")
            aside.replace(path)

    def forget(self) -> None:
        """Remove everything: the training is finished."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    @staticmethod
    def _path(folder: Path, fold: int) -> Path:
        return folder / f"fold-{fold:02d}.json"


def training_fingerprint(
    images: ImageSet,
    labels: Labels,
    groups: Groups,
    network: PersonFilterOptions,
    training: TrainingOptions,
) -> str:
    """Return a SHA-256 (hex) over all that decides a training; images count by their ids.

    An image's id is the SHA-256 of its bytes.
    """
    described = {
        "ids": images.ids,
        "labels": labels.tolist(),
        "groups": None if groups is None else np.asarray(groups).astype(str).tolist(),
        "network": network.model_dump(mode="json"),
        "training": training.model_dump(mode="json"),
        "versions": [str(torch.__version__), PIL.__version__],
    }
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()

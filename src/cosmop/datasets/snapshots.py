"""Snapshots of a training run, and the workspace in which the run survives a power cut."""

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from kedro.io import AbstractDataset, DatasetError
from kedro_datasets._typing import ImagePreview, JSONPreview
from PIL import Image

from cosmop.datasets.images import image_preview
from cosmop.datasets.models import load_network, save_network
from cosmop.datasets.versioned_path import VersionedPathDataset

BUILDER = "cosmop.stylegan2.generator.build_generator"
GRID = "grid.png"
STATISTICS = "statistics.json"
_STATE_TENSORS = "state.safetensors"
_STATE_SCALARS = "state.json"


@dataclass(frozen=True)
class StoredSnapshot:
    """One snapshot on disk: the averaged generator, its statistics, a grid of samples."""

    folder: Path

    @property
    def statistics(self) -> dict[str, Any]:
        """What was measured when the snapshot was taken, ``kimg`` among it."""
        values: dict[str, Any] = json.loads((self.folder / STATISTICS).read_text(encoding="utf-8"))
        return values

    @property
    def kimg(self) -> float:
        """Thousands of real images shown to the discriminator so far."""
        return float(self.statistics["kimg"])

    def generator(self) -> Any:
        """Load the averaged generator, ready to sample from."""
        return load_network(self.folder / "generator", BUILDER)

    def grid(self) -> Image.Image:
        """Open the grid of samples."""
        with Image.open(self.folder / GRID) as image:
            return image.convert("RGB")


@dataclass(frozen=True)
class SnapshotSet(Sequence[StoredSnapshot]):
    """The snapshots of one run in the order they were taken."""

    snapshots: tuple[StoredSnapshot, ...]

    def __len__(self) -> int:
        return len(self.snapshots)

    def __getitem__(self, index: Any) -> Any:
        return self.snapshots[index]

    @staticmethod
    def in_folder(folder: Path) -> "SnapshotSet":
        """List the complete snapshots below `folder`, ordered by ``kimg``."""
        found = [StoredSnapshot(path.parent) for path in folder.glob(f"*/{STATISTICS}")]
        return SnapshotSet(tuple(sorted(found, key=lambda snapshot: snapshot.kimg)))


class SnapshotsDataset(VersionedPathDataset[SnapshotSet]):
    """A folder with one folder per snapshot."""

    def _read(self, path: Path) -> SnapshotSet:
        return SnapshotSet.in_folder(path)

    def _write(self, path: Path, data: SnapshotSet) -> None:
        path.mkdir()
        for snapshot in data:
            _link_tree(snapshot.folder, path / snapshot.folder.name)

    def preview(self) -> ImagePreview:
        """Return the last grid of samples."""
        return image_preview(self._read(self._existing_path())[-1].grid())


def _link_tree(source: Path, target: Path) -> None:
    """Copy a folder by hard links, so that publishing a snapshot costs no space."""

    def link(from_path: str, to_path: str) -> None:
        try:
            os.link(from_path, to_path)
        except OSError:  # another file system, or one without links
            shutil.copy2(from_path, to_path)

    shutil.copytree(source, target, copy_function=link)


class Workspace:
    """The folder of one training run: its snapshots so far, and the state to resume from.

    Each is written aside and renamed, and the state is written after the snapshot it belongs to,
    so a run that is killed at any moment resumes from the last complete snapshot.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def snapshots(self) -> SnapshotSet:
        """The snapshots up to the saved state."""
        scalars = self._scalars()
        kimg = float("inf") if scalars is None else float(scalars["kimg"])
        found = SnapshotSet.in_folder(self.folder)
        return SnapshotSet(tuple(item for item in found if item.kimg <= kimg))

    def load_state(self) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Return the tensors and scalars to resume from, or None for a new run."""
        scalars = self._scalars()
        if scalars is None:
            return None
        from safetensors.torch import load_file  # noqa: PLC0415  torch takes seconds to import

        return load_file(self._states()[-1] / _STATE_TENSORS), scalars["state"]

    def _states(self) -> list[Path]:
        return sorted(self.folder.glob("state-*"))

    def _scalars(self) -> dict[str, Any] | None:
        states = self._states()
        if not states:
            return None
        text = (states[-1] / _STATE_SCALARS).read_text(encoding="utf-8")
        scalars: dict[str, Any] = json.loads(text)
        return scalars

    def add(
        self,
        generator: Any,
        statistics: dict[str, Any],
        grid: Image.Image,
        state: tuple[dict[str, Any], dict[str, Any]],
    ) -> None:
        """Keep one snapshot, then the state after it."""
        name = f"{round(statistics['kimg'] * 1000):09d}"
        with _published(self.folder / f"images-{name}") as aside:
            save_network(aside / "generator", generator)
            grid.save(aside / GRID)
            text = json.dumps(statistics, indent=1)
            (aside / STATISTICS).write_text(text, encoding="utf-8")
        earlier = self._states()
        self._save_state(f"state-{name}", statistics["kimg"], state)
        for folder in earlier:
            if folder.name != f"state-{name}":
                shutil.rmtree(folder)

    def _save_state(
        self, name: str, kimg: float, state: tuple[dict[str, Any], dict[str, Any]]
    ) -> None:
        from safetensors.torch import save_file  # noqa: PLC0415  torch takes seconds to import

        tensors, scalars = state
        with _published(self.folder / name) as aside:
            contiguous = {key: value.contiguous() for key, value in tensors.items()}
            save_file(contiguous, aside / _STATE_TENSORS)
            text = json.dumps({"kimg": kimg, "state": scalars})
            (aside / _STATE_SCALARS).write_text(text, encoding="utf-8")


@contextmanager
def _published(target: Path) -> Iterator[Path]:
    """Give a folder to fill, which then takes the name `target`, whole or not at all."""
    aside = target.with_name(f".{target.name}.part")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    yield aside
    shutil.rmtree(target, ignore_errors=True)  # left by a run that was killed before its state
    aside.replace(target)


class Workspaces:
    """All training runs in progress, one folder per fingerprint of data and options."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def open(self, fingerprint: str) -> Workspace:
        """Return the workspace of the run with this `fingerprint`, new or to be resumed."""
        folder = self._root / fingerprint[:16]
        folder.mkdir(parents=True, exist_ok=True)
        return Workspace(folder)

    def __iter__(self) -> Iterator[Workspace]:
        return (Workspace(folder) for folder in sorted(self._root.glob("*")) if folder.is_dir())


class WorkspaceDataset(AbstractDataset[None, Workspaces]):
    """The folder where training runs keep what they need to resume; never a result."""

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = PurePosixPath(filepath)
        self.metadata = metadata

    def load(self) -> Workspaces:
        """Return the handle; folders are made when a run starts."""
        return Workspaces(Path(self._filepath))

    def save(self, data: None) -> None:
        """Refuse: the training node writes through the handle."""
        raise DatasetError(f"A workspace is filled while training, got {type(data).__name__}.")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}

    def preview(self) -> JSONPreview:
        """Return the runs in progress and how far they are."""
        runs = {run.folder.name: [item.kimg for item in run.snapshots] for run in self.load()}
        return JSONPreview(json.dumps({"snapshots_kimg_by_run": runs}))

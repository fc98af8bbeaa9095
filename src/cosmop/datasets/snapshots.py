"""Snapshots of a training run, and the workspace in which the run survives a power cut."""

import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from kedro.io import AbstractDataset, DatasetError
from kedro_datasets._typing import ImagePreview, JSONPreview
from PIL import Image

from cosmop.datasets.checksums import find_damage, seal
from cosmop.datasets.images import image_preview
from cosmop.datasets.models import load_network, save_network
from cosmop.datasets.versioned_path import VersionedPathDataset

logger = logging.getLogger(__name__)

BUILDER = "cosmop.stylegan2.generator.build_generator"
GRID = "grid.png"
STATISTICS = "statistics.json"
_STATE_TENSORS = "state.safetensors"
_STATE_SCALARS = "state.json"
_IMAGES, _STATE, _PART = "images-", "state-", ".part"

State = tuple[dict[str, Any], dict[str, Any]]


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

    @property
    def attempt(self) -> int:
        """How often training had gone back to its best state before this snapshot."""
        return int(self.statistics.get("attempt", 0))

    def row(self) -> dict[str, Any]:
        """Return the statistics as one row of a curve: texts and numbers, nothing nested.

        ``distance`` becomes ``value``, ``low``, ``high`` and ``n``; other estimates become their
        name, and their name with ``_low`` and ``_high``.
        """
        flat: dict[str, Any] = {"kimg": self.kimg, "attempt": self.attempt}
        for name, value in self.statistics.items():
            if name == "distance":
                flat |= {key: value[key] for key in ("value", "low", "high", "n")}
            elif isinstance(value, dict) and "value" in value:
                ends = {f"{name}_{end}": value[end] for end in ("low", "high")}
                flat |= {name: value["value"], **ends}
            elif isinstance(value, int | float | str):
                flat[name] = value
        return flat

    def generator(self) -> Any:
        """Load the averaged generator, ready to sample from."""
        return load_network(self.folder / "generator", BUILDER)

    def grid(self) -> Image.Image:
        """Open the grid of samples."""
        with Image.open(self.folder / GRID) as image:
            return image.convert("RGB")


Listener = Callable[[StoredSnapshot], None]


@dataclass(frozen=True)
class SnapshotSet(Sequence[StoredSnapshot]):
    """The snapshots of one run in the order they were taken."""

    snapshots: tuple[StoredSnapshot, ...]

    def __len__(self) -> int:
        return len(self.snapshots)

    def __getitem__(self, index: Any) -> Any:
        return self.snapshots[index]

    def abandoned(self) -> list[bool]:
        """Tell of each snapshot whether training went back before it."""
        begins: dict[int, float] = {}
        for item in self.snapshots:
            begins.setdefault(item.attempt, item.kimg)
        return [
            any(begin <= item.kimg for later, begin in begins.items() if later > item.attempt)
            for item in self.snapshots
        ]

    @staticmethod
    def in_folder(folder: Path) -> "SnapshotSet":
        """List the complete snapshots below `folder`, ordered by attempt and ``kimg``."""
        found = [StoredSnapshot(path.parent) for path in folder.glob(f"[!.]*/{STATISTICS}")]
        return SnapshotSet(tuple(sorted(found, key=lambda item: (item.attempt, item.kimg))))


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
    """The folder of one training run: its snapshots so far, and the states to go on from.

    Each is written aside with its checksums and renamed, and a state is written after the snapshot
    it belongs to, so a run that is killed at any moment resumes from the last complete snapshot.
    The states of the newest two snapshots are kept, and that of the best.
    """

    def __init__(self, folder: Path, listeners: Sequence[Listener] = ()) -> None:
        self.folder = folder
        self._listeners = listeners

    @property
    def snapshots(self) -> SnapshotSet:
        """The snapshots up to the newest state, those of abandoned attempts among them."""
        states = self._states()
        newest = _label(states[-1]) if states else ""
        found = SnapshotSet.in_folder(self.folder)
        return SnapshotSet(tuple(item for item in found if _label(item.folder) <= newest))

    def load_state(self, snapshot: StoredSnapshot | None = None) -> State | None:
        """Return tensors and scalars to go on from: after `snapshot`, by default the newest.

        None when there is no such state: the run is new, or `snapshot` was never the best.
        """
        states = self._states()
        if snapshot is not None:
            states = [item for item in states if _label(item) == _label(snapshot.folder)]
        if not states:
            return None
        from safetensors.torch import load_file  # noqa: PLC0415  torch takes seconds to import

        scalars: dict[str, Any] = json.loads((states[-1] / _STATE_SCALARS).read_text("utf-8"))
        return load_file(states[-1] / _STATE_TENSORS), scalars

    def add(
        self,
        generator: Any,
        statistics: dict[str, Any],
        grid: Image.Image,
        state: State,
        best: StoredSnapshot | None = None,
    ) -> None:
        """Keep one snapshot, then the state after it, then tell the listeners.

        Args:
            generator: The averaged generator.
            statistics: What was measured, JSON-ready: ``kimg``, and ``attempt`` when not 0.
            grid: Samples.
            state: Tensors and JSON-ready scalars.
            best: The earlier snapshot whose state must stay; None when this one is the best.
        """
        label = f"{statistics.get('attempt', 0)}-{round(statistics['kimg'] * 1000):09d}"
        with _published(self.folder / f"{_IMAGES}{label}") as aside:
            save_network(aside / "generator", generator)
            grid.save(aside / GRID)
            text = json.dumps(statistics, indent=1)
            (aside / STATISTICS).write_text(text, encoding="utf-8")
        previous = self._states()[-1:]
        with _published(self.folder / f"{_STATE}{label}") as aside:
            _write_state(aside, state)
        self._keep_states({label, *map(_label, previous)}, best)
        for listener in self._listeners:
            listener(StoredSnapshot(self.folder / f"{_IMAGES}{label}"))

    def _keep_states(self, labels: set[str], best: StoredSnapshot | None) -> None:
        """Delete all states but those of `labels` and of the `best` snapshot."""
        kept = labels if best is None else labels | {_label(best.folder)}
        for folder in self.folder.glob(f"{_STATE}*"):
            if _label(folder) not in kept:
                _remove(folder)

    def set_damaged_aside(self) -> None:
        """Rename what is truncated or altered, so that the snapshot before it is used; say so."""
        for leftover in self.folder.glob(f".*{_PART}"):
            shutil.rmtree(leftover)
        for folder in sorted(self.folder.glob(f"{_IMAGES}*")) + self._states():
            damage = find_damage(folder)
            if damage:
                logger.warning(
                    "%s is damaged (%s) and set aside; training uses what came before it.",
                    folder,
                    damage,
                )
                aside = folder.with_name(f".{folder.name}.damaged")
                shutil.rmtree(aside, ignore_errors=True)
                folder.replace(aside)

    def _states(self) -> list[Path]:
        """List the states that have their snapshot, the newest last."""
        labels = {_label(folder) for folder in self.folder.glob(f"{_IMAGES}*")}
        states = sorted(self.folder.glob(f"{_STATE}*"))
        return [folder for folder in states if _label(folder) in labels]


def _label(folder: Path) -> str:
    """Return what a snapshot and its state have in common: attempt and images, in order."""
    return folder.name.removeprefix(_IMAGES).removeprefix(_STATE)


def _write_state(folder: Path, state: State) -> None:
    from safetensors.torch import save_file  # noqa: PLC0415  torch takes seconds to import

    tensors, scalars = state
    contiguous = {key: value.contiguous() for key, value in tensors.items()}
    save_file(contiguous, folder / _STATE_TENSORS)
    (folder / _STATE_SCALARS).write_text(json.dumps(scalars), encoding="utf-8")


@contextmanager
def _published(target: Path) -> Iterator[Path]:
    """Give a folder to fill, which then takes the name `target`, whole or not at all."""
    aside = target.with_name(f".{target.name}{_PART}")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    yield aside
    seal(aside)
    if target.exists():  # left by a run that was killed before its state
        _remove(target)
    aside.replace(target)


def _remove(folder: Path) -> None:
    """Delete a folder that nobody shall see half deleted."""
    doomed = folder.with_name(f".{folder.name}.gone{_PART}")
    shutil.rmtree(doomed, ignore_errors=True)
    folder.replace(doomed)
    shutil.rmtree(doomed)


class Workspaces:
    """All training runs in progress, one folder per fingerprint of data and options.

    Attributes:
        listeners: Called with each snapshot when it and its state are safe.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self.listeners: list[Listener] = []

    def open(self, fingerprint: str) -> Workspace:
        """Return the workspace of the run with this `fingerprint`, new or to be resumed.

        Snapshots and states that are damaged are set aside, with a warning.
        """
        folder = self._root / fingerprint[:16]
        folder.mkdir(parents=True, exist_ok=True)
        workspace = Workspace(folder, self.listeners)
        workspace.set_damaged_aside()
        return workspace

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

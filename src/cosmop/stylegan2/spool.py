"""The folder through which a team of training processes and the process that asked for it speak."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from cosmop.stylegan2.discriminator import Discriminator
from cosmop.stylegan2.generator import Generator, build_generator
from cosmop.stylegan2.options import NetworkOptions, TrainingOptions
from cosmop.stylegan2.state import TrainingState
from cosmop.stylegan2.transfer import StartingWeights

_TASK = "task.json"
_FAILURE = "failure.json"


@dataclass(frozen=True)
class Task:
    """What a team is to train, and from where on."""

    images: NDArray[np.uint8]  # [N, H, W, C]
    labels: NDArray[np.generic] | None
    network: NetworkOptions
    training: TrainingOptions
    weights: StartingWeights | None
    resume: TrainingState | None


@dataclass(frozen=True)
class SpooledSnapshot:
    """A snapshot as it lies in the folder."""

    folder: Path

    @property
    def images(self) -> int:
        """Images shown until it was taken."""
        return int(self.folder.name.removeprefix("snapshot-"))

    def load(self) -> tuple[Generator, dict[str, float], TrainingState]:
        """Return the averaged generator, the statistics and the state."""
        document = json.loads((self.folder / "snapshot.json").read_text(encoding="utf-8"))
        generator = build_generator(document["generator"])
        generator.load_state_dict(load_file(self.folder / "generator.safetensors"))
        generator.eval().requires_grad_(requires_grad=False)
        return generator, document["statistics"], self.state()

    def state(self) -> TrainingState:
        """Return the state alone."""
        scalars = json.loads((self.folder / "scalars.json").read_text(encoding="utf-8"))
        return TrainingState.from_parts(load_file(self.folder / "state.safetensors"), scalars)


class Spool:
    """Task, snapshots and failure of one training; whatever has a name there is complete."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put_task(self, task: Task) -> None:
        """Write everything that a team needs."""
        np.save(self.folder / "images.npy", task.images)
        if task.labels is not None:
            np.save(self.folder / "labels.npy", task.labels)
        if task.weights is not None:
            for name, network in _networks(task.weights).items():
                save_file(network.state_dict(), self.folder / f"weights-{name}.safetensors")
        if task.resume is not None:
            with _complete(self.folder / "resume") as folder:
                _save_state(folder, task.resume)
        options = {
            "network": task.network.model_dump(mode="json"),
            "training": task.training.model_dump(mode="json"),
        }
        (self.folder / _TASK).write_text(json.dumps(options), encoding="utf-8")

    def task(self) -> Task:
        """Read the task; a team that was started again goes on from its newest snapshot."""
        options = json.loads((self.folder / _TASK).read_text(encoding="utf-8"))
        network = NetworkOptions.model_validate(options["network"])
        labels, resume = self.folder / "labels.npy", self.folder / "resume"
        snapshots = self.snapshots()
        newest = snapshots[-1].folder if snapshots else resume
        return Task(
            np.load(self.folder / "images.npy"),
            np.load(labels) if labels.exists() else None,
            network,
            TrainingOptions.model_validate(options["training"]),
            self._weights(network),
            SpooledSnapshot(newest).state() if newest.exists() else None,
        )

    def _weights(self, network: NetworkOptions) -> StartingWeights | None:
        if not (self.folder / "weights-generator.safetensors").exists():
            return None
        weights = StartingWeights(Generator(network), Discriminator(network), Generator(network))
        for name, its_network in _networks(weights).items():
            its_network.load_state_dict(load_file(self.folder / f"weights-{name}.safetensors"))
        return weights

    def snapshots(self) -> list[SpooledSnapshot]:
        """List the complete snapshots in order."""
        return [SpooledSnapshot(folder) for folder in sorted(self.folder.glob("snapshot-*"))]

    def put_snapshot(
        self, generator: Generator, statistics: dict[str, float], state: TrainingState
    ) -> None:
        """Write a snapshot, whole or not at all."""
        name = f"snapshot-{round(state.number('images')):012d}"
        with _complete(self.folder / name) as folder:
            save_file(generator.state_dict(), folder / "generator.safetensors")
            _save_state(folder, state)
            document = {"generator": generator.describe(), "statistics": statistics}
            (folder / "snapshot.json").write_text(json.dumps(document), encoding="utf-8")

    def put_failure(self, kind: str, message: str) -> None:
        """Note why training cannot go on."""
        text = json.dumps({"kind": kind, "message": message})
        (self.folder / _FAILURE).write_text(text, encoding="utf-8")

    def failure(self) -> dict[str, Any] | None:
        """Return ``kind`` and ``message`` of what stopped the team, if it could say so."""
        path = self.folder / _FAILURE
        if not path.exists():
            return None
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found


def _networks(weights: StartingWeights) -> dict[str, Generator | Discriminator]:
    return {
        "generator": weights.generator,
        "discriminator": weights.discriminator,
        "average": weights.average,
    }


def _save_state(folder: Path, state: TrainingState) -> None:
    tensors, scalars = state.state_dict()
    save_file(tensors, folder / "state.safetensors")
    (folder / "scalars.json").write_text(json.dumps(scalars), encoding="utf-8")


@contextmanager
def _complete(target: Path) -> Iterator[Path]:
    """Give a folder to fill, which takes its name only when everything is in it."""
    aside = target.with_name(f".{target.name}")
    aside.mkdir(exist_ok=True)
    yield aside
    aside.rename(target)

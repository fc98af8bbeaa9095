"""Checkpoints of a fit: written atomically, checked when read, and free of pickles."""

import hashlib
import json
import logging
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from cosmop.errors import InputError, first_line
from cosmop.people.binary_network import BinaryNetwork
from cosmop.people.fit_plan import FitPlan
from cosmop.people.pixels import LabelledPixels
from cosmop.people.weights import file_sha256

_LOG = logging.getLogger(__name__)
_KEPT = 2  # the newest, and the one before it in case the newest is damaged
_DIGITS = 8  # of the step in a file name
_CHUNK = 256  # images hashed at once


@dataclass(frozen=True)
class FitState:
    """Everything a fit needs to go on.

    Attributes:
        step: Optimiser steps taken.
        tensors: Weights, moments and chance, by name.
        numbers: The rest, as plain JSON values.
    """

    step: int
    tensors: dict[str, Tensor]
    numbers: dict[str, Any]


def folder_within(workspace: Path, name: str) -> Path:
    """Make the folder `name` in the workspace of a training and return it.

    Raises:
        InputError: The workspace cannot be a folder.
    """
    folder = Path(workspace) / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"The workspace of a training must be a folder that can be written, got "
            f"{workspace} ({error.strerror}); choose another one."
        ) from error
    return folder


class Checkpoints:
    """The checkpoints of one fit in a folder of its own, called by the fit's fingerprint.

    Each is two files: ``step-<n>.safetensors``, then ``step-<n>.json`` with the SHA-256 of the
    first and of itself. A checkpoint counts once the second file is there.

    Raises:
        InputError: The workspace cannot be a folder.
    """

    def __init__(self, workspace: Path, fingerprint: str) -> None:
        self.folder = folder_within(workspace, fingerprint[:16])

    def save(self, state: FitState) -> None:
        """Write `state`, then remove all but the newest two.

        Raises:
            InputError: The disk is full, or the folder can no longer be written.
        """
        try:
            self._write(state)
        except (OSError, SafetensorError) as error:
            raise InputError(
                f"A checkpoint of step {state.step} was to be written to {self.folder}, got: "
                f"{first_line(error)}; free some space and run the same command again, it goes on "
                "from the checkpoint before."
            ) from error
        for step in self._steps()[_KEPT:]:
            for path in reversed(self._paths(step)):
                path.unlink(missing_ok=True)

    def _write(self, state: FitState) -> None:
        tensors, numbers = self._paths(state.step)
        aside = tensors.with_suffix(".part")
        save_file({name: t.contiguous() for name, t in state.tensors.items()}, aside)
        sha256 = file_sha256(aside)
        _publish(aside, tensors)
        body = json.dumps(state.numbers, allow_nan=False)
        sums = {"tensors_sha256": sha256, "numbers_sha256": _text_sha256(body)}
        aside.write_text(json.dumps({"step": state.step, "numbers": body} | sums), "utf-8")
        _publish(aside, numbers)

    def load(self) -> FitState | None:
        """Return the newest checkpoint that is whole, or None; damaged ones are said so."""
        for step in self._steps():
            try:
                return self._read(step)
            except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
                _LOG.warning(
                    "The checkpoint of step %d in %s is damaged (%s) and left out; the one before "
                    "it is used, or the training starts anew.",
                    *(step, self.folder.name, first_line(error)),
                )
        return None

    def remove(self) -> None:
        """Remove the folder: the fit is finished."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _read(self, step: int) -> FitState:
        tensors, numbers = self._paths(step)
        said = json.loads(numbers.read_text("utf-8"))
        if _text_sha256(said["numbers"]) != said["numbers_sha256"] or said["step"] != step:
            raise ValueError("its numbers were changed")
        if file_sha256(tensors) != said["tensors_sha256"]:
            raise ValueError("its tensors were changed")
        return FitState(step, load_file(tensors), json.loads(said["numbers"]))

    def _steps(self) -> list[int]:
        names = self.folder.glob(f"step-{'[0-9]' * _DIGITS}.json")
        return sorted((int(path.stem[-_DIGITS:]) for path in names), reverse=True)

    def _paths(self, step: int) -> tuple[Path, Path]:
        stem = self.folder / f"step-{step:0{_DIGITS}d}"
        return stem.with_suffix(".safetensors"), stem.with_suffix(".json")


def fit_fingerprint(
    network: BinaryNetwork,
    training: LabelledPixels,
    validation: LabelledPixels | None,
    plan: FitPlan,
) -> str:
    """Return a SHA-256 (hex) over all that decides a fit.

    The network and its first weights, every pixel and label, the plan, and torch's version, since
    another one need not compute the same bits.
    """
    digest = hashlib.sha256()
    described = asdict(plan) | {
        "augmentation": plan.augmentation.model_dump(),
        "stages": [stage.model_dump() for stage in plan.stages],
        "device": plan.device.type,
        "network": network.describe(),
        "weights": network.checksum(),
        "torch": str(torch.__version__),
    }
    digest.update(json.dumps(described, sort_keys=True).encode())
    for part in (training, validation):
        if part is not None:
            digest.update(f"part {len(part)}".encode() + part.part_labels.tobytes())
            for start in range(0, len(part), _CHUNK):
                rows = np.arange(start, min(start + _CHUNK, len(part)))
                images = np.ascontiguousarray(part.batch(rows))
                digest.update(f"{images.shape}".encode() + images.tobytes())
    return digest.hexdigest()


def _publish(aside: Path, path: Path) -> None:
    with aside.open("rb") as file:
        os.fsync(file.fileno())
    aside.replace(path)


def _text_sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()

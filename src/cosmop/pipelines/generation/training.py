"""A training run, its judge and its workspace brought together."""

import hashlib
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from cosmop.datasets.snapshots import SnapshotSet, Workspaces
from cosmop.metrics.judging import Judge
from cosmop.stylegan2.sampling import sample_images
from cosmop.stylegan2.trainer import TrainingRun, TrainingState

_GRID_COLUMNS, _GRID_ROWS = 8, 6


def train_with_judge(run: TrainingRun, judge: Judge, workspaces: Workspaces) -> SnapshotSet:
    """Train to the end, keeping and judging each snapshot; resume where the workspace stands."""
    name = hashlib.sha256(f"{run.fingerprint} {judge.fingerprint}".encode()).hexdigest()
    workspace = workspaces.open(name)
    parts = workspace.load_state()
    state = None if parts is None else TrainingState.from_parts(*parts)
    for snapshot in run.snapshots(resume=state):
        images_NHWC = _sample(snapshot.generator, judge.seeds)
        measured = judge.measure(images_NHWC)
        statistics = {"kimg": snapshot.kimg, **snapshot.statistics, **measured}
        workspace.add(
            snapshot.generator, statistics, _grid(images_NHWC), snapshot.state.state_dict()
        )
    return workspace.snapshots


def _sample(generator: Any, seeds: list[int]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.concatenate(list(sample_images(generator, seeds)))


def _grid(images_NHWC: np.ndarray[Any, np.dtype[np.uint8]]) -> Image.Image:
    """Lay the first images side by side, always those of the same seeds."""
    _, height, width, channels = images_NHWC.shape
    grid = np.zeros((_GRID_ROWS * height, _GRID_COLUMNS * width, channels), dtype=np.uint8)
    for index, image_HWC in enumerate(images_NHWC[: _GRID_ROWS * _GRID_COLUMNS]):
        top, left = (index // _GRID_COLUMNS) * height, (index % _GRID_COLUMNS) * width
        grid[top : top + height, left : left + width] = image_HWC
    return Image.fromarray(grid.squeeze())


def curve_of(snapshots: SnapshotSet) -> pd.DataFrame:
    """Return one row per snapshot: ``kimg``, the distance with its interval, and the rest.

    ``is_best`` marks the smallest distance.
    """
    rows = []
    for snapshot in snapshots:
        statistics = dict(snapshot.statistics)
        distance = statistics.pop("distance")
        rows.append(
            {
                "kimg": statistics.pop("kimg"),
                "name": statistics.pop("name"),
                "value": distance["value"],
                "low": distance["low"],
                "high": distance["high"],
                "n": distance["n"],
                **{
                    key: value
                    for key, value in statistics.items()
                    if isinstance(value, int | float)
                },
            }
        )
    curve = pd.DataFrame(rows)
    return curve.assign(is_best=curve["value"].rank(method="first") == 1)

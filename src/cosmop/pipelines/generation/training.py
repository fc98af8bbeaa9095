"""A training run, its judge, its controller and its workspace brought together."""

import hashlib
import logging
import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from cosmop.datasets.snapshots import SnapshotSet, StoredSnapshot, Workspace, Workspaces
from cosmop.metrics.judging import Judge
from cosmop.stylegan2.controller import ControlOptions, Decision, Measured, Verdict, decide
from cosmop.stylegan2.sampling import sample_images
from cosmop.stylegan2.trainer import Snapshot, TrainingDivergedError, TrainingRun, TrainingState

logger = logging.getLogger(__name__)

_GRID_COLUMNS, _GRID_ROWS = 8, 6
_LEAST_BATCH, _PIXELS_AT_A_TIME = 32, 2**17


def train_with_judge(
    run: TrainingRun,
    judge: Judge,
    workspaces: Workspaces,
    control: ControlOptions,
    labels: NDArray[np.generic] | None = None,
) -> SnapshotSet:
    """Train to the end or until the controller stops; resume where the workspace stands.

    Each snapshot is judged and kept. After a collapse, and after a loss that is not finite,
    training goes on from the best snapshot's state, softened once more. What is to be done follows
    from the snapshots alone, so a run that was killed at any moment goes on as it would have.

    Args:
        run: The training, of images of which `judge` knows the features.
        judge: Measures the distance of each snapshot.
        workspaces: Where the run's workspace is.
        control: What counts as a collapse, and how often to go back.
        labels: Label rows of the training images [N, classes] where the network has classes; the
            judged images get labels drawn from them.

    Raises:
        TrainingDivergedError: A loss or gradient is not finite, and no restart is left.
    """
    name = hashlib.sha256(f"{run.fingerprint} {judge.fingerprint}".encode()).hexdigest()
    trial = _Trial(run, judge, workspaces.open(name), control, labels)
    decision = trial.decide()
    while decision.verdict is not Verdict.STOP:
        is_back = decision.verdict is Verdict.ROLL_BACK
        state = trial.go_back(decision) if is_back else trial.newest_state()
        if is_back and state is None:
            logger.warning("The best snapshot's state is lost, so training stops.")
            break
        decision = trial.train(state)
        if not decision.verdict.ends_attempt:
            break
    return trial.workspace.snapshots


class _Trial:
    """One run in one workspace; `attempt` counts how often training went back."""

    def __init__(
        self,
        run: TrainingRun,
        judge: Judge,
        workspace: Workspace,
        control: ControlOptions,
        labels: NDArray[np.generic] | None,
    ) -> None:
        self.workspace = workspace
        self._run, self._judge, self._control = run, judge, control
        self._labels = None if labels is None else _draw_rows(labels, len(judge.seeds))
        snapshots = workspace.snapshots
        self._attempt = snapshots[-1].attempt if snapshots else 0

    def decide(self, *newest: Measured) -> Decision:
        """Judge the curve so far, and say what came of it."""
        decision = decide([*_points(self.workspace.snapshots), *newest], self._control)
        is_ordinary = decision.verdict is Verdict.GO_ON
        logger.log(logging.INFO if is_ordinary else logging.WARNING, "%s", decision.reason)
        self._run.remark = decision.reason.rstrip(".")
        return decision

    def newest_state(self) -> TrainingState | None:
        """Return the state to go on from, None for a new run."""
        parts = self.workspace.load_state()
        return None if parts is None else TrainingState.from_parts(*parts)

    def go_back(self, decision: Decision) -> TrainingState | None:
        """Begin the next attempt: return the best state, softened once for each since it."""
        self._attempt += 1
        best = self._snapshot(decision)
        parts = None if best is None else self.workspace.load_state(best)
        if best is None or parts is None:
            return None
        state = TrainingState.from_parts(*parts)
        for _ in range(self._attempt - best.attempt):
            state = state.softened()
        return state

    def train(self, state: TrainingState | None) -> Decision:
        """Train on from `state`, until a decision ends the attempt or the run is complete."""
        decision = Decision(Verdict.GO_ON, None, "Nothing was left to train.")
        try:
            for snapshot in self._run.snapshots(resume=state):
                decision = self._keep(snapshot)
                if decision.verdict.ends_attempt:
                    break
        except TrainingDivergedError as error:
            logger.warning("%s", error)
            decision = self.decide(Measured(self._newest_kimg(), math.inf, self._attempt))
            if decision.verdict is Verdict.STOP:
                raise
        return decision

    def _keep(self, snapshot: Snapshot) -> Decision:
        images_NHWC = self._sample(snapshot.generator)
        measured = self._judge.measure(images_NHWC)
        distance = measured["distance"]["value"]
        decision = self.decide(Measured(snapshot.kimg, distance, self._attempt))
        statistics = {
            "kimg": snapshot.kimg,
            "attempt": self._attempt,
            "decision": decision.verdict.value,
            **measured,
            **snapshot.statistics,
        }
        self.workspace.add(
            snapshot.generator,
            statistics,
            _grid(images_NHWC),
            snapshot.state.state_dict(),
            best=self._snapshot(decision),
        )
        return decision

    def _snapshot(self, decision: Decision) -> StoredSnapshot | None:
        """Return the best snapshot where it is kept already."""
        kept = self.workspace.snapshots
        is_kept = decision.best is not None and decision.best < len(kept)
        return kept[decision.best] if is_kept else None

    def _newest_kimg(self) -> float:
        return max((snapshot.kimg for snapshot in self.workspace.snapshots), default=0.0)

    def _sample(self, generator: Any) -> NDArray[np.uint8]:
        pixels = generator.options.height * generator.options.width
        images = sample_images(
            generator,
            self._judge.seeds,
            batch_size=max(_LEAST_BATCH, _PIXELS_AT_A_TIME // pixels),
            labels=self._labels,
        )
        return np.concatenate(list(images))


def _points(snapshots: SnapshotSet) -> list[Measured]:
    return [
        Measured(snapshot.kimg, snapshot.statistics["distance"]["value"], snapshot.attempt)
        for snapshot in snapshots
    ]


def _draw_rows(labels: NDArray[np.generic], count: int) -> NDArray[np.generic]:
    """Draw the labels of judged images, always the same, with the frequencies of training."""
    return labels[np.random.default_rng(0).integers(len(labels), size=count)]


def _grid(images_NHWC: NDArray[np.uint8]) -> Image.Image:
    """Lay the first images side by side, always those of the same seeds."""
    _, height, width, channels = images_NHWC.shape
    grid = np.zeros((_GRID_ROWS * height, _GRID_COLUMNS * width, channels), dtype=np.uint8)
    for index, image_HWC in enumerate(images_NHWC[: _GRID_ROWS * _GRID_COLUMNS]):
        top, left = (index // _GRID_COLUMNS) * height, (index % _GRID_COLUMNS) * width
        grid[top : top + height, left : left + width] = image_HWC
    return Image.fromarray(grid.squeeze())


def curve_of(snapshots: SnapshotSet) -> pd.DataFrame:
    """Return one row per snapshot: ``kimg``, ``attempt``, ``decision``, the distance, and the rest.

    ``value``, ``low`` and ``high`` are the distance with its interval, `StoredSnapshot.row` names
    the others. ``is_best`` marks the smallest distance, ``is_abandoned`` what a restart left.
    """
    curve = pd.DataFrame([snapshot.row() for snapshot in snapshots])
    is_best = curve["value"].rank(method="first") == 1
    return curve.assign(is_abandoned=snapshots.abandoned(), is_best=is_best)

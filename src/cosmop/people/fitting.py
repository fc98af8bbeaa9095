"""Fitting a binary network: one loop for the person filter and for the image classifier."""

import copy
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from cosmop.errors import InputError
from cosmop.people.augmentation import apply_affine, apply_colour, apply_jpeg
from cosmop.people.batches import Batch, BatchStream
from cosmop.people.binary_network import BinaryNetwork
from cosmop.people.blocks import frozen_modules, set_training
from cosmop.people.checkpoints import Checkpoints, FitState, fit_fingerprint
from cosmop.people.fit_plan import FitPlan, planned_stages
from cosmop.people.optimising import StageOptimiser, precision
from cosmop.people.pixels import LabelledPixels
from cosmop.progress import track

__all__ = ["HISTORY_COLUMNS", "FitPlan", "fit_binary_network", "logits_of", "predict_pixels"]

HISTORY_COLUMNS = ("step", "train_loss", "validation_loss", "validation_accuracy", "stage")
_SCORED_AT_ONCE = 64  # images, at least


def fit_binary_network(
    network: BinaryNetwork,
    training: LabelledPixels,
    validation: LabelledPixels | None,
    plan: FitPlan,
    workspace: Path | None = None,
) -> pd.DataFrame:
    """Fit `network` in place and return its history, one row per evaluation.

    AdamW on binary cross-entropy, learning rate by one cycle in each stage. Everything random comes
    from ``plan.seed``.

    Args:
        network: Changed in place.
        training: Images to learn from.
        validation: Images to look at, or None.
        plan: How long, how fast and on what.
        workspace: Folder for checkpoints. The same call after a crash goes on where it stopped, on
            a CPU with as many threads to the last bit; another call has a sub-folder of its own.
            Removed at the end.

    Returns:
        Columns step, train_loss, validation_loss, validation_accuracy (NaN without validation),
        stage (from 1). With class weights both losses are weighted.

    Raises:
        InputError: The loss is no longer finite; a stage without a step or with more blocks than
            there are; float16 without CUDA; an unusable workspace.
    """
    checkpoints = None
    if workspace is not None:
        fingerprint = fit_fingerprint(network, training, validation, plan)
        checkpoints = Checkpoints(workspace, fingerprint)
    devices = [plan.device] if plan.device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(plan.seed)  # dropout
        return _Fit(network, training, validation, plan).run(checkpoints)


class _Fit:
    """A fit on its way."""

    def __init__(
        self,
        network: BinaryNetwork,
        training: LabelledPixels,
        validation: LabelledPixels | None,
        plan: FitPlan,
    ) -> None:
        self._network = network.to(plan.device)
        self._network.to(memory_format=torch.channels_last)
        self._validation, self._plan = validation, plan
        self._stages = planned_stages(plan)
        _refuse_early(network, plan)
        self._weights = _class_weights(training, plan)
        self._batches = BatchStream(training, plan.batch_size, plan.augmentation, plan.seed)
        self._best = _BestState(plan)
        self._history: list[tuple[float, ...]] = []
        self._losses: list[Tensor] = []
        self._step = 0
        self._begin_stage(0)

    def run(self, checkpoints: Checkpoints | None) -> pd.DataFrame:
        saved = checkpoints.load() if checkpoints else None
        if saved:
            self._restore(saved)
        with track(range(self._plan.steps), self._plan.what, unit="step") as bar:
            bar.update(self._step)
            while self._stage < len(self._stages):
                self._take_step()
                bar.update()
                is_due = self._step % self._plan.evaluate_every_steps == 0
                if is_due or self._optimiser.is_finished:
                    self._look()
                    if checkpoints and self._stage < len(self._stages):
                        checkpoints.save(self._state())
        self._best.restore(self._network)
        if checkpoints:
            checkpoints.remove()
        return pd.DataFrame(self._history, columns=list(HISTORY_COLUMNS)).astype(
            {"step": int, "stage": int}
        )

    def _begin_stage(self, stage: int) -> None:
        self._stage = stage
        self._best.waited = 0
        if stage < len(self._stages):
            self._optimiser = StageOptimiser(self._network, self._stages[stage], self._plan)
            set_training(self._network, self._stages[stage].learning_blocks)

    def _take_step(self) -> None:
        loss = _loss(self._network, next(self._batches), self._weights, self._plan)
        self._optimiser.step(loss)
        self._losses.append(loss.detach())
        self._step += 1

    def _look(self) -> None:
        """Add a row of history, and go over to the next stage when this one is over."""
        train_loss = _finite(float(torch.stack(self._losses).mean()), self._step)
        self._losses = []
        measured = (math.nan, math.nan)
        if self._validation:
            measured = _evaluate(self._network, self._validation, self._weights, self._plan)
        self._history.append((self._step, train_loss, *measured, self._stage + 1))
        has_lost_patience = self._best.has_lost_patience(self._network, measured[0])
        if has_lost_patience or self._optimiser.is_finished:
            self._begin_stage(self._stage + 1)
        else:
            set_training(self._network, self._stages[self._stage].learning_blocks)

    def _state(self) -> FitState:
        moments, optimiser = self._optimiser.state()
        batches, order = self._batches.state()
        chance = {"dropout_chance": torch.get_rng_state()}
        if self._plan.device.type == "cuda":
            chance["cuda_chance"] = torch.cuda.get_rng_state(self._plan.device)
        best, lowest = self._best.state()
        weights = {f"network.{name}": t for name, t in self._network.state_dict().items()}
        numbers = {
            "stage": self._stage,
            "optimiser": optimiser,
            "order": order,
            "best": lowest,
            "history": [[_or_none(value) for value in row] for row in self._history],
        }
        return FitState(self._step, weights | best | moments | batches | chance, numbers)

    def _restore(self, saved: FitState) -> None:
        tensors, numbers = saved.tensors, saved.numbers
        self._network.load_state_dict(_under("network.", tensors))
        self._begin_stage(numbers["stage"])
        self._optimiser.restore(tensors, numbers["optimiser"])
        self._batches.restore(tensors, numbers["order"])
        self._best.load(_under("best.", tensors), numbers["best"])
        self._step = saved.step
        self._history = [
            tuple(math.nan if value is None else value for value in row)
            for row in numbers["history"]
        ]
        torch.set_rng_state(tensors["dropout_chance"])
        if "cuda_chance" in tensors:
            torch.cuda.set_rng_state(tensors["cuda_chance"], self._plan.device)


class _BestState:
    """Remembers the weights of the lowest validation loss, and when to lose patience."""

    def __init__(self, plan: FitPlan) -> None:
        self._plan = plan
        self._lowest = math.inf
        self._weights: dict[str, Tensor] = {}
        self.waited = 0

    def has_lost_patience(self, network: BinaryNetwork, validation_loss: float) -> bool:
        if validation_loss < self._lowest:
            self._lowest, self.waited = validation_loss, 0
            if self._plan.keep_best:
                self._weights = copy.deepcopy(network.state_dict())
            return False
        self.waited += 1
        return 0 < self._plan.patience_evaluations <= self.waited

    def restore(self, network: BinaryNetwork) -> None:
        if self._weights:
            network.load_state_dict(self._weights)

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        tensors = {f"best.{name}": tensor for name, tensor in self._weights.items()}
        return tensors, {"lowest": _or_none(self._lowest), "waited": self.waited}

    def load(self, weights: dict[str, Tensor], numbers: Mapping[str, Any]) -> None:
        lowest = numbers["lowest"]
        self._lowest = math.inf if lowest is None else lowest
        self._weights, self.waited = weights, numbers["waited"]


def _refuse_early(network: BinaryNetwork, plan: FitPlan) -> None:
    for stage in plan.stages:
        frozen_modules(network, stage.learning_blocks)
    precision(plan)


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)}


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _class_weights(training: LabelledPixels, plan: FitPlan) -> NDArray[np.float32] | None:
    """Return the weights of a no and of a yes, whose mean over the training images is 1."""
    if plan.class_weights == "none":
        return None
    counts = np.bincount(training.part_labels.astype(int), minlength=2)
    weights: NDArray[np.float32] = (len(training) / (2 * np.maximum(counts, 1))).astype(np.float32)
    return weights


def _loss(
    network: BinaryNetwork, batch: Batch, weights: NDArray[np.float32] | None, plan: FitPlan
) -> Tensor:
    """Return the mean cross-entropy of a batch, a scalar."""
    with torch.no_grad():
        x_NCHW = network.unit_range(apply_jpeg(batch.images, batch.drawn))
        x_NCHW = apply_colour(apply_affine(x_NCHW, batch.drawn), batch.drawn)
        x_NCHW = network.normalise(x_NCHW)
    with precision(plan):
        logits_N = network(x_NCHW)
    labels_N = batch.labels.to(plan.device)
    weights_N = None
    if weights is not None:
        weights_N = torch.from_numpy(weights).to(plan.device)[labels_N.long()]
    return F.binary_cross_entropy_with_logits(logits_N.float(), labels_N, weights_N)


def _finite(loss: float, step: int) -> float:
    if math.isfinite(loss):
        return loss
    raise InputError(
        f"The training loss must stay finite, got {loss} at step {step}; lower `learning_rate`."
    )


def _evaluate(
    network: BinaryNetwork,
    part: LabelledPixels,
    weights: NDArray[np.float32] | None,
    plan: FitPlan,
) -> tuple[float, float]:
    """Return the mean cross-entropy (weighted like the training's) and the accuracy at 0.5."""
    logits = logits_of(network, part, plan.batch_size).astype(np.float64)
    labels = part.part_labels
    losses = np.logaddexp(0, np.where(labels, -logits, logits))  # -log of the right probability
    counts = None if weights is None else weights[labels.astype(int)]
    accuracy = float(((logits >= 0) == labels).mean())
    return float(np.average(losses, weights=counts)), accuracy


def predict_pixels(
    network: BinaryNetwork, part: LabelledPixels, batch_size: int
) -> NDArray[np.float32]:
    """Return the probability of yes for each image of `part`, float32 [n]."""
    return network.probabilities(logits_of(network, part, batch_size))


def logits_of(network: BinaryNetwork, part: LabelledPixels, batch_size: int) -> NDArray[np.float32]:
    """Return the logit of each image of `part`, before calibration, float32 [n]."""
    indices, size = np.arange(len(part)), max(batch_size, _SCORED_AT_ONCE)
    starts = range(0, len(part), size)
    return np.concatenate([network.logits(part.batch(indices[i : i + size])) for i in starts])

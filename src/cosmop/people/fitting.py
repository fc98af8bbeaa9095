"""Fitting a binary network: one loop for the person filter and for the image classifier."""

import copy
import math
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from cosmop.errors import InputError
from cosmop.people.augmentation import (
    DrawnAugmentation,
    apply_affine,
    apply_colour,
    apply_jpeg,
    draw_augmentation,
)
from cosmop.people.binary_network import BinaryNetwork
from cosmop.people.options import AugmentationOptions
from cosmop.people.pixels import LabelledPixels
from cosmop.progress import track

HISTORY_COLUMNS = ("step", "train_loss", "validation_loss", "validation_accuracy")


@dataclass(frozen=True)
class FitPlan:
    """How long, how fast and on what a network is fitted.

    Attributes:
        what: Name of the progress bar.
        steps: Optimiser steps.
        evaluate_every_steps: A row of history, and a look at the validation part.
        patience_evaluations: Stop after so many evaluations without a lower validation loss;
            0 runs all steps.
        keep_best: End with the weights of the lowest validation loss instead of the last.
        freeze_trunk: Only the linear layers learn; the trunk's batch statistics stay, too.
    """

    what: str
    steps: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    evaluate_every_steps: int
    augmentation: AugmentationOptions
    device: torch.device
    seed: int
    patience_evaluations: int = 0
    keep_best: bool = False
    freeze_trunk: bool = False
    mixed_precision: bool = False


def fit_binary_network(
    network: BinaryNetwork,
    training: LabelledPixels,
    validation: LabelledPixels | None,
    plan: FitPlan,
) -> pd.DataFrame:
    """Fit `network` in place and return its history, one row per evaluation.

    AdamW on binary cross-entropy, learning rate by one cycle (Smith & Topin 2017, 1708.07120).
    Everything random comes from ``plan.seed``.

    Returns:
        Columns step, train_loss, validation_loss, validation_accuracy (NaN without validation).

    Raises:
        InputError: The loss is no longer finite.
    """
    devices = [plan.device] if plan.device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(plan.seed)  # dropout
        return _fit(network, training, validation, plan)


def _fit(
    network: BinaryNetwork,
    training: LabelledPixels,
    validation: LabelledPixels | None,
    plan: FitPlan,
) -> pd.DataFrame:
    network.to(plan.device)
    network.to(memory_format=torch.channels_last)
    optimiser, schedule = _optimiser(network, plan)
    keeper = _BestState(plan)
    history: list[tuple[float, ...]] = []
    losses: list[Tensor] = []
    batches = _batches(training, plan)
    for step in track(range(1, plan.steps + 1), plan.what, unit="step"):
        _set_training(network, freeze_trunk=plan.freeze_trunk)
        losses.append(_take_step(network, next(batches), optimiser, plan))
        schedule.step()
        if step % plan.evaluate_every_steps and step != plan.steps:
            continue
        train_loss = _finite(float(torch.stack(losses).mean()), step)
        losses = []
        measured = evaluate(network, validation, plan) if validation else (math.nan, math.nan)
        history.append((step, train_loss, *measured))
        if keeper.is_time_to_stop(network, measured[0]):
            break
    keeper.restore(network)
    return pd.DataFrame(history, columns=list(HISTORY_COLUMNS)).astype({"step": int})


def _optimiser(
    network: BinaryNetwork, plan: FitPlan
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    network.trunk.requires_grad_(not plan.freeze_trunk)
    learning = [p for p in network.parameters() if p.requires_grad]
    rate, decay = plan.learning_rate, plan.weight_decay
    optimiser = torch.optim.AdamW(learning, lr=rate, weight_decay=decay)
    # One step more than taken: the schedule refuses to be stepped past its end.
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=rate, total_steps=plan.steps + 1, cycle_momentum=False
    )
    return optimiser, schedule


def _set_training(network: BinaryNetwork, *, freeze_trunk: bool) -> None:
    network.train()
    if freeze_trunk:
        network.trunk.eval()


@dataclass(frozen=True)
class _Batch:
    images: Tensor  # uint8 [N, H, W, 3], on the CPU
    labels: Tensor  # float32 [N], 0 or 1
    drawn: DrawnAugmentation


def _batches(training: LabelledPixels, plan: FitPlan) -> Iterator[_Batch]:
    """Yield batches without end, in permutations that follow one another.

    So every batch is full: batch norm never sees a single image.
    """
    order = np.random.default_rng(plan.seed)
    chance = torch.Generator().manual_seed(plan.seed)
    size = min(plan.batch_size, len(training))
    labels = torch.as_tensor(training.part_labels, dtype=torch.float32)
    waiting: NDArray[np.int64] = np.empty(0, dtype=np.int64)
    while True:
        while len(waiting) < size:
            waiting = np.concatenate([waiting, order.permutation(len(training))])
        taken, waiting = waiting[:size], waiting[size:]
        drawn = draw_augmentation(size, plan.augmentation, chance)
        yield _Batch(torch.as_tensor(training.batch(taken)), labels[taken], drawn)


def _take_step(
    network: BinaryNetwork, batch: _Batch, optimiser: torch.optim.Optimizer, plan: FitPlan
) -> Tensor:
    """Take one optimiser step and return the loss before it, a detached scalar."""
    with torch.no_grad():
        x_NCHW = network.unit_range(apply_jpeg(batch.images, batch.drawn))
        x_NCHW = apply_colour(apply_affine(x_NCHW, batch.drawn), batch.drawn)
        x_NCHW = network.normalise(x_NCHW)
    with _precision(plan):
        logits_N = network(x_NCHW)
    loss = F.binary_cross_entropy_with_logits(logits_N.float(), batch.labels.to(plan.device))
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    optimiser.step()
    return loss.detach()


def _precision(plan: FitPlan) -> AbstractContextManager[None]:
    return torch.autocast(plan.device.type, torch.bfloat16, enabled=plan.mixed_precision)


def _finite(loss: float, step: int) -> float:
    if math.isfinite(loss):
        return loss
    raise InputError(
        f"The training loss must stay finite, got {loss} at step {step}; lower `learning_rate`."
    )


def evaluate(network: BinaryNetwork, part: LabelledPixels, plan: FitPlan) -> tuple[float, float]:
    """Return the mean cross-entropy and the accuracy at 0.5 on `part`."""
    scores = predict_pixels(network, part, plan.batch_size).astype(np.float64)
    labels = part.part_labels
    right = np.where(labels, scores, 1 - scores).clip(1e-7)  # float32 rounds 1 - 1e-9 to 1
    return float(-np.log(right).mean()), float(((scores >= 0.5) == labels).mean())


def predict_pixels(
    network: BinaryNetwork, part: LabelledPixels, batch_size: int
) -> NDArray[np.float32]:
    """Return the probability of yes for each image of `part`, float32 [n]."""
    indices = np.arange(len(part))
    starts = range(0, len(part), batch_size)
    scores = [network.predict(part.batch(indices[i : i + batch_size])) for i in starts]
    return np.concatenate(scores)


class _BestState:
    """Remembers the weights of the lowest validation loss, and when to lose patience."""

    def __init__(self, plan: FitPlan) -> None:
        self._plan = plan
        self._lowest = math.inf
        self._waited = 0
        self._state: dict[str, Tensor] | None = None

    def is_time_to_stop(self, network: BinaryNetwork, validation_loss: float) -> bool:
        if validation_loss < self._lowest:
            self._lowest, self._waited = validation_loss, 0
            if self._plan.keep_best:
                self._state = copy.deepcopy(network.state_dict())
            return False
        self._waited += 1
        return 0 < self._plan.patience_evaluations <= self._waited

    def restore(self, network: BinaryNetwork) -> None:
        if self._state is not None:
            network.load_state_dict(self._state)

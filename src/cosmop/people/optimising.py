"""The optimiser of one stage: AdamW at the rate of one cycle, on what learns in that stage."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor

from cosmop.errors import InputError
from cosmop.people.binary_network import BinaryNetwork
from cosmop.people.blocks import let_learn
from cosmop.people.fit_plan import FitPlan, PlannedStage


class StageOptimiser:
    """Takes the optimiser steps of one stage.

    AdamW (Loshchilov & Hutter 2019, 1711.05101). In float16 the loss is scaled, and a step whose
    gradients overflow is left out (Micikevicius et al. 2018, 1710.03740, section 3.2).
    """

    def __init__(self, network: BinaryNetwork, stage: PlannedStage, plan: FitPlan) -> None:
        let_learn(network, stage.learning_blocks)
        self._learning = [p for p in network.parameters() if p.requires_grad]
        self._adam = torch.optim.AdamW(
            self._learning, lr=stage.rate(0), weight_decay=plan.weight_decay, fused=True
        )
        self._scaler = torch.amp.GradScaler(plan.device.type, enabled=plan.scales_loss)
        self._stage = stage
        self._taken = 0

    @property
    def is_finished(self) -> bool:
        """Whether all steps of the stage are taken."""
        return self._taken >= self._stage.steps

    def step(self, loss: Tensor) -> None:
        """Take one step down the gradient of `loss`, a scalar."""
        self._adam.param_groups[0]["lr"] = self._stage.rate(self._taken)
        self._adam.zero_grad(set_to_none=True)
        self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]  # torch's gap
        self._scaler.step(self._adam)
        self._scaler.update()
        self._taken += 1

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return the moments by name, and the rest as plain JSON values."""
        moments = {
            f"moment.{number}.{name}": value
            for number, weight in enumerate(self._learning)
            for name, value in self._adam.state[weight].items()
        }
        return moments, {"taken": self._taken, "scaler": dict(self._scaler.state_dict())}

    def restore(self, tensors: Mapping[str, Tensor], numbers: Mapping[str, Any]) -> None:
        """Go on where ``state`` was called."""
        for key, value in tensors.items():
            if key.startswith("moment."):
                _, number, name = key.split(".")
                weight = self._learning[int(number)]
                kept = torch.empty_like(weight) if value.shape == weight.shape else value.clone()
                self._adam.state[weight][name] = kept.copy_(value).detach().to(weight.device)
        if numbers["scaler"]:
            self._scaler.load_state_dict(numbers["scaler"])
        self._taken = numbers["taken"]


def precision(plan: FitPlan) -> AbstractContextManager[None]:
    """Return the context in which the forward pass computes.

    Raises:
        InputError: float16 on a device that is not CUDA.
    """
    if plan.scales_loss and plan.device.type != "cuda":
        raise InputError(
            f"Mixed precision in float16 needs a CUDA device, got {plan.device.type!r}; set "
            "`mixed_precision_type: bfloat16` or `mixed_precision: false`."
        )
    kind = torch.float16 if plan.mixed_precision_type == "float16" else torch.bfloat16
    return torch.autocast(plan.device.type, kind, enabled=plan.mixed_precision)

"""How a network is fitted: for how long, in which stages, how fast."""

import math
from dataclasses import dataclass
from typing import Literal

import torch

from cosmop.errors import InputError
from cosmop.people.options import AugmentationOptions, LearningOptions, Stage

# The defaults of torch's OneCycleLR.
_RISING_SHARE, _START_DIVISOR, _END_DIVISOR = 0.3, 25.0, 1e4


@dataclass(frozen=True)
class FitPlan:
    """How long, how fast and on what a network is fitted.

    Attributes:
        what: Name of the progress bar.
        steps: Optimiser steps of all stages together.
        evaluate_every_steps: A row of history, a look at the validation part, and a checkpoint.
        stages: What learns when; see `stages_of`.
        patience_evaluations: End the stage after so many evaluations without a lower validation
            loss; 0 runs all steps.
        keep_best: End with the weights of the lowest validation loss instead of the last.
        class_weights: How much an image counts in the loss, by its class.
        mixed_precision: Compute in 16 bits, of `mixed_precision_type`, where it is safe.
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
    stages: tuple[Stage, ...] = (Stage(steps_share=1.0),)
    patience_evaluations: int = 0
    keep_best: bool = False
    class_weights: Literal["none", "balanced"] = "none"
    mixed_precision: bool = False
    mixed_precision_type: Literal["bfloat16", "float16"] = "bfloat16"

    @property
    def scales_loss(self) -> bool:
        """Whether gradients would vanish in float16, so that the loss is scaled."""
        return self.mixed_precision and self.mixed_precision_type == "float16"


@dataclass(frozen=True)
class PlannedStage:
    """A stage in figures.

    Attributes:
        steps: Optimiser steps.
        learning_blocks: How many of the trunk's last blocks learn; None is the whole network.
        peak_rate: The highest learning rate.
    """

    steps: int
    learning_blocks: int | None
    peak_rate: float

    def rate(self, steps_taken: int) -> float:
        """Return the learning rate after `steps_taken` steps of this stage."""
        # One step more than taken: the very last rate of the cycle is next to nothing.
        return one_cycle_rate(steps_taken, self.steps + 1, self.peak_rate)


def stages_of(options: LearningOptions) -> tuple[Stage, ...]:
    """Return the stages that `options` ask for: their own, or one over all steps."""
    learning_blocks = 0 if options.freeze_backbone else None
    return options.stages or (Stage(steps_share=1.0, learning_blocks=learning_blocks),)


def planned_stages(plan: FitPlan) -> tuple[PlannedStage, ...]:
    """Return the stages of `plan` in figures; their steps sum to ``plan.steps``.

    Raises:
        InputError: A stage that gets no step.
    """
    planned, begun, share = [], 0, 0.0
    for number, stage in enumerate(plan.stages, start=1):
        share += stage.steps_share
        end = plan.steps if number == len(plan.stages) else round(share * plan.steps)
        if end <= begun:
            raise InputError(
                f"Each stage of the {plan.what} needs a step, got none for stage {number} of "
                f"{len(plan.stages)} with {plan.steps} steps in all; raise `steps`."
            )
        rate = stage.learning_rate or plan.learning_rate
        planned.append(PlannedStage(end - begun, stage.learning_blocks, rate))
        begun = end
    return tuple(planned)


def one_cycle_rate(step: int, total: int, peak: float) -> float:
    """Return the learning rate of one cycle at `step` of 0..`total` - 1.

    From a 25th of `peak` up to it over 30 % of the steps, then down to next to nothing, both along
    a cosine (Smith & Topin 2017, 1708.07120; the figures are those of torch's OneCycleLR).
    """
    first, last = peak / _START_DIVISOR, peak / _START_DIVISOR / _END_DIVISOR
    top = _RISING_SHARE * total - 1
    if step <= top:
        return _cosine(first, peak, step / top)
    return _cosine(peak, last, (step - top) / (total - 1 - top))


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2.0 * (math.cos(math.pi * share) + 1)

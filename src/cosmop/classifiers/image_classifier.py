"""The fine-tuned classifier of the study: a ResNet that learns positive from negative images."""

import copy
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cosmop.classifiers.options import ImageClassifierOptions
from cosmop.devices import pick_device
from cosmop.errors import InputError
from cosmop.people.binary_network import BinaryNetwork, seeded
from cosmop.people.calibration import Calibration, calibrate
from cosmop.people.fit_plan import FitPlan, stages_of
from cosmop.people.fitting import fit_binary_network, logits_of, predict_pixels
from cosmop.people.network import PersonFilter
from cosmop.people.options import NetworkDesign
from cosmop.people.pixels import ArrayPixels, LabelledPixels

__all__ = [
    "ImageClassifier",
    "ImageClassifierOptions",
    "TrainedImageClassifier",
    "TrainingData",
    "build_image_classifier",
    "predict",
    "train_image_classifier",
]

_LOG = logging.getLogger(__name__)


class ImageClassifier(BinaryNetwork):
    """Says whether an image is of the subject; same doors as the person filter's network."""


@dataclass(frozen=True)
class TrainingData:
    """Images with their labels.

    Attributes:
        images: uint8 [N, H, W, 3], 0..255.
        labels: bool [N], true for the subject.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.bool_]

    def __post_init__(self) -> None:
        shape = self.images.shape
        if self.images.dtype != np.uint8 or len(shape) != 4 or shape[3] != 3:
            raise InputError(
                f"Training data needs uint8 images [N, H, W, 3], got {self.images.dtype} "
                f"{list(shape)}; bring them to 0..255 RGB first."
            )
        if np.shape(self.labels) != (len(self.images),):
            raise InputError(
                f"Training data needs one label per image, got {np.shape(self.labels)} labels for "
                f"{len(self.images)} images; label all of them."
            )

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class TrainedImageClassifier:
    """A fitted classifier.

    Attributes:
        model: The network at its lowest validation loss, calibrated if the options ask for it.
        history: Columns step, train_loss, validation_loss, validation_accuracy, stage; before
            calibration.
        calibration: Its temperature and what that changed; None if not asked for.
    """

    model: ImageClassifier
    history: pd.DataFrame
    calibration: Calibration | None = None


def train_image_classifier(
    training: TrainingData,
    validation: TrainingData,
    options: ImageClassifierOptions,
    person_filter: PersonFilter | None = None,
    *,
    workspace: Path | None = None,
) -> TrainedImageClassifier:
    """Fine-tune a classifier for a fixed number of optimiser steps.

    Equal steps, not epochs, make arms with different numbers of images comparable. The weights of
    the lowest validation loss are delivered.

    Args:
        training: The images of one arm.
        validation: Real images that no arm trains on; they choose the step and the temperature.
        options: Network, augmentation and schedule.
        person_filter: Gives its trunk if ``warm_start_from_person_filter``.
        workspace: Folder for a checkpoint at every evaluation. The same call after a crash goes on
            where it stopped, on a CPU to the last bit; other data or options begin anew in a
            sub-folder of their own. Gone when the training is done.

    Raises:
        InputError: Fewer than 2 images of a class, no validation image, no person filter for a warm
            start, unusable weights, stages or workspace, or float16 without CUDA.
    """
    positive = int(training.labels.sum())
    if min(positive, len(training) - positive) < 2 or len(validation) == 0:
        raise InputError(
            "Training the image classifier needs 2 images of each class and 1 to validate on, got "
            f"{positive} positive, {len(training) - positive} negative and {len(validation)} to "
            "validate on; label more images."
        )
    model = _create(options, person_filter)
    plan, held_out = _plan(options), _as_pixels(validation)
    history = fit_binary_network(model, _as_pixels(training), held_out, plan, workspace)
    calibration = _calibrate(model, held_out, plan) if options.calibrate else None
    return TrainedImageClassifier(model.eval(), history, calibration)


def _calibrate(model: ImageClassifier, held_out: LabelledPixels, plan: FitPlan) -> Calibration:
    logits = logits_of(model, held_out, plan.batch_size)
    calibration = calibrate(logits, held_out.part_labels)
    model.temperature.fill_(calibration.temperature)
    if calibration.reason:
        _LOG.warning(calibration.reason)
    return calibration


def predict(
    model: BinaryNetwork,
    images: NDArray[np.uint8],
    *,
    batch_size: int = 64,
    device: str = "auto",
) -> NDArray[np.float32]:
    """Return the probability that each uint8 image [N, H, W, 3] is of the subject, float32 [N]."""
    if len(images) == 0:
        return np.empty(0, dtype=np.float32)
    pixels = _as_pixels(TrainingData(images, np.zeros(len(images), dtype=bool)))
    return predict_pixels(model.to(pick_device(device)), pixels, batch_size)


def build_image_classifier(config: dict[str, Any]) -> ImageClassifier:
    """Build the classifier that ``describe()`` described; load its weights afterwards.

    Raises:
        pydantic.ValidationError: `config` is not a description.
    """
    return ImageClassifier.from_config(config)


def _create(options: ImageClassifierOptions, person_filter: PersonFilter | None) -> ImageClassifier:
    if not options.warm_start_from_person_filter:
        return seeded(ImageClassifier, options, options.seed)
    if person_filter is None:
        raise InputError(
            "A warm start of the image classifier needs a trained person filter, got none; train "
            "one or set `warm_start_from_person_filter: false`."
        )
    fields = options.model_dump(include=set(NetworkDesign.model_fields))
    design = NetworkDesign(**(fields | {"backbone": person_filter.design.backbone}))
    model = seeded(ImageClassifier, design, options.seed)
    model.trunk = copy.deepcopy(person_filter.trunk).cpu()
    return model


def _plan(options: ImageClassifierOptions) -> FitPlan:
    return FitPlan(
        what="image classifier",
        steps=options.steps,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        weight_decay=options.weight_decay,
        evaluate_every_steps=options.evaluate_every_steps,
        augmentation=options.augmentation,
        device=pick_device(options.device),
        seed=options.seed,
        stages=stages_of(options),
        patience_evaluations=options.patience_evaluations,
        keep_best=True,
        class_weights=options.class_weights,
        mixed_precision=options.mixed_precision,
        mixed_precision_type=options.mixed_precision_type,
    )


def _as_pixels(data: TrainingData) -> LabelledPixels:
    labels = np.asarray(data.labels, dtype=bool)
    return LabelledPixels(ArrayPixels(data.images), labels, np.arange(len(data)))
